/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/chain/wire.h"

enum { ROOM = 4096 };

static struct qn_span span(const uint8_t *bytes, uint64_t size)
{
    return (struct qn_span){bytes, size};
}

static void frames_have_a_head_of_twelve_bytes(void **state)
{
    static const uint8_t head[] = {2, 9, 1, 0, 4, 3, 2, 1, 0, 16, 0, 0};
    struct qnk_frame frame = {.lane = QNK_LANE_TXS,
                              .type = QNK_WIRE_TXS,
                              .packing = 1,
                              .request = 0x01020304,
                              .plain_size = 4096};
    uint8_t bytes[ROOM] = {0};

    (void)state;
    qnk_frame_encode(&frame, bytes);
    assert_memory_equal(bytes, head, sizeof head);
    assert_int_equal(qnk_frame_decode(span(bytes, 20), &frame), QN_OK);
    assert_int_equal(frame.body.size, 8);
    assert_int_equal(frame.request, 0x01020304);
    for (uint64_t cut = 0; cut < QNK_FRAME_HEAD_SIZE; cut++) {
        assert_int_equal(qnk_frame_decode(span(bytes, cut), &frame), QN_INVALID);
    }
}

static void a_plain_frame_is_as_long_as_it_says(void **state)
{
    struct qnk_frame frame = {.type = QNK_WIRE_VOTES, .plain_size = 8};
    uint8_t bytes[ROOM] = {0};

    (void)state;
    qnk_frame_encode(&frame, bytes);
    for (uint64_t body = 0; body < 20; body++) {
        assert_int_equal(qnk_frame_decode(span(bytes, 12 + body), &frame),
                         body == 8 ? QN_OK : QN_INVALID);
    }
    bytes[0] = QNK_LANES;
    assert_int_equal(qnk_frame_decode(span(bytes, 20), &frame), QN_INVALID);
    bytes[0] = 0;
    bytes[2] = 1; /* packed, and more than a frame may hold when unpacked */
    qn_le32_write(bytes + 8, QNK_FRAME_PLAIN_MAX + 1);
    assert_int_equal(qnk_frame_decode(span(bytes, 20), &frame), QN_INVALID);
}

static void status_comes_back(void **state)
{
    static const struct {
        int at;
        uint8_t value;
    } wrong[] = {{0, 0}, {0, 4}, {1, 2}, {2, 1}, {3, 1}};
    struct qnk_status status = {
        .node_type = 3, .serves = 1, .head_height = 0x0102, .final_window = 0x0304};
    uint8_t bytes[QNK_STATUS_SIZE + 1] = {0};

    (void)state;
    memset(status.head.bytes, 0x11, 32);
    memset(status.final.bytes, 0x22, 32);
    qnk_status_encode(&status, bytes);
    assert_memory_equal(bytes, "\3\1\0\0\2\1\0\0\0\0\0\0\4\3", 14);
    for (uint64_t cut = 0; cut <= QNK_STATUS_SIZE + 1; cut++) {
        assert_int_equal(qnk_status_decode(span(bytes, cut), &status),
                         cut == QNK_STATUS_SIZE ? QN_OK : QN_INVALID);
    }
    assert_int_equal(status.final.bytes[31], 0x22);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t was = bytes[wrong[i].at];

        bytes[wrong[i].at] = wrong[i].value;
        assert_int_equal(qnk_status_decode(span(bytes, QNK_STATUS_SIZE), &status), QN_INVALID);
        bytes[wrong[i].at] = was;
    }
    memset(bytes + 4, 0xff, 4); /* no member */
    assert_int_equal(qnk_status_decode(span(bytes, QNK_STATUS_SIZE), &status), QN_OK);
}

