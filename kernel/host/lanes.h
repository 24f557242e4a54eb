/* SPDX-License-Identifier: MIT */
#pragma once

/* lanes.h: frames that wait for one peer, in four bounded queues of strict priority.
 *
 * A frame waits in plain, as references to what all peers share; it is packed and sealed when its
 * turn comes, so that an urgent one overtakes all that is not sent yet. Each lane bounds frames and
 * bytes: a peer that takes nothing loses transactions after two megabytes, and its votes last.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the lanes hold one reference to each buf
 *   threads  one at a time
 *   cost     constant; allocates at init only
 *
 * Source: chain.md "Peers".
 */

#include <stdbool.h>

#include "kernel/base/buf.h"
#include "kernel/base/memory.h"
#include "kernel/chain/wire.h"

struct qnk_queued {
    struct qn_buf *head;  /* NULL: none */
    struct qn_slice body; /* its owner is set unless it is empty */
    uint32_t request;
    uint8_t type;
};

static inline uint64_t qnk_queued_size(const struct qnk_queued *frame)
{
    return (frame->head == NULL ? 0 : frame->head->size) + frame->body.size;
}

struct qnk_lane_queue {
    struct qnk_queued *frames; /* a ring */
    uint32_t first;
    uint32_t count;
    uint64_t bytes;
    uint64_t dropped; /* frames that did not fit */
};

struct qnk_lanes {
    struct qnk_lane_queue queues[QNK_LANES];
    struct qnk_budget *budget;
};

/* QN_NO_SPACE: over the budget. */
QN_MUST_CHECK int32_t qnk_lanes_init(struct qnk_lanes *lanes, struct qnk_budget *budget);
void qnk_lanes_done(struct qnk_lanes *lanes);

/* Takes over the references in `frame` in any case. False: no room in that lane; it is counted. */
bool qnk_lanes_push(struct qnk_lanes *lanes, uint8_t lane, const struct qnk_queued *frame);

/* The most urgent frame and its lane. NULL: nothing waits. */
const struct qnk_queued *qnk_lanes_next(const struct qnk_lanes *lanes, uint8_t *lane);

/* Drops the first frame of that lane. */
void qnk_lanes_pop(struct qnk_lanes *lanes, uint8_t lane);

/* Whether it is at most half full. */
bool qnk_lanes_has_room(const struct qnk_lanes *lanes, uint8_t lane);
