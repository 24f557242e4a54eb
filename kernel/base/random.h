/* SPDX-License-Identifier: MIT */
#pragma once

/* random.h: chance, in two sorts that must never be confused.
 *
 * The system's, for keys and seeds: hosts only, as the core and its plugins know no chance. And a
 * seeded stream for simulations and tests, where one seed is one run, on every machine.
 *
 * Unless a function's own comment says otherwise:
 *   threads  any; a stream is used by one thread at a time
 *   cost     about 2 ns a byte; allocates nothing
 *
 * Source: RFC 8439 (ChaCha20).
 */

#include <qnet/types.h>

/* Unpredictable bytes. The process has called sodium_init(). */
void qnk_random_system(void *bytes, uint64_t size);

struct qnk_random {
    uint8_t key[32];
    uint64_t blocks; /* of `block`, made so far */
    uint32_t left;   /* bytes of `block` not given yet */
    uint8_t block[512];
};

/* The same stream for the same seed. */
void qnk_random_init(struct qnk_random *random, uint64_t seed);

/* The stream's next bytes; how they are cut into calls does not matter. */
void qnk_random_bytes(struct qnk_random *random, void *bytes, uint64_t size);

uint64_t qnk_random_u64(struct qnk_random *random);

/* 0..limit-1, all equally likely; `limit` is at least 1. */
uint64_t qnk_random_below(struct qnk_random *random, uint64_t limit);
