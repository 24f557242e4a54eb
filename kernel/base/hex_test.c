/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include "kernel/base/hex.h"

static void bytes_become_digits_and_bytes_again(void **subject)
{
    (void)subject;
    uint8_t bytes[256];
    uint8_t again[256];
    char text[QNK_HEX_SIZE(256)];

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)i;
    }
    qnk_hex_encode(bytes, sizeof bytes, text);
    assert_memory_equal(text, "000102030405060708090a0b", 24);
    assert_string_equal(text + 2 * 250, "fafbfcfdfeff");
    assert_int_equal(qnk_hex_decode(text, sizeof again, again), QN_OK);
    assert_memory_equal(bytes, again, sizeof bytes);
}

static void either_case_is_read(void **subject)
{
    (void)subject;
    uint8_t bytes[3];

    assert_int_equal(qnk_hex_decode("aBcDeF", 3, bytes), QN_OK);
    assert_memory_equal(bytes, "\xab\xcd\xef", 3);
}

static void no_bytes_are_no_digits(void **subject)
{
    (void)subject;
    char text[QNK_HEX_SIZE(0)] = "x";

    qnk_hex_encode(NULL, 0, text);
    assert_string_equal(text, "");
    assert_int_equal(qnk_hex_decode("", 0, NULL), QN_OK);
}

static void other_texts_are_refused_and_change_nothing(void **subject)
{
    (void)subject;
    static const char *const wrong[] = {"",     "0",    "000",  "00000", "0g00", "00 0",   "/000",
                                        ":000", "@000", "G000", "`000",  "0x00", "000\xff"};
    uint8_t bytes[2] = {7, 7};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(qnk_hex_decode(wrong[i], 2, bytes), QN_INVALID);
        assert_int_equal(bytes[0] + bytes[1], 14);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_become_digits_and_bytes_again),
        cmocka_unit_test(either_case_is_read),
        cmocka_unit_test(no_bytes_are_no_digits),
        cmocka_unit_test(other_texts_are_refused_and_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
