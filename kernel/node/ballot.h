/* SPDX-License-Identifier: MIT */
#pragma once

/* ballot.h: the votes and certificates of one window that this node holds.
 *
 * It takes verified votes, keeps for each member, round and step the first one and notices a second
 * that differs, counts, makes certificates, and says what another node lacks. Rounds up to
 * QNK_BALLOT_AHEAD above the own one have their places; beyond them only each member's highest vote
 * is kept, so a liar cannot fill memory.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the ballot owns copies of votes and tails, and refs its certificates
 *   threads  the core's
 *   cost     linear in the members
 *
 * Source: finality.md 5.3, 5.2.
 */

#include <stdbool.h>

#include "kernel/base/buf.h"
#include "kernel/chain/certificate.h"
#include "kernel/chain/control.h"
#include "kernel/chain/wire.h"

enum {
    QNK_BALLOT_AHEAD = 8,  /* rounds above the own one; QN_CONSENSUS_ROUNDS_AHEAD */
    QNK_BALLOT_BEHIND = 9, /* rounds below it that are kept */
    QNK_BALLOT_CELLS =
        (QNK_BALLOT_AHEAD + 1 + QNK_BALLOT_BEHIND) * QNK_BINDING_STEPS_MAX, /* (round, step) */
    QNK_BALLOT_CERTIFICATES = 64,
};

/* A vote as the ballot holds it. */
struct qnk_ballot_vote {
    struct qnk_vote vote; /* its tail lies in `tail` */
    bool delivered;       /* to the engine */
    bool opened;          /* a prepare that opens a commit held here */
    bool contradicted;    /* its member signed another one too: that was told, once */
    bool false_opening;   /* a prepare that contradicts it: not delivered from then on */
    uint64_t tail_size;
    uint8_t tail[];
};

struct qnk_ballot_certificate {
    struct qnk_certificate view;
    struct qn_buf *bytes;
};

struct qnk_ballot;

struct qnk_ballot_place {
    uint8_t lane;
    uint32_t era;
    uint64_t window;
    struct qnk_hash binding;
};

/* What came of a vote. */
enum qnk_ballot_result {
    QNK_BALLOT_NEW,
    QNK_BALLOT_KNOWN,
    QNK_BALLOT_DOUBLE, /* contradicts the one that is held: `other` */
    QNK_BALLOT_OVER,   /* over a limit, dropped and counted */
};

/* NULL: over the budget. Takes a reference of `set`. */
QN_MUST_CHECK struct qnk_ballot *qnk_ballot_create(struct qnk_budget *budget, struct qnk_set *set,
                                                   const struct qnk_ballot_place *place);
void qnk_ballot_destroy(struct qnk_ballot *ballot);

struct qnk_set *qnk_ballot_set(const struct qnk_ballot *ballot);
const struct qnk_ballot_place *qnk_ballot_place(const struct qnk_ballot *ballot);

/* The own round moves the limits. */
void qnk_ballot_round_set(struct qnk_ballot *ballot, uint32_t round);
uint32_t qnk_ballot_round(const struct qnk_ballot *ballot);

/* Whether it is worth verifying this vote: of this place, of a member, and not held yet. The first
 * double of what is held is wanted. */
bool qnk_ballot_wants(const struct qnk_ballot *ballot, const struct qnk_vote *vote);

/* Takes a verified vote in. `held` is the ballot's own copy, of NEW and KNOWN votes; for DOUBLE it
 * is the vote that was there before. */
uint32_t qnk_ballot_add(struct qnk_ballot *ballot, const struct qnk_vote *vote,
                        struct qnk_ballot_vote **held);

struct qnk_ballot_vote *qnk_ballot_find(const struct qnk_ballot *ballot, uint32_t round,
                                        uint32_t step, uint32_t member);

/* A vote of the same member that makes `vote` a lock violation (evidence 3), or NULL: then one of
 * them is step 2 on D and the other step 1 of a later round on another digest without vr. */
const struct qnk_ballot_vote *qnk_ballot_lock_violation(const struct qnk_ballot *ballot,
                                                        const struct qnk_vote *vote);

/* Makes a certificate of the votes held for (round, step, digest), all of one vr. NULL: they are no
 * quorum, or over the budget. */
QN_MUST_CHECK struct qn_buf *qnk_ballot_certify(const struct qnk_ballot *ballot, uint32_t round,
                                                uint32_t step, const struct qnk_hash *digest);

/* Keeps a checked certificate of step 1; refs it. Over the limit the one of the lowest round gives
 * way. False: known, or over the limit and itself of the lowest. */
bool qnk_ballot_certificate_add(struct qnk_ballot *ballot, struct qn_buf *bytes);

/* A certificate of step 1 for (round, digest); digest NULL: any. NULL: none. */
const struct qnk_ballot_certificate *qnk_ballot_certificate_find(const struct qnk_ballot *ballot,
                                                                 uint32_t round,
                                                                 const struct qnk_hash *digest);
const struct qnk_ballot_certificate *qnk_ballot_certificate_at(const struct qnk_ballot *ballot,
                                                               uint32_t index);

/* Calls `visit` for every vote that is held, rounds and steps ascending. */
void qnk_ballot_walk(const struct qnk_ballot *ballot,
                     void (*visit)(void *ctx, struct qnk_ballot_vote *vote), void *ctx);

/* What I have of the own round and the one before: the body of a HELD message. */
QN_MUST_CHECK struct qn_buf *qnk_ballot_held(const struct qnk_ballot *ballot);

/* Calls `visit` for each vote of `held`'s two rounds that I have and its sender lacks. */
void qnk_ballot_lacking(const struct qnk_ballot *ballot, const struct qnk_held *held,
                        void (*visit)(void *ctx, struct qnk_ballot_vote *vote), void *ctx);

/* Members whose vote at (round, step) is held, as a bitmap of (count + 7) / 8 bytes. */
void qnk_ballot_bitmap(const struct qnk_ballot *ballot, uint32_t round, uint32_t step,
                       uint8_t *bitmap);
