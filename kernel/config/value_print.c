/* SPDX-License-Identifier: MIT */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/bytes.h"
#include "kernel/base/decimal.h"
#include "kernel/base/hex.h"
#include "kernel/config/quantity.h"
#include "kernel/config/value.h"

enum { SHORT_MAX = 80 }; /* any text but those of strings, addresses and paths */

static int32_t put_string(struct qn_sink *out, const char *text)
{
    return qnk_sink_append(out, text, strlen(text));
}

/* In double quotes, with what YAML asks for inside them. Texts hold no control characters. */
static int32_t put_quoted(struct qn_sink *out, struct qn_span text)
{
    int32_t status = put_string(out, "\"");

    for (uint64_t i = 0; i < text.size && status == QN_OK; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\') {
            status = put_string(out, "\\");
        }
        if (status == QN_OK) {
            status = qnk_sink_append(out, text.data + i, 1);
        }
    }
    return status == QN_OK ? put_string(out, "\"") : status;
}

/* A word that no parser takes for anything but a text needs no quotes. */
static bool is_word(struct qn_span text)
{
    static const char *const others[] = {"true", "false", "yes", "no", "on",
                                         "off",  "null",  "y",   "n"};

    if (text.size == 0 || text.data[0] < 'a' || text.data[0] > 'z') {
        return false;
    }
    for (uint64_t i = 1; i < text.size; i++) {
        bool is_plain = (text.data[i] >= 'a' && text.data[i] <= 'z') ||
                        (text.data[i] >= '0' && text.data[i] <= '9') || text.data[i] == '-';

        if (!is_plain) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (text.size == strlen(others[i]) && memcmp(text.data, others[i], text.size) == 0) {
            return false;
        }
    }
    return true;
}

static int32_t put_text(struct qn_sink *out, struct qn_span text)
{
    return is_word(text) ? qnk_sink_append(out, text.data, text.size) : put_quoted(out, text);
}

/* The short texts, all but those that are kept as they were written. */
static void short_print(const struct qnk_config_key *key, struct qnk_reader *reader,
                        char text[SHORT_MAX])
{
    uint8_t bytes[32];

    switch (key->type & QNK_CONFIG_ITEM) {
    case QNK_CONFIG_BOOL:
        (void)snprintf(text, SHORT_MAX, "%s", qnk_reader_u8(reader) != 0 ? "true" : "false");
        break;
    case QNK_CONFIG_INT:
        (void)snprintf(text, SHORT_MAX, "%" PRId64, (int64_t)qnk_reader_u64(reader));
        break;
    case QNK_CONFIG_SIZE:
        qnk_size_print(qnk_reader_u64(reader), text);
        break;
    case QNK_CONFIG_DURATION:
        qnk_duration_print(qnk_reader_u64(reader), text);
        break;
    case QNK_CONFIG_RATIO:
        qnk_ratio_print(qnk_reader_u32(reader), text);
        break;
    case QNK_CONFIG_AMOUNT:
        text[0] = '"';
        qnk_decimal_encode(qnk_reader_u64(reader), text + 1);
        memcpy(text + strlen(text), "\"", sizeof "\"");
        break;
    case QNK_CONFIG_TIME:
        qnk_time_print(qnk_reader_u64(reader), text);
        break;
    case QNK_CONFIG_KEY:
        qnk_reader_copy(reader, bytes, sizeof bytes);
        qnk_bech32m_encode(key->values[0], bytes, text);
        break;
    default:
        QN_ASSERT((key->type & QNK_CONFIG_ITEM) == QNK_CONFIG_HASH);
        text[0] = '"'; /* digits alone could be a number */
        qnk_reader_copy(reader, bytes, sizeof bytes);
        qnk_hex_encode(bytes, sizeof bytes, text + 1);
        memcpy(text + strlen(text), "\"", sizeof "\"");
        break;
    }
}

static bool is_text(uint8_t type)
{
    return (type >= QNK_CONFIG_STRING && type <= QNK_CONFIG_PATH) || type == QNK_CONFIG_PEER;
}

int32_t qnk_value_print(const struct qnk_config_key *key, struct qn_span *record,
                        struct qn_sink *out)
{
    struct qnk_reader reader = qnk_reader_init(*record);
    uint8_t type = key->type & QNK_CONFIG_ITEM;
    struct qn_span span = {NULL, 0};
    char text[SHORT_MAX];

    if (is_text(type)) {
        span = qnk_reader_span(&reader, qnk_reader_u32(&reader));
    } else if (type == QNK_CONFIG_CHOICE) {
        uint32_t place = qnk_reader_u32(&reader);

        if (place >= key->values_count) {
            return QN_INVALID;
        }
        span = (struct qn_span){(const uint8_t *)key->values[place], strlen(key->values[place])};
    } else {
        short_print(key, &reader, text);
    }
    if (reader.failed) {
        return QN_INVALID;
    }
    *record = (struct qn_span){reader.at, reader.left};
    if (is_text(type) || type == QNK_CONFIG_CHOICE) {
        return put_text(out, span);
    }
    return put_string(out, text);
}

int32_t qnk_value_print_bounds(const struct qnk_config_key *key, struct qn_sink *out)
{
    static const char *const units[QNK_CONFIG_UNIT_COUNT] = {
        "",       " blocks",  " windows",    " transactions", " accounts",
        " peers", " threads", " per second", " nano-QNC",
    };
    struct qn_span min = key->min;
    struct qn_span max = key->max;
    int32_t status = QN_OK;

    if (min.size > 0) {
        status = put_string(out, max.size > 0 ? "" : "at least ");
        status = status == QN_OK ? qnk_value_print(key, &min, out) : status;
    }
    if (max.size > 0 && status == QN_OK) {
        status = put_string(out, key->min.size > 0 ? " to " : "at most ");
        status = status == QN_OK ? qnk_value_print(key, &max, out) : status;
    }
    return status == QN_OK ? put_string(out, units[key->unit]) : status;
}
