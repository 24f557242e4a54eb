/* SPDX-License-Identifier: MIT */

/* bench_verify.c: signatures through the plugin, against libsodium one by one, on one core. */

#include <string.h>

#include <sodium.h>

#include <qnet/signature.h>

#include "kernel/chain/tx.h"
#include "kernel/node/job.h"
#include "kernel/qnet/bench_bed.h"

enum { ITEMS = 2048, SENDERS = 2048, MESSAGE = 256 };

static const struct {
    uint32_t batch;
    bool is_known;
    uint32_t bad; /* of a hundred */
} shapes[] = {{1, true, 0},     {64, true, 0},   {2048, true, 0},
              {2048, false, 0}, {2048, true, 1}, {2048, true, 50}};

struct verify {
    const struct qn_signature_1 *slots;
    struct qn_inst *inst;
    struct qn_signature_item items[ITEMS];
    uint8_t messages[ITEMS][MESSAGE];
    uint8_t signatures[ITEMS][QN_SIG_SIZE];
    bool is_bad[ITEMS];
    uint8_t bitmap[(ITEMS + 7) / 8];
    uint32_t batch;
    uint32_t next; /* item */
};

static uint64_t run_sodium(void *ctx)
{
    struct verify *it = ctx;

    for (uint32_t i = 0; i < it->batch; i++) {
        const struct qn_signature_item *item = &it->items[(it->next + i) % ITEMS];
        int status = crypto_sign_verify_detached(item->sig, item->message.data, item->message.size,
                                                 item->key);

        if ((status != 0) != it->is_bad[(it->next + i) % ITEMS]) {
            return 0;
        }
    }
    it->next = (it->next + it->batch) % ITEMS;
    return it->batch;
}

static uint64_t run_plugin(void *ctx)
{
    struct verify *it = ctx;
    int32_t status =
        it->slots->verify_batch(it->inst, 0, it->items + it->next, it->batch, it->bitmap);

    it->next = (it->next + it->batch) % ITEMS;
    return status == QN_OK ? it->batch : 0;
}

/* Whether the plugin's verdicts are those that were planted, in batches of this size. */
static bool is_right(struct verify *it)
{
    it->next = 0;
    for (uint32_t at = 0; at < ITEMS; at += it->batch) {
        if (run_plugin(it) == 0) {
            return false;
        }
        for (uint32_t i = 0; i < it->batch; i++) {
            if (qnk_bit(it->bitmap, i) == it->is_bad[at + i]) {
                return false;
            }
        }
    }
    return true;
}

/* Every 100 items have `bad` bad ones, spread over them. */
static void plant(struct verify *it, uint32_t bad)
{
    for (uint32_t i = 0; i < ITEMS; i++) {
        bool is_bad = i * 37 % 100 < bad;

        if (is_bad != it->is_bad[i]) {
            it->signatures[i][QN_SIG_SIZE / 2] ^= 1;
            it->is_bad[i] = is_bad;
        }
    }
}

static void items_make(struct verify *it, const struct qnk_hash *chain_id,
                       struct qn_buf *const *frames)
{
    for (uint32_t i = 0; i < ITEMS; i++) {
        struct qn_span bytes = {frames[i / QNK_BENCH_FRAME_TXS]->data + 4 +
                                    (size_t)(i % QNK_BENCH_FRAME_TXS) * QNK_TX_TRANSFER_SIZE,
                                QNK_TX_TRANSFER_SIZE};
        struct qnk_tx tx;
        int32_t status = qnk_tx_decode(bytes, &tx);

        QN_ASSERT(status == QN_OK);
        memcpy(it->signatures[i], tx.signature, QN_SIG_SIZE);
        it->items[i] = (struct qn_signature_item){
            .key = tx.from,
            .sig = it->signatures[i],
            .message = {it->messages[i], qnk_tx_message(&tx, chain_id, it->messages[i])},
        };
    }
}

static bool measure(struct qnk_bench *bench, struct verify *it)
{
    for (uint32_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++) {
        struct qnk_bench_row *row = qnk_bench_row(
            bench, "verify", "signatures/s", "sodium-loop", "n=%u, %s keys, %u %% bad",
            shapes[shape].batch, shapes[shape].is_known ? "known" : "new", shapes[shape].bad);

        it->batch = shapes[shape].batch;
        for (uint32_t i = 0; i < ITEMS; i++) {
            it->items[i].key_known = shapes[shape].is_known;
        }
        plant(it, shapes[shape].bad);
        if (!is_right(it)) {
            return qnk_bench_fail(bench, "%s: the bitmap is not what was planted", row->what);
        }
        row->check = "bitmap = planted = libsodium";
        if (!qnk_bench_measure(bench, row, run_sodium, run_plugin, it)) {
            return false;
        }
    }
    return true;
}

bool qnk_bench_verify(struct qnk_bench *bench)
{
    enum { FRAMES = (ITEMS + QNK_BENCH_FRAME_TXS - 1) / QNK_BENCH_FRAME_TXS };
    struct verify *it = qnk_memory_take(&qnk_bench_budget, sizeof *it);
    struct qnk_bench_load load = {0};
    struct qn_buf *frames[FRAMES] = {NULL};
    struct qnk_instance *instance = NULL;
    bool is_good = it != NULL && qnk_bench_bed(bench) != NULL &&
                   qnk_bench_instance(bench, QNK_HOST_SIGNATURE, NULL, &instance) &&
                   qnk_bench_load_init(bench, &load, 2 * SENDERS, SENDERS) &&
                   qnk_bench_load_make(bench, &load, 1000, false, frames, FRAMES);

    if (is_good) {
        struct qnk_plugged plugged = qnk_instance_plugged(instance);

        it->slots = plugged.table;
        it->inst = plugged.inst;
        items_make(it, &load.chain_id, frames);
        is_good = measure(bench, it);
    }
    for (uint32_t i = 0; i < FRAMES; i++) {
        qnk_buf_unref(frames[i]);
    }
    if (load.publics != NULL) {
        qnk_bench_load_done(&load);
    }
    if (instance != NULL) {
        qnk_instance_destroy(instance);
    }
    qnk_memory_give(&qnk_bench_budget, it, sizeof *it);
    return is_good;
}
