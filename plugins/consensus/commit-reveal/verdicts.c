/* SPDX-License-Identifier: MIT */

#include "verdicts.h"

void verdicts_clear(struct verdicts *verdicts)
{
    memset(verdicts, 0, sizeof *verdicts);
}

static const struct verdicts_item *find(const struct verdicts *verdicts, const uint8_t *digest)
{
    for (uint32_t i = 0; i < VERDICTS_MAX; i++) {
        const struct verdicts_item *item = &verdicts->items[i];

        if (item->verdict != VERDICT_NONE && memcmp(item->digest, digest, QN_HASH_SIZE) == 0) {
            return item;
        }
    }
    return NULL;
}

/* A place for a new digest: the first of the least verdict, turn by turn. */
static uint32_t place_make(struct verdicts *verdicts)
{
    uint32_t place = verdicts->next;

    for (uint32_t i = 1; i < VERDICTS_MAX; i++) {
        uint32_t other = (verdicts->next + i) % VERDICTS_MAX;

        if (verdicts->items[other].verdict < verdicts->items[place].verdict) {
            place = other;
        }
    }
    verdicts->next = (place + 1) % VERDICTS_MAX;
    return place;
}

void verdicts_set(struct verdicts *verdicts, const uint8_t *digest, enum verdict verdict,
                  uint32_t min_round)
{
    const struct verdicts_item *known = find(verdicts, digest);
    uint32_t place = known != NULL ? (uint32_t)(known - verdicts->items) : place_make(verdicts);
    struct verdicts_item *item = &verdicts->items[place];

    QN_ASSERT(verdict != VERDICT_NONE);
    memcpy(item->digest, digest, QN_HASH_SIZE);
    item->verdict = verdict;
    item->min_round = min_round;
}

enum verdict verdicts_of(const struct verdicts *verdicts, const uint8_t *digest)
{
    const struct verdicts_item *item = find(verdicts, digest);

    return item != NULL ? item->verdict : VERDICT_NONE;
}

bool verdicts_allow(const struct verdicts *verdicts, const uint8_t *digest, uint32_t round)
{
    const struct verdicts_item *item = find(verdicts, digest);

    return item != NULL && item->verdict == VERDICT_VALID && item->min_round <= round;
}
