/* SPDX-License-Identifier: MIT */
#pragma once

/* pool.h: the threads beside the loop, and the queues that they serve.
 *
 * The loop hands over a task, some thread runs it, and the loop hears of it again, once. Workers
 * take what is most urgent first; express takes nothing else, so that votes never wait behind a
 * batch of signatures; ledger tasks run one at a time and in order; each of the disk's three queues
 * has a thread of its own, so that no worker waits for a flush, and a peer that reads old blocks
 * delays no write.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a task is its maker's, and must stay where it is until `done` was called
 *   threads  the loop's
 *   cost     a lock and a wake; allocates nothing
 *   limits   none of its own: the core bounds its jobs and writes, the host what others ask for
 *
 * Source: performance.md section 4.
 */

#include <stdbool.h>

#include <qnet/types.h>

#include "kernel/base/memory.h"

enum {
    QNK_POOL_WORKERS_MAX = 256,
    QNK_POOL_THREADS_MAX = QNK_POOL_WORKERS_MAX + 4, /* express, log, maps, reads */
};

enum qnk_queue {
    QNK_QUEUE_URGENT, /* express, or a worker that is free */
    QNK_QUEUE_LEDGER, /* workers, one task at a time, in order */
    QNK_QUEUE_WORK,   /* workers */
    QNK_QUEUE_LOG,    /* appends, in order */
    QNK_QUEUE_MAPS,   /* batches, in order */
    QNK_QUEUE_READS,  /* what peers and people ask of the disk and of the ledger */
    QNK_QUEUES,
};

struct qnk_task {
    struct qnk_task *next;
    uint32_t queue;                                    /* enum qnk_queue; the pool's */
    void (*run)(struct qnk_task *task, uint32_t lane); /* on a thread; its number is the lane */
    void (*done)(struct qnk_task *task);               /* on the loop */
};

struct qnk_pool;
struct uv_loop_s;

/* Lanes: a worker's is its number, 0 to workers - 1; then express, log, maps, reads. */
static inline uint32_t qnk_pool_lanes(uint32_t workers)
{
    return workers + 4;
}

/* QN_NO_SPACE: over the budget, or the system gives no more threads. */
QN_MUST_CHECK int32_t qnk_pool_create(struct qnk_budget *budget, struct uv_loop_s *loop,
                                      uint32_t workers, struct qnk_pool **pool);

void qnk_pool_give(struct qnk_pool *pool, uint32_t queue, struct qnk_task *task);

/* Tasks that were given and whose `done` was not called yet. */
uint32_t qnk_pool_count(const struct qnk_pool *pool);

/* Waits until every queue is empty and every thread has ended; then calls what `done` is left, on
 * the calling thread. Nothing may be given any more but from within such a `done`: that runs at
 * once, on the calling thread. */
void qnk_pool_stop(struct qnk_pool *pool);

/* After stop(). `closed` is called once the loop has let go of it. */
void qnk_pool_destroy(struct qnk_pool *pool, void (*closed)(void *ctx), void *ctx);
