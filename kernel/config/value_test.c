/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "kernel/base/bech32m.h"
#include "kernel/config/record.h"
#include "kernel/config/value.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const choices[] = {"light", "full", "super"};
static const char *const prefix[] = {"qnv"};
static struct qnk_budget budget = {.limit = 65536};
static uint8_t record[QNK_VALUE_RECORD_MAX];
static uint32_t size;
static struct qnk_value_fault fault;

static struct qnk_config_key key_of(uint8_t type)
{
    return (struct qnk_config_key){
        .name = "it",
        .type = type,
        .values = type == QNK_CONFIG_KEY ? prefix : choices,
        .values_count = type == QNK_CONFIG_KEY ? 1 : COUNT(choices),
        .doc = "what it is",
    };
}

static int32_t read_as(uint8_t type, const char *text, bool is_plain)
{
    struct qnk_config_key key = key_of(type);

    memset(&fault, 0, sizeof fault);
    return qnk_value_read(&key, text, is_plain, "", record, &size, &fault);
}

/* The value of what was read last, as text. */
static const char *printed_as(uint8_t type)
{
    static char text[2000];
    struct qnk_config_key key = key_of(type);
    struct qn_span left = {record, size};
    struct qn_sink sink;

    qnk_sink_init(&sink, &budget, sizeof text - 1);
    assert_int_equal(qnk_value_print(&key, &left, &sink), QN_OK);
    assert_int_equal(left.size, 0);
    memcpy(text, qnk_sink_span(&sink).data, qnk_sink_span(&sink).size);
    text[qnk_sink_span(&sink).size] = 0;
    qnk_sink_done(&sink);
    return text;
}

static void value_is(uint8_t type, const char *text, const char *bytes, uint32_t bytes_size,
                     const char *shown)
{
    assert_int_equal(read_as(type, text, true), QN_OK);
    assert_int_equal(size, bytes_size);
    assert_memory_equal(record, bytes, bytes_size);
    assert_string_equal(printed_as(type), shown);
}

static void fault_is(uint8_t type, const char *text, enum qnk_finding_code code, const char *what,
                     const char *hint)
{
    assert_int_equal(read_as(type, text, true), QN_INVALID);
    assert_int_equal(fault.code, code);
    assert_string_equal(fault.what, what);
    assert_string_equal(fault.hint, hint);
}

static void booleans_are_words_without_quotes(void **subject)
{
    (void)subject;
    value_is(QNK_CONFIG_BOOL, "true", "\1", 1, "true");
    value_is(QNK_CONFIG_BOOL, "yes", "\1", 1, "true");
    value_is(QNK_CONFIG_BOOL, "on", "\1", 1, "true");
    value_is(QNK_CONFIG_BOOL, "false", "\0", 1, "false");
    value_is(QNK_CONFIG_BOOL, "no", "\0", 1, "false");
    value_is(QNK_CONFIG_BOOL, "off", "\0", 1, "false");
    fault_is(QNK_CONFIG_BOOL, "True", QNK_E105, "is not a yes or no",
             "true or false, without quotes");
    fault_is(QNK_CONFIG_BOOL, "1", QNK_E105, "is not a yes or no", "true or false, without quotes");
    assert_int_equal(read_as(QNK_CONFIG_BOOL, "true", false), QN_INVALID);
}

static void words_of_booleans_are_texts_elsewhere(void **subject)
{
    (void)subject;
    value_is(QNK_CONFIG_NAME, "on", "\2\0\0\0on", 6, "\"on\"");
    value_is(QNK_CONFIG_STRING, "no", "\2\0\0\0no", 6, "\"no\"");
}

static void ints_are_digits_without_quotes(void **subject)
{
    (void)subject;
    static const char *const wrong[] = {"010", "0x10", "1.0", "1e3", "+1",  "1_000", "--1",
                                        "-",   "1 ",   "90s", "ten", "-01", "0o7"};

    value_is(QNK_CONFIG_INT, "0", "\0\0\0\0\0\0\0\0", 8, "0");
    value_is(QNK_CONFIG_INT, "258", "\2\1\0\0\0\0\0\0", 8, "258");
    value_is(QNK_CONFIG_INT, "-2", "\xfe\xff\xff\xff\xff\xff\xff\xff", 8, "-2");
    value_is(QNK_CONFIG_INT, "9223372036854775807", "\xff\xff\xff\xff\xff\xff\xff\x7f", 8,
             "9223372036854775807");
    value_is(QNK_CONFIG_INT, "-9223372036854775808", "\0\0\0\0\0\0\0\x80", 8,
             "-9223372036854775808");
    for (size_t i = 0; i < COUNT(wrong); i++) {
        fault_is(QNK_CONFIG_INT, wrong[i], QNK_E105, "is not a whole number",
                 "digits alone, as in 90");
    }
    fault_is(QNK_CONFIG_INT, "9223372036854775808", QNK_E106, "is out of range", "64 bits");
    fault_is(QNK_CONFIG_INT, "-9223372036854775809", QNK_E106, "is out of range", "64 bits");
    fault_is(QNK_CONFIG_INT, "99999999999999999999", QNK_E106, "is out of range", "64 bits");
    assert_int_equal(read_as(QNK_CONFIG_INT, "90", false), QN_INVALID);
}

