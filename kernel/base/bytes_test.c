/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include "kernel/base/bytes.h"

static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};

static void what_is_written_is_read(void **subject)
{
    (void)subject;
    uint8_t room[64];
    struct qnk_writer writer = qnk_writer_init(room, 22);

    qnk_writer_u8(&writer, 0x12);
    qnk_writer_u16(&writer, 0x3456);
    qnk_writer_u32(&writer, 0x789abcde);
    qnk_writer_u64(&writer, 0x0123456789abcdef);
    qnk_writer_zeros(&writer, 2);
    qnk_writer_bytes(&writer, "hello", 5);
    qnk_writer_bytes(&writer, NULL, 0);
    assert_int_equal(writer.room, 0);

    struct qnk_reader reader = qnk_reader_init((struct qn_span){room, 22});
    uint8_t text[5];

    assert_int_equal(qnk_reader_u8(&reader), 0x12);
    assert_int_equal(qnk_reader_u16(&reader), 0x3456);
    assert_int_equal(qnk_reader_u32(&reader), 0x789abcde);
    assert_true(qnk_reader_u64(&reader) == 0x0123456789abcdef);
    assert_int_equal(qnk_reader_span(&reader, 2).size, 2);
    assert_false(qnk_reader_done(&reader));
    qnk_reader_copy(&reader, text, sizeof text);
    assert_memory_equal(text, "hello", 5);
    assert_true(qnk_reader_done(&reader));
}

static void integers_are_little_endian(void **subject)
{
    (void)subject;
    struct qnk_reader reader = qnk_reader_init((struct qn_span){bytes, sizeof bytes});

    assert_int_equal(qnk_reader_u16(&reader), 0x0201);
    assert_int_equal(qnk_reader_u32(&reader), 0x06050403);
    assert_true(qnk_reader_u64(&reader) == 0x0e0d0c0b0a090807);
}

/* Each read, alone at an end that is one byte too near. */
static void what_is_not_there_reads_as_zero(void **subject)
{
    (void)subject;
    struct qnk_reader reader = qnk_reader_init((struct qn_span){bytes, 0});
    uint8_t copy[2] = {7, 7};

    assert_int_equal(qnk_reader_u8(&reader), 0);
    assert_true(reader.failed);
    reader = qnk_reader_init((struct qn_span){bytes, 1});
    assert_int_equal(qnk_reader_u16(&reader), 0);
    reader = qnk_reader_init((struct qn_span){bytes, 3});
    assert_int_equal(qnk_reader_u32(&reader), 0);
    reader = qnk_reader_init((struct qn_span){bytes, 7});
    assert_int_equal(qnk_reader_u64(&reader), 0);
    reader = qnk_reader_init((struct qn_span){bytes, 1});
    qnk_reader_copy(&reader, copy, 2);
    assert_int_equal(copy[0] | copy[1], 0);
    reader = qnk_reader_init((struct qn_span){bytes, 1});
    assert_null(qnk_reader_span(&reader, UINT64_MAX).data);
    assert_false(qnk_reader_done(&reader));
}

static void after_one_miss_nothing_is_there(void **subject)
{
    (void)subject;
    struct qnk_reader reader = qnk_reader_init((struct qn_span){bytes, 5});

    assert_null(qnk_reader_bytes(&reader, 6));
    assert_null(qnk_reader_bytes(&reader, 1));
    assert_int_equal(qnk_reader_u8(&reader), 0);
    assert_int_equal(qnk_reader_span(&reader, 0).size, 0);
    assert_false(qnk_reader_done(&reader));
}

static void an_empty_input_is_done_at_once(void **subject)
{
    (void)subject;
    struct qnk_reader reader = qnk_reader_init((struct qn_span){NULL, 0});

    assert_int_equal(qnk_reader_span(&reader, 0).size, 0);
    assert_true(qnk_reader_done(&reader));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(integers_are_little_endian),
        cmocka_unit_test(what_is_not_there_reads_as_zero),
        cmocka_unit_test(after_one_miss_nothing_is_there),
        cmocka_unit_test(an_empty_input_is_done_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
