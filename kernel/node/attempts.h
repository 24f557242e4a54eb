/* SPDX-License-Identifier: MIT */
#pragma once

/* attempts.h: the attempts at one window: the certificates by which earlier ones were given up, and
 * the votes that give up the one that goes on.
 *
 * A window begins with attempt 0. A certificate of the attempt that goes on begins the next one,
 * and its votes are forgotten: who is behind gets the certificate. Of each earlier attempt those
 * certificates are kept that permit different things: one without a lock, which permits all and
 * makes others useless, or else one for each digest, up to QNK_ATTEMPTS_KEPT of them.
 *
 * Unless a function's own comment says otherwise:
 *   owns     copies of votes; references of certificates
 *   threads  the core's
 *   cost     linear in the members and in what is kept
 *
 * Source: finality.md 12.3, 12.4.
 */

#include "kernel/chain/abandon.h"
#include "kernel/node/ballot.h"

/* Certificates of one attempt with different locks. There is one for each round in which something
 * was prepared, so more are possible, and useless to who has the lower ones; over the limit a new
 * one is dropped. */
enum { QNK_ATTEMPTS_KEPT = 4 };

struct qnk_attempts;

/* NULL: over the budget. Takes a reference of `set`. */
QN_MUST_CHECK struct qnk_attempts *qnk_attempts_create(struct qnk_budget *budget,
                                                       struct qnk_set *set, uint64_t window,
                                                       uint32_t binding_number);
void qnk_attempts_destroy(struct qnk_attempts *attempts); /* NULL is allowed */

/* The attempt that goes on. */
uint32_t qnk_attempts_now(const struct qnk_attempts *attempts);

/* Whether a vote is one that gives up the attempt that goes on, well said, and news: the first of
 * its member, or the first that says something else. */
bool qnk_attempts_wants_vote(const struct qnk_attempts *attempts, const struct qnk_vote *vote);

/* Takes a verified vote in: NEW, or DOUBLE, where the first one stays. OVER: it was not wanted. */
enum qnk_ballot_result qnk_attempts_vote(struct qnk_attempts *attempts,
                                         const struct qnk_vote *vote);

/* A member's vote of the attempt that goes on was broken: whether this is the first time. */
bool qnk_attempts_broken(struct qnk_attempts *attempts, uint32_t member);

/* The vote of a member, or NULL. */
const struct qnk_vote *qnk_attempts_vote_of(const struct qnk_attempts *attempts, uint32_t member);

/* The prepare certificate of the highest lock that somebody here states and that has one; empty:
 * none. */
struct qn_span qnk_attempts_prepared(const struct qnk_attempts *attempts,
                                     const struct qnk_ballot *ballot);

/* Makes a certificate of the votes that are here, with `ballot`'s prepare certificates behind their
 * locks; a vote above the highest lock that has one is left out. NULL: no quorum, or no memory. */
QN_MUST_CHECK struct qn_buf *qnk_attempts_certify(const struct qnk_attempts *attempts,
                                                  const struct qnk_ballot *ballot);

/* Whether a certificate, not verified yet, is of this window and permits something new. */
bool qnk_attempts_wants(const struct qnk_attempts *attempts, const struct qnk_abandon *abandon);

/* Keeps a verified one that is wanted; refs it. If it is of the attempt that goes on, the next one
 * has begun. */
void qnk_attempts_add(struct qnk_attempts *attempts, struct qn_buf *bytes);

/* The certificate at `index` of all that are kept, earlier attempts first; empty after the last. */
struct qn_span qnk_attempts_at(const struct qnk_attempts *attempts, uint32_t index);

/* Whether a digest may be voted for: each earlier attempt has a certificate that permits it. Then
 * `to` (if not NULL) has one of each, in order. */
bool qnk_attempts_permit(const struct qnk_attempts *attempts, const struct qnk_hash *digest,
                         struct qn_span to[QNK_ATTEMPTS_MAX]);

/* What is left to vote for, as far as the certificates here tell. */
enum qnk_attempts_choice {
    QNK_CHOICE_ANY,
    QNK_CHOICE_ONE,  /* `digest`: of the latest and highest lock, if there are several */
    QNK_CHOICE_NONE, /* some certificate is missing that others have */
};
uint32_t qnk_attempts_choice(const struct qnk_attempts *attempts, struct qnk_hash *digest);
