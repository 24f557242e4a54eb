/* SPDX-License-Identifier: MIT */
#pragma once

/* crc32c.h: the checksum of segments and records, by instruction where the machine has it. Source:
 * RFC 3720, appendix B.4. */

#include <stdbool.h>

#include <qnet/types.h>

/* Whether this machine has the instruction. Ask once: it takes long. */
bool lmdb_crc32c_is_fast(void);

/* Goes on from `crc`, which is 0 or a salt at the start. */
uint32_t lmdb_crc32c(bool is_fast, uint32_t crc, const uint8_t *bytes, uint64_t size);
