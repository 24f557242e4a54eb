/* SPDX-License-Identifier: MIT */
#pragma once

/* mempool.h: verified transactions that wait for a block.
 *
 * Each sender has a run of transactions in nonce order, none QNK_MEMPOOL_RUN or more above its next
 * one but for what comes back; a block takes, again and again, the best first one of all runs.
 * Bounds are on transactions, bytes and senders: at a bound the one that is worth least leaves,
 * with those of its sender that come after it (at that on senders, with all of its sender), and a
 * newcomer that is worth no more is told that the pool is full. Worth is the least priority of a
 * run up to here, and nothing behind a hole or while the run is held: what cannot be executed next
 * must not push out what can.
 *
 * The pool does not ask the ledger. What it knows of a sender's next nonce comes with each verdict
 * and from blocks that were applied and undone; a run whose first nonce lies above it waits.
 *
 * Unless a function's own comment says otherwise:
 *   owns     bytes of transactions are copied in
 *   threads  the core's
 *   cost     constant or logarithmic in the pool; allocates when bytes of a new size class are
 *            needed, never beyond the budget
 *
 * Source: chain.md "Mempool".
 */

#include <stdbool.h>

#include "kernel/chain/tx.h"
#include "kernel/node/job.h"

enum {
    QNK_MEMPOOL_RUN = 64,             /* nonces of one sender from its next one on */
    QNK_MEMPOOL_RUN_BACK = 4096,      /* transactions of one sender, with those that come back */
    QNK_MEMPOOL_RAISE_PERMILLE = 100, /* the same nonce again needs a fee so much higher */
};

struct qnk_mempool;

struct qnk_mempool_limits {
    uint32_t txs;
    uint32_t senders;
    uint64_t bytes; /* of the memory that transactions lie in */
};

struct qnk_mempool_stats {
    uint32_t txs;
    uint32_t senders;
    uint32_t ready; /* of them: what can be executed as far as we know */
    uint64_t bytes; /* of transactions */
    uint64_t evicted, expired, replaced;
    uint64_t oldest_us; /* arrival of the oldest, 0 when empty */
};

/* NULL: over the budget. */
QN_MUST_CHECK struct qnk_mempool *qnk_mempool_create(struct qnk_budget *budget,
                                                     const struct qnk_mempool_limits *limits,
                                                     uint64_t seed);
void qnk_mempool_destroy(struct qnk_mempool *pool);

struct qnk_mempool_stats qnk_mempool_stats(const struct qnk_mempool *pool);

/* Takes `tx` in, whose verdict is OK or EARLY. Gives QNK_TX_OK, or why not: KNOWN, FULL,
 * UNDERPRICED, STALE, EARLY (too far above the next nonce). */
uint32_t qnk_mempool_add(struct qnk_mempool *pool, const struct qnk_tx *tx,
                         const struct qnk_hash *id, const struct qnk_tx_verdict *verdict,
                         uint64_t now_us);

/* The same with one that was accepted before, and that a block held which is undone now, or that
 * was here before a restart. Its verdict may also be POOR, and it may lie far above the next nonce:
 * it waits until the ledger, asked again, says otherwise. */
uint32_t qnk_mempool_take_back(struct qnk_mempool *pool, const struct qnk_tx *tx,
                               const struct qnk_hash *id, const struct qnk_tx_verdict *verdict,
                               uint64_t now_us);

/* The bytes of a transaction, until the next call that changes the pool. Empty: not here. */
struct qn_span qnk_mempool_find(const struct qnk_mempool *pool, const struct qnk_hash *id);

/* A block with this transaction was applied: what can no longer be executed leaves. */
void qnk_mempool_included(struct qnk_mempool *pool, const uint8_t *from, uint64_t nonce);

/* ... was undone. */
void qnk_mempool_undone(struct qnk_mempool *pool, const uint8_t *from, uint64_t nonce);

/* A block could not execute it after all: code as the ledger said. Only what is stale or wrong
 * leaves; the rest is only held back until the ledger was asked again. */
void qnk_mempool_refused(struct qnk_mempool *pool, const struct qnk_hash *id, uint32_t code);

/* The ledger was asked again about one that is here. */
void qnk_mempool_refresh(struct qnk_mempool *pool, const struct qnk_hash *id,
                         const struct qnk_tx_verdict *verdict);

/* All transactions one after another, runs in order. NULL: over the budget. */
QN_MUST_CHECK struct qn_buf *qnk_mempool_rows(const struct qnk_mempool *pool);

/* Writes ids of at most `ids_max` transactions, runs in order; gives how many. */
uint32_t qnk_mempool_ids(const struct qnk_mempool *pool, uint32_t ids_max, uint8_t *to);

/* Drops what may not be included at `height` any more. Linear. */
void qnk_mempool_expire(struct qnk_mempool *pool, uint64_t height);

/* Copies transactions for a block into `job`: refs, one buf behind them. At most `txs_max` and
 * `bytes_max`. False: over the budget. */
QN_MUST_CHECK bool qnk_mempool_pick(struct qnk_mempool *pool, uint32_t txs_max, uint32_t bytes_max,
                                    struct qnk_job *job);

/* As pick, but the first transaction of runs that wait: those whose nonce was too high. Goes round
 * the senders from call to call. */
QN_MUST_CHECK bool qnk_mempool_pick_waiting(struct qnk_mempool *pool, uint32_t txs_max,
                                            struct qnk_job *job);
