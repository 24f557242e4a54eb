/* SPDX-License-Identifier: MIT */

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include <qnet/signature.h>

#include "sdk/check/work.h"

enum { ITEMS = 64, MESSAGE = 300 };

struct signatures {
    struct qn_check_work *work;
    const struct qn_signature_1 *slots;
    struct qn_signature_item items[ITEMS];
    uint8_t keys[ITEMS * QN_KEY_SIZE];
    uint8_t sigs[ITEMS][QN_SIG_SIZE];
    uint8_t messages[ITEMS][MESSAGE];
};

/* Half of them right, the rest wrong in one place or all over. */
static void items_make(struct signatures *it)
{
    for (uint32_t i = 0; i < ITEMS; i++) {
        uint8_t seed[crypto_sign_SEEDBYTES], secret[crypto_sign_SECRETKEYBYTES];
        uint8_t *key = it->keys + (size_t)i * QN_KEY_SIZE;
        uint64_t size = qn_check_work_draw(it->work, MESSAGE);

        qn_check_work_fill(it->work, seed, sizeof seed);
        qn_check_work_fill(it->work, it->messages[i], size);
        (void)crypto_sign_seed_keypair(key, secret, seed);
        (void)crypto_sign_detached(it->sigs[i], NULL, it->messages[i], size, secret);
        switch (qn_check_work_draw(it->work, 6)) {
        case 0:
            it->sigs[i][qn_check_work_draw(it->work, QN_SIG_SIZE)] ^= 1;
            break;
        case 1:
            qn_check_work_fill(it->work, key, QN_KEY_SIZE);
            break;
        case 2:
            qn_check_work_fill(it->work, it->sigs[i], QN_SIG_SIZE);
            break;
        default:
            break;
        }
        it->items[i] = (struct qn_signature_item){
            .key = key,
            .sig = it->sigs[i],
            .message = {size > 0 ? it->messages[i] : NULL, size},
        };
    }
}

/* One bitmap, whatever calls it is made by. */
static bool bitmap_ask(struct signatures *it, uint8_t bitmap[ITEMS / 8], bool of_keys)
{
    uint32_t batch = it->work->batch != 0 ? it->work->batch : ITEMS;

    memset(bitmap, 0, ITEMS / 8);
    for (uint32_t at = 0; at < ITEMS; at += batch) {
        uint8_t some[ITEMS / 8] = {0};
        uint32_t count = batch < ITEMS - at ? batch : ITEMS - at;
        int32_t status =
            of_keys ? it->slots->check_keys(it->work->inst, 0, it->keys + (size_t)at * QN_KEY_SIZE,
                                            count, some)
                    : it->slots->verify_batch(it->work->inst, 0, it->items + at, count, some);

        if (!qn_check_work_ok(it->work, status)) {
            return false;
        }
        for (uint32_t i = 0; i < count; i++) {
            if ((some[i / 8] >> i % 8 & 1) != 0) {
                bitmap[(at + i) / 8] |= (uint8_t)(1u << (at + i) % 8);
            }
        }
    }
    return true;
}

static void signature_work(struct qn_check_work *work)
{
    struct signatures *it = calloc(1, sizeof *it);
    uint8_t bitmap[ITEMS / 8];

    QN_CHECK(it != NULL && sodium_init() >= 0);
    it->work = work;
    it->slots = (const void *)work->given->plugin->slots;
    for (uint32_t i = 0; i < work->rounds; i++) {
        items_make(it);
        if (!bitmap_ask(it, bitmap, false)) {
            break;
        }
        qn_check_work_bytes(work, bitmap, sizeof bitmap);
        if (!bitmap_ask(it, bitmap, true)) {
            break;
        }
        qn_check_work_bytes(work, bitmap, sizeof bitmap);
    }
    free(it);
}

/* Noise everywhere, a message of a megabyte, and nothing at all. */
static void signature_hostile(struct qn_check_work *work)
{
    const struct qn_signature_1 *slots = (const void *)work->given->plugin->slots;
    uint8_t key[QN_KEY_SIZE], sig[QN_SIG_SIZE], bitmap[1] = {0};
    uint8_t *message = calloc(1, 1 << 20);
    struct qn_signature_item item = {.key = key, .sig = sig};

    QN_CHECK(message != NULL);
    for (uint32_t i = 0; i < work->rounds; i++) {
        qn_check_work_fill(work, key, sizeof key);
        qn_check_work_fill(work, sig, sizeof sig);
        memset(i % 3 == 0 ? key : sig, i % 2 == 0 ? 0 : 0xFF, QN_KEY_SIZE);
        item.message = (struct qn_span){i % 4 == 0 ? NULL : message, i % 4 == 0 ? 0 : 1u << i % 21};
        item.key_known = 0;
        (void)qn_check_work_ok(work, slots->verify_batch(work->inst, 0, &item, 1, bitmap));
        qn_check_work_bytes(work, bitmap, 1);
        (void)qn_check_work_ok(work, slots->check_keys(work->inst, 0, key, 1, bitmap));
        qn_check_work_bytes(work, bitmap, 1);
        (void)qn_check_work_ok(work, slots->verify_batch(work->inst, 0, &item, 0, bitmap));
    }
    free(message);
}

const struct qn_check_worker qn_check_work_signature = {
    .kind = "signature",
    .work = signature_work,
    .hostile = signature_hostile,
};
