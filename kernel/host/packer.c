/* SPDX-License-Identifier: MIT */

#include "kernel/host/packer.h"

#include <qnet/assert.h>
#include <qnet/compression.h>

/* Twice the largest body: a compressor's worst case is a little above what it is given. */
enum { PACKED_MAX = 2 * QNK_FRAME_PLAIN_MAX };

void qnk_packer_init(struct qnk_packer *packer, uint32_t lane, struct qnk_budget *budget)
{
    *packer = (struct qnk_packer){.lane = lane, .budget = budget};
    qnk_sink_init(&packer->plain, budget, QNK_FRAME_PLAIN_MAX);
    qnk_sink_init(&packer->packed, budget, PACKED_MAX);
}

static void last_forget(struct qnk_packer *packer)
{
    if (packer->has_last) {
        qnk_buf_unref(packer->last.head);
        qnk_buf_unref(packer->last.body.owner);
        packer->has_last = false;
    }
}

void qnk_packer_done(struct qnk_packer *packer)
{
    last_forget(packer);
    qnk_sink_done(&packer->plain);
    qnk_sink_done(&packer->packed);
}

void qnk_packer_use(struct qnk_packer *packer, uint32_t place,
                    const struct qnk_plugged *compression)
{
    QN_ASSERT(place <= packer->count && place < QNK_SESSION_COMPRESSORS_MAX);
    last_forget(packer);
    packer->compressors[place] = *compression;
    packer->count = place == packer->count ? place + 1 : packer->count;
    packer->active = place;
}

/* The references that are held make that a pointer cannot come to mean other bytes. */
static bool is_last(const struct qnk_packer *packer, const struct qnk_queued *frame)
{
    return packer->has_last && packer->last.head == frame->head &&
           packer->last.body.owner == frame->body.owner &&
           packer->last.body.data == frame->body.data && packer->last.body.size == frame->body.size;
}

/* The body in one piece. Empty: over the budget. */
static struct qn_span body_join(struct qnk_packer *packer, const struct qnk_queued *frame)
{
    if (frame->head == NULL) {
        return (struct qn_span){frame->body.data, frame->body.size};
    }
    if (frame->body.size == 0) {
        return qnk_buf_span(frame->head);
    }
    qnk_sink_cut(&packer->plain, 0);
    if (qnk_sink_append(&packer->plain, frame->head->data, frame->head->size) != QN_OK ||
        qnk_sink_append(&packer->plain, frame->body.data, frame->body.size) != QN_OK) {
        return (struct qn_span){NULL, 0};
    }
    return qnk_sink_span(&packer->plain);
}

static void last_make(struct qnk_packer *packer, const struct qnk_queued *frame)
{
    const struct qnk_plugged *compressor = &packer->compressors[packer->active];
    const struct qn_compression_1 *table = compressor->table;
    struct qn_span plain = body_join(packer, frame);

    last_forget(packer);
    qnk_sink_cut(&packer->packed, 0);
    packer->last = *frame;
    (void)qnk_buf_ref(frame->head);
    (void)qnk_buf_ref(frame->body.owner);
    packer->has_last = true;
    packer->is_smaller =
        plain.size > 0 &&
        table->pack(compressor->inst, packer->lane, plain, &packer->packed) == QN_OK &&
        packer->packed.size < plain.size;
}

bool qnk_packer_pack(struct qnk_packer *packer, uint8_t lane, const struct qnk_queued *frame,
                     struct qn_span *packed)
{
    bool is_bulk = lane == QNK_LANE_BLOCKS || lane == QNK_LANE_SYNC;

    if (packer->count == 0 || !is_bulk || qnk_queued_size(frame) < QNK_PACKER_WORTH) {
        return false;
    }
    if (!is_last(packer, frame)) {
        last_make(packer, frame);
    }
    *packed = qnk_sink_span(&packer->packed);
    return packer->is_smaller;
}

int32_t qnk_packer_unpack(struct qnk_packer *packer, uint32_t place, struct qn_span packed,
                          uint64_t plain_size, struct qn_buf **plain)
{
    const struct qnk_plugged *compressor = &packer->compressors[place];
    const struct qn_compression_1 *table = compressor->table;
    struct qn_sink sink;
    struct qn_buf *buf;
    int32_t status;

    QN_ASSERT(place < packer->count);
    if (plain_size > QNK_FRAME_PLAIN_MAX || plain_size <= packed.size || packed.size == 0) {
        return QN_INVALID;
    }
    buf = qnk_buf_new(packer->budget, plain_size);
    if (buf == NULL) {
        return QN_NO_SPACE;
    }
    /* The sink's memory is the buf's, of exactly the size that it may take: it never grows. */
    qnk_sink_init(&sink, packer->budget, plain_size);
    sink.data = buf->data;
    sink.capacity = plain_size;
    status = table->unpack(compressor->inst, packer->lane, packed, plain_size, &sink);
    if (status != QN_OK || sink.size != plain_size) {
        qnk_buf_unref(buf);
        return QN_INVALID;
    }
    *plain = buf;
    return QN_OK;
}
