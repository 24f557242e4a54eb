/* SPDX-License-Identifier: MIT */

#include "kernel/sim/memo.h"

#include <string.h>

#include <qnet/signature.h>

#include "kernel/base/bytes.h"
#include "kernel/base/hash.h"

enum { MISSES_MAX = 256 }; /* that are asked for in one call */

struct place {
    struct qnk_hash name; /* of the item */
    bool is_taken, is_good;
};

struct qnk_memo {
    struct qnk_budget *budget;
    struct qnk_plugged behind;
    struct place places[QNK_MEMO_PLACES];
};

static struct place *place_of(struct qnk_memo *memo, const struct qnk_hash *name)
{
    return &memo->places[qn_le32_read(name->bytes) % QNK_MEMO_PLACES];
}

static void name_of(const struct qn_signature_item *item, struct qnk_hash *name)
{
    const struct qn_span parts[] = {
        {&item->key_known, 1}, {item->key, QN_KEY_SIZE}, {item->sig, QN_SIG_SIZE}, item->message};

    qnk_hash_parts("", parts, 4, name);
}

static void bit_put(uint8_t *bitmap, uint32_t i, bool is_set)
{
    bitmap[i / 8] = (uint8_t)((bitmap[i / 8] & ~(1u << i % 8)) | (is_set ? 1u << i % 8 : 0));
}

/* Items whose verdict is not known yet. */
struct misses {
    uint32_t count;
    uint32_t of[MISSES_MAX]; /* index in the caller's batch */
    struct qn_signature_item items[MISSES_MAX];
    struct qnk_hash names[MISSES_MAX];
};

static int32_t misses_ask(struct qnk_memo *memo, uint32_t lane, struct misses *misses,
                          uint8_t *bitmap)
{
    const struct qn_signature_1 *slots = memo->behind.table;
    uint8_t good[MISSES_MAX / 8] = {0};
    int32_t status = QN_OK;

    if (misses->count > 0) {
        status = slots->verify_batch(memo->behind.inst, lane, misses->items, misses->count, good);
    }
    for (uint32_t i = 0; i < misses->count && status == QN_OK; i++) {
        struct place *place = place_of(memo, &misses->names[i]);

        place->name = misses->names[i];
        place->is_taken = true;
        place->is_good = (good[i / 8] >> i % 8 & 1) != 0;
        bit_put(bitmap, misses->of[i], place->is_good);
    }
    misses->count = 0;
    return status;
}

static int32_t verify_batch(struct qn_inst *inst, uint32_t lane,
                            const struct qn_signature_item *items, uint32_t count, uint8_t *bitmap)
{
    struct qnk_memo *memo = (struct qnk_memo *)(void *)inst;
    struct misses misses = {0};
    int32_t status = QN_OK;

    for (uint32_t i = 0; i < count && status == QN_OK; i++) {
        struct qnk_hash name;
        const struct place *place;

        name_of(&items[i], &name);
        place = place_of(memo, &name);
        if (place->is_taken && qnk_hash_equal(&place->name, &name)) {
            bit_put(bitmap, i, place->is_good);
            continue;
        }
        misses.of[misses.count] = i;
        misses.names[misses.count] = name;
        misses.items[misses.count++] = items[i];
        if (misses.count == MISSES_MAX) {
            status = misses_ask(memo, lane, &misses, bitmap);
        }
    }
    return status == QN_OK ? misses_ask(memo, lane, &misses, bitmap) : status;
}

static int32_t check_keys(struct qn_inst *inst, uint32_t lane, const uint8_t *keys, uint32_t count,
                          uint8_t *bitmap)
{
    struct qnk_memo *memo = (struct qnk_memo *)(void *)inst;
    const struct qn_signature_1 *slots = memo->behind.table;

    return slots->check_keys(memo->behind.inst, lane, keys, count, bitmap);
}

static const struct qn_signature_1 table = {
    .head = QN_SIGNATURE_1_HEAD,
    .verify_batch = verify_batch,
    .check_keys = check_keys,
};

struct qnk_memo *qnk_memo_create(struct qnk_budget *budget)
{
    struct qnk_memo *memo = qnk_memory_take(budget, sizeof *memo);

    if (memo != NULL) {
        memo->budget = budget;
    }
    return memo;
}

void qnk_memo_destroy(struct qnk_memo *memo)
{
    if (memo != NULL) {
        qnk_memory_give(memo->budget, memo, sizeof *memo);
    }
}

void qnk_memo_ask(struct qnk_memo *memo, struct qnk_plugged signature)
{
    memo->behind = signature;
}

struct qnk_plugged qnk_memo_plugged(struct qnk_memo *memo)
{
    return (struct qnk_plugged){.table = &table, .inst = (struct qn_inst *)(void *)memo};
}
