/* SPDX-License-Identifier: MIT */

/* bench_encode.c: transfers as they leave the node. Frames of transfers go as rows, written field
 * by field and not packed, since keys and signatures do not shrink; parts of blocks go through the
 * compressor once for all peers. Both against rows that are packed for each frame and peer. */

#include <string.h>

#include "kernel/base/random.h"
#include "kernel/chain/tx.h"
#include "kernel/host/packer.h"
#include "kernel/qnet/bench_bed.h"

enum { TRANSFERS = 6000, ACCOUNTS = 1000000, PEERS = 8 };

struct encoding {
    struct qnk_packer packer; /* of the subject, and of the baseline */
    struct qnk_packer direct;
    struct qn_buf *frame; /* the rows as they should arrive */
    struct qn_buf *rows;  /* as the subject writes them */
    bool is_part;
    uint64_t packed; /* bytes of the last frame */
    uint64_t direct_packed;
};

/* Numbers of accounts: uniform, or the smaller the more often (about 1/x). */
static uint64_t account_pick(struct qnk_random *random, bool is_zipf)
{
    uint64_t limit = ACCOUNTS;

    for (uint64_t bits = qnk_random_u64(random) % 20; is_zipf && bits > 0; bits--) {
        limit = limit / 2 + 1;
    }
    return qnk_random_u64(random) % limit;
}

static void key_write(uint64_t account, struct qnk_hash *key)
{
    qnk_hash_leaf(&account, sizeof account, key);
}

/* Rows whose keys and signatures are as good as chance. */
static void rows_make(struct encoding *it, bool is_zipf)
{
    struct qnk_random random;

    qnk_random_init(&random, 7);
    for (uint32_t i = 0; i < TRANSFERS; i++) {
        uint8_t *to = it->frame->data + (size_t)i * QNK_TX_TRANSFER_SIZE;
        struct qnk_transfer transfer = {.amount = 1 + qnk_random_u64(&random) % 1000000000};
        uint8_t payload[40];
        struct qnk_hash from;
        struct qnk_tx tx = {
            .payload = {payload, sizeof payload},
            .from = from.bytes,
            .nonce = qnk_random_u64(&random) % 100,
            .valid_until = 5000 + qnk_random_u64(&random) % 100,
            .fee = QNK_BENCH_FEE + qnk_random_u64(&random) % 16,
        };

        key_write(account_pick(&random, is_zipf), &from);
        key_write(account_pick(&random, is_zipf), &transfer.to);
        qnk_transfer_encode(&transfer, payload);
        qnk_tx_encode(&tx, to);
        for (uint32_t j = 0; j < QN_SIG_SIZE; j += 8) {
            qn_le64_write(to + QNK_TX_TRANSFER_SIZE - QN_SIG_SIZE + j, qnk_random_u64(&random));
        }
    }
}

static uint64_t run_direct(void *ctx)
{
    struct encoding *it = ctx;
    struct qnk_queued frame = {
        .body = {.owner = it->frame, .data = it->frame->data, .size = it->frame->size}};
    struct qn_span packed;

    /* Forgets what it packed last, so each peer costs a packing. */
    it->direct.packed.size = 0;
    if (it->direct.has_last) {
        qnk_buf_unref(it->direct.last.body.owner);
        it->direct.has_last = false;
    }
    if (!qnk_packer_pack(&it->direct, QNK_LANE_BLOCKS, &frame, &packed)) {
        packed.size = it->frame->size;
    }
    it->direct_packed = packed.size;
    return TRANSFERS;
}

/* A frame of transfers: each decoded from where it waits, and written as a row. */
static uint64_t run_rows(void *ctx)
{
    struct encoding *it = ctx;
    struct qn_span rest = qnk_buf_span(it->frame);
    uint8_t *to = it->rows->data;

    for (uint32_t i = 0; i < TRANSFERS; i++, to += QNK_TX_TRANSFER_SIZE) {
        struct qnk_tx tx;

        if (qnk_tx_next(&rest, &tx) != QN_OK) {
            return 0;
        }
        qnk_tx_encode(&tx, to);
        memcpy(to + QNK_TX_TRANSFER_SIZE - QN_SIG_SIZE, tx.signature, QN_SIG_SIZE);
    }
    it->packed = it->rows->size;
    return TRANSFERS;
}