static void lists_are_as_long_as_their_count(void **state)
{
    uint8_t *bytes = calloc(1, 4 + (QNK_WIRE_IDS_MAX + 1) * QN_HASH_SIZE);
    struct qnk_ids ids;
    struct qnk_headers headers;

    (void)state;
    assert_non_null(bytes);
    for (uint32_t count = 0; count <= QNK_WIRE_IDS_MAX + 1; count += count == 3 ? 4093 : 1) {
        bool fits = count <= QNK_WIRE_IDS_MAX;
        uint64_t size = 4 + (uint64_t)count * QN_HASH_SIZE;

        qn_le32_write(bytes, count);
        assert_int_equal(qnk_ids_decode(span(bytes, size), &ids), fits ? QN_OK : QN_INVALID);
        assert_int_equal(qnk_ids_decode(span(bytes, size + 1), &ids), QN_INVALID);
        assert_int_equal(qnk_ids_decode(span(bytes, size - 1), &ids), QN_INVALID);
    }
    qn_le32_write(bytes, 2);
    assert_int_equal(qnk_headers_decode(span(bytes, 4 + 400), &headers), QN_OK);
    assert_int_equal(headers.count, 2);
    assert_ptr_equal(headers.headers, bytes + 4);
    assert_int_equal(qnk_headers_decode(span(bytes, 4 + 399), &headers), QN_INVALID);
    assert_int_equal(qnk_headers_decode(span(bytes, 3), &headers), QN_INVALID);
    qn_le32_write(bytes, QNK_WIRE_HEADERS_MAX + 1);
    assert_int_equal(
        qnk_headers_decode(span(bytes, 4 + (QNK_WIRE_HEADERS_MAX + 1) * 200u), &headers),
        QN_INVALID);
    qn_le32_write(bytes, UINT32_MAX);
    assert_int_equal(qnk_ids_decode(span(bytes, 4), &ids), QN_INVALID);
    free(bytes);
}

static void items_have_a_cap(void **state)
{
    uint8_t bytes[16] = {3};
    struct qnk_items items;

    (void)state;
    assert_int_equal(qnk_items_decode(span(bytes, 16), 3, &items), QN_OK);
    assert_int_equal(items.count, 3);
    assert_int_equal(items.items.size, 12);
    assert_int_equal(qnk_items_decode(span(bytes, 16), 2, &items), QN_INVALID);
    assert_int_equal(qnk_items_decode(span(bytes, 4), 3, &items), QN_INVALID);
    assert_int_equal(qnk_items_decode(span(bytes, 3), 3, &items), QN_INVALID);
    bytes[0] = 0;
    assert_int_equal(qnk_items_decode(span(bytes, 5), 3, &items), QN_INVALID);
    assert_int_equal(qnk_items_decode(span(bytes, 4), 3, &items), QN_OK);
}

static void what_is_held_is_twelve_bitmaps(void **state)
{
    uint8_t bitmaps[24], bytes[ROOM] = {0};
    struct qnk_held held = {.window = 5, .era = 256, .round = 1, .members = 10, .certificates = 3};
    uint64_t size = qnk_held_size(10);

    (void)state;
    for (uint32_t i = 0; i < 24; i++) {
        bitmaps[i] = i % 2 == 0 ? (uint8_t)i : 3;
    }
    held.bitmaps = bitmaps;
    assert_int_equal(size, 24 + 24);
    qnk_held_encode(&held, bytes);
    assert_memory_equal(bytes, "\5\0\0\0\0\0\0\0\0\1\0\0\1\0\0\0\x0a\0\0\0\3\0\0\0", 24);
    for (uint64_t cut = 0; cut <= size + 1; cut++) {
        assert_int_equal(qnk_held_decode(span(bytes, cut), &held),
                         cut == size ? QN_OK : QN_INVALID);
    }
    assert_memory_equal(held.bitmaps, bitmaps, sizeof bitmaps);
    for (uint32_t at = 21; at < 24; at++) {
        bytes[at] = 1; /* reserved */
        assert_int_equal(qnk_held_decode(span(bytes, size), &held), QN_INVALID);
        bytes[at] = 0;
    }
    bytes[20] = 4; /* certificates */
    assert_int_equal(qnk_held_decode(span(bytes, size), &held), QN_INVALID);
    bytes[20] = 3;
    bytes[24 + 7] = 4; /* a spare bit */
    assert_int_equal(qnk_held_decode(span(bytes, size), &held), QN_INVALID);
    bytes[24 + 7] = 3;
    bytes[12] = 0; /* round 0 has none before it */
    bytes[20] = 1;
    assert_int_equal(qnk_held_decode(span(bytes, size), &held), QN_INVALID);
    memset(bytes + 36, 0, 12);
    assert_int_equal(qnk_held_decode(span(bytes, size), &held), QN_OK);
    bytes[20] = 3;
    assert_int_equal(qnk_held_decode(span(bytes, size), &held), QN_INVALID);
    bytes[16] = 0; /* members */
    assert_int_equal(qnk_held_decode(span(bytes, 24), &held), QN_INVALID);
    qn_le32_write(bytes + 16, QNK_SET_MEMBERS_MAX + 1);
    assert_int_equal(qnk_held_decode(span(bytes, ROOM), &held), QN_INVALID);
}

