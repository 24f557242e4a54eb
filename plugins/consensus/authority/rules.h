/* SPDX-License-Identifier: MIT */
#pragma once

/* rules.h: the state of one window's decision under `authority`, and the rules that move it.
 *
 * A member offers its candidate (step 5), and approves (step 2) one digest, once, in round 0:
 *
 *   A0  approvals of weight >= Q for D                      -> certify D
 *   A1  candidate D, or no candidate and valid D that weight >= P offers
 *                                                           -> offer D
 *   A2  not approved yet, and D is valid:
 *         own weight >= Q and D is the candidate
 *         | approvals of weight >= P for D
 *         | offers of weight >= Q for D
 *         | D is the heaviest offer, and all weight has offered, or Q has and `wait` is over
 *                                                           -> approve D
 *   A3  a refusal, or a chain that is not available yet     -> ask again after `retry`
 *
 * There is no step 1, so no lock and no second round: what is approved is approved. Offers are
 * what the specification does not have. Approving the own candidate unseen stops the window for
 * ever whenever a cut falls on its end and each side has blocks of its own; with offers nobody
 * approves before a quorum is heard, and then all that heard the same approve the same. It costs
 * a second signature. What is left: votes lost for longer than `wait` while candidates differ, and
 * liars. Then approvals may differ for good, and no member can take its own back.
 *
 * Safety is the kernel's: one approval a member, so two quorums would share an honest member.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   a digest is 32 bytes, all zero for nil
 *   units    weights as in the set; times in milliseconds
 *   threads  one at a time
 *   cost     linear in the digests named; allocates nothing
 *
 * Source: the design's finality.md, section 11.
 */

#include <stdbool.h>

#include <qnet/engine.h>

#include "choices.h"

enum rules_step { STEP_APPROVE = 2, STEP_OFFER = 5 };

enum rules_timer { TIMER_WAIT, TIMER_RETRY };

/* A duty of this window. */
enum rules_duty { DUTY_OPEN, DUTY_ASKED, DUTY_RESTING, DUTY_DONE };

struct qn_inst {
    struct qn_window window;
    struct qn_node *node;
    uint64_t wait_ms, retry_ms;

    /* Of the window. */
    struct choices choices;
    bool has_candidate;
    uint8_t candidate[QN_HASH_SIZE];
    enum rules_duty offer, approval;
    uint64_t certified; /* weight with which a certificate was asked for */
    bool is_waiting, is_retrying;
    uint32_t waits, retries; /* how often each timer was due */
    bool is_split;           /* no digest can reach a quorum any more */
};

/* What it does on each event, and says of itself. */
extern const struct qn_engine rules_engine;
