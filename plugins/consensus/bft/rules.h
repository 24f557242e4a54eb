/* SPDX-License-Identifier: MIT */
#pragma once

/* rules.h: the state of one window's decision, and the rules H0 to H7 that move it.
 *
 * HotStuff-2 for one value. The leader of a round proposes to all; members send their prepare and
 * then their final vote to the leader alone, which makes a certificate of each and sends that to
 * all: five times the members in messages, where votes to all cost the square. A round that takes
 * too long ends by time-outs, which go to all and say the highest certificate that their sender
 * holds; a quorum of them lets a member enter the next round. Its leader waits `delta` for the
 * time-outs of all honest members, so that it proposes what none of them is locked against: this
 * wait stands for HotStuff's third vote.
 *
 *   H0  finals of weight Q for (r', D)                  -> a certificate: the window is final
 *   H1  prepares of weight Q for (r', D, one vr)        -> a certificate
 *   H2  members of weight P were in rounds >= r' > r    -> enter the highest such r'
 *   H3  time-outs of weight Q for r + 1                 -> enter r + 1
 *   H4  leader of r                                     -> propose, once: the digest of the highest
 *       certificate once that is valid, else the candidate. In a round above 0 not before the
 *       certificate is of r - 1, or all have timed out, or delta is over
 *   H5  proposal (D, vr) of the leader, D valid         -> prepare it, if vr is not below an own
 *       final vote for something else: lock.h
 *   H6  the certificate of r, its D valid               -> lock on it, and vote for it to be final
 *   H7  the round's time is over                        -> time-out for r + 1, with the highest
 *       certificate; from then on nothing is signed in r
 *   entering r > 0: the own time-out for r goes to its leader, unless it was sent before
 *
 * A time-out for r shows its sender in r - 1, any other vote in its own round. Nobody is moved by a
 * liar alone, neither by H2 nor by H3, and what moved one honest member reaches all through the
 * kernel's exchange: so all honest members are in one round soon after the net is well, and a round
 * ends early only when more than liars say so. Votes that a faulty leader keeps to itself reach the
 * others in the same way, and anyone may then make their certificate.
 *
 * Why this form and not Tendermint's, which is commit-reveal without its commits: it is live by the
 * argument above on what this ABI has (`to`, `share`, the exchange, a signed vr), and it is another
 * trade, so a comparison shows something: linear messages and the leader's verification in place of
 * everybody's, for two hops more and for rounds that one faulty leader can spoil.
 *
 * An event puts what it says in here, and then all rules are evaluated in their order until nothing
 * changes. The rules rely on the kernel for safety: it signs through its guard.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   a digest is 32 bytes, all zero for nil; a round is at most QN_PLACES_ROUND_MAX
 *   units    weights as in the set; times in milliseconds
 *   threads  one at a time
 *   cost     linear in the members at worst; allocates nothing
 *
 * Source: the design's finality.md, section 11; Malkhi, Nayak, "HotStuff-2: Optimal Two-Phase
 * Responsive BFT", 2023.
 */

#include <stdbool.h>

#include <qnet/engine.h>
#include <qnet/lock.h>
#include <qnet/places.h>
#include <qnet/tally.h>
#include <qnet/timers.h>
#include <qnet/verdicts.h>

enum { RULES_NOBODY = -1 };

enum rules_step { STEP_PREPARE = 1, STEP_FINAL = 2, STEP_TIMEOUT = 3, STEP_PROPOSE = 5 };

enum rules_timer {
    TIMER_ROUND, /* the own round has taken long enough */
    TIMER_DELTA, /* the leader has waited long enough for time-outs */
    TIMERS,
};

struct rules_times {
    uint32_t round_ms, round_step_ms, round_max_ms, delta_ms;
};

/* A digest and the round of its certificate or final vote; -1: there is none. */
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
    int32_t proposal_vr;
    struct rules_digest proposal;
    struct rules_digest prepared; /* its step-1 certificate is held */
    struct qn_tally prepares, finals;
    uint64_t timeouts; /* weight of the time-outs for this round */
    uint8_t timed_out[QN_CONSENSUS_MEMBERS_MAX / 8];
};

struct qn_inst {
    struct qn_window window;
    struct rules_times times;

    /* Of the window. */
    uint64_t head; /* height, 0 before the first */

    struct rules_digest candidate;
    struct qn_lock lock;
    struct rules_value high; /* the highest certificate up to the own round */
    struct qn_places places;
    struct qn_verdicts verdicts;
    struct rules_round rounds[QN_PLACES_ROUNDS];
    uint32_t timeout_round; /* the highest that an own time-out was asked for, or signed */

    /* Of the own round. */
    uint32_t round;
    uint32_t leader;
    uint64_t start;                                /* height at which it began, 0: not known yet */
    bool has_proposed, has_prepared, has_finished; /* asked for, or given up */
    struct qn_timers timers;
};

/* What it does on each event, and says of itself. */
extern const struct qn_engine rules_engine;