static void sizes_durations_and_ratios_have_units(void **subject)
{
    (void)subject;
    value_is(QNK_CONFIG_SIZE, "1KiB", "\0\4\0\0\0\0\0\0", 8, "1KiB");
    value_is(QNK_CONFIG_DURATION, "1m30s", "\x90\x5f\1\0\0\0\0\0", 8, "90s");
    value_is(QNK_CONFIG_RATIO, "0.85", "\x50\xf8\x0c\0", 4, "85%");
    fault_is(QNK_CONFIG_SIZE, "64 GiBB", QNK_E107, "is not a size",
             "a number and a unit, as in 512MiB or 64GiB");
    fault_is(QNK_CONFIG_SIZE, "64", QNK_E107, "is not a size",
             "a number and a unit, as in 512MiB or 64GiB");
    fault_is(QNK_CONFIG_DURATION, "60", QNK_E107, "is not a duration",
             "a number and a unit, as in 250ms or 90s");
    fault_is(QNK_CONFIG_RATIO, "85 %", QNK_E107, "is not a ratio",
             "as in 85% or 0.85, to a millionth");
    fault_is(QNK_CONFIG_SIZE, "99999999999TiB", QNK_E106, "is out of range", "64 bits");
    fault_is(QNK_CONFIG_RATIO, "4295", QNK_E106, "is out of range", "at most 4294");
}

static void strings_hold_anything_that_can_be_shown(void **subject)
{
    (void)subject;
    char text[QNK_CONFIG_TEXT_MAX + 2];

    value_is(QNK_CONFIG_STRING, "a \"b\" \\", "\x7\0\0\0a \"b\" \\", 11, "\"a \\\"b\\\" \\\\\"");
    value_is(QNK_CONFIG_STRING, "caf\xc3\xa9", "\5\0\0\0caf\xc3\xa9", 9, "\"caf\xc3\xa9\"");
    assert_int_equal(read_as(QNK_CONFIG_STRING, "", false), QN_OK);
    assert_string_equal(printed_as(QNK_CONFIG_STRING), "\"\"");
    fault_is(QNK_CONFIG_STRING, "a\nb", QNK_E105, "holds a control character", "");
    fault_is(QNK_CONFIG_STRING, "a\x7f", QNK_E105, "holds a control character", "");
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    fault_is(QNK_CONFIG_STRING, text, QNK_E106, "is too long", "at most 1024 bytes");
    text[QNK_CONFIG_TEXT_MAX] = 0;
    assert_int_equal(read_as(QNK_CONFIG_STRING, text, true), QN_OK);
}

