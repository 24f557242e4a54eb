/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include "kernel/base/decimal.h"

static const struct {
    uint64_t amount;
    const char *text;
} pairs[] = {
    {0, "0"},
    {1, "0.000000001"},
    {10, "0.00000001"},
    {999999999, "0.999999999"},
    {500000000, "0.5"},
    {1000000000, "1"},
    {1000000001, "1.000000001"},
    {1050000000, "1.05"},
    {10000000000, "10"},
    {1000000000000000, "1000000"},
    {12345678901234567890u, "12345678901.23456789"},
    {UINT64_MAX, "18446744073.709551615"},
};

static void amounts_become_their_shortest_text(void **subject)
{
    (void)subject;
    char text[QNK_DECIMAL_SIZE];

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        qnk_decimal_encode(pairs[i].amount, text);
        assert_string_equal(text, pairs[i].text);
    }
}

static void texts_become_their_amount(void **subject)
{
    (void)subject;
    uint64_t amount;

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_int_equal(qnk_decimal_decode(pairs[i].text, &amount), QN_OK);
        assert_true(amount == pairs[i].amount);
    }
    assert_int_equal(qnk_decimal_decode("1.500000000", &amount), QN_OK);
    assert_true(amount == 1500000000);
    assert_int_equal(qnk_decimal_decode("0.0", &amount), QN_OK);
    assert_true(amount == 0);
}

static void other_texts_are_refused(void **subject)
{
    (void)subject;
    static const char *const wrong[] = {
        "",
        ".",
        "1.",
        ".5",
        "1.0000000000",
        "01",
        "00",
        "00.5",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1e3",
        "1,5",
        "1_0",
        "x",
        "1.5x",
        "1.2.3",
        "0x10",
        "1.x",
        "inf",
        "1..5",
        "99999999999999999999x",
    };
    uint64_t amount = 7;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(qnk_decimal_decode(wrong[i], &amount), QN_INVALID);
    }
    assert_true(amount == 7);
}

static void amounts_over_64_bits_are_refused(void **subject)
{
    (void)subject;
    static const char *const wrong[] = {"18446744073.709551616", "18446744074",
                                        "99999999999999999999999", "18446744073709551616.5"};
    uint64_t amount = 7;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(qnk_decimal_decode(wrong[i], &amount), QN_NO_SPACE);
    }
    assert_true(amount == 7);
}

static void any_amount_survives_its_text(void **subject)
{
    (void)subject;
    uint64_t amount = 88172645463325252u;
    uint64_t again;
    char text[QNK_DECIMAL_SIZE];

    for (uint32_t i = 0; i < 20000; i++) {
        amount ^= amount << 13;
        amount ^= amount >> 7;
        amount ^= amount << 17;

        uint64_t some = amount >> i % 64;

        qnk_decimal_encode(some, text);
        assert_int_equal(qnk_decimal_decode(text, &again), QN_OK);
        assert_true(again == some);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_become_their_shortest_text),
        cmocka_unit_test(texts_become_their_amount),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(amounts_over_64_bits_are_refused),
        cmocka_unit_test(any_amount_survives_its_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
