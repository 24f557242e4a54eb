/* SPDX-License-Identifier: MIT */

#include "kernel/config/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/bytes.h"
#include "kernel/base/decimal.h"
#include "kernel/base/hex.h"
#include "kernel/config/quantity.h"

enum {
    NAME_MAX_SIZE = 32,
    ADDRESS_MAX = 256, /* as transports take them */
    SCHEME_MAX = 16,
};

/* What one value is read from and written to. */
struct reading {
    const struct qnk_config_key *key;
    const char *text;
    bool is_plain;
    const char *folder;
    struct qnk_writer record;
    struct qnk_value_fault *fault;
};

__attribute__((format(printf, 4, 5))) static bool fail(struct reading *reading,
                                                       enum qnk_finding_code code, const char *what,
                                                       const char *hint, ...)
{
    va_list args;

    reading->fault->code = code;
    reading->fault->what = what;
    va_start(args, hint);
    (void)vsnprintf(reading->fault->hint, sizeof reading->fault->hint, hint, args);
    va_end(args);
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* 10 * number + digit; false: over 64 bits. */
static bool digit_add(uint64_t *number, char digit)
{
    uint64_t value = (uint64_t)(digit - '0');

    if (*number > (UINT64_MAX - value) / 10) {
        return false;
    }
    *number = 10 * *number + value;
    return true;
}

/* Digits, all up to `end`, without a zero before others. */
static bool is_whole(const char *text)
{
    return is_digit(text[0]) && (text[0] != '0' || text[1] == 0) &&
           text[strspn(text, "0123456789")] == 0;
}

static bool whole_read(const char *text, uint64_t *number)
{
    uint64_t sum = 0;

    for (; *text != 0; text++) {
        if (!digit_add(&sum, *text)) {
            return false;
        }
    }
    *number = sum;
    return true;
}

static bool bool_read(struct reading *reading)
{
    static const char *const words[6] = {"false", "true", "no", "yes", "off", "on"};

    for (uint32_t i = 0; reading->is_plain && i < 6; i++) {
        if (strcmp(reading->text, words[i]) == 0) {
            qnk_writer_u8(&reading->record, i % 2);
            return true;
        }
    }
    return fail(reading, QNK_E105, "is not a yes or no", "true or false, without quotes");
}

static bool int_read(struct reading *reading)
{
    bool is_negative = *reading->text == '-';
    uint64_t size = 0;

    if (!reading->is_plain || !is_whole(reading->text + is_negative)) {
        return fail(reading, QNK_E105, "is not a whole number", "digits alone, as in 90");
    }
    if (!whole_read(reading->text + is_negative, &size) ||
        size > (uint64_t)INT64_MAX + is_negative) {
        return fail(reading, QNK_E106, "is out of range", "64 bits");
    }
    qnk_writer_u64(&reading->record, is_negative ? 0 - size : size);
    return true;
}

static bool measure_read(struct reading *reading, int32_t status, uint64_t value)
{
    if (status == QN_OK) {
        qnk_writer_u64(&reading->record, value);
        return true;
    }
    if (status == QN_NO_SPACE) {
        return fail(reading, QNK_E106, "is out of range", "64 bits");
    }
    if ((reading->key->type & QNK_CONFIG_ITEM) == QNK_CONFIG_SIZE) {
        return fail(reading, QNK_E107, "is not a size",
                    "a number and a unit, as in 512MiB or 64GiB");
    }
    return fail(reading, QNK_E107, "is not a duration", "a number and a unit, as in 250ms or 90s");
}

static bool size_read(struct reading *reading)
{
    uint64_t size = 0;
    int32_t status = qnk_size_read(reading->text, &size);

    return measure_read(reading, status, size);
}

static bool duration_read(struct reading *reading)
{
    uint64_t ms = 0;
    int32_t status = qnk_duration_read(reading->text, &ms);

    return measure_read(reading, status, ms);
}

static bool ratio_read(struct reading *reading)
{
    uint32_t millionths = 0;
    int32_t status = qnk_ratio_read(reading->text, &millionths);

    if (status == QN_OK) {
        qnk_writer_u32(&reading->record, millionths);
        return true;
    }
    if (status == QN_NO_SPACE) {
        return fail(reading, QNK_E106, "is out of range", "at most 4294");
    }
    return fail(reading, QNK_E107, "is not a ratio", "as in 85%% or 0.85, to a millionth");
}

static bool has_control(const char *text)
{
    for (; *text != 0; text++) {
        if ((*text > 0 && *text < 32) || *text == 127) {
            return true;
        }
    }
    return false;
}

static void text_write(struct reading *reading, const char *text)
{
    size_t size = strlen(text);

    qnk_writer_u32(&reading->record, (uint32_t)size);
    qnk_writer_bytes(&reading->record, text, size);
}

static bool string_read(struct reading *reading)
{
    if (has_control(reading->text)) {
        return fail(reading, QNK_E105, "holds a control character", "%s", "");
    }
    if (strlen(reading->text) > QNK_CONFIG_TEXT_MAX) {
        return fail(reading, QNK_E106, "is too long", "at most %d bytes", QNK_CONFIG_TEXT_MAX);
    }
    text_write(reading, reading->text);
    return true;
}

static bool is_name(const char *text)
{
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return size > 0 && size <= NAME_MAX_SIZE && text[size] == 0;
}

static bool name_read(struct reading *reading)
{
    if (!is_name(reading->text)) {
        return fail(reading, QNK_E105, "is not a name", "1 to %d of a-z, 0-9 and -", NAME_MAX_SIZE);
    }
    text_write(reading, reading->text);
    return true;
}

/* HOST:PORT, or [IPv6]:PORT. What a host's name resolves to is no question for a file. */
static bool is_endpoint(const char *text)
{
    const char *colon = strrchr(text, ':');
    size_t host = colon == NULL ? 0 : (size_t)(colon - text);
    uint64_t port = 0;
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_*";

    if (host == 0 || !is_whole(colon + 1) || !whole_read(colon + 1, &port) || port > 65535) {
        return false;
    }
    if (text[0] == '[') {
        return text[host - 1] == ']' && strspn(text + 1, "0123456789abcdefABCDEF:.%") == host - 2;
    }
    return strspn(text, allowed) == host;
}

/* The scheme's length in "SCHEME://REST"; 0: there is none. */
static size_t scheme_size(const char *text)
{
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+.-");

    return size <= SCHEME_MAX && strncmp(text + size, "://", 3) == 0 ? size : 0;
}

static bool is_address(const char *text)
{
    size_t scheme = scheme_size(text);
    const char *rest = scheme > 0 ? text + scheme + 3 : text;
    bool is_tcp = scheme == 0 || (scheme == 3 && strncmp(text, "tcp", 3) == 0);

    if (strlen(text) > ADDRESS_MAX - strlen("tcp://") || *rest == 0 || has_control(text) ||
        strchr(text, ' ') != NULL) {
        return false;
    }
    return !is_tcp || is_endpoint(rest);
}

/* "HOST:PORT" is short for "tcp://HOST:PORT". */
static const char *scheme_missing(const char *address)
{
    return scheme_size(address) == 0 ? "tcp://" : "";
}

static bool address_read(struct reading *reading)
{
    char address[ADDRESS_MAX + 1];

    if (!is_address(reading->text)) {
        return fail(reading, QNK_E105, "is not an address", "as in 127.0.0.1:9876 or ipc:///path");
    }
    (void)snprintf(address, sizeof address, "%s%s", scheme_missing(reading->text), reading->text);
    text_write(reading, address);
    return true;
}

static bool peer_read(struct reading *reading)
{
    static const char hint[] = "qnp1...@HOST:PORT, as `qnet key show` prints it";
    const char *at = strchr(reading->text, '@');
    char key_text[QNK_BECH32M_KEY_SIZE];
    uint8_t key[QN_KEY_SIZE];
    char peer[QNK_BECH32M_KEY_SIZE + ADDRESS_MAX + 2];
    size_t size = at == NULL ? 0 : (size_t)(at - reading->text);

    if (size == 0 || size >= sizeof key_text || !is_address(at + 1)) {
        return fail(reading, QNK_E105, "is not a peer", "%s", hint);
    }
    memcpy(key_text, reading->text, size);
    key_text[size] = 0;
    if (qnk_bech32m_decode(QNK_PREFIX_NODE, key_text, key) != QN_OK) {
        return fail(reading, QNK_E105, "is not a peer", "%s", hint);
    }
    qnk_bech32m_encode(QNK_PREFIX_NODE, key, key_text);
    (void)snprintf(peer, sizeof peer, "%s@%s%s", key_text, scheme_missing(at + 1), at + 1);
    text_write(reading, peer);
    return true;
}

static bool path_read(struct reading *reading)
{
    char path[QNK_CONFIG_TEXT_MAX + 1];
    bool is_whole_path = *reading->folder == 0 || *reading->text == '/' ||
                         strncmp(reading->text, "credential:", strlen("credential:")) == 0;
    int size = snprintf(path, sizeof path, "%s%s%s", is_whole_path ? "" : reading->folder,
                        is_whole_path ? "" : "/", reading->text);

    if (*reading->text == 0 || has_control(reading->text)) {
        return fail(reading, QNK_E105, "is not a path", "a file, or credential:NAME");
    }
    if (size < 0 || (size_t)size >= sizeof path) {
        return fail(reading, QNK_E106, "is too long", "at most %d bytes", QNK_CONFIG_TEXT_MAX);
    }
    text_write(reading, path);
    return true;
}

static bool choice_read(struct reading *reading)
{
    const struct qnk_config_key *key = reading->key;
    char list[120] = "";
    size_t used = 0;

    for (uint32_t i = 0; i < key->values_count; i++) {
        if (strcmp(reading->text, key->values[i]) == 0) {
            qnk_writer_u32(&reading->record, i);
            return true;
        }
    }
    for (uint32_t i = 0; i < key->values_count; i++) {
        if (qnk_config_distance(reading->text, key->values[i], 2) <= 2) {
            return fail(reading, QNK_E106, "is none of its choices", "did you mean '%s'?",
                        key->values[i]);
        }
    }
    for (uint32_t i = 0; i < key->values_count && used < sizeof list; i++) {
        const char *between = i == 0 ? "" : i + 1 == key->values_count ? " or " : ", ";

        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", between, key->values[i]);
    }
    return fail(reading, QNK_E106, "is none of its choices", "%s", list);
}

static bool amount_read(struct reading *reading)
{
    uint64_t amount = 0;
    int32_t status = qnk_decimal_decode(reading->text, &amount);

    if (status == QN_INVALID) {
        return fail(reading, QNK_E105, "is not an amount",
                    "QNC with at most 9 decimals, as in \"12.5\"");
    }
    if (status != QN_OK) {
        return fail(reading, QNK_E106, "is out of range", "64 bits of nano-QNC");
    }
    qnk_writer_u64(&reading->record, amount);
    return true;
}

static bool time_read(struct reading *reading)
{
    uint64_t ms = 0;

    if (qnk_time_read(reading->text, &ms) != QN_OK) {
        return fail(reading, QNK_E105, "is not a time", "in UTC, as in 2026-01-01T00:00:00Z");
    }
    qnk_writer_u64(&reading->record, ms);
    return true;
}

static bool key_read(struct reading *reading)
{
    const char *prefix = reading->key->values[0];
    uint8_t key[QN_KEY_SIZE];
    int32_t status = qnk_bech32m_decode(prefix, reading->text, key);

    if (status == QN_NOT_FOUND) {
        return fail(reading, QNK_E105, "is a key for another purpose", "one that begins with %s1",
                    prefix);
    }
    if (status != QN_OK) {
        return fail(reading, QNK_E105, "is not a key", "%s1... without a typing error", prefix);
    }
    qnk_writer_bytes(&reading->record, key, sizeof key);
    return true;
}

static bool hash_read(struct reading *reading)
{
    uint8_t hash[QN_HASH_SIZE];

    if (qnk_hex_decode(reading->text, sizeof hash, hash) != QN_OK) {
        return fail(reading, QNK_E105, "is not a hash", "64 hex digits");
    }
    qnk_writer_bytes(&reading->record, hash, sizeof hash);
    return true;
}

static bool any_read(struct reading *reading)
{
    switch (reading->key->type & QNK_CONFIG_ITEM) {
    case QNK_CONFIG_BOOL:
        return bool_read(reading);
    case QNK_CONFIG_INT:
        return int_read(reading);
    case QNK_CONFIG_SIZE:
        return size_read(reading);
    case QNK_CONFIG_DURATION:
        return duration_read(reading);
    case QNK_CONFIG_RATIO:
        return ratio_read(reading);
    case QNK_CONFIG_STRING:
        return string_read(reading);
    case QNK_CONFIG_NAME:
        return name_read(reading);
    case QNK_CONFIG_ADDRESS:
        return address_read(reading);
    case QNK_CONFIG_PATH:
        return path_read(reading);
    case QNK_CONFIG_CHOICE:
        return choice_read(reading);
    case QNK_CONFIG_AMOUNT:
        return amount_read(reading);
    case QNK_CONFIG_TIME:
        return time_read(reading);
    case QNK_CONFIG_KEY:
        return key_read(reading);
    case QNK_CONFIG_HASH:
        return hash_read(reading);
    default:
        QN_ASSERT((reading->key->type & QNK_CONFIG_ITEM) == QNK_CONFIG_PEER);
        return peer_read(reading);
    }
}

/* The types whose bounds are compared as numbers. */
static bool is_number(uint8_t type)
{
    return (type >= QNK_CONFIG_INT && type <= QNK_CONFIG_RATIO) || type == QNK_CONFIG_AMOUNT ||
           type == QNK_CONFIG_TIME;
}

bool qnk_value_is_less(uint8_t type, struct qn_span a, struct qn_span b)
{
    QN_ASSERT(is_number(type));
    QN_ASSERT(a.size == b.size);
    if (type == QNK_CONFIG_RATIO) {
        return qn_le32_read(a.data) < qn_le32_read(b.data);
    }
    if (type == QNK_CONFIG_INT) {
        return (int64_t)qn_le64_read(a.data) < (int64_t)qn_le64_read(b.data);
    }
    return qn_le64_read(a.data) < qn_le64_read(b.data);
}

static bool is_within(const struct qnk_config_key *key, struct qn_span record)
{
    uint8_t type = key->type & QNK_CONFIG_ITEM;

    return (key->min.size == 0 || !qnk_value_is_less(type, record, key->min)) &&
           (key->max.size == 0 || !qnk_value_is_less(type, key->max, record));
}

/* `~`, `null` and nothing at all are what other programs take for no value. */
static bool is_nothing(const char *text, bool is_plain)
{
    return is_plain && (*text == 0 || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static bool bounds_hint(struct reading *reading)
{
    struct qnk_budget budget = {.limit = 4096};
    struct qn_sink sink;

    qnk_sink_init(&sink, &budget, sizeof reading->fault->hint - 1);

    bool is_printed = qnk_value_print_bounds(reading->key, &sink) == QN_OK;
    struct qn_span hint = qnk_sink_span(&sink);

    (void)fail(reading, QNK_E106, "is out of range", "%.*s", is_printed ? (int)hint.size : 0,
               hint.data == NULL ? "" : (const char *)hint.data);
    qnk_sink_done(&sink);
    return false;
}

int32_t qnk_value_read(const struct qnk_config_key *key, const char *text, bool is_plain,
                       const char *folder, uint8_t record[QNK_VALUE_RECORD_MAX], uint32_t *size,
                       struct qnk_value_fault *fault)
{
    struct reading reading = {
        .key = key,
        .text = text,
        .is_plain = is_plain,
        .folder = folder,
        .record = qnk_writer_init(record, QNK_VALUE_RECORD_MAX),
        .fault = fault,
    };

    if (is_nothing(text, is_plain)) {
        (void)fail(&reading, QNK_E105, "has no value", "%s", key->doc);
        return QN_INVALID;
    }
    if (!any_read(&reading)) {
        return QN_INVALID;
    }

    uint32_t written = (uint32_t)(QNK_VALUE_RECORD_MAX - reading.record.room);

    if (is_number(key->type & QNK_CONFIG_ITEM) &&
        !is_within(key, (struct qn_span){record, written})) {
        (void)bounds_hint(&reading);
        return QN_INVALID;
    }
    *size = written;
    return QN_OK;
}
