/* SPDX-License-Identifier: MIT */

/* wire.c: what a peer says: one byte for the type, then the body; and all of it as a frame. */

#include "kernel/chain/wire.h"
#include "kernel/chain/set.h"
#include "kernel/chain/tx.h"
#include "tests/fuzz/fuzz.h"

static uint8_t again[1 << 20];

static void frame_run(struct qn_span span)
{
    struct qnk_frame frame;

    if (qnk_frame_decode(span, &frame) == QN_OK) {
        qnk_frame_encode(&frame, again);
        QN_ASSERT(memcmp(again, span.data, QNK_FRAME_HEAD_SIZE) == 0);
        QN_ASSERT(frame.body.size + QNK_FRAME_HEAD_SIZE == span.size);
    }
}

static void status_run(struct qn_span body)
{
    struct qnk_status status;

    if (qnk_status_decode(body, &status) == QN_OK) {
        qnk_status_encode(&status, again);
        QN_ASSERT(fuzz_is_same(body, again, QNK_STATUS_SIZE));
    }
}

static void held_run(struct qn_span body)
{
    struct qnk_held held;

    if (qnk_held_decode(body, &held) == QN_OK) {
        QN_ASSERT(qnk_held_size(held.members) == body.size);
        qnk_held_encode(&held, again);
        QN_ASSERT(fuzz_is_same(body, again, body.size));
    }
}

static void certified_run(struct qn_span body)
{
    struct qnk_certified certified;
    struct qnk_certificate cert;

    if (qnk_certified_decode(body, &certified) == QN_OK) {
        QN_ASSERT(qnk_certified_size(&certified) == body.size);
        qnk_certified_encode(&certified, again);
        QN_ASSERT(fuzz_is_same(body, again, body.size));
        (void)!qnk_certificate_decode(certified.certificate, &cert);
    }
}

static void macros_run(struct qn_span body)
{
    struct qnk_items items;
    struct qnk_certified certified;

    if (qnk_items_decode(body, QNK_WIRE_MACROS_MAX, &items) == QN_OK) {
        while (qnk_macros_next(&items.items, &certified) == QN_OK) {
            QN_ASSERT(certified.header.size == QNK_MACRO_SIZE);
        }
    }
}

static void part_run(struct qn_span body)
{
    struct qnk_body_part part;

    if (qnk_body_part_decode(body, &part) == QN_OK) {
        qnk_body_part_head(&part, again);
        QN_ASSERT(memcmp(body.data, again, QNK_BODY_PART_HEAD_SIZE) == 0);
        QN_ASSERT((uint64_t)part.index * QNK_WIRE_PART_SIZE + part.bytes.size <= part.body_size);
    }
}

static void fetch_run(struct qn_span body)
{
    struct qnk_fetch_chain chain;
    struct qnk_fetch fetch;

    if (qnk_fetch_chain_decode(body, &chain) == QN_OK) {
        qnk_fetch_chain_encode(&chain, again);
        QN_ASSERT(fuzz_is_same(body, again, QNK_FETCH_CHAIN_SIZE));
    }
    if (qnk_fetch_decode(body, &fetch) == QN_OK) {
        qnk_fetch_encode(&fetch, again);
        QN_ASSERT(fuzz_is_same(body, again, QNK_FETCH_SIZE));
        QN_ASSERT(fetch.first + fetch.count > fetch.first);
    }
}

static void refusal_run(struct qn_span body)
{
    struct qnk_refusal refusal;

    if (qnk_refusal_decode(body, &refusal) == QN_OK) {
        QN_ASSERT(refusal.text.size <= QNK_WIRE_TEXT_MAX && qn_text_is_valid(refusal.text));
        QN_ASSERT(qnk_refusal_size(&refusal) == body.size);
        qnk_refusal_encode(&refusal, again);
        QN_ASSERT(fuzz_is_same(body, again, body.size));
    }
}