/* A part of a block, for several peers. */
static uint64_t run_part(void *ctx)
{
    struct encoding *it = ctx;
    struct qn_buf *copy = qnk_buf_copy(&qnk_bench_budget, qnk_buf_span(it->frame));
    struct qnk_queued frame = {.body = {.owner = copy}};
    struct qn_span packed;

    if (copy == NULL) {
        return 0;
    }
    frame.body.data = copy->data;
    frame.body.size = copy->size;
    for (uint32_t i = 0; i < PEERS; i++) {
        packed = qnk_buf_span(copy);
        if (!qnk_packer_pack(&it->packer, QNK_LANE_BLOCKS, &frame, &packed)) {
            packed = qnk_buf_span(copy);
        }
    }
    it->packed = packed.size;
    qnk_buf_unref(copy);
    return (uint64_t)TRANSFERS * PEERS;
}

/* Whether what a packer packed last is the frame. */
static bool is_frame(struct qnk_packer *packer, const struct qn_buf *frame, uint64_t packed)
{
    struct qn_buf *plain = NULL;
    bool is_same = packed == frame->size /* it went plain */
                   || (qnk_packer_unpack(packer, 0, qnk_sink_span(&packer->packed), frame->size,
                                         &plain) == QN_OK &&
                       memcmp(plain->data, frame->data, plain->size) == 0);

    qnk_buf_unref(plain);
    return is_same;
}

static bool is_right(struct encoding *it)
{
    if (run_direct(it) == 0 || !is_frame(&it->direct, it->frame, it->direct_packed)) {
        return false;
    }
    if (!it->is_part) {
        return run_rows(it) != 0 && memcmp(it->rows->data, it->frame->data, it->rows->size) == 0;
    }
    return run_part(it) != 0 && is_frame(&it->packer, it->frame, it->packed);
}

static bool measure(struct qnk_bench *bench, struct encoding *it)
{
    for (uint32_t shape = 0; shape < 4; shape++) {
        bool is_zipf = shape % 2 == 1;
        struct qnk_bench_row *row =
            qnk_bench_row(bench, "encode", "transfers/s", "zstd-rows", "%s, senders %s",
                          shape >= 2 ? "part of a block, 8 peers" : "rows of transfers",
                          is_zipf ? "1/x" : "uniform");

        rows_make(it, is_zipf);
        it->is_part = shape >= 2;
        if (!is_right(it)) {
            return qnk_bench_fail(bench, "%s: unpacked it is not what was packed", row->what);
        }
        row->check = "unpacked = rows";
        if (!qnk_bench_measure(bench, row, run_direct, it->is_part ? run_part : run_rows, it)) {
            return false;
        }
        row->more = json_pack("{s:{s:i, s:s}, s:f, s:f}", "tx", "bytes", QNK_TX_TRANSFER_SIZE,
                              "distribution", is_zipf ? "1/x" : "uniform", "bytes_per_tx",
                              (double)it->packed / TRANSFERS, "baseline_bytes_per_tx",
                              (double)it->direct_packed / TRANSFERS);
    }
    return true;
}

bool qnk_bench_encode(struct qnk_bench *bench)
{
    struct encoding *it = qnk_memory_take(&qnk_bench_budget, sizeof *it);
    struct qnk_instance *instance = NULL;
    bool is_good = it != NULL && qnk_bench_bed(bench) != NULL &&
                   qnk_bench_instance(bench, QNK_HOST_COMPRESSION, NULL, &instance);

    if (is_good) {
        struct qnk_plugged plugged = qnk_instance_plugged(instance);

        qnk_packer_init(&it->packer, 0, &qnk_bench_budget);
        qnk_packer_use(&it->packer, 0, &plugged);
        qnk_packer_init(&it->direct, 0, &qnk_bench_budget);
        qnk_packer_use(&it->direct, 0, &plugged);
        it->frame = qnk_buf_new(&qnk_bench_budget, (uint64_t)TRANSFERS * QNK_TX_TRANSFER_SIZE);
        it->rows = qnk_buf_new(&qnk_bench_budget, (uint64_t)TRANSFERS * QNK_TX_TRANSFER_SIZE);
        is_good = it->frame != NULL && it->rows != NULL
                      ? measure(bench, it)
                      : qnk_bench_fail(bench, "there is no memory");
        qnk_packer_done(&it->packer);
        qnk_packer_done(&it->direct);
        qnk_buf_unref(it->frame);
        qnk_buf_unref(it->rows);
    }
    if (instance != NULL) {
        qnk_instance_destroy(instance);
    }
    qnk_memory_give(&qnk_bench_budget, it, sizeof *it);
    return is_good;
}
