/* SPDX-License-Identifier: MIT */

#include "kernel/sim/queue.h"

#include <string.h>

#include <qnet/assert.h>

#include "kernel/sim/stream.h"

enum { ROOM_FIRST = 4096 };

void qnk_queue_init(struct qnk_queue *queue, struct qnk_budget *budget, uint64_t fuzz)
{
    *queue = (struct qnk_queue){.budget = budget, .fuzz = fuzz};
}

void qnk_queue_done(struct qnk_queue *queue)
{
    QN_ASSERT(queue->count == 0);
    qnk_memory_give(queue->budget, queue->heap, queue->room * sizeof *queue->heap);
    queue->heap = NULL;
    queue->room = 0;
}

static void grow(struct qnk_queue *queue)
{
    uint32_t room = queue->room == 0 ? ROOM_FIRST : queue->room * 2;
    struct qnk_queue_slot *heap = qnk_memory_take(queue->budget, room * sizeof *heap);

    QN_ASSERT(heap != NULL);
    if (queue->count > 0) {
        memcpy(heap, queue->heap, queue->count * sizeof *heap);
    }
    qnk_memory_give(queue->budget, queue->heap, queue->room * sizeof *heap);
    queue->heap = heap;
    queue->room = room;
}

static bool is_sooner(const struct qnk_queue_slot *a, const struct qnk_queue_slot *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void qnk_queue_push(struct qnk_queue *queue, struct qnk_queued *item)
{
    struct qnk_queue_slot slot = {.at_us = item->at_us, .order = ++queue->pushed, .item = item};
    uint32_t at = queue->count;

    if (queue->fuzz != 0) {
        slot.order = qnk_mix(slot.order ^ queue->fuzz); /* one to one, so no two are equal */
    }
    if (at == queue->room) {
        grow(queue);
    }
    queue->count++;
    while (at > 0 && is_sooner(&slot, &queue->heap[(at - 1) / 2])) {
        queue->heap[at] = queue->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    queue->heap[at] = slot;
}

struct qnk_queued *qnk_queue_first(const struct qnk_queue *queue)
{
    return queue->count == 0 ? NULL : queue->heap[0].item;
}

/* Lets the last slot sink from the top to its place. */
static void sink_down(struct qnk_queue *queue, struct qnk_queue_slot last)
{
    struct qnk_queue_slot *heap = queue->heap;
    uint32_t at = 0;

    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child + 1 < queue->count && is_sooner(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (child >= queue->count || !is_sooner(&heap[child], &last)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
}

struct qnk_queued *qnk_queue_pop(struct qnk_queue *queue)
{
    struct qnk_queued *first = qnk_queue_first(queue);

    if (first != NULL) {
        struct qnk_queue_slot last = queue->heap[--queue->count];

        if (queue->count > 0) {
            sink_down(queue, last);
        }
    }
    return first;
}
