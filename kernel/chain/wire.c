/* SPDX-License-Identifier: MIT */

#include "kernel/chain/wire.h"

#include <qnet/record.h>

#include "kernel/base/bytes.h"

enum {
    HELD_HEAD_SIZE = 24,
    HELD_ROWS = 12, /* steps 0 to 5 of two rounds */
    HELD_CERTIFICATES = 3,
};

/* --- frames --- */

int32_t qnk_frame_decode(struct qn_span from, struct qnk_frame *frame)
{
    struct qnk_reader in = qnk_reader_init(from);
    struct qnk_frame read;

    read.lane = qnk_reader_u8(&in);
    read.type = qnk_reader_u8(&in);
    read.packing = qnk_reader_u16(&in);
    read.request = qnk_reader_u32(&in);
    read.plain_size = qnk_reader_u32(&in);
    read.body = qnk_reader_span(&in, in.left);
    if (in.failed || read.lane >= QNK_LANES || read.plain_size > QNK_FRAME_PLAIN_MAX ||
        read.body.size > QNK_FRAME_PLAIN_MAX ||
        (read.packing == 0 && read.body.size != read.plain_size)) {
        return QN_INVALID;
    }
    *frame = read;
    return QN_OK;
}

void qnk_frame_encode(const struct qnk_frame *frame, uint8_t head[QNK_FRAME_HEAD_SIZE])
{
    struct qnk_writer out = qnk_writer_init(head, QNK_FRAME_HEAD_SIZE);

    QN_ASSERT(frame->lane < QNK_LANES && frame->plain_size <= QNK_FRAME_PLAIN_MAX);
    qnk_writer_u8(&out, frame->lane);
    qnk_writer_u8(&out, frame->type);
    qnk_writer_u16(&out, frame->packing);
    qnk_writer_u32(&out, frame->request);
    qnk_writer_u32(&out, frame->plain_size);
    QN_ASSERT(out.room == 0);
}

/* --- status --- */

int32_t qnk_status_decode(struct qn_span body, struct qnk_status *status)
{
    struct qnk_reader in = qnk_reader_init(body);
    struct qnk_status read;

    read.node_type = qnk_reader_u8(&in);
    read.serves = qnk_reader_u8(&in);
    read.reserved = qnk_reader_u16(&in);
    read.head_height = qnk_reader_u64(&in);
    read.final_window = qnk_reader_u64(&in);
    qnk_reader_copy(&in, read.head.bytes, QN_HASH_SIZE);
    qnk_reader_copy(&in, read.final.bytes, QN_HASH_SIZE);
    if (!qnk_reader_done(&in) || read.node_type < 1 || read.node_type > 3 || read.serves > 1 ||
        read.reserved != 0) {
        return QN_INVALID;
    }
    *status = read;
    return QN_OK;
}

void qnk_status_encode(const struct qnk_status *status, uint8_t to[QNK_STATUS_SIZE])
{
    struct qnk_writer out = qnk_writer_init(to, QNK_STATUS_SIZE);

    qnk_writer_u8(&out, status->node_type);
    qnk_writer_u8(&out, status->serves);
    qnk_writer_u16(&out, 0);
    qnk_writer_u64(&out, status->head_height);
    qnk_writer_u64(&out, status->final_window);
    qnk_writer_bytes(&out, status->head.bytes, QN_HASH_SIZE);
    qnk_writer_bytes(&out, status->final.bytes, QN_HASH_SIZE);
    QN_ASSERT(out.room == 0);
}

/* --- lists --- */

/* A count of at most `count_max`, and items that fill the rest, `size` bytes each. */
static int32_t rows_decode(struct qn_span body, uint32_t count_max, uint32_t size, uint32_t *count,
                           const uint8_t **rows)
{
    struct qnk_reader in = qnk_reader_init(body);
    uint32_t claimed = qnk_reader_u32(&in);

    if (in.failed || claimed > count_max || in.left != (uint64_t)claimed * size) {
        return QN_INVALID;
    }
    *count = claimed;
    *rows = in.at;
    return QN_OK;
}

int32_t qnk_ids_decode(struct qn_span body, struct qnk_ids *ids)
{
    return rows_decode(body, QNK_WIRE_IDS_MAX, QN_HASH_SIZE, &ids->count, &ids->ids);
}

int32_t qnk_headers_decode(struct qn_span body, struct qnk_headers *headers)
{
    return rows_decode(body, QNK_WIRE_HEADERS_MAX, QNK_MICRO_SIZE, &headers->count,
                       &headers->headers);
}

