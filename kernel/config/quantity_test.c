/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include "kernel/config/quantity.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct pair {
    const char *text;
    uint64_t value;
};

static void sizes_are_read(void **subject)
{
    (void)subject;
    static const struct pair pairs[] = {
        {"0B", 0},
        {"1B", 1},
        {"512MiB", UINT64_C(512) << 20},
        {"64GiB", UINT64_C(64) << 30},
        {"1TiB", UINT64_C(1) << 40},
        {"1.5KiB", 1536},
        {"0.5KiB", 512},
        {"0.0009765625KiB", 1},
        {"20MB", 20000000},
        {"0.001kB", 1},
        {"1.25TB", UINT64_C(1250000000000)},
        {"3GB", UINT64_C(3000000000)},
        {"1GiB512MiB", UINT64_C(1536) << 20},
        {"18446744073709551615B", UINT64_MAX},
    };

    for (size_t i = 0; i < COUNT(pairs); i++) {
        uint64_t size = 7;

        assert_int_equal(qnk_size_read(pairs[i].text, &size), QN_OK);
        assert_true(size == pairs[i].value);
    }
}

static void other_texts_are_no_sizes(void **subject)
{
    (void)subject;
    static const char *const wrong[] = {
        "",    "0",   "64",    "64 GiB", "64GiBB",      "GiB",   "64gib",  "-1B",   "+1B",
        "01B", "1.B", ".5KiB", "0.5B",   "0.3KiB",      "1e3B",  "1B1GiB", "1B1B",  "1B ",
        " 1B", "1KB", "1kib",  "1Mi",    "0.0000001MB", "1MiB,", "1MiB1",  "0x10B", "1..5MiB",
    };
    uint64_t size = 7;

    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_int_equal(qnk_size_read(wrong[i], &size), QN_INVALID);
    }
    assert_true(size == 7);
}

static void what_is_over_64_bits_is_too_large(void **subject)
{
    (void)subject;
    static const char *const sizes[] = {"18446744073709551616B", "16777216TiB",
                                        "99999999999999999999999TiB", "16777215TiB2TiB1B",
                                        "1.000000000000000000000GiB"};
    uint64_t value = 7;
    uint32_t ratio = 7;

    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(qnk_size_read(sizes[i], &value), QN_NO_SPACE);
    }
    assert_int_equal(qnk_size_read(sizes[3], &value), QN_INVALID); /* one unit twice */
    assert_int_equal(qnk_size_read(sizes[4], &value), QN_NO_SPACE);
    assert_int_equal(qnk_size_read("16777215TiB1024GiB", &value), QN_NO_SPACE);
    assert_int_equal(qnk_duration_read("213503982335d", &value), QN_NO_SPACE);
    assert_int_equal(qnk_ratio_read("4294.967296", &ratio), QN_NO_SPACE);
    assert_int_equal(qnk_ratio_read("99999999999999999999999999", &ratio), QN_NO_SPACE);
    assert_true(value == 7 && ratio == 7);
}

static void durations_are_read(void **subject)
{
    (void)subject;
    static const struct pair pairs[] = {
        {"0s", 0},        {"250ms", 250},      {"90s", 90000},  {"1m30s", 90000},
        {"1.5s", 1500},   {"0.4s", 400},       {"0.001s", 1},   {"2h", 7200000},
        {"1d", 86400000}, {"1d1ms", 86400001}, {"1.5m", 90000}, {"1d2h3m4s5ms", 93784005},
    };
    static const char *const wrong[] = {"",    "5",    "5 s", "5S",   "1s1m", "1ms1s", "0.0001s",
                                        "1us", "1m30", "m",   "1sms", "s5",   "5min",  "1,5s"};
    uint64_t ms;

    for (size_t i = 0; i < COUNT(pairs); i++) {
        assert_int_equal(qnk_duration_read(pairs[i].text, &ms), QN_OK);
        assert_true(ms == pairs[i].value);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_int_equal(qnk_duration_read(wrong[i], &ms), QN_INVALID);
    }
}

static void ratios_are_read(void **subject)
{
    (void)subject;
    static const struct pair pairs[] = {
        {"85%", 850000}, {"0.85", 850000}, {"0", 0},
        {"1", 1000000},  {"0.1%", 1000},   {"100%", 1000000},
        {"0.000001", 1}, {"0.0001%", 1},   {"4294.967295", UINT32_MAX},
    };
    static const char *const wrong[] = {"",         "%",  "85 %", "85%%", "0.0000001",
                                        "0.00001%", "-1", ".5",   "1/2",  "0.5x"};
    uint32_t ratio;

    for (size_t i = 0; i < COUNT(pairs); i++) {
        assert_int_equal(qnk_ratio_read(pairs[i].text, &ratio), QN_OK);
        assert_int_equal(ratio, pairs[i].value);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_int_equal(qnk_ratio_read(wrong[i], &ratio), QN_INVALID);
    }
}

