/* SPDX-License-Identifier: MIT */

/* proof.c: a proof document (qnet.proof/1) from a stranger, as text. There is one network, and one
 * macroblock that its validators signed: a document that is found good is about that one, and
 * about a transaction that is in it, at the place that is said. */

#include <sodium.h>
#include <stdlib.h>

#include "kernel/base/hex.h"
#include "kernel/chain/certificate.h"
#include "kernel/chain/merkle.h"
#include "kernel/chain/micro.h"
#include "kernel/chain/tags.h"
#include "kernel/chain/tx.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/place.h"
#include "kernel/qnet/show.h"
#include "kernel/qnet/verify.h"
#include "kernel/sim/fake.h"
#include "tests/fuzz/fuzz.h"

enum { MEMBERS = 4, BLOCKS = 10, TXS = 5, PLACE = 6, INDEX = 2, ROOM = 1 << 14 };

static struct qnk_verifier verifier;
static struct qnk_hash digest; /* of the macroblock */
static struct qnk_hash tx_id;
static uint8_t tx_bytes[QNK_TX_TRANSFER_SIZE]; /* the transaction that the seed is about */
static uint8_t macro_bytes[QNK_MACRO_SIZE], micro_bytes[QNK_MICRO_SIZE], certificate[1024];
static uint64_t certificate_size;
static struct qnk_merkle_path tx_path, block_path;

/* No file is opened here. */
struct qnk_loader *qnk_place_loader(void)
{
    return NULL;
}

/* --- the network and its macroblock --- */

static void tx_make(uint8_t number, uint8_t to[QNK_TX_TRANSFER_SIZE])
{
    static const uint8_t from[QN_KEY_SIZE] = {3}, signature[QN_SIG_SIZE] = {4}, payload[40];
    struct qnk_tx tx = {.from = from, .signature = signature, .nonce = number, .fee = 1000};

    tx.payload = (struct qn_span){payload, sizeof payload};
    tx.valid_until = 100;
    qnk_tx_encode(&tx, to);
}

static void micro_make(struct qnk_micro *micro)
{
    struct qnk_hash ids[TXS];

    for (uint8_t i = 0; i < TXS; i++) {
        uint8_t bytes[QNK_TX_TRANSFER_SIZE];
        struct qnk_tx tx;

        tx_make(i, bytes);
        QN_ASSERT(qnk_tx_decode((struct qn_span){bytes, sizeof bytes}, &tx) == QN_OK);
        qnk_tx_id(&tx, &ids[i]);
    }
    tx_id = ids[INDEX];
    tx_make(INDEX, tx_bytes);
    *micro = (struct qnk_micro){.version = QNK_MICRO_VERSION, .height = PLACE + 1};
    micro->tx_count = TXS;
    micro->body_size = TXS * QNK_TX_TRANSFER_SIZE;
    micro->signature[0] = 1;
    qnk_merkle_prove(ids, TXS, INDEX, &tx_path, &micro->tx_root);
    qnk_micro_encode(micro, micro_bytes);
}

static void macro_make(const struct qnk_micro *micro, struct qnk_macro *macro)
{
    struct qnk_hash leaves[BLOCKS];
    struct qnk_micro other = *micro;

    *macro = (struct qnk_macro){.version = QNK_MACRO_VERSION, .blocks_count = BLOCKS, .window = 1};
    macro->height = BLOCKS;
    macro->tx_total = BLOCKS * TXS;
    macro->previous = verifier.chain_id;
    macro->set = macro->next_set = verifier.set->hash;
    for (uint32_t i = 0; i < BLOCKS; i++) {
        other.height = i + 1;
        qnk_micro_id(&other, &macro->last);
        qnk_hash_leaf(macro->last.bytes, QN_HASH_SIZE, &leaves[i]);
    }
    qnk_merkle_prove(leaves, BLOCKS, PLACE, &block_path, &macro->blocks);
    qnk_macro_encode(macro, macro_bytes);
    qnk_macro_digest(macro, &digest);
}

static void set_make(uint8_t secrets[MEMBERS][crypto_sign_SECRETKEYBYTES])
{
    struct qnk_set_member members[MEMBERS] = {0};

    for (uint8_t i = 0; i < MEMBERS; i++) {
        uint8_t seed[crypto_sign_SEEDBYTES] = {i};

        crypto_sign_seed_keypair(members[i].key.bytes, secrets[i], seed);
        members[i].weight = 1;
    }
    QN_ASSERT(qnk_set_new(&qnk_client_budget, members, MEMBERS, &verifier.set) == QN_OK);
}