int32_t qnk_items_decode(struct qn_span body, uint32_t count_max, struct qnk_items *items)
{
    struct qnk_reader in = qnk_reader_init(body);
    uint32_t claimed = qnk_reader_u32(&in);

    if (in.failed || claimed > count_max || (claimed == 0) != (in.left == 0)) {
        return QN_INVALID;
    }
    *items = (struct qnk_items){.count = claimed, .items = {in.at, in.left}};
    return QN_OK;
}

/* --- held --- */

static uint64_t row_size(uint32_t members)
{
    return ((uint64_t)members + 7) / 8;
}

uint64_t qnk_held_size(uint32_t members)
{
    return HELD_HEAD_SIZE + HELD_ROWS * row_size(members);
}

/* Spare bits are 0, and so is what is said of a round before the first. */
static bool held_is_clean(const struct qnk_held *held)
{
    uint64_t row = row_size(held->members);

    for (uint32_t i = 0; i < HELD_ROWS; i++) {
        const uint8_t *bitmap = held->bitmaps + i * row;

        if (held->members % 8 != 0 && bitmap[row - 1] >> held->members % 8 != 0) {
            return false;
        }
        for (uint64_t j = 0; held->round == 0 && i >= HELD_ROWS / 2 && j < row; j++) {
            if (bitmap[j] != 0) {
                return false;
            }
        }
    }
    return held->certificates <= (held->round == 0 ? 1 : HELD_CERTIFICATES);
}

int32_t qnk_held_decode(struct qn_span body, struct qnk_held *held)
{
    struct qnk_reader in = qnk_reader_init(body);
    struct qnk_held read;

    read.window = qnk_reader_u64(&in);
    read.era = qnk_reader_u32(&in);
    read.round = qnk_reader_u32(&in);
    read.members = qnk_reader_u32(&in);
    read.certificates = qnk_reader_u8(&in);

    uint32_t reserved = qnk_reader_u8(&in);

    reserved |= qnk_reader_u16(&in);
    if (in.failed || reserved != 0 || read.members == 0 || read.members > QNK_SET_MEMBERS_MAX) {
        return QN_INVALID;
    }
    read.bitmaps = qnk_reader_bytes(&in, HELD_ROWS * row_size(read.members));
    if (!qnk_reader_done(&in) || !held_is_clean(&read)) {
        return QN_INVALID;
    }
    *held = read;
    return QN_OK;
}

void qnk_held_encode(const struct qnk_held *held, uint8_t *to)
{
    struct qnk_writer out = qnk_writer_init(to, qnk_held_size(held->members));

    qnk_writer_u64(&out, held->window);
    qnk_writer_u32(&out, held->era);
    qnk_writer_u32(&out, held->round);
    qnk_writer_u32(&out, held->members);
    qnk_writer_u8(&out, held->certificates);
    qnk_writer_zeros(&out, 3);
    qnk_writer_bytes(&out, held->bitmaps, HELD_ROWS * row_size(held->members));
    QN_ASSERT(out.room == 0);
}

/* --- certificates and macroblocks --- */

int32_t qnk_certified_decode(struct qn_span body, struct qnk_certified *certified)
{
    struct qnk_reader in = qnk_reader_init(body);
    uint32_t header_size = qnk_reader_u32(&in);
    struct qnk_certified read = {.header = qnk_reader_span(&in, header_size)};

    read.certificate = qnk_reader_span(&in, in.left);
    if (in.failed || (header_size != 0 && header_size != QNK_MACRO_SIZE) ||
        read.certificate.size == 0) {
        return QN_INVALID;
    }
    *certified = read;
    return QN_OK;
}

uint64_t qnk_certified_size(const struct qnk_certified *certified)
{
    return 4 + certified->header.size + certified->certificate.size;
}

void qnk_certified_encode(const struct qnk_certified *certified, uint8_t *to)
{
    struct qnk_writer out = qnk_writer_init(to, qnk_certified_size(certified));

    QN_ASSERT(certified->header.size == 0 || certified->header.size == QNK_MACRO_SIZE);
    qnk_writer_u32(&out, (uint32_t)certified->header.size);
    qnk_writer_bytes(&out, certified->header.data, certified->header.size);
    qnk_writer_bytes(&out, certified->certificate.data, certified->certificate.size);
    QN_ASSERT(out.room == 0);
}

int32_t qnk_macros_next(struct qn_span *rest, struct qnk_certified *certified)
{
    struct qnk_reader in = qnk_reader_init(*rest);
    struct qn_span item = qnk_reader_span(&in, qnk_reader_u32(&in));
    struct qnk_certified read;

    if (in.failed || qnk_certified_decode(item, &read) != QN_OK || read.header.size == 0) {
        return QN_INVALID;
    }
    *certified = read;
    *rest = (struct qn_span){in.at, in.left};
    return QN_OK;
}

/* --- bodies --- */