static void a_certificate_has_a_header_or_none(void **state)
{
    static const uint8_t part[QNK_MACRO_SIZE] = {7};
    uint8_t bytes[ROOM] = {0};
    struct qnk_certified certified = {.certificate = {part, 9}};

    (void)state;
    qnk_certified_encode(&certified, bytes);
    assert_int_equal(qnk_certified_size(&certified), 13);
    assert_int_equal(qnk_certified_decode(span(bytes, 13), &certified), QN_OK);
    assert_int_equal(certified.header.size, 0);
    assert_int_equal(certified.certificate.size, 9);
    assert_int_equal(qnk_certified_decode(span(bytes, 4), &certified), QN_INVALID);
    assert_int_equal(qnk_certified_decode(span(bytes, 3), &certified), QN_INVALID);
    bytes[0] = 1;
    assert_int_equal(qnk_certified_decode(span(bytes, 13), &certified), QN_INVALID);

    certified = (struct qnk_certified){.header = {part, sizeof part}, .certificate = {part, 9}};
    qnk_certified_encode(&certified, bytes);
    assert_int_equal(qnk_certified_decode(span(bytes, 341), &certified), QN_OK);
    assert_int_equal(certified.header.size, QNK_MACRO_SIZE);
    assert_int_equal(qnk_certified_decode(span(bytes, 332), &certified), QN_INVALID);
    assert_int_equal(qnk_certified_decode(span(bytes, 300), &certified), QN_INVALID);
}

static void macroblocks_are_read_one_after_another(void **state)
{
    static const uint8_t part[QNK_MACRO_SIZE] = {7};
    uint8_t bytes[ROOM] = {0};
    struct qnk_certified certified = {.header = {part, sizeof part}, .certificate = {part, 9}};
    struct qn_span rest = {bytes, 2 * 345};

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        qn_le32_write(bytes + i * 345, 341);
        qnk_certified_encode(&certified, bytes + i * 345 + 4);
    }
    assert_int_equal(qnk_macros_next(&rest, &certified), QN_OK);
    assert_int_equal(rest.size, 345);
    assert_int_equal(qnk_macros_next(&rest, &certified), QN_OK);
    assert_int_equal(certified.certificate.size, 9);
    assert_int_equal(qnk_macros_next(&rest, &certified), QN_INVALID);
    rest = span(bytes, 344);
    assert_int_equal(qnk_macros_next(&rest, &certified), QN_INVALID);
    qn_le32_write(bytes, 13);
    qn_le32_write(bytes + 4, 0); /* without its header */
    rest = span(bytes, 17);
    assert_int_equal(qnk_macros_next(&rest, &certified), QN_INVALID);
}

static void parts_of_a_body_have_one_size(void **state)
{
    uint8_t *bytes = calloc(1, QNK_BODY_PART_HEAD_SIZE + QNK_WIRE_PART_SIZE + 1);
    struct qnk_body_part part = {
        .index = 1, .count = 2, .body_size = QNK_WIRE_PART_SIZE + 5, .bytes = {bytes, 5}};
    const uint32_t body = QNK_WIRE_PART_SIZE + 5;

    (void)state;
    assert_non_null(bytes);
    qnk_body_part_head(&part, bytes);
    for (uint64_t size = 0; size < 60; size++) {
        assert_int_equal(qnk_body_part_decode(span(bytes, size), &part),
                         size == 49 ? QN_OK : QN_INVALID);
    }
    assert_int_equal(part.bytes.size, 5);
    qn_le32_write(bytes + 32, 0); /* the first is full */
    assert_int_equal(qnk_body_part_decode(span(bytes, 49), &part), QN_INVALID);
    assert_int_equal(qnk_body_part_decode(span(bytes, 44 + QNK_WIRE_PART_SIZE), &part), QN_OK);
    assert_int_equal(qnk_body_part_decode(span(bytes, 45 + QNK_WIRE_PART_SIZE), &part), QN_INVALID);
    qn_le32_write(bytes + 32, 2); /* beyond the last */
    assert_int_equal(qnk_body_part_decode(span(bytes, 49), &part), QN_INVALID);
    qn_le32_write(bytes + 32, 1);
    qn_le32_write(bytes + 36, 3); /* more than the size asks for */
    assert_int_equal(qnk_body_part_decode(span(bytes, 49), &part), QN_INVALID);
    qn_le32_write(bytes + 36, 2);
    qn_le32_write(bytes + 40, body + 1);
    assert_int_equal(qnk_body_part_decode(span(bytes, 49), &part), QN_INVALID);
    memset(bytes + 32, 0, 12); /* an empty body has no parts */
    assert_int_equal(qnk_body_part_decode(span(bytes, 44), &part), QN_INVALID);
    free(bytes);
}