static void names_are_short_and_plain(void **subject)
{
    (void)subject;
    static const char *const wrong[] = {"V1",  "v_1",      "v 1",
                                        "v.1", "\xc3\xa9", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

    value_is(QNK_CONFIG_NAME, "testnet-7", "\x9\0\0\0testnet-7", 13, "testnet-7");
    value_is(QNK_CONFIG_NAME, "7",
             "\1\0\0\0"
             "7",
             5, "\"7\"");
    for (size_t i = 0; i < COUNT(wrong); i++) {
        fault_is(QNK_CONFIG_NAME, wrong[i], QNK_E105, "is not a name", "1 to 32 of a-z, 0-9 and -");
    }
    assert_int_equal(read_as(QNK_CONFIG_NAME, "", false), QN_INVALID);
}

static void addresses_have_a_scheme_or_are_tcp(void **subject)
{
    (void)subject;
    static const char *const right[] = {"0.0.0.0:0",    "[::1]:65535", "host-name.example:1",
                                        "ipc:///run/x", "inproc://a",  "tcp://[fe80::1%2]:9",
                                        "*:9876",       "ws+unix://x"};
    static const char *const wrong[] = {
        "host",       "host:",  ":1",    "host:65536", "host:01", "host:1x",   "a b:1", "tcp://",
        "tcp://host", "[::1:9", "[]:1x", "://x",       "ho/st:1", "ipc://a b", "[g]:1", "host:1\n"};

    value_is(QNK_CONFIG_ADDRESS, "127.0.0.1:9876", "\x14\0\0\0tcp://127.0.0.1:9876", 24,
             "\"tcp://127.0.0.1:9876\"");
    value_is(QNK_CONFIG_ADDRESS, "ipc:///a", "\x8\0\0\0ipc:///a", 12, "\"ipc:///a\"");
    for (size_t i = 0; i < COUNT(right); i++) {
        assert_int_equal(read_as(QNK_CONFIG_ADDRESS, right[i], true), QN_OK);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        fault_is(QNK_CONFIG_ADDRESS, wrong[i], QNK_E105, "is not an address",
                 "as in 127.0.0.1:9876 or ipc:///path");
    }
}

static void long_addresses_are_refused(void **subject)
{
    (void)subject;
    char text[300] = "ipc://";

    memset(text + 6, 'x', 244);
    assert_int_equal(read_as(QNK_CONFIG_ADDRESS, text, true), QN_OK);
    text[250] = 'x';
    assert_int_equal(read_as(QNK_CONFIG_ADDRESS, text, true), QN_INVALID);
}

static void paths_are_relative_to_their_file(void **subject)
{
    (void)subject;
    struct qnk_config_key key = key_of(QNK_CONFIG_PATH);
    char text[QNK_CONFIG_TEXT_MAX + 1];

    assert_int_equal(qnk_value_read(&key, "node.key", true, "/etc/qnet", record, &size, &fault),
                     QN_OK);
    assert_string_equal(printed_as(QNK_CONFIG_PATH), "\"/etc/qnet/node.key\"");
    assert_int_equal(qnk_value_read(&key, "/a/b", true, "/etc/qnet", record, &size, &fault), QN_OK);
    assert_string_equal(printed_as(QNK_CONFIG_PATH), "\"/a/b\"");
    assert_int_equal(qnk_value_read(&key, "credential:x", true, "/etc", record, &size, &fault),
                     QN_OK);
    assert_string_equal(printed_as(QNK_CONFIG_PATH), "\"credential:x\"");
    value_is(QNK_CONFIG_PATH, "a", "\1\0\0\0a", 5, "a");
    assert_int_equal(read_as(QNK_CONFIG_PATH, "", false), QN_INVALID);
    assert_int_equal(read_as(QNK_CONFIG_PATH, "a\nb", false), QN_INVALID);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    assert_int_equal(qnk_value_read(&key, text, true, "", record, &size, &fault), QN_OK);
    assert_int_equal(qnk_value_read(&key, text, true, "/", record, &size, &fault), QN_INVALID);
    assert_int_equal(fault.code, QNK_E106);
}

static void choices_are_places(void **subject)
{
    (void)subject;
    value_is(QNK_CONFIG_CHOICE, "light", "\0\0\0\0", 4, "light");
    value_is(QNK_CONFIG_CHOICE, "super", "\2\0\0\0", 4, "super");
    fault_is(QNK_CONFIG_CHOICE, "sper", QNK_E106, "is none of its choices",
             "did you mean 'super'?");
    fault_is(QNK_CONFIG_CHOICE, "validator", QNK_E106, "is none of its choices",
             "light, full or super");
}

static void amounts_are_exact(void **subject)
{
    (void)subject;
    value_is(QNK_CONFIG_AMOUNT, "0.000000258", "\2\1\0\0\0\0\0\0", 8, "\"0.000000258\"");
    fault_is(QNK_CONFIG_AMOUNT, "1.0000000001", QNK_E105, "is not an amount",
             "QNC with at most 9 decimals, as in \"12.5\"");
    fault_is(QNK_CONFIG_AMOUNT, "18446744074", QNK_E106, "is out of range", "64 bits of nano-QNC");
    assert_int_equal(read_as(QNK_CONFIG_AMOUNT, "5", false), QN_OK);
}

static void times_are_in_utc(void **subject)
{
    (void)subject;
    value_is(QNK_CONFIG_TIME, "1970-01-01T00:00:00.258Z", "\2\1\0\0\0\0\0\0", 8,
             "1970-01-01T00:00:00.258Z");
    fault_is(QNK_CONFIG_TIME, "2026-01-01", QNK_E105, "is not a time",
             "in UTC, as in 2026-01-01T00:00:00Z");
}

static void keys_are_for_their_purpose(void **subject)
{
    (void)subject;
    const uint8_t key[QN_KEY_SIZE] = {1, 2, 3};
    char text[QNK_BECH32M_KEY_SIZE];

    qnk_bech32m_encode("qnv", key, text);
    assert_int_equal(read_as(QNK_CONFIG_KEY, text, true), QN_OK);
    assert_int_equal(size, QN_KEY_SIZE);
    assert_memory_equal(record, key, sizeof key);
    assert_string_equal(printed_as(QNK_CONFIG_KEY), text);
    text[10] = text[10] == 'q' ? 'p' : 'q';
    fault_is(QNK_CONFIG_KEY, text, QNK_E105, "is not a key", "qnv1... without a typing error");
    qnk_bech32m_encode("qn", key, text);
    fault_is(QNK_CONFIG_KEY, text, QNK_E105, "is a key for another purpose",
             "one that begins with qnv1");
}

static void hashes_are_64_digits(void **subject)
{
    (void)subject;
    const char *text = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    assert_int_equal(read_as(QNK_CONFIG_HASH, text, true), QN_OK);
    assert_int_equal(size, QN_HASH_SIZE);
    assert_int_equal(record[31], 0xff);
    assert_memory_equal(printed_as(QNK_CONFIG_HASH) + 1, text, 64);
    fault_is(QNK_CONFIG_HASH, text + 1, QNK_E105, "is not a hash", "64 hex digits");
}

static void peers_are_a_key_and_an_address(void **subject)
{
    (void)subject;
    static const char hint[] = "qnp1...@HOST:PORT, as `qnet key show` prints it";
    const uint8_t key[QN_KEY_SIZE] = {9};
    char key_text[QNK_BECH32M_KEY_SIZE];
    char text[200];
    char expected[200];

    qnk_bech32m_encode("qnp", key, key_text);
    (void)snprintf(text, sizeof text, "%s@203.0.113.7:9876", key_text);
    (void)snprintf(expected, sizeof expected, "\"%s@tcp://203.0.113.7:9876\"", key_text);
    assert_int_equal(read_as(QNK_CONFIG_PEER, text, false), QN_OK);
    assert_string_equal(printed_as(QNK_CONFIG_PEER), expected);
    (void)snprintf(text, sizeof text, "%s@ipc:///run/x", key_text);
    assert_int_equal(read_as(QNK_CONFIG_PEER, text, false), QN_OK);

    (void)snprintf(text, sizeof text, "%s@host", key_text);
    fault_is(QNK_CONFIG_PEER, text, QNK_E105, "is not a peer", hint);
    (void)snprintf(text, sizeof text, "%sx@host:1", key_text);
    fault_is(QNK_CONFIG_PEER, text, QNK_E105, "is not a peer", hint);
    fault_is(QNK_CONFIG_PEER, key_text, QNK_E105, "is not a peer", hint);
    fault_is(QNK_CONFIG_PEER, "@host:1", QNK_E105, "is not a peer", hint);
    memset(text, 'q', 120);
    memcpy(text + 120, "@host:1", sizeof "@host:1");
    fault_is(QNK_CONFIG_PEER, text, QNK_E105, "is not a peer", hint);
    qnk_bech32m_encode("qnv", key, key_text);
    (void)snprintf(text, sizeof text, "%s@host:1", key_text);
    fault_is(QNK_CONFIG_PEER, text, QNK_E105, "is not a peer", hint);
}

static void nothing_is_no_value(void **subject)
{
    (void)subject;
    static const uint8_t types[] = {QNK_CONFIG_BOOL, QNK_CONFIG_INT, QNK_CONFIG_STRING,
                                    QNK_CONFIG_PATH};

    for (size_t i = 0; i < COUNT(types); i++) {
        fault_is(types[i], "", QNK_E105, "has no value", "what it is");
        fault_is(types[i], "~", QNK_E105, "has no value", "what it is");
        fault_is(types[i], "null", QNK_E105, "has no value", "what it is");
    }
    assert_int_equal(read_as(QNK_CONFIG_STRING, "null", false), QN_OK);
}

static void bounds_are_kept_and_told(void **subject)
{
    (void)subject;
    struct qnk_config_key key = key_of(QNK_CONFIG_INT);

    key.min = (struct qn_span)QNK_RECORD_U64(-1);
    key.max = (struct qn_span)QNK_RECORD_U64(10);
    key.unit = QNK_CONFIG_UNIT_BLOCKS;
    assert_int_equal(qnk_value_read(&key, "-1", true, "", record, &size, &fault), QN_OK);
    assert_int_equal(qnk_value_read(&key, "10", true, "", record, &size, &fault), QN_OK);
    assert_int_equal(qnk_value_read(&key, "11", true, "", record, &size, &fault), QN_INVALID);
    assert_string_equal(fault.hint, "-1 to 10 blocks");
    assert_int_equal(qnk_value_read(&key, "-2", true, "", record, &size, &fault), QN_INVALID);

    key = key_of(QNK_CONFIG_DURATION);
    key.min = (struct qn_span)QNK_RECORD_U64(1000);
    assert_int_equal(qnk_value_read(&key, "999ms", true, "", record, &size, &fault), QN_INVALID);
    assert_string_equal(fault.what, "is out of range");
    assert_string_equal(fault.hint, "at least 1s");
    key.min.size = 0;
    key.max = (struct qn_span)QNK_RECORD_U64(60000);
    assert_int_equal(qnk_value_read(&key, "61s", true, "", record, &size, &fault), QN_INVALID);
    assert_string_equal(fault.hint, "at most 1m");

    key = key_of(QNK_CONFIG_RATIO);
    key.max = (struct qn_span)QNK_RECORD_U32(1000000);
    assert_int_equal(qnk_value_read(&key, "101%", true, "", record, &size, &fault), QN_INVALID);
    assert_string_equal(fault.hint, "at most 100%");
}

static void numbers_compare_by_their_type(void **subject)
{
    (void)subject;
    const struct qn_span minus = QNK_RECORD_U64(-1);
    const struct qn_span one = QNK_RECORD_U64(1);

    assert_true(qnk_value_is_less(QNK_CONFIG_INT, minus, one));
    assert_false(qnk_value_is_less(QNK_CONFIG_SIZE, minus, one));
    assert_false(qnk_value_is_less(QNK_CONFIG_INT, one, one));
}

static void broken_records_are_not_printed(void **subject)
{
    (void)subject;
    static const uint8_t types[] = {QNK_CONFIG_BOOL, QNK_CONFIG_INT,  QNK_CONFIG_RATIO,
                                    QNK_CONFIG_NAME, QNK_CONFIG_HASH, QNK_CONFIG_CHOICE,
                                    QNK_CONFIG_KEY,  QNK_CONFIG_PEER};
    struct qn_sink sink;

    qnk_sink_init(&sink, &budget, 100);
    for (size_t i = 0; i < COUNT(types); i++) {
        struct qnk_config_key key = key_of(types[i]);
        struct qn_span empty = {NULL, 0};
        struct qn_span wrong = {(const uint8_t *)"\xff\xff", 2};

        assert_int_equal(qnk_value_print(&key, &empty, &sink), QN_INVALID);
        if (types[i] != QNK_CONFIG_BOOL) {
            assert_int_equal(qnk_value_print(&key, &wrong, &sink), QN_INVALID);
            assert_int_equal(wrong.size, 2);
        }
    }
    assert_int_equal(qnk_sink_span(&sink).size, 0);
    qnk_sink_done(&sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(booleans_are_words_without_quotes),
        cmocka_unit_test(words_of_booleans_are_texts_elsewhere),
        cmocka_unit_test(ints_are_digits_without_quotes),
        cmocka_unit_test(sizes_durations_and_ratios_have_units),
        cmocka_unit_test(strings_hold_anything_that_can_be_shown),
        cmocka_unit_test(names_are_short_and_plain),
        cmocka_unit_test(addresses_have_a_scheme_or_are_tcp),
        cmocka_unit_test(long_addresses_are_refused),
        cmocka_unit_test(paths_are_relative_to_their_file),
        cmocka_unit_test(choices_are_places),
        cmocka_unit_test(amounts_are_exact),
        cmocka_unit_test(times_are_in_utc),
        cmocka_unit_test(keys_are_for_their_purpose),
        cmocka_unit_test(hashes_are_64_digits),
        cmocka_unit_test(peers_are_a_key_and_an_address),
        cmocka_unit_test(nothing_is_no_value),
        cmocka_unit_test(bounds_are_kept_and_told),
        cmocka_unit_test(numbers_compare_by_their_type),
        cmocka_unit_test(broken_records_are_not_printed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