/* Bytes that part `index` of `count` must have. */
static bool part_is_whole(const struct qnk_body_part *part)
{
    uint64_t count = ((uint64_t)part->body_size + QNK_WIRE_PART_SIZE - 1) / QNK_WIRE_PART_SIZE;
    uint64_t start = (uint64_t)part->index * QNK_WIRE_PART_SIZE;

    if (part->count != count || part->index >= part->count) {
        return false;
    }
    return part->bytes.size ==
           (part->index + 1 < part->count ? QNK_WIRE_PART_SIZE : part->body_size - start);
}

int32_t qnk_body_part_decode(struct qn_span body, struct qnk_body_part *part)
{
    struct qnk_reader in = qnk_reader_init(body);
    struct qnk_body_part read;

    qnk_reader_copy(&in, read.id.bytes, QN_HASH_SIZE);
    read.index = qnk_reader_u32(&in);
    read.count = qnk_reader_u32(&in);
    read.body_size = qnk_reader_u32(&in);
    read.bytes = qnk_reader_span(&in, in.left);
    if (in.failed || !part_is_whole(&read)) {
        return QN_INVALID;
    }
    *part = read;
    return QN_OK;
}

void qnk_body_part_head(const struct qnk_body_part *part, uint8_t to[QNK_BODY_PART_HEAD_SIZE])
{
    struct qnk_writer out = qnk_writer_init(to, QNK_BODY_PART_HEAD_SIZE);

    QN_ASSERT(part_is_whole(part));
    qnk_writer_bytes(&out, part->id.bytes, QN_HASH_SIZE);
    qnk_writer_u32(&out, part->index);
    qnk_writer_u32(&out, part->count);
    qnk_writer_u32(&out, part->body_size);
    QN_ASSERT(out.room == 0);
}

/* --- requests --- */

int32_t qnk_fetch_chain_decode(struct qn_span body, struct qnk_fetch_chain *fetch)
{
    struct qnk_reader in = qnk_reader_init(body);
    struct qnk_fetch_chain read;

    read.above = qnk_reader_u64(&in);
    qnk_reader_copy(&in, read.id.bytes, QN_HASH_SIZE);
    if (!qnk_reader_done(&in)) {
        return QN_INVALID;
    }
    *fetch = read;
    return QN_OK;
}

void qnk_fetch_chain_encode(const struct qnk_fetch_chain *fetch, uint8_t to[QNK_FETCH_CHAIN_SIZE])
{
    struct qnk_writer out = qnk_writer_init(to, QNK_FETCH_CHAIN_SIZE);

    qnk_writer_u64(&out, fetch->above);
    qnk_writer_bytes(&out, fetch->id.bytes, QN_HASH_SIZE);
    QN_ASSERT(out.room == 0);
}

/* Whoever counts from `first` on stays within 64 bits. */
int32_t qnk_fetch_decode(struct qn_span body, struct qnk_fetch *fetch)
{
    struct qnk_reader in = qnk_reader_init(body);
    struct qnk_fetch read;

    read.first = qnk_reader_u64(&in);
    read.count = qnk_reader_u32(&in);
    read.what = qnk_reader_u32(&in);
    if (!qnk_reader_done(&in) || read.count == 0 || read.what > 1 ||
        read.first > UINT64_MAX - read.count) {
        return QN_INVALID;
    }
    *fetch = read;
    return QN_OK;
}

void qnk_fetch_encode(const struct qnk_fetch *fetch, uint8_t to[QNK_FETCH_SIZE])
{
    struct qnk_writer out = qnk_writer_init(to, QNK_FETCH_SIZE);

    qnk_writer_u64(&out, fetch->first);
    qnk_writer_u32(&out, fetch->count);
    qnk_writer_u32(&out, fetch->what);
    QN_ASSERT(out.room == 0);
}

/* --- refusals --- */

int32_t qnk_refusal_decode(struct qn_span body, struct qnk_refusal *refusal)
{
    struct qn_reader in = qn_reader_over(body);
    struct qnk_refusal read;

    read.code = qn_reader_u32(&in);
    read.text = qn_reader_text(&in, QNK_WIRE_TEXT_MAX);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *refusal = read;
    return QN_OK;
}

uint64_t qnk_refusal_size(const struct qnk_refusal *refusal)
{
    return 4 + 4 + refusal->text.size;
}

void qnk_refusal_encode(const struct qnk_refusal *refusal, uint8_t *to)
{
    uint8_t *at = qn_writer_u32(to, refusal->code);

    at = qn_writer_text(at, refusal->text, QNK_WIRE_TEXT_MAX);
    QN_ASSERT((uint64_t)(at - to) == qnk_refusal_size(refusal));
}
