/* SPDX-License-Identifier: MIT */

#include "kernel/base/decimal.h"

#include <stdbool.h>
#include <string.h>

#include <qnet/assert.h>

void qnk_decimal_encode(uint64_t amount, char text[QNK_DECIMAL_SIZE])
{
    char digits[QNK_DECIMAL_SIZE];
    uint32_t count = 0;
    uint32_t decimals = QNK_DECIMAL_PLACES;
    uint32_t at = 0;

    while (decimals > 0 && amount % 10 == 0) {
        amount /= 10;
        decimals--;
    }
    while (amount > 0 || count <= decimals) { /* at least one digit before the point */
        digits[count++] = (char)('0' + amount % 10);
        amount /= 10;
    }
    while (count > 0) {
        text[at++] = digits[--count];
        if (count == decimals && decimals > 0) {
            text[at++] = '.';
        }
    }
    QN_ASSERT(at < QNK_DECIMAL_SIZE);
    text[at] = 0;
}

/* Appends a digit to `sum`; false: over 64 bits. */
static bool add_digit(uint64_t *sum, char c)
{
    uint64_t digit = (uint64_t)(c - '0');

    if (*sum > (UINT64_MAX - digit) / 10) {
        return false;
    }
    *sum = 10 * *sum + digit;
    return true;
}

int32_t qnk_decimal_decode(const char *text, uint64_t *amount)
{
    static const char digits[] = "0123456789";
    size_t whole = strspn(text, digits);
    size_t decimals = text[whole] == '.' ? strspn(text + whole + 1, digits) : 0;
    size_t size = text[whole] == '.' ? whole + 1 + decimals : whole;
    uint64_t sum = 0;

    if (whole == 0 || (text[0] == '0' && whole > 1) || text[size] != 0 ||
        decimals > QNK_DECIMAL_PLACES || (size > whole && decimals == 0)) {
        return QN_INVALID;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] != '.' && !add_digit(&sum, text[i])) {
            return QN_NO_SPACE;
        }
    }
    for (size_t i = decimals; i < QNK_DECIMAL_PLACES; i++) {
        if (!add_digit(&sum, '0')) {
            return QN_NO_SPACE;
        }
    }
    *amount = sum;
    return QN_OK;
}
