/* SPDX-License-Identifier: MIT */
#pragma once

/* tally.h: the votes of one round and step, counted by what they say. For engines; no part of the
 * ABI, as nothing here crosses it.
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

struct qn_tally_value {
    uint8_t digest[QN_HASH_SIZE];
    uint64_t weight;
    int64_t vr;
};

struct qn_tally {
    uint64_t heard;     /* weight of all votes */
    uint64_t nil;       /* of those for nil */
    uint64_t certified; /* weight of the best when a certificate was asked for */
    uint32_t values_count;
    uint32_t best; /* the heaviest value, the first of equals */
    uint8_t voted[QN_CONSENSUS_MEMBERS_MAX / 8];
    struct qn_tally_value values[QN_CONSENSUS_MEMBERS_MAX];
};

static inline bool qn_digest_is_nil(const uint8_t *digest)
{
    uint8_t any = 0;

    for (uint32_t i = 0; i < QN_HASH_SIZE; i++) {
        any = (uint8_t)(any | digest[i]);
    }
    return any == 0;
}

static inline bool qn_digest_equal(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, QN_HASH_SIZE) == 0;
}

/* Values beyond the count are never read, so they may stay as they are. */
static inline void qn_tally_clear(struct qn_tally *tally)
{
    tally->heard = 0;
    tally->nil = tally->certified = 0;
    tally->values_count = 0;
    tally->best = 0;
    memset(tally->voted, 0, sizeof tally->voted);
}

/* Its place, made if it is new. */
static inline uint32_t qn_tally_value_of(struct qn_tally *tally, const uint8_t *digest, int32_t vr)
{
    uint32_t i = 0;

    while (i < tally->values_count &&
           (tally->values[i].vr != vr || !qn_digest_equal(tally->values[i].digest, digest))) {
        i++;
    }
    if (i == tally->values_count) {
        QN_ASSERT(i < QN_CONSENSUS_MEMBERS_MAX);
        memcpy(tally->values[i].digest, digest, QN_HASH_SIZE);
        tally->values[i].weight = 0;
        tally->values[i].vr = vr;
        tally->values_count++;
    }
    return i;
}

/* False: this member has voted. */
static inline bool qn_tally_add(struct qn_tally *tally, uint32_t member, uint64_t weight,
                                const uint8_t *digest, int32_t vr)
{
    uint8_t bit = (uint8_t)(1u << member % 8);
    uint32_t value;

    QN_ASSERT(member < QN_CONSENSUS_MEMBERS_MAX);
    if ((tally->voted[member / 8] & bit) != 0) {
        return false;
    }
    tally->voted[member / 8] = (uint8_t)(tally->voted[member / 8] | bit);
    tally->heard += weight;
    if (qn_digest_is_nil(digest)) {
        tally->nil += weight;
        return true;
    }
    value = qn_tally_value_of(tally, digest, vr);
    tally->values[value].weight += weight;
    if (tally->values[value].weight > tally->values[tally->best].weight) {
        tally->best = value;
    }
    return true;
}

/* The heaviest value. NULL: there is none. */
static inline const struct qn_tally_value *qn_tally_best(const struct qn_tally *tally)
{
    return tally->values_count > 0 ? &tally->values[tally->best] : NULL;
}

/* Its weight, or 0. */
static inline uint64_t qn_tally_best_weight(const struct qn_tally *tally)
{
    return tally->values_count > 0 ? tally->values[tally->best].weight : 0;
}

/* Whether to ask for a certificate of the best value: it has a quorum, and more than when it was
 * asked for before. So one that did not come is asked for again with the next vote. */
static inline bool qn_tally_certify(struct qn_tally *tally, uint64_t quorum)
{
    uint64_t weight = qn_tally_best_weight(tally);

    if (weight < quorum || weight <= tally->certified) {
        return false;
    }
    tally->certified = weight;
    return true;
}
