/* SPDX-License-Identifier: MIT */

#include "kernel/host/proof.h"

#include <string.h>

#include <qnet/compression.h>
#include <qnet/signature.h>

#include "kernel/base/text.h"
#include "kernel/chain/tx.h"

enum { SAMPLE_SIZE = 262144 };

/* --- compression --- */

static bool refuse(struct qnk_proof *proof, const char *what)
{
    qnk_text(proof->words, sizeof proof->words, "%s", what);
    return false;
}

static bool pack(struct qnk_proof *proof, const struct qnk_plugged *by, uint32_t lane,
                 struct qn_span plain, struct qn_sink *packed)
{
    const struct qn_compression_1 *slots = by->table;
    uint64_t bound = slots->bound(by->inst, plain.size);

    qnk_sink_cut(packed, 0);
    if (slots->pack(by->inst, lane, plain, packed) != QN_OK) {
        return refuse(proof, "it does not pack a block of this node");
    }
    return packed->size <= bound || refuse(proof, "it packs into more bytes than bound() says");
}

static bool unpack(struct qnk_proof *proof, const struct qnk_plugged *by, uint32_t lane,
                   struct qn_span packed, struct qn_span plain)
{
    const struct qn_compression_1 *slots = by->table;
    struct qn_sink out;
    bool is_equal;

    qnk_sink_init(&out, proof->budget, plain.size);
    is_equal = slots->unpack(by->inst, lane, packed, plain.size, &out) == QN_OK &&
               out.size == plain.size && memcmp(out.data, plain.data, plain.size) == 0;
    qnk_sink_done(&out);
    return is_equal;
}

/* A name stands for a format: both have to read what the other writes. */
static bool cross(struct qnk_proof *proof, struct qn_span plain, struct qn_sink *packed)
{
    if (!unpack(proof, &proof->old, proof->old_lane, qnk_sink_span(packed), plain)) {
        return refuse(proof, "the one of the same name that runs does not read what it packs");
    }
    return pack(proof, &proof->old, proof->old_lane, plain, packed) &&
           (unpack(proof, &proof->fresh, proof->fresh_lane, qnk_sink_span(packed), plain) ||
            refuse(proof, "it does not read what the one of the same name packs"));
}

bool qnk_proof_compress(struct qnk_proof *proof, struct qn_span plain)
{
    struct qn_sink packed;
    bool is_good;

    if (plain.size == 0) {
        return true;
    }
    qnk_sink_init(&packed, proof->budget, 2 * plain.size + 65536);
    is_good = pack(proof, &proof->fresh, proof->fresh_lane, plain, &packed) &&
              (unpack(proof, &proof->fresh, proof->fresh_lane, qnk_sink_span(&packed), plain) ||
               refuse(proof, "a block of this node does not come back as it was"));
    if (is_good) {
        proof->plain += plain.size;
        proof->packed += packed.size;
    }
    is_good = is_good && (!proof->is_same_name || cross(proof, plain, &packed));
    qnk_sink_done(&packed);
    return is_good;
}

/* --- signatures --- */

/* Signatures of a block, then the same ones spoilt. */
struct batch {
    struct qn_signature_item items[2 * QNK_PROOF_ITEMS_MAX];
    uint8_t spoilt[QNK_PROOF_ITEMS_MAX][QN_SIG_SIZE];
    uint8_t bitmaps[2][2 * QNK_PROOF_ITEMS_MAX / 8];
    uint8_t micro[QNK_MICRO_MESSAGE_SIZE];
    uint32_t count;
    uint64_t messages_size;
    uint8_t messages[QNK_FRAME_PLAIN_MAX];
};

static void item_add(struct batch *batch, const uint8_t *key, const uint8_t *signature,
                     const uint8_t *message, uint64_t size)
{
    batch->items[batch->count++] = (struct qn_signature_item){
        .key = key,
        .sig = signature,
        .message = {message, size},
    };
}

/* As many of a block's transactions as fit. */
static void rows_add(const struct qnk_proof *proof, struct batch *batch, struct qn_span rows)
{
    struct qnk_tx tx;

    while (batch->count < QNK_PROOF_ITEMS_MAX && rows.size > 0 &&
           qnk_tx_next(&rows, &tx) == QN_OK) {
        uint8_t *message = batch->messages + batch->messages_size;

        if (tx.bytes.size + QN_HASH_SIZE > sizeof batch->messages - batch->messages_size) {
            break;
        }

        uint32_t size = qnk_tx_message(&tx, &proof->chain_id, message);

        batch->messages_size += size;
        item_add(batch, tx.from, tx.signature, message, size);
    }
}

/* A byte of each signature is another: of R in one, of S in the next. */
static void spoil(struct batch *batch)
{
    uint32_t count = batch->count;

    for (uint32_t i = 0; i < count; i++) {
        const struct qn_signature_item *item = &batch->items[i];

        memcpy(batch->spoilt[i], item->sig, QN_SIG_SIZE);
        batch->spoilt[i][i * 7 % QN_SIG_SIZE] ^= (uint8_t)(1u << i % 8);
        item_add(batch, item->key, batch->spoilt[i], item->message.data, item->message.size);
    }
}

