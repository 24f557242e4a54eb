/* SPDX-License-Identifier: MIT */

/* text.c: amounts, sizes, durations, ratios, times, hex and keys as people write them: a byte says
 * which, the rest is the text. What can be read is printed as something that is the same. */

#include "kernel/base/bech32m.h"
#include "kernel/base/decimal.h"
#include "kernel/base/hex.h"
#include "kernel/config/quantity.h"
#include "tests/fuzz/fuzz.h"

enum { TEXT_MAX = 200 };

static void size_run(const char *text)
{
    char again[QNK_QUANTITY_SIZE];
    uint64_t value, other;

    if (qnk_size_read(text, &value) == QN_OK) {
        qnk_size_print(value, again);
        QN_ASSERT(qnk_size_read(again, &other) == QN_OK && other == value);
    }
}

static void duration_run(const char *text)
{
    char again[QNK_QUANTITY_SIZE];
    uint64_t value, other;

    if (qnk_duration_read(text, &value) == QN_OK) {
        qnk_duration_print(value, again);
        QN_ASSERT(qnk_duration_read(again, &other) == QN_OK && other == value);
    }
}

static void ratio_run(const char *text)
{
    char again[QNK_QUANTITY_SIZE];
    uint32_t value, other;

    if (qnk_ratio_read(text, &value) == QN_OK) {
        qnk_ratio_print(value, again);
        QN_ASSERT(qnk_ratio_read(again, &other) == QN_OK && other == value);
    }
}

static void time_run(const char *text)
{
    char again[QNK_QUANTITY_SIZE];
    uint64_t value, other;

    if (qnk_time_read(text, &value) == QN_OK) {
        qnk_time_print(value, again);
        QN_ASSERT(qnk_time_read(again, &other) == QN_OK && other == value);
    }
}

static void decimal_run(const char *text)
{
    char again[QNK_DECIMAL_SIZE];
    uint64_t value, other;

    if (qnk_decimal_decode(text, &value) == QN_OK) {
        qnk_decimal_encode(value, again);
        QN_ASSERT(qnk_decimal_decode(again, &other) == QN_OK && other == value);
    }
}

static void hex_run(const char *text)
{
    uint8_t bytes[TEXT_MAX / 2];
    char again[TEXT_MAX + 1];
    size_t size = strlen(text) / 2;

    if (qnk_hex_decode(text, size, bytes) == QN_OK) {
        qnk_hex_encode(bytes, size, again);
        QN_ASSERT(strlen(text) == 2 * size && strlen(again) == 2 * size);
    }
}

/* There is one text for a key, but for capitals. */
static void key_run(const char *text)
{
    char again[QNK_BECH32M_KEY_SIZE];
    uint8_t key[QN_KEY_SIZE];

    if (qnk_bech32m_decode(QNK_PREFIX_VALIDATOR, text, key) == QN_OK) {
        qnk_bech32m_encode(QNK_PREFIX_VALIDATOR, key, again);
        QN_ASSERT(strlen(again) == strlen(text));
        for (size_t i = 0; text[i] != 0; i++) {
            QN_ASSERT((text[i] | 0x20) == (again[i] | 0x20));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const runs[])(const char *) = {
        size_run, duration_run, ratio_run, time_run, decimal_run, hex_run, key_run,
    };
    char text[TEXT_MAX];

    if (size > 0 && size <= sizeof text && data[0] < sizeof runs / sizeof *runs) {
        memcpy(text, data + 1, size - 1);
        text[size - 1] = 0;
        runs[data[0]](text);
    }
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    static const uint8_t key[QN_KEY_SIZE] = {1, 2, 3};
    static const char *const texts[] = {
        "\x00"
        "64GiB512B",
        "\x01"
        "1h30m1.5s",
        "\x02"
        "85.25%",
        "\x03"
        "2026-01-31T23:59:59.123Z",
        "\x04"
        "18446744073.709551615",
        "\x05"
        "00ffa0",
        "\x02"
        "0.85",
        "\x01"
        "250ms",
    };
    char text[1 + QNK_BECH32M_KEY_SIZE] = {6};

    qnk_bech32m_encode(QNK_PREFIX_VALIDATOR, key, text + 1);
    take((const uint8_t *)text, 1 + strlen(text + 1));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        take((const uint8_t *)texts[i], 1 + strlen(texts[i] + 1));
    }
}
