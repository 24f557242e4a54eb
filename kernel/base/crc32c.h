/* SPDX-License-Identifier: MIT */
#pragma once

/* crc32c.h: the checksum of records in files, against torn writes and rotten bits. No protection
 * against anybody who wants to deceive: ids are for that.
 *
 * Unless a function's own comment says otherwise:
 *   threads  any
 *   cost     linear, about 0.2 ns a byte with SSE 4.2; allocates nothing
 *
 * Source: the Castagnoli polynomial as in RFC 3720 (iSCSI), 12.1 and B.4.
 */

#include <stdbool.h>

#include <qnet/types.h>

/* Goes on from `crc`, which is 0 at the start: crc of a || b = crc32c(crc32c(0, a), b). */
uint32_t qnk_crc32c(uint32_t crc, const void *bytes, uint64_t size);

/* The two ways to compute it, for the test. sse42 must not be called where can_sse42 says no. */
uint32_t qnk_crc32c_plain(uint32_t crc, const void *bytes, uint64_t size);
bool qnk_crc32c_can_sse42(void);
uint32_t qnk_crc32c_sse42(uint32_t crc, const void *bytes, uint64_t size);
