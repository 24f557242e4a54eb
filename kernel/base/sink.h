/* SPDX-License-Identifier: MIT */
#pragma once

/* sink.h: the kernel's side of a sink, output that grows up to a cap.
 *
 * What is behind `struct qn_sink` for plugins. It asks a budget for memory as it grows, and keeps
 * it until done(), so that one sink serves many calls after resets.
 *
 * Unless a function's own comment says otherwise:
 *   units    bytes
 *   owns     the sink owns its memory; what it holds may be read until the next call that
 *            changes it
 *   threads  one at a time
 */

#include <qnet/types.h>

#include "kernel/base/memory.h"

/* The first three members are those of sdk/check/check.h too. */
struct qn_sink {
    uint8_t *data;
    uint64_t size;     /* committed: 0..capacity */
    uint64_t room;     /* handed out and not committed yet */
    uint64_t capacity; /* bytes behind `data` */
    uint64_t cap;      /* what size may never pass */
    struct qnk_budget *budget;
};

void qnk_sink_init(struct qn_sink *sink, struct qnk_budget *budget, uint64_t cap);
void qnk_sink_done(struct qn_sink *sink);

/* Forgets what was committed beyond `size`, and room that was handed out. */
void qnk_sink_cut(struct qn_sink *sink, uint64_t size);

/* The first of `size` free bytes at the end. NULL: over the cap or the budget. */
QN_MUST_CHECK uint8_t *qnk_sink_room(struct qn_sink *sink, uint64_t size);

/* Appends the first `size` bytes of the room. */
void qnk_sink_commit(struct qn_sink *sink, uint64_t size);

/* Room, copy and commit in one. QN_NO_SPACE: over the cap or the budget. */
QN_MUST_CHECK int32_t qnk_sink_append(struct qn_sink *sink, const void *bytes, uint64_t size);

static inline struct qn_span qnk_sink_span(const struct qn_sink *sink)
{
    return (struct qn_span){sink->data, sink->size};
}
