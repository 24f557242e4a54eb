/* SPDX-License-Identifier: MIT */
#pragma once

/* hash_blocks.h: the two ways to run SHA-256 over whole blocks, for hash.c and its tests.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   `state` is FIPS 180-4's H, eight words; a block is 64 bytes
 *   threads  any
 */

#include <stdbool.h>
#include <stdint.h>

/* By libsodium, on every machine. */
void qnk_hash_blocks_plain(uint32_t state[8], const uint8_t *blocks, uint64_t count);

/* Whether this processor has SHA instructions. */
bool qnk_hash_blocks_can_shani(void);

/* By SHA instructions; call only where can_shani says so. */
void qnk_hash_blocks_shani(uint32_t state[8], const uint8_t *blocks, uint64_t count);
