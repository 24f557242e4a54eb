/* SPDX-License-Identifier: MIT */
#pragma once

/* tally.h: the votes of one round and step, counted by what they say.
 *
 * A member's first vote counts and no other. Votes for one digest with different vr are different
 * values: they never add up. Nil is no value, and is counted apart.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   member is below QN_CONSENSUS_MEMBERS_MAX; a digest is 32 bytes, all zero for nil
 *   units    weights as in the set
 *   threads  one at a time
 *   cost     linear in the values seen, of which honest members make few; allocates nothing
 */

#include <stdbool.h>

#include <qnet/consensus.h>

struct tally_value {
    uint8_t digest[QN_HASH_SIZE];
    uint64_t weight;
    int32_t vr;
};

struct tally {
    uint64_t heard; /* weight of all votes */
    uint64_t nil;   /* of those for nil */
    uint32_t values_count;
    uint32_t best; /* the heaviest value, the first of equals */
    uint8_t voted[QN_CONSENSUS_MEMBERS_MAX / 8];
    struct tally_value values[QN_CONSENSUS_MEMBERS_MAX];
};

bool digest_is_nil(const uint8_t *digest);

void tally_clear(struct tally *tally);

/* False: this member has voted. */
bool tally_add(struct tally *tally, uint32_t member, uint64_t weight, const uint8_t *digest,
               int32_t vr);

/* The heaviest value. NULL: there is none. */
const struct tally_value *tally_best(const struct tally *tally);

/* Its weight, or 0. */
uint64_t tally_best_weight(const struct tally *tally);
