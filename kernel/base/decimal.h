/* SPDX-License-Identifier: MIT */
#pragma once

/* decimal.h: amounts as people write them, exactly. 1 QNC is 10^9 nano-QNC; a text has at most nine
 * decimals, so no rounding ever happens.
 *
 * Unless a function's own comment says otherwise:
 *   units    nano-QNC
 *   threads  any
 *   cost     linear; allocates nothing
 */

#include <qnet/types.h>

#define QNK_DECIMAL_PLACES 9
#define QNK_DECIMAL_SIZE   22 /* room for the longest text, 18446744073.709551615, and its end */

/* The shortest text of `amount`: no zeros that say nothing, no point without decimals. */
void qnk_decimal_encode(uint64_t amount, char text[QNK_DECIMAL_SIZE]);

/* Digits, and perhaps a point and one to nine more; zeros at the end are allowed, others than a
 * single one before the point are not. QN_INVALID: another text. QN_NO_SPACE: over 64 bits. */
QN_MUST_CHECK int32_t qnk_decimal_decode(const char *text, uint64_t *amount);
