/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/macro.h"

/* Byte i is i, but for the version and the flags. */
static void pattern(uint8_t bytes[QNK_MACRO_SIZE])
{
    for (int i = 0; i < QNK_MACRO_SIZE; i++) {
        bytes[i] = (uint8_t)i;
    }
    memcpy(bytes, "\x01\0\0\0", 4);
}

static void every_field_lies_where_the_table_says(void **state)
{
    uint8_t bytes[QNK_MACRO_SIZE], again[QNK_MACRO_SIZE];
    struct qnk_macro macro;

    (void)state;
    pattern(bytes);
    assert_int_equal(qnk_macro_decode((struct qn_span){bytes, sizeof bytes}, &macro), QN_OK);
    assert_int_equal(macro.blocks_count, 0x07060504);
    assert_int_equal(macro.window, 0x0f0e0d0c0b0a0908);
    assert_int_equal(macro.height, 0x1716151413121110);
    assert_int_equal(macro.time_ms, 0x1f1e1d1c1b1a1918);
    assert_int_equal(macro.tx_total, 0x2726252423222120);
    assert_int_equal(macro.previous.bytes[0], 40);
    assert_int_equal(macro.history.bytes[0], 72);
    assert_int_equal(macro.blocks.bytes[0], 104);
    assert_int_equal(macro.last.bytes[0], 136);
    assert_int_equal(macro.state.bytes[0], 168);
    assert_int_equal(macro.control.bytes[0], 200);
    assert_int_equal(macro.set.bytes[0], 232);
    assert_int_equal(macro.next_set.bytes[0], (uint8_t)264);
    assert_int_equal(macro.beacon.bytes[0], (uint8_t)296);
    qnk_macro_encode(&macro, again);
    assert_memory_equal(again, bytes, sizeof bytes);
}

static void another_version_flag_or_size_is_refused(void **state)
{
    uint8_t bytes[QNK_MACRO_SIZE + 1];
    struct qnk_macro macro;

    (void)state;
    for (int bit = 0; bit < 32; bit++) {
        pattern(bytes);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(qnk_macro_decode((struct qn_span){bytes, QNK_MACRO_SIZE}, &macro),
                         QN_INVALID);
    }
    pattern(bytes);
    for (uint64_t size = 0; size <= QNK_MACRO_SIZE + 1; size++) {
        assert_int_equal(qnk_macro_decode((struct qn_span){bytes, size}, &macro),
                         size == QNK_MACRO_SIZE ? QN_OK : QN_INVALID);
    }
}

static void the_digest_covers_every_byte(void **state)
{
    uint8_t bytes[QNK_MACRO_SIZE];
    struct qnk_macro macro;
    struct qnk_hash digest, expected;

    (void)state;
    pattern(bytes);
    assert_int_equal(qnk_macro_decode((struct qn_span){bytes, sizeof bytes}, &macro), QN_OK);
    qnk_hash_tagged("qnet/macro", bytes, sizeof bytes, &expected);
    qnk_macro_digest(&macro, &digest);
    assert_true(qnk_hash_equal(&digest, &expected));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_lies_where_the_table_says),
        cmocka_unit_test(another_version_flag_or_size_is_refused),
        cmocka_unit_test(the_digest_covers_every_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
