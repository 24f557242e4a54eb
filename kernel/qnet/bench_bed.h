/* SPDX-License-Identifier: MIT */
#pragma once

/* bench_bed.h: what benches stand on: a folder of its own, the files of a network of one validator,
 * plugins as they were built, and transfers that are signed before they are measured.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the bed owns its folder, which goes with it; instances and loads are their maker's
 *   threads  one
 *   errors   false: the bench's `why` says what
 */

#include "kernel/config/config.h"
#include "kernel/host/host.h"
#include "kernel/qnet/bench.h"

enum { QNK_BENCH_PATH = 200, QNK_BENCH_FRAME_TXS = 390 /* about 64 KiB */ };

struct qnk_bench_bed {
    char folder[QNK_BENCH_PATH];
    char node_path[QNK_BENCH_PATH + 16];
    struct qnk_loader *loader;
    struct qnk_shared *shared;
    struct qnk_config config;
    struct qnk_hash chain_id;
    struct qnk_hash validator; /* its public key */
};

/* What a network of one is made with. */
enum {
    QNK_BENCH_INTERVAL_MS = 250,
    QNK_BENCH_BLOCK_TXS = 50000,
    QNK_BENCH_WINDOW = 16,
    QNK_BENCH_FEE = 1000,
    QNK_BENCH_BALANCE = 1000000000,
};

/* The bed of this call; NULL: it cannot be made. */
struct qnk_bench_bed *qnk_bench_bed(struct qnk_bench *bench);
void qnk_bench_bed_destroy(struct qnk_bench_bed *bed); /* NULL is allowed */

/* An active instance of the plugin that the files name for a kind of host.h. */
bool qnk_bench_instance(struct qnk_bench *bench, uint32_t kind,
                        const struct qnk_instance_hooks *hooks, struct qnk_instance **instance);

/* --- transfers --- */

/* Accounts with equal balances, of which the first `senders` sign; each sends in its turn, so that
 * its transfers lie as far apart as can be. What was made is also counted here, plainly: who has
 * what afterwards. */
struct qnk_bench_load {
    uint32_t accounts;
    uint32_t senders;   /* a power of two */
    uint8_t *publics;   /* QN_KEY_SIZE for each account */
    uint8_t *secrets;   /* 64 for each sender, and one more whose signatures are all bad */
    uint64_t *balances; /* as they must be when all is executed */
    uint64_t made;      /* good transfers so far */
    uint64_t bad;       /* with a signature that is not theirs */
    struct qnk_hash chain_id;
};

bool qnk_bench_load_init(struct qnk_bench *bench, struct qnk_bench_load *load, uint32_t accounts,
                         uint32_t senders);
void qnk_bench_load_done(struct qnk_bench_load *load);

/* The ledger's first state. One reference; NULL: no memory. */
struct qn_buf *qnk_bench_load_genesis(const struct qnk_bench_load *load,
                                      const struct qnk_bench_bed *bed);

/* Makes `count` TXS bodies of FRAME_TXS transfers, signed on all processors. In every eighth the
 * last one is bad, if `plants`. */
bool qnk_bench_load_make(struct qnk_bench *bench, struct qnk_bench_load *load, uint64_t valid_until,
                         bool plants, struct qn_buf **frames, uint32_t count);

/* Threads that compute at once. */
uint32_t qnk_bench_cores(void);