static void lists_run(struct qn_span body)
{
    struct qnk_ids ids;
    struct qnk_headers headers;
    struct qnk_items items;

    if (qnk_ids_decode(body, &ids) == QN_OK) {
        QN_ASSERT(ids.ids + (size_t)ids.count * QN_HASH_SIZE == body.data + body.size);
    }
    if (qnk_headers_decode(body, &headers) == QN_OK) {
        QN_ASSERT(headers.headers + (size_t)headers.count * QNK_MICRO_SIZE ==
                  body.data + body.size);
    }
    if (qnk_items_decode(body, QNK_WIRE_VOTES_MAX, &items) == QN_OK) {
        QN_ASSERT(items.items.data + items.items.size == body.data + body.size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qn_span body = {data + 1, size - 1};

    if (size == 0 || size > sizeof again) {
        return 0;
    }
    frame_run((struct qn_span){data, size});
    switch (data[0]) {
    case QNK_WIRE_STATUS:
        status_run(body);
        break;
    case QNK_WIRE_HELD:
        held_run(body);
        break;
    case QNK_WIRE_CERTIFICATE:
        certified_run(body);
        break;
    case QNK_WIRE_BODY_PART:
        part_run(body);
        break;
    case QNK_WIRE_MACROS:
        macros_run(body);
        break;
    case QNK_WIRE_FETCH_CHAIN:
    case QNK_WIRE_FETCH_RANGE:
        fetch_run(body);
        break;
    case QNK_WIRE_REFUSAL:
        refusal_run(body);
        break;
    default:
        lists_run(body);
    }
    return 0;
}

static void bodies_of_certificates(fuzz_take *take)
{
    uint8_t bytes[1024] = {QNK_WIRE_CERTIFICATE}, cert[512];
    struct qnk_vote vote = {.step = QNK_STEP_FINAL, .window = 1, .vr = -1, .digest = {{1}}};
    const struct qnk_vote *votes[1] = {&vote};
    struct qnk_macro macro = {.version = QNK_MACRO_VERSION, .blocks_count = 10, .window = 1};
    uint8_t header[QNK_MACRO_SIZE];
    struct qnk_certified certified = {.header = {header, sizeof header}};

    macro.height = 10;
    qnk_macro_encode(&macro, header);
    qnk_certificate_encode(votes, 1, 1, cert);
    certified.certificate.data = cert;
    certified.certificate.size = qnk_certificate_size(QNK_CERTIFICATE_PLAIN, 1, 1);
    qnk_certified_encode(&certified, bytes + 1);
    take(bytes, 1 + qnk_certified_size(&certified));
    bytes[0] = QNK_WIRE_MACROS;
    qn_le32_write(bytes + 1, 1);
    qn_le32_write(bytes + 5, (uint32_t)qnk_certified_size(&certified));
    qnk_certified_encode(&certified, bytes + 9);
    take(bytes, 9 + qnk_certified_size(&certified));
}

void fuzz_seeds(fuzz_take *take)
{
    static const uint8_t rows[12 * 2];
    uint8_t bytes[512] = {QNK_WIRE_STATUS};
    struct qnk_status status = {.node_type = 3};
    struct qnk_held held = {.window = 4, .round = 1, .members = 10, .bitmaps = rows};
    struct qnk_body_part part = {.count = 1, .body_size = 5};
    struct qnk_fetch_chain chain = {.above = 3};
    struct qnk_fetch fetch = {.first = 1, .count = 64};
    struct qnk_refusal refusal = {.code = 3, .text = {(const uint8_t *)"slow down", 9}};

    qnk_status_encode(&status, bytes + 1);
    take(bytes, 1 + QNK_STATUS_SIZE);
    bytes[0] = QNK_WIRE_HELD;
    qnk_held_encode(&held, bytes + 1);
    take(bytes, 1 + qnk_held_size(held.members));
    bytes[0] = QNK_WIRE_BODY_PART;
    part.bytes = (struct qn_span){rows, 5};
    qnk_body_part_head(&part, bytes + 1);
    take(bytes, 1 + QNK_BODY_PART_HEAD_SIZE + 5);
    bytes[0] = QNK_WIRE_FETCH_CHAIN;
    qnk_fetch_chain_encode(&chain, bytes + 1);
    take(bytes, 1 + QNK_FETCH_CHAIN_SIZE);
    bytes[0] = QNK_WIRE_FETCH_RANGE;
    qnk_fetch_encode(&fetch, bytes + 1);
    take(bytes, 1 + QNK_FETCH_SIZE);
    bytes[0] = QNK_WIRE_REFUSAL;
    qnk_refusal_encode(&refusal, bytes + 1);
    take(bytes, 1 + qnk_refusal_size(&refusal));
    bytes[0] = QNK_WIRE_TX_IDS;
    qn_le32_write(bytes + 1, 2);
    take(bytes, 1 + 4 + 2 * QN_HASH_SIZE);
    take((const uint8_t[]){1, QNK_WIRE_STATUS, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 7, 7, 7}, 15);
    bodies_of_certificates(take);
}
