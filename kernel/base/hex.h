/* SPDX-License-Identifier: MIT */
#pragma once

/* hex.h: bytes as hexadecimal digits, for hashes that people read, type and compare.
 *
 * Unless a function's own comment says otherwise:
 *   units    `size` is bytes; a byte is two digits
 *   threads  any
 *   cost     linear; allocates nothing
 */

#include <qnet/types.h>

#define QNK_HEX_SIZE(size) (2 * (size) + 1) /* room for the text of `size` bytes, with its end */

/* Lower-case digits and a zero byte. */
void qnk_hex_encode(const uint8_t *bytes, uint64_t size, char *text);

/* Exactly `size` bytes from digits of either case. QN_INVALID: not that many digits, or others. */
QN_MUST_CHECK int32_t qnk_hex_decode(const char *text, uint64_t size, uint8_t *bytes);
