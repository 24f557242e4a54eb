/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/micro.h"

static void pattern(uint8_t bytes[QNK_MICRO_SIZE])
{
    for (int i = 0; i < QNK_MICRO_SIZE; i++) {
        bytes[i] = (uint8_t)i;
    }
    memcpy(bytes, "\x01\0", 2);
    memcpy(bytes + 128, "\x40\x42\x0f\0\x03\x02\0\0", 8); /* backlog 10^6, class 3, lag 2 */
}

static struct qnk_micro decoded(const uint8_t bytes[QNK_MICRO_SIZE])
{
    struct qnk_micro micro;

    assert_int_equal(qnk_micro_decode((struct qn_span){bytes, QNK_MICRO_SIZE}, &micro), QN_OK);
    return micro;
}

static void every_field_lies_where_the_design_says(void **state)
{
    uint8_t bytes[QNK_MICRO_SIZE], again[QNK_MICRO_SIZE];

    (void)state;
    pattern(bytes);

    struct qnk_micro micro = decoded(bytes);

    assert_int_equal(micro.view, 0x0302);
    assert_int_equal(micro.producer, 0x07060504);
    assert_int_equal(micro.height, 0x0f0e0d0c0b0a0908);
    assert_int_equal(micro.time_ms, 0x1716151413121110);
    assert_int_equal(micro.parent.bytes[0], 24);
    assert_int_equal(micro.tx_root.bytes[0], 56);
    assert_int_equal(micro.effects.bytes[0], 88);
    assert_int_equal(micro.tx_count, 0x7b7a7978);
    assert_int_equal(micro.body_size, 0x7f7e7d7c);
    assert_int_equal(micro.backlog, 1000000);
    assert_int_equal(micro.class, 3);
    assert_int_equal(micro.flags, 2);
    assert_int_equal(micro.signature[0], 136);
    qnk_micro_encode(&micro, again);
    assert_memory_equal(again, bytes, sizeof bytes);
}

static void what_is_no_encoding_is_refused(void **state)
{
    static const struct {
        int at;
        uint8_t value;
    } wrong[] = {{0, 0},   {0, 2},     {1, 1},   {132, 4}, {133, 3},
                 {133, 4}, {133, 128}, {134, 1}, {135, 1}};
    uint8_t bytes[QNK_MICRO_SIZE + 1];
    struct qnk_micro micro;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        pattern(bytes);
        bytes[wrong[i].at] = wrong[i].value;
        assert_int_equal(qnk_micro_decode((struct qn_span){bytes, QNK_MICRO_SIZE}, &micro),
                         QN_INVALID);
    }
    pattern(bytes);
    for (uint64_t size = 0; size <= QNK_MICRO_SIZE + 1; size++) {
        assert_int_equal(qnk_micro_decode((struct qn_span){bytes, size}, &micro),
                         size == QNK_MICRO_SIZE ? QN_OK : QN_INVALID);
    }
}

static void the_id_covers_all_but_the_signature(void **state)
{
    uint8_t bytes[QNK_MICRO_SIZE];
    struct qnk_hash id, expected;

    (void)state;
    pattern(bytes);
    qnk_hash_tagged("qnet/micro", bytes, QNK_MICRO_SIGNED_SIZE, &expected);
    bytes[QNK_MICRO_SIGNED_SIZE] ^= 1;

    struct qnk_micro micro = decoded(bytes);

    qnk_micro_id(&micro, &id);
    assert_true(qnk_hash_equal(&id, &expected));
}

static void the_message_starts_with_its_tag_and_chain(void **state)
{
    uint8_t bytes[QNK_MICRO_SIZE], message[QNK_MICRO_MESSAGE_SIZE];
    struct qnk_hash chain_id;

    (void)state;
    pattern(bytes);
    memset(&chain_id, 9, sizeof chain_id);

    struct qnk_micro micro = decoded(bytes);

    qnk_micro_message(&micro, &chain_id, message);
    assert_memory_equal(message, "qnet/micro", 10);
    assert_memory_equal(message + 10, chain_id.bytes, 32);
    assert_memory_equal(message + 42, bytes, QNK_MICRO_SIGNED_SIZE);
}

static void windows_are_counted_in_blocks(void **state)
{
    (void)state;
    assert_int_equal(qnk_window_of(0, 90), 0);
    assert_int_equal(qnk_window_of(1, 90), 1);
    assert_int_equal(qnk_window_of(90, 90), 1);
    assert_int_equal(qnk_window_of(91, 90), 2);
    assert_int_equal(qnk_window_last(2, 90), 180);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_lies_where_the_design_says),
        cmocka_unit_test(what_is_no_encoding_is_refused),
        cmocka_unit_test(the_id_covers_all_but_the_signature),
        cmocka_unit_test(the_message_starts_with_its_tag_and_chain),
        cmocka_unit_test(windows_are_counted_in_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
