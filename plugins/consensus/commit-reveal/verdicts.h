/* SPDX-License-Identifier: MIT */
#pragma once

/* verdicts.h: what is known of the digests that others named: asked for, valid, invalid.
 *
 * A bounded memory: when it is full, what matters least is forgotten first, an invalid digest
 * before one that is being asked for, and that before a valid one. Who forgets may ask again.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   a digest is 32 bytes and not nil
 *   threads  one at a time
 *   cost     linear in VERDICTS_MAX; allocates nothing
 */

#include <stdbool.h>

#include <qnet/consensus.h>

/* In digests. Why: a liar may name a new one in each vote, honest members name very few. */
enum { VERDICTS_MAX = 64 };

/* In the order in which they are forgotten. */
enum verdict {
    VERDICT_NONE, /* never heard of: a free place */
    VERDICT_INVALID,
    VERDICT_LATER, /* could not be told: may be asked again */
    VERDICT_ASKED,
    VERDICT_VALID,
};

struct verdicts {
    struct verdicts_item {
        uint8_t digest[QN_HASH_SIZE];
        enum verdict verdict;
        uint32_t min_round; /* of VALID */
    } items[VERDICTS_MAX];
    uint32_t next; /* where the search for what to forget begins */
};

void verdicts_clear(struct verdicts *verdicts);

void verdicts_set(struct verdicts *verdicts, const uint8_t *digest, enum verdict verdict,
                  uint32_t min_round);

/* NONE: never heard of, or forgotten. */
enum verdict verdicts_of(const struct verdicts *verdicts, const uint8_t *digest);

/* Whether the digest was found valid, in this round already. */
bool verdicts_allow(const struct verdicts *verdicts, const uint8_t *digest, uint32_t round);
