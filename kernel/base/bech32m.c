/* SPDX-License-Identifier: MIT */

#include "kernel/base/bech32m.h"

#include <stdbool.h>
#include <string.h>

#include <qnet/assert.h>

enum { CHECKSUM_SIZE = 6, KEY_GROUPS = (8 * QN_KEY_SIZE + 4) / 5 };

_Static_assert(QNK_BECH32M_KEY_SIZE > QNK_BECH32M_PREFIX_MAX + 1 + KEY_GROUPS + CHECKSUM_SIZE,
               "the longest text of a key and its end");
_Static_assert(QNK_BECH32M_KEY_SIZE <= QNK_BECH32M_MAX, "a key's text is a Bech32m text");

static const char charset[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
static const uint32_t final_constant = 0x2bc830a3;

/* One more group into the remainder of the BCH code (BIP-173, bech32_polymod). */
static uint32_t add_group(uint32_t remainder, uint8_t group)
{
    static const uint32_t generator[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                          0x2a1462b3};
    uint32_t top = remainder >> 25;

    remainder = (remainder & 0x1ffffff) << 5 ^ group;
    for (uint32_t i = 0; i < 5; i++) {
        remainder ^= (top >> i & 1) != 0 ? generator[i] : 0;
    }
    return remainder;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The remainder after the prefix: high bits, zero, low bits of its characters. */
static uint32_t add_prefix(const char *prefix, uint32_t size)
{
    uint32_t remainder = 1;

    for (uint32_t i = 0; i < size; i++) {
        remainder = add_group(remainder, (uint8_t)(lower(prefix[i]) >> 5));
    }
    remainder = add_group(remainder, 0);
    for (uint32_t i = 0; i < size; i++) {
        remainder = add_group(remainder, (uint8_t)(lower(prefix[i]) & 31));
    }
    return remainder;
}

/* Whether the text is printable, of one case, and not too long. */
static bool is_plain(const char *text, size_t size)
{
    bool uppers = false;
    bool lowers = false;

    if (size > QNK_BECH32M_MAX) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] < 33 || text[i] > 126) {
            return false;
        }
        uppers = uppers || (text[i] >= 'A' && text[i] <= 'Z');
        lowers = lowers || (text[i] >= 'a' && text[i] <= 'z');
    }
    return !(uppers && lowers);
}

int32_t qnk_bech32m_split(const char *text, uint32_t *prefix_size, uint8_t groups[QNK_BECH32M_MAX],
                          uint32_t *count)
{
    size_t size = strnlen(text, QNK_BECH32M_MAX + 1);
    const char *separator = strrchr(text, '1');

    if (!is_plain(text, size) || separator == NULL || separator == text ||
        text + size - separator - 1 < CHECKSUM_SIZE) {
        return QN_INVALID;
    }

    uint32_t before = (uint32_t)(separator - text);
    uint32_t remainder = add_prefix(text, before);
    uint32_t total = 0;

    for (const char *at = separator + 1; *at != 0; at++) {
        const char *place = strchr(charset, lower(*at));

        if (place == NULL) {
            return QN_INVALID;
        }
        groups[total] = (uint8_t)(place - charset);
        remainder = add_group(remainder, groups[total++]);
    }
    if (remainder != final_constant) {
        return QN_INVALID;
    }
    *prefix_size = before;
    *count = total - CHECKSUM_SIZE;
    return QN_OK;
}

static void key_to_groups(const uint8_t key[QN_KEY_SIZE], uint8_t groups[KEY_GROUPS])
{
    uint32_t held = 0;
    uint32_t bits = 0;
    uint32_t count = 0;

    for (uint32_t i = 0; i < QN_KEY_SIZE; i++) {
        held = held << 8 | key[i];
        for (bits += 8; bits >= 5; bits -= 5) {
            groups[count++] = (uint8_t)(held >> (bits - 5) & 31);
        }
        held &= 31;
    }
    groups[count++] = (uint8_t)(held << (5 - bits) & 31);
    QN_ASSERT(count == KEY_GROUPS);
}

/* False: the bits that fill the last group are not zero, so another text would mean the same. */
static bool groups_to_key(const uint8_t groups[KEY_GROUPS], uint8_t key[QN_KEY_SIZE])
{
    uint32_t held = 0;
    uint32_t bits = 0;
    uint32_t count = 0;

    for (uint32_t i = 0; i < KEY_GROUPS; i++) {
        held = (held << 5 | groups[i]) & 0xfff;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            key[count++] = (uint8_t)(held >> bits);
        }
    }
    QN_ASSERT(count == QN_KEY_SIZE);
    return (held & ((1u << bits) - 1)) == 0;
}

void qnk_bech32m_encode(const char *prefix, const uint8_t key[QN_KEY_SIZE],
                        char text[QNK_BECH32M_KEY_SIZE])
{
    uint8_t groups[KEY_GROUPS + CHECKSUM_SIZE];
    size_t size = strlen(prefix);

    QN_ASSERT(size >= 1);
    QN_ASSERT(size <= QNK_BECH32M_PREFIX_MAX);
    key_to_groups(key, groups);

    uint32_t remainder = add_prefix(prefix, (uint32_t)size);

    for (uint32_t i = 0; i < KEY_GROUPS + CHECKSUM_SIZE; i++) {
        remainder = add_group(remainder, i < KEY_GROUPS ? groups[i] : 0);
    }
    remainder ^= final_constant;
    for (uint32_t i = 0; i < CHECKSUM_SIZE; i++) {
        groups[KEY_GROUPS + i] = (uint8_t)(remainder >> 5 * (CHECKSUM_SIZE - 1 - i) & 31);
    }

    memcpy(text, prefix, size);
    text[size++] = '1';
    for (uint32_t i = 0; i < KEY_GROUPS + CHECKSUM_SIZE; i++) {
        text[size++] = charset[groups[i]];
    }
    text[size] = 0;
}

int32_t qnk_bech32m_decode(const char *prefix, const char *text, uint8_t key[QN_KEY_SIZE])
{
    uint8_t groups[QNK_BECH32M_MAX];
    uint8_t found[QN_KEY_SIZE];
    uint32_t prefix_size;
    uint32_t count;
    int32_t status = qnk_bech32m_split(text, &prefix_size, groups, &count);

    if (status != QN_OK) {
        return status;
    }
    if (count != KEY_GROUPS || !groups_to_key(groups, found)) {
        return QN_INVALID;
    }
    if (prefix_size != strlen(prefix)) {
        return QN_NOT_FOUND;
    }
    for (uint32_t i = 0; i < prefix_size; i++) {
        if (lower(text[i]) != prefix[i]) {
            return QN_NOT_FOUND;
        }
    }
    memcpy(key, found, QN_KEY_SIZE);
    return QN_OK;
}
