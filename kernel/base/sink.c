/* SPDX-License-Identifier: MIT */

#include "kernel/base/sink.h"

#include <stdbool.h>
#include <string.h>

#include <qnet/assert.h>

enum { FIRST_CAPACITY = 256 };

void qnk_sink_init(struct qn_sink *sink, struct qnk_budget *budget, uint64_t cap)
{
    *sink = (struct qn_sink){.cap = cap, .budget = budget};
}

void qnk_sink_done(struct qn_sink *sink)
{
    qnk_memory_give(sink->budget, sink->data, sink->capacity);
    *sink = (struct qn_sink){.cap = sink->cap, .budget = sink->budget};
}

void qnk_sink_cut(struct qn_sink *sink, uint64_t size)
{
    QN_ASSERT(size <= sink->size);
    sink->size = size;
    sink->room = 0;
}

static bool move_to(struct qn_sink *sink, uint64_t capacity)
{
    uint8_t *data = qnk_memory_take(sink->budget, capacity);

    if (data == NULL) {
        return false;
    }
    if (sink->size > 0) {
        memcpy(data, sink->data, sink->size);
    }
    qnk_memory_give(sink->budget, sink->data, sink->capacity);
    sink->data = data;
    sink->capacity = capacity;
    return true;
}

/* Doubles, so that appending stays linear; takes no more than is needed where doubling would pass
 * the budget. */
static bool grow(struct qn_sink *sink, uint64_t wanted)
{
    uint64_t twice = sink->capacity < FIRST_CAPACITY ? FIRST_CAPACITY : 2 * sink->capacity;

    if (twice > sink->cap) {
        twice = sink->cap;
    }
    if (twice > wanted && move_to(sink, twice)) {
        return true;
    }
    return move_to(sink, wanted);
}

uint8_t *qnk_sink_room(struct qn_sink *sink, uint64_t size)
{
    QN_ASSERT(sink->size <= sink->capacity);
    if (size > sink->cap - sink->size) {
        return NULL;
    }

    /* Also for no bytes at all: NULL would say that there is no room. */
    bool fits = sink->data != NULL && size <= sink->capacity - sink->size;

    if (!fits && !grow(sink, sink->size + size)) {
        return NULL;
    }
    sink->room = size;
    return sink->data + sink->size;
}

void qnk_sink_commit(struct qn_sink *sink, uint64_t size)
{
    QN_ASSERT(size <= sink->room);
    sink->size += size;
    sink->room -= size;
    QN_ASSERT(sink->size <= sink->cap);
}

int32_t qnk_sink_append(struct qn_sink *sink, const void *bytes, uint64_t size)
{
    uint8_t *room = qnk_sink_room(sink, size);

    if (room == NULL) {
        return QN_NO_SPACE;
    }
    if (size > 0) {
        memcpy(room, bytes, size);
    }
    qnk_sink_commit(sink, size);
    return QN_OK;
}
