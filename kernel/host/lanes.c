/* SPDX-License-Identifier: MIT */

#include "kernel/host/lanes.h"

#include <qnet/assert.h>

/* Two of the largest bodies in parts, with headers: beyond them a peer asks for what it lacks. */
static const struct {
    uint32_t frames;
    uint64_t bytes;
} limits[QNK_LANES] = {
    [QNK_LANE_CONSENSUS] = {1024, 4194304},
    [QNK_LANE_BLOCKS] = {512, 37748736},
    [QNK_LANE_TXS] = {512, 2097152},
    [QNK_LANE_SYNC] = {256, 16777216},
};

int32_t qnk_lanes_init(struct qnk_lanes *lanes, struct qnk_budget *budget)
{
    *lanes = (struct qnk_lanes){.budget = budget};
    for (uint32_t i = 0; i < QNK_LANES; i++) {
        struct qnk_lane_queue *queue = &lanes->queues[i];

        queue->frames = qnk_memory_take(budget, limits[i].frames * sizeof *queue->frames);
        if (queue->frames == NULL) {
            qnk_lanes_done(lanes);
            return QN_NO_SPACE;
        }
    }
    return QN_OK;
}

void qnk_lanes_done(struct qnk_lanes *lanes)
{
    for (uint8_t i = 0; i < QNK_LANES; i++) {
        struct qnk_lane_queue *queue = &lanes->queues[i];

        while (queue->count > 0) {
            qnk_lanes_pop(lanes, i);
        }
        qnk_memory_give(lanes->budget, queue->frames, limits[i].frames * sizeof *queue->frames);
        queue->frames = NULL;
    }
}

static void queued_unref(const struct qnk_queued *frame)
{
    qnk_buf_unref(frame->head);
    qnk_buf_unref(frame->body.owner);
}

bool qnk_lanes_push(struct qnk_lanes *lanes, uint8_t lane, const struct qnk_queued *frame)
{
    struct qnk_lane_queue *queue = &lanes->queues[lane];
    uint64_t size = qnk_queued_size(frame);

    QN_ASSERT(lane < QNK_LANES && size <= QNK_FRAME_PLAIN_MAX);
    if (queue->count == limits[lane].frames || queue->bytes + size > limits[lane].bytes) {
        queue->dropped++;
        queued_unref(frame);
        return false;
    }
    queue->frames[(queue->first + queue->count) % limits[lane].frames] = *frame;
    queue->count++;
    queue->bytes += size;
    return true;
}

const struct qnk_queued *qnk_lanes_next(const struct qnk_lanes *lanes, uint8_t *lane)
{
    for (uint8_t i = 0; i < QNK_LANES; i++) {
        const struct qnk_lane_queue *queue = &lanes->queues[i];

        if (queue->count > 0) {
            *lane = i;
            return &queue->frames[queue->first];
        }
    }
    return NULL;
}

void qnk_lanes_pop(struct qnk_lanes *lanes, uint8_t lane)
{
    struct qnk_lane_queue *queue = &lanes->queues[lane];
    struct qnk_queued *frame = &queue->frames[queue->first];

    QN_ASSERT(queue->count > 0);
    queue->bytes -= qnk_queued_size(frame);
    queued_unref(frame);
    queue->first = (queue->first + 1) % limits[lane].frames;
    queue->count--;
}

bool qnk_lanes_has_room(const struct qnk_lanes *lanes, uint8_t lane)
{
    const struct qnk_lane_queue *queue = &lanes->queues[lane];

    return queue->count <= limits[lane].frames / 2 && queue->bytes <= limits[lane].bytes / 2;
}