/* Signed by all but one, whoever has which place in the set. */
static void certificate_make(uint8_t secrets[MEMBERS][crypto_sign_SECRETKEYBYTES])
{
    struct qnk_vote votes[MEMBERS - 1];
    const struct qnk_vote *all[MEMBERS - 1];
    uint8_t message[QNK_VOTE_MESSAGE_SIZE];

    for (uint32_t i = 0; i < MEMBERS - 1; i++) {
        votes[i] = (struct qnk_vote){.step = QNK_STEP_FINAL, .window = 1, .vr = -1, .member = i};
        votes[i].digest = digest;
        votes[i].binding.bytes[0] = 9;
        all[i] = &votes[i];
        qnk_vote_message(&votes[i], &verifier.chain_id, message);
        for (uint32_t j = 0; j < MEMBERS; j++) {
            if (memcmp(secrets[j] + 32, verifier.set->members[i].key.bytes, QN_KEY_SIZE) == 0) {
                crypto_sign_detached(votes[i].signature, NULL, message, sizeof message, secrets[j]);
            }
        }
    }
    qnk_certificate_encode(all, MEMBERS - 1, MEMBERS, certificate);
    certificate_size = qnk_certificate_size(QNK_CERTIFICATE_PLAIN, MEMBERS, MEMBERS - 1);
    QN_ASSERT(certificate_size <= sizeof certificate);
}

static void begin(void)
{
    uint8_t secrets[MEMBERS][crypto_sign_SECRETKEYBYTES];
    struct qnk_micro micro;
    struct qnk_macro macro;

    if (verifier.set != NULL) {
        return;
    }
    QN_ASSERT(sodium_init() >= 0);
    verifier.chain_id.bytes[0] = 7;
    verifier.window = BLOCKS;
    verifier.signature = qnk_fake_signature;
    set_make(secrets);
    micro_make(&micro);
    macro_make(&micro, &macro);
    certificate_make(secrets);
}

/* --- the run --- */

/* What it says, once it was found good. */
static void good_check(const json_t *proof, const struct qnk_proven *proven)
{
    uint8_t bytes[QNK_TX_TRANSFER_SIZE];
    const char *text = qnk_string(proof, "tx");
    uint64_t index = qnk_number(proof, "index");
    struct qnk_hash other;

    qnk_macro_digest(&proven->macro, &other);
    QN_ASSERT(qnk_hash_equal(&other, &digest));
    QN_ASSERT(qnk_hash_equal(&proven->id, &tx_id));
    QN_ASSERT(qnk_hex_decode(qnk_string(proof, "id"), QN_HASH_SIZE, other.bytes) == QN_OK);
    QN_ASSERT(qnk_hash_equal(&other, &tx_id));
    QN_ASSERT(qnk_number(proof, "txs") == TXS);
    QN_ASSERT(qnk_number(proof, "place") == PLACE);
    QN_ASSERT(index == INDEX);
    QN_ASSERT(qnk_hex_decode(text, sizeof bytes, bytes) == QN_OK);
    QN_ASSERT(memcmp(bytes, tx_bytes, sizeof bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qnk_proven proven;
    json_t *proof;

    begin();
    proof = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (proof != NULL) {
        verifier.has_last = false;

        const char *why = qnk_verify_proof(&verifier, proof, &proven);

        QN_ASSERT(why == NULL || why[0] != 0);
        QN_ASSERT(verifier.has_last == (why == NULL));
        if (why == NULL) {
            good_check(proof, &proven);
        }
    }
    json_decref(proof);
    return 0;
}

static json_t *hex_json(const void *bytes, uint64_t size)
{
    char text[QNK_HEX_SIZE(1024)];

    QN_ASSERT(size <= 1024);
    qnk_hex_encode(bytes, size, text);
    return json_string(text);
}

static json_t *path_json(const struct qnk_merkle_path *path)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < path->count; i++) {
        json_array_append_new(list, hex_json(path->nodes[i].bytes, QN_HASH_SIZE));
    }
    return list;
}

void fuzz_seeds(fuzz_take *take)
{
    json_t *proof;
    char *text;

    begin();
    proof = json_pack("{s:s, s:o, s:o, s:i, s:i, s:o, s:o, s:i, s:o, s:o, s:o}", "format",
                      "qnet.proof/1", "tx", hex_json(tx_bytes, sizeof tx_bytes), "id",
                      hex_json(tx_id.bytes, QN_HASH_SIZE), "index", INDEX, "txs", TXS, "tx_path",
                      path_json(&tx_path), "micro", hex_json(micro_bytes, sizeof micro_bytes),
                      "place", PLACE, "block_path", path_json(&block_path), "macro",
                      hex_json(macro_bytes, sizeof macro_bytes), "certificate",
                      hex_json(certificate, certificate_size));
    QN_ASSERT(proof != NULL);
    text = json_dumps(proof, JSON_COMPACT);
    QN_ASSERT(text != NULL && strlen(text) < ROOM);

    struct qnk_proven proven;

    verifier.has_last = false;
    QN_ASSERT(qnk_verify_proof(&verifier, proof, &proven) == NULL);
    take((const uint8_t *)text, strlen(text));
    free(text);
    json_decref(proof);
}