static void requests_have_one_encoding(void **state)
{
    struct qnk_fetch_chain chain = {.above = 0x0102};
    struct qnk_fetch fetch = {.first = 0x0304, .count = 5, .what = 1};
    uint8_t bytes[64] = {0};

    (void)state;
    chain.id.bytes[31] = 9;
    qnk_fetch_chain_encode(&chain, bytes);
    for (uint64_t cut = 0; cut <= 41; cut++) {
        assert_int_equal(qnk_fetch_chain_decode(span(bytes, cut), &chain),
                         cut == QNK_FETCH_CHAIN_SIZE ? QN_OK : QN_INVALID);
    }
    assert_int_equal(chain.above, 0x0102);
    assert_int_equal(chain.id.bytes[31], 9);
    qnk_fetch_encode(&fetch, bytes);
    assert_memory_equal(bytes, "\4\3\0\0\0\0\0\0\5\0\0\0\1\0\0\0", 16);
    for (uint64_t cut = 0; cut <= 17; cut++) {
        assert_int_equal(qnk_fetch_decode(span(bytes, cut), &fetch),
                         cut == QNK_FETCH_SIZE ? QN_OK : QN_INVALID);
    }
    bytes[12] = 2; /* neither headers nor bodies */
    assert_int_equal(qnk_fetch_decode(span(bytes, 16), &fetch), QN_INVALID);
    bytes[12] = 0;
    bytes[8] = 0; /* nothing */
    assert_int_equal(qnk_fetch_decode(span(bytes, 16), &fetch), QN_INVALID);
    bytes[8] = 5;
    memset(bytes, 0xff, 8); /* beyond the last number */
    assert_int_equal(qnk_fetch_decode(span(bytes, 16), &fetch), QN_INVALID);
}

static void a_refusal_says_why_in_clean_text(void **state)
{
    struct qnk_refusal refusal = {.code = 4, .text = {(const uint8_t *)"no such", 7}};
    uint8_t bytes[ROOM] = {0};
    uint64_t size = qnk_refusal_size(&refusal);

    (void)state;
    qnk_refusal_encode(&refusal, bytes);
    assert_memory_equal(bytes, "\4\0\0\0\7\0\0\0no such", 15);
    for (uint64_t cut = 0; cut <= size + 1; cut++) {
        assert_int_equal(qnk_refusal_decode(span(bytes, cut), &refusal),
                         cut == size ? QN_OK : QN_INVALID);
    }
    bytes[10] = 0x1b; /* a terminal's escape */
    assert_int_equal(qnk_refusal_decode(span(bytes, size), &refusal), QN_INVALID);
    memset(bytes + 8, 'x', 257);
    qn_le32_write(bytes + 4, 257);
    assert_int_equal(qnk_refusal_decode(span(bytes, 265), &refusal), QN_INVALID);
    qn_le32_write(bytes + 4, 256);
    assert_int_equal(qnk_refusal_decode(span(bytes, 264), &refusal), QN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_have_a_head_of_twelve_bytes),
        cmocka_unit_test(a_plain_frame_is_as_long_as_it_says),
        cmocka_unit_test(status_comes_back),
        cmocka_unit_test(lists_are_as_long_as_their_count),
        cmocka_unit_test(items_have_a_cap),
        cmocka_unit_test(what_is_held_is_twelve_bitmaps),
        cmocka_unit_test(a_certificate_has_a_header_or_none),
        cmocka_unit_test(macroblocks_are_read_one_after_another),
        cmocka_unit_test(parts_of_a_body_have_one_size),
        cmocka_unit_test(requests_have_one_encoding),
        cmocka_unit_test(a_refusal_says_why_in_clean_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
