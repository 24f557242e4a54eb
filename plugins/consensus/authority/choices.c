/* SPDX-License-Identifier: MIT */

#include "choices.h"

/* Items beyond the count are never read, so they may stay as they are. */
void choices_clear(struct choices *choices)
{
    choices->count = 0;
    memset(choices->heard, 0, sizeof choices->heard);
    memset(choices->voted, 0, sizeof choices->voted);
}

struct choice *choices_find(struct choices *choices, const uint8_t *digest)
{
    for (uint32_t i = 0; i < choices->count; i++) {
        if (memcmp(choices->items[i].digest, digest, QN_HASH_SIZE) == 0) {
            return &choices->items[i];
        }
    }
    return NULL;
}

struct choice *choices_add(struct choices *choices, enum naming by, uint32_t member,
                           uint64_t weight, const uint8_t *digest)
{
    struct choice *choice = choices_find(choices, digest);
    uint8_t bit = (uint8_t)(1u << member % 8);

    QN_ASSERT(member < QN_CONSENSUS_MEMBERS_MAX);
    if ((choices->voted[by][member / 8] & bit) != 0) {
        return NULL;
    }
    if (choice == NULL) {
        QN_ASSERT(choices->count < CHOICES_MAX);
        choice = &choices->items[choices->count++];
        *choice = (struct choice){.verdict = VERDICT_NONE};
        memcpy(choice->digest, digest, QN_HASH_SIZE);
    }
    choices->voted[by][member / 8] |= bit;
    choices->heard[by] += weight;
    choice->weights[by] += weight;
    return choice;
}

static bool is_better(const struct choice *a, const struct choice *b, enum naming by)
{
    if (a->weights[by] != b->weights[by]) {
        return a->weights[by] > b->weights[by];
    }
    return memcmp(a->digest, b->digest, QN_HASH_SIZE) < 0;
}

const struct choice *choices_best(const struct choices *choices, enum naming by, bool is_valid_only)
{
    const struct choice *best = NULL;

    for (uint32_t i = 0; i < choices->count; i++) {
        const struct choice *it = &choices->items[i];
        bool is_out = it->weights[by] == 0 || (is_valid_only ? it->verdict != VERDICT_VALID
                                                             : it->verdict == VERDICT_INVALID);

        if (!is_out && (best == NULL || is_better(it, best, by))) {
            best = it;
        }
    }
    return best;
}
