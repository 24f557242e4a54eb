/* SPDX-License-Identifier: MIT */
#pragma once

/* queue.h: what will happen, soonest first; among equal times in the order in which it was pushed.
 *
 * With a fuzz seed the order among equal times is another permutation for each seed, so one plan
 * explores many schedules. It stays the same on every machine.
 *
 * A binary heap over inline keys. A calendar queue was not built: nobody has measured yet that the
 * heap costs a run of many nodes anything that counts.
 *
 * Unless a function's own comment says otherwise:
 *   units    microseconds of virtual time
 *   owns     items are the caller's, in the queue from push to pop
 *   threads  one
 *   cost     push and pop logarithmic; push takes memory as the queue grows
 *   errors   no memory: an assertion, as a world cannot go on
 *
 * Source: scale.md 1.3.
 */

#include <stdbool.h>

#include "kernel/base/memory.h"

/* What stands first in an item. */
struct qnk_queued {
    uint64_t at_us;
};

struct qnk_queue_slot {
    uint64_t at_us;
    uint64_t order; /* among equal times */
    struct qnk_queued *item;
};

struct qnk_queue {
    struct qnk_budget *budget;
    struct qnk_queue_slot *heap;
    uint32_t count, room;
    uint64_t pushed;
    uint64_t fuzz; /* 0: none */
};

void qnk_queue_init(struct qnk_queue *queue, struct qnk_budget *budget, uint64_t fuzz);

/* The queue is empty: its items were popped. */
void qnk_queue_done(struct qnk_queue *queue);

/* Its time is set. */
void qnk_queue_push(struct qnk_queue *queue, struct qnk_queued *item);

/* NULL: nothing will happen. */
struct qnk_queued *qnk_queue_first(const struct qnk_queue *queue);
struct qnk_queued *qnk_queue_pop(struct qnk_queue *queue);