static int32_t judge(const struct qnk_plugged *by, uint32_t lane, struct batch *batch,
                     uint8_t *bitmap)
{
    const struct qn_signature_1 *slots = by->table;

    return slots->verify_batch(by->inst, lane, batch->items, batch->count, bitmap);
}

static bool is_set(const uint8_t *bitmap, uint32_t i)
{
    return (bitmap[i / 8] >> i % 8 & 1) != 0;
}

static bool verdicts_compare(struct qnk_proof *proof, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        bool old = is_set(batch->bitmaps[0], i);

        if (old != is_set(batch->bitmaps[1], i)) {
            return refuse(proof, old ? "it refuses a signature of this chain that is good"
                                     : "it takes a signature that is not good");
        }
        proof->good += old ? 1 : 0;
        proof->bad += old ? 0 : 1;
    }
    return true;
}

bool qnk_proof_verify(struct qnk_proof *proof, const struct qnk_micro *header, struct qn_span rows)
{
    struct batch *batch = qnk_memory_take(proof->budget, sizeof *batch);
    bool is_good = false;

    if (batch == NULL) {
        return refuse(proof, "there is no memory to try it");
    }
    if (header->producer < proof->set->count) {
        qnk_micro_message(header, &proof->chain_id, batch->micro);
        item_add(batch, proof->set->members[header->producer].key.bytes, header->signature,
                 batch->micro, sizeof batch->micro);
    }
    rows_add(proof, batch, rows);
    spoil(batch);
    if (batch->count == 0) {
        is_good = true;
    } else if (judge(&proof->old, proof->old_lane, batch, batch->bitmaps[0]) != QN_OK) {
        refuse(proof, "the one that runs does not answer");
    } else if (judge(&proof->fresh, proof->fresh_lane, batch, batch->bitmaps[1]) != QN_OK) {
        refuse(proof, "it does not verify a block of this node");
    } else {
        is_good = verdicts_compare(proof, batch);
    }
    qnk_memory_give(proof->budget, batch, sizeof *batch);
    return is_good;
}

/* --- of live blocks --- */

void qnk_proof_end(struct qnk_proof *proof)
{
    if (proof->words[0] != 0) {
        return;
    }
    if (proof->kind == QNK_HOST_SIGNATURE && proof->good == 0) {
        refuse(proof, "this node has no signed block yet to try it on");
        return;
    }
    proof->is_good = true;
    if (proof->kind == QNK_HOST_SIGNATURE) {
        qnk_text(proof->words, sizeof proof->words,
                 "equal verdicts on %llu good and %llu spoilt signatures of %u blocks",
                 (unsigned long long)proof->good, (unsigned long long)proof->bad, proof->blocks);
    } else {
        qnk_text(proof->words, sizeof proof->words,
                 "a sample and %u blocks came back whole, %llu bytes as %llu", proof->blocks,
                 (unsigned long long)proof->plain, (unsigned long long)proof->packed);
    }
}

static bool block_try(struct qnk_proof *proof, const struct qnk_micro *header, struct qn_span rows)
{
    uint8_t bytes[QNK_MICRO_SIZE];

    if (proof->kind == QNK_HOST_SIGNATURE) {
        return qnk_proof_verify(proof, header, rows);
    }
    qnk_micro_encode(header, bytes); /* an empty block has no other bytes */
    return qnk_proof_compress(proof, (struct qn_span){bytes, sizeof bytes}) &&
           qnk_proof_compress(proof, rows);
}

/* Bytes that pack well and bytes that do not: also a node without blocks has something to try. */
static bool sample_try(struct qnk_proof *proof)
{
    uint8_t *sample = qnk_memory_take(proof->budget, SAMPLE_SIZE);
    struct qnk_hash hash = proof->chain_id;
    bool is_good;

    if (sample == NULL) {
        return refuse(proof, "there is no memory to try it");
    }
    for (uint32_t at = SAMPLE_SIZE / 2; at < SAMPLE_SIZE; at += QN_HASH_SIZE) {
        qnk_hash_tagged("", hash.bytes, QN_HASH_SIZE, &hash);
        memcpy(sample + at, hash.bytes, QN_HASH_SIZE);
    }
    is_good = qnk_proof_compress(proof, (struct qn_span){sample, SAMPLE_SIZE});
    qnk_memory_give(proof->budget, sample, SAMPLE_SIZE);
    return is_good;
}

void qnk_proof_run(struct qnk_proof *proof, const struct qnk_reach *reach)
{
    uint64_t bytes = 0;
    bool is_good = proof->kind != QNK_HOST_COMPRESSION || sample_try(proof);

    for (uint64_t height = proof->height; is_good && height > 0; height--) {
        struct qnk_micro header;
        struct qn_buf *body = NULL;

        if (proof->blocks == QNK_PROOF_BLOCKS_MAX || bytes > QNK_PROOF_BYTES_MAX) {
            break;
        }
        if (qnk_store_body(reach->store, reach->store_lane, height, &header, &body) != QN_OK) {
            break; /* older ones are not here, or not to be had: what was read has to do */
        }
        proof->blocks++;
        bytes += body->size;
        is_good = block_try(proof, &header, qnk_buf_span(body));
        qnk_buf_unref(body);
    }
    qnk_proof_end(proof);
}
