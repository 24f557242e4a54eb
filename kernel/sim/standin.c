/* SPDX-License-Identifier: MIT */

#include "kernel/sim/standin.h"

#include <string.h>

#include <qnet/assert.h>
#include <qnet/signature.h>

enum { ITEMS = 256 }; /* of one call of the plugin behind */

void qnk_standins_init(struct qnk_standins *standins, struct qnk_plugged behind)
{
    standins->behind = behind;
    standins->count = 0;
}

void qnk_standins_add(struct qnk_standins *standins, const struct qnk_hash *name,
                      const struct qnk_hash *key)
{
    QN_ASSERT(standins->count < QNK_STANDINS_MAX);
    standins->names[standins->count] = *name;
    standins->keys[standins->count++] = *key;
}

static const uint8_t *key_for(const struct qnk_standins *standins, const uint8_t *name)
{
    for (uint32_t i = 0; i < standins->count; i++) {
        if (memcmp(standins->names[i].bytes, name, QN_KEY_SIZE) == 0) {
            return standins->keys[i].bytes;
        }
    }
    return NULL;
}

static bool is_set(const uint8_t *bitmap, uint32_t i)
{
    return (bitmap[i / 8] >> i % 8 & 1) != 0;
}

/* At most ITEMS, into a bitmap of their own: by the stand-ins, then what is left by the keys
 * themselves. */
static int32_t some_verify(struct qnk_standins *standins, uint32_t lane,
                           const struct qn_signature_item *items, uint32_t count,
                           uint8_t good[ITEMS / 8])
{
    const struct qn_signature_1 *slots = standins->behind.table;
    struct qn_signature_item asked[ITEMS] = {0};
    uint8_t again[ITEMS / 8] = {0};
    uint32_t of[ITEMS], left = 0;
    int32_t status;

    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *key = key_for(standins, items[i].key);

        asked[i] = items[i];
        asked[i].key = key != NULL ? key : items[i].key;
    }
    status = slots->verify_batch(standins->behind.inst, lane, asked, count, good);
    for (uint32_t i = 0; i < count && status == QN_OK; i++) {
        if (!is_set(good, i) && asked[i].key != items[i].key) {
            of[left] = i;
            asked[left++] = items[i];
        }
    }
    if (status == QN_OK && left > 0) {
        status = slots->verify_batch(standins->behind.inst, lane, asked, left, again);
    }
    for (uint32_t i = 0; i < left && status == QN_OK; i++) {
        if (is_set(again, i)) {
            good[of[i] / 8] = (uint8_t)(good[of[i] / 8] | 1u << of[i] % 8);
        }
    }
    return status;
}

static int32_t verify_batch(struct qn_inst *inst, uint32_t lane,
                            const struct qn_signature_item *items, uint32_t count, uint8_t *bitmap)
{
    struct qnk_standins *standins = (struct qnk_standins *)(void *)inst;
    int32_t status = QN_OK;

    for (uint32_t at = 0; at < count && status == QN_OK; at += ITEMS) {
        uint32_t some = count - at < ITEMS ? count - at : ITEMS;
        uint8_t good[ITEMS / 8] = {0};

        status = some_verify(standins, lane, items + at, some, good);
        for (uint32_t i = 0; i < some && status == QN_OK; i++) {
            uint32_t bit = at + i;

            bitmap[bit / 8] = (uint8_t)((bitmap[bit / 8] & ~(1u << bit % 8)) |
                                        (is_set(good, i) ? 1u << bit % 8 : 0));
        }
    }
    return status;
}

static int32_t check_keys(struct qn_inst *inst, uint32_t lane, const uint8_t *keys, uint32_t count,
                          uint8_t *bitmap)
{
    struct qnk_standins *standins = (struct qnk_standins *)(void *)inst;
    const struct qn_signature_1 *slots = standins->behind.table;

    return slots->check_keys(standins->behind.inst, lane, keys, count, bitmap);
}

static const struct qn_signature_1 table = {
    .head = QN_SIGNATURE_1_HEAD,
    .verify_batch = verify_batch,
    .check_keys = check_keys,
};

struct qnk_plugged qnk_standins_plugged(struct qnk_standins *standins)
{
    return (struct qnk_plugged){.table = &table, .inst = (struct qn_inst *)(void *)standins};
}