static void times_are_read_and_printed(void **subject)
{
    (void)subject;
    /* from `date -u -d TEXT +%s` */
    static const struct pair pairs[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.001Z", 1},
        {"1972-02-29T12:00:00Z", UINT64_C(68212800000)},
        {"2000-02-29T23:59:59.999Z", UINT64_C(951868799999)},
        {"2000-03-01T00:00:00Z", UINT64_C(951868800000)},
        {"2026-01-01T00:00:00Z", UINT64_C(1767225600000)},
        {"2100-03-01T00:00:00Z", UINT64_C(4107542400000)},
        {"9999-12-31T23:59:59.999Z", UINT64_C(253402300799999)},
    };
    char text[QNK_QUANTITY_SIZE];

    for (size_t i = 0; i < COUNT(pairs); i++) {
        uint64_t ms = 7;

        assert_int_equal(qnk_time_read(pairs[i].text, &ms), QN_OK);
        assert_true(ms == pairs[i].value);
        qnk_time_print(ms, text);
        assert_string_equal(text, pairs[i].text);
    }
}

static void every_day_survives_its_text(void **subject)
{
    (void)subject;
    char text[QNK_QUANTITY_SIZE];

    for (uint64_t day = 0; day < 60000; day++) {
        uint64_t ms = day * 86400000 + day % 86400000;
        uint64_t again = 0;

        qnk_time_print(ms, text);
        assert_int_equal(qnk_time_read(text, &again), QN_OK);
        assert_true(again == ms);
    }
}

static void other_texts_are_no_times(void **subject)
{
    (void)subject;
    static const char *const wrong[] = {
        "",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00+00:00",
        "2026-1-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "1969-12-31T23:59:59Z",
        "2026-01-01T00:00:00.0001Z",
        "2026-01-01T00:00:00.12Z",
        "2026-01-01T00:00:00.1234",
        "2026-01-01T00:00:00Zx",
        "2026-01-01T00:00:00.000Zx",
        "-026-01-01T00:00:00Z",
    };
    uint64_t ms = 7;

    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_int_equal(qnk_time_read(wrong[i], &ms), QN_INVALID);
    }
    assert_true(ms == 7);
}

static void the_largest_unit_without_a_fraction_is_printed(void **subject)
{
    (void)subject;
    static const struct pair sizes[] = {
        {"0B", 0},
        {"1023B", 1023},
        {"1KiB", 1024},
        {"1536B", 1536},
        {"20MB", 20000000},
        {"64GiB", UINT64_C(64) << 30},
        {"1TiB", UINT64_C(1) << 40},
        {"18446744073709551615B", UINT64_MAX},
    };
    static const struct pair durations[] = {
        {"0ms", 0},    {"250ms", 250},  {"90s", 90000},
        {"1m", 60000}, {"2h", 7200000}, {"3d", 259200000},
    };
    static const struct pair ratios[] = {
        {"0%", 0}, {"85%", 850000}, {"0.1%", 1000}, {"0.0001%", 1}, {"429496.7295%", UINT32_MAX},
    };
    char text[QNK_QUANTITY_SIZE];

    for (size_t i = 0; i < COUNT(sizes); i++) {
        qnk_size_print(sizes[i].value, text);
        assert_string_equal(text, sizes[i].text);
    }
    for (size_t i = 0; i < COUNT(durations); i++) {
        qnk_duration_print(durations[i].value, text);
        assert_string_equal(text, durations[i].text);
    }
    for (size_t i = 0; i < COUNT(ratios); i++) {
        qnk_ratio_print((uint32_t)ratios[i].value, text);
        assert_string_equal(text, ratios[i].text);
    }
}

static void any_number_survives_its_text(void **subject)
{
    (void)subject;
    uint64_t number = 88172645463325252u;
    char text[QNK_QUANTITY_SIZE];

    for (uint32_t i = 0; i < 20000; i++) {
        uint64_t again;
        uint32_t ratio;

        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;

        uint64_t some = number >> i % 64;

        qnk_size_print(some, text);
        assert_int_equal(qnk_size_read(text, &again), QN_OK);
        assert_true(again == some);
        qnk_duration_print(some, text);
        assert_int_equal(qnk_duration_read(text, &again), QN_OK);
        assert_true(again == some);
        qnk_ratio_print((uint32_t)some, text);
        assert_int_equal(qnk_ratio_read(text, &ratio), QN_OK);
        assert_int_equal(ratio, (uint32_t)some);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(other_texts_are_no_sizes),
        cmocka_unit_test(what_is_over_64_bits_is_too_large),
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(ratios_are_read),
        cmocka_unit_test(times_are_read_and_printed),
        cmocka_unit_test(every_day_survives_its_text),
        cmocka_unit_test(other_texts_are_no_times),
        cmocka_unit_test(the_largest_unit_without_a_fraction_is_printed),
        cmocka_unit_test(any_number_survives_its_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
