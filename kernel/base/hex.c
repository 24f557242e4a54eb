/* SPDX-License-Identifier: MIT */

#include "kernel/base/hex.h"

#include <string.h>

void qnk_hex_encode(const uint8_t *bytes, uint64_t size, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (uint64_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * size] = 0;
}

/* The digit's value, or 16. */
static uint8_t value_of(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return (uint8_t)(digit - '0');
    }
    if (digit >= 'a' && digit <= 'f') {
        return (uint8_t)(digit - 'a' + 10);
    }
    if (digit >= 'A' && digit <= 'F') {
        return (uint8_t)(digit - 'A' + 10);
    }
    return 16;
}

int32_t qnk_hex_decode(const char *text, uint64_t size, uint8_t *bytes)
{
    if (strlen(text) != 2 * size) {
        return QN_INVALID;
    }
    for (uint64_t i = 0; i < 2 * size; i++) {
        if (value_of(text[i]) > 15) {
            return QN_INVALID;
        }
    }
    for (uint64_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value_of(text[2 * i]) << 4 | value_of(text[2 * i + 1]));
    }
    return QN_OK;
}
