/* SPDX-License-Identifier: MIT */
#pragma once

/* rules.h: the state of one window's decision, and the rules U0 to U10 that move it.
 *
 * An event puts what it says in here, and then all rules are evaluated in their order until nothing
 * changes. The rules ask for signatures, checks, certificates and timers as effects, and rely on
 * the kernel for safety: it signs through its guard.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   a digest is 32 bytes, all zero for nil; a round is at most QN_PLACES_ROUND_MAX
 *   units    weights as in the set; times in milliseconds
 *   threads  one at a time
 *   cost     linear in the members at worst; allocates nothing
 *
 * Source: the design's finality.md, section 7.
 */

#include <stdbool.h>

#include <qnet/engine.h>
#include <qnet/lock.h>
#include <qnet/places.h>
#include <qnet/tally.h>
#include <qnet/timers.h>
#include <qnet/verdicts.h>

enum { RULES_NOBODY = -1 };

enum rules_step { STEP_COMMIT = 0, STEP_REVEAL = 1, STEP_SEAL = 2, STEP_PROPOSE = 5 };

enum rules_timer {
    TIMER_COMMIT, /* commits were waited for long enough */
    TIMER_MIN,    /* a quorum of commits is enough from now on */
    TIMER_OWN,    /* a candidate was waited for long enough, in round 0 */
    TIMER_PROPOSE,
    TIMER_REVEAL,
    TIMER_BASE, /* from now on the chain may end TIMER_REVEAL of round 0 */
    TIMER_SEAL,
    TIMER_AGAIN, /* what was refused as nil too is asked for again */
    TIMERS,
};

struct rules_times {
    uint32_t commit_ms, commit_min_ms, reveal_ms, seal_ms;
    uint32_t propose_ms, propose_step_ms, base_ms, step_ms;
};

/* A digest and the round of its prepare certificate or seal; -1: there is none. */
struct rules_value {
    int64_t round;
    uint8_t digest[QN_HASH_SIZE];
};

/* A digest, if there is one. */
struct rules_digest {
    bool is_set;
    uint8_t digest[QN_HASH_SIZE];
};

/* What is known of one round. */
struct rules_round {
    bool is_used;
    uint32_t round;
    struct qn_tally reveals, seals;
    struct rules_digest prepared; /* its step-1 certificate is held */
    struct rules_digest proposal;
    int32_t proposal_vr;
};

struct qn_inst {
    struct qn_window window;
    struct rules_times times;

    /* Of the window. */
    uint64_t head, start; /* height, 0 before the first; h0 */

    struct rules_digest candidate, mine; /* mine: what the own commit hides */
    struct qn_lock lock;
    struct rules_value valid;
    struct rules_value high; /* of the highest certificate, also of rounds that are not kept */
    struct qn_places places;
    struct qn_verdicts verdicts;
    struct qn_tally commits;
    struct rules_round rounds[QN_PLACES_ROUNDS];

    /* Of the own round. */
    uint32_t round;
    enum rules_step step;
    uint32_t leader;
    bool has_committed, has_proposed, has_revealed; /* asked for, or given up */
    bool owes_reveal, owes_seal;                    /* even nil was refused */
    struct qn_timers timers;
};

/* What it does on each event, and says of itself. */
extern const struct qn_engine rules_engine;
