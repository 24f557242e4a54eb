/* SPDX-License-Identifier: MIT */

#include "tally.h"

bool digest_is_nil(const uint8_t *digest)
{
    uint8_t any = 0;

    for (uint32_t i = 0; i < QN_HASH_SIZE; i++) {
        any |= digest[i];
    }
    return any == 0;
}

/* Values beyond the count are never read, so they may stay as they are. */
void tally_clear(struct tally *tally)
{
    tally->heard = 0;
    tally->nil = 0;
    tally->values_count = 0;
    tally->best = 0;
    memset(tally->voted, 0, sizeof tally->voted);
}

static uint32_t value_of(struct tally *tally, const uint8_t *digest, int32_t vr)
{
    uint32_t i = 0;

    while (
        i < tally->values_count &&
        (tally->values[i].vr != vr || memcmp(tally->values[i].digest, digest, QN_HASH_SIZE) != 0)) {
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

bool tally_add(struct tally *tally, uint32_t member, uint64_t weight, const uint8_t *digest,
               int32_t vr)
{
    uint8_t bit = (uint8_t)(1u << member % 8);

    QN_ASSERT(member < QN_CONSENSUS_MEMBERS_MAX);
    if ((tally->voted[member / 8] & bit) != 0) {
        return false;
    }
    tally->voted[member / 8] |= bit;
    tally->heard += weight;
    if (digest_is_nil(digest)) {
        tally->nil += weight;
        return true;
    }

    uint32_t value = value_of(tally, digest, vr);

    tally->values[value].weight += weight;
    if (tally->values[value].weight > tally->values[tally->best].weight) {
        tally->best = value;
    }
    return true;
}

const struct tally_value *tally_best(const struct tally *tally)
{
    return tally->values_count > 0 ? &tally->values[tally->best] : NULL;
}

uint64_t tally_best_weight(const struct tally *tally)
{
    return tally->values_count > 0 ? tally->values[tally->best].weight : 0;
}
