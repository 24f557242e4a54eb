/* SPDX-License-Identifier: MIT */
#pragma once

/* lock.h: what the own final votes of a window forbid to prepare. For engines; no part of the ABI,
 * as nothing here crosses it.
 *
 * Who voted in round r that a digest be final prepares another one later only by a certificate of
 * round r or later. That holds for each of these votes, not for the last one alone: with any of
 * them a prepare proves its member guilty (evidence of type 3), also one for what the last was for.
 * The sign guard refuses such a prepare (G4); an engine does not ask for it.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   a digest is 32 bytes and not nil
 *   units    rounds; -1 for none
 *   threads  one at a time
 *   cost     constant; allocates nothing
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <qnet/types.h>

struct qn_lock {
    int64_t round; /* of the highest own final vote */
    uint8_t digest[QN_HASH_SIZE];
    int64_t other; /* of the highest one for something else than `digest` */
};

static inline void qn_lock_clear(struct qn_lock *lock)
{
    memset(lock, 0, sizeof *lock);
    lock->round = lock->other = -1;
}

static inline bool qn_lock_is_on(const struct qn_lock *lock, const uint8_t *digest)
{
    return lock->round >= 0 && memcmp(lock->digest, digest, QN_HASH_SIZE) == 0;
}

/* A final vote was cast, now or before a restart; in any order. */
static inline void qn_lock_take(struct qn_lock *lock, uint32_t round, const uint8_t *digest)
{
    bool is_on = qn_lock_is_on(lock, digest);

    if ((int64_t)round <= lock->round) {
        lock->other = !is_on && (int64_t)round > lock->other ? (int64_t)round : lock->other;
        return;
    }
    lock->other = is_on ? lock->other : lock->round;
    lock->round = (int64_t)round;
    memcpy(lock->digest, digest, QN_HASH_SIZE);
}

/* Whether a digest may be prepared that a certificate of round `vr` justifies; -1: none does. */
static inline bool qn_lock_allows(const struct qn_lock *lock, const uint8_t *digest, int64_t vr)
{
    return vr >= (qn_lock_is_on(lock, digest) ? lock->other : lock->round);
}
