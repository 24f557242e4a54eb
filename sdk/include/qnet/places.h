/* SPDX-License-Identifier: MIT */
#pragma once

/* places.h: in which round each member of a window is known to be, when that draws this node along,
 * and of which rounds it keeps votes. For engines with rounds; no part of the ABI, as nothing here
 * crosses it.
 *
 * A member is where its highest vote is, also if that vote itself is too far ahead to be kept. What
 * holds an honest member is followed: so nobody is moved by liars alone, and nobody stays behind.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   `own` is the own round; a member is below the window's count
 *   units    weights as in the set
 *   threads  one at a time
 *   cost     linear in the members; allocates nothing
 *
 * Source: the design's finality.md, section 7, rule U1.
 */

#include <stdbool.h>

#include <qnet/consensus.h>
#include <qnet/window.h>

enum {
    QN_PLACES_AHEAD = QN_CONSENSUS_ROUNDS_AHEAD, /* rounds above the own whose votes are kept */
    QN_PLACES_BEHIND = 9,                        /* and below, as the kernel keeps them */
    QN_PLACES_ROUNDS = QN_PLACES_BEHIND + 1 + QN_PLACES_AHEAD,
    QN_PLACES_ROUND_MAX = INT32_MAX - 1, /* a later one cannot be left, or be a vr */
};

struct qn_places {
    uint64_t ahead; /* weight of those above the own round */
    uint32_t highest[QN_CONSENSUS_MEMBERS_MAX];
};

/* All are in round 0. */
static inline void qn_places_clear(struct qn_places *places, const struct qn_window *window)
{
    places->ahead = 0;
    memset(places->highest, 0, window->count * sizeof places->highest[0]);
}

/* Whether a round's votes are kept: QN_PLACES_ROUNDS of them at once. Cost: none. */
static inline bool qn_places_keep(uint32_t own, uint32_t round)
{
    return (uint64_t)round + QN_PLACES_BEHIND >= own && round <= (uint64_t)own + QN_PLACES_AHEAD;
}

/* A member was seen in a round. Cost: none. */
static inline void qn_places_see(struct qn_places *places, const struct qn_window *window,
                                 uint32_t own, uint32_t member, uint32_t round)
{
    QN_ASSERT(member < window->count);
    if (round <= places->highest[member] || round > QN_PLACES_ROUND_MAX) {
        return;
    }
    if (places->highest[member] <= own && round > own) {
        places->ahead += window->weights[member];
    }
    places->highest[member] = round;
}

/* So were all that signed a certificate. */
static inline void qn_places_see_all(struct qn_places *places, const struct qn_window *window,
                                     uint32_t own, struct qn_span signers, uint32_t round)
{
    for (uint32_t i = 0; i < window->count && i / 8 < signers.size; i++) {
        if ((signers.data[i / 8] >> i % 8 & 1) != 0) {
            qn_places_see(places, window, own, i, round);
        }
    }
}

/* The own round is another. */
static inline void qn_places_enter(struct qn_places *places, const struct qn_window *window,
                                   uint32_t own)
{
    places->ahead = 0;
    for (uint32_t i = 0; i < window->count; i++) {
        places->ahead += places->highest[i] > own ? window->weights[i] : 0;
    }
}

/* The highest round that a weight with an honest member has reached, or the own if that is not
 * below it. Cost: the members times the rounds that they are in. */
static inline uint32_t qn_places_lead(const struct qn_places *places,
                                      const struct qn_window *window, uint32_t own)
{
    uint64_t below = UINT64_MAX, weight = 0;
    uint32_t round = own;

    if (places->ahead < window->honest) {
        return own;
    }
    while (weight < window->honest) {
        round = 0;
        for (uint32_t i = 0; i < window->count; i++) {
            if (places->highest[i] < below && places->highest[i] > round) {
                round = places->highest[i];
            }
        }
        for (uint32_t i = 0; i < window->count; i++) {
            weight += places->highest[i] == round ? window->weights[i] : 0;
        }
        below = round;
    }
    QN_ASSERT(round > own);
    return round;
}
