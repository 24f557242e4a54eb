/* SPDX-License-Identifier: MIT */
#pragma once

/* abandon.h: how a window is taken away from an engine that does not decide it.
 *
 * A member that gives an attempt up says where it stood: its lock, and the highest round that it
 * signed in. That is a vote of step 4, round 0, whose digest is the hash of these 40 bytes, which
 * are its tail. A quorum of them is an abandon certificate: it opens the next attempt (era + 1)
 * and says what may still be voted for there. If the attempt has, or ever gets, a certificate of
 * step 2 on D, then each abandon certificate of it permits D alone: its sealers and those who gave
 * it up share an honest member, whose lock shows, and no higher lock can be on something else.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   integers little-endian
 *   owns     a view borrows its bytes
 *   threads  any: nothing is kept between calls
 *   cost     linear in the votes; allocates nothing
 *   errors   QN_INVALID: not the one encoding
 *
 * The encoding: version u8, lane u8, 0 u16, era u32, window u64, votes u32, size of the prepare
 * certificate u32, binding 32; for each vote, ascending by member: {member u32, standing 40,
 * signature 64}; the prepare certificate (step 1) of the highest lock that is stated, if one is.
 * Locks that are stated for that round must be on its digest: whoever makes a certificate leaves
 * out votes whose lock nothing proves, so a liar's costs nothing.
 *
 * Source: finality.md 12.3, 12.4.
 */

#include "kernel/chain/certificate.h"

enum {
    QNK_ABANDON_HEAD_SIZE = 56,
    QNK_ABANDON_ITEM_SIZE = 4 + QNK_STANDING_SIZE + QN_SIG_SIZE,
    /* Attempts at one window. The last is not given up: time limits double with each, so it comes
     * after years, and what holds a certificate for each attempt has a bound. */
    QNK_ATTEMPTS_MAX = 16,
};

/* Where a member stood when it gave up. */
struct qnk_standing {
    int32_t lock_round; /* of its own highest step-2 vote that is not nil; -1: none */
    struct qnk_hash lock;
    uint32_t round; /* the highest that it signed in */
};

/* A lock has a digest and a round that was signed in; none has neither. */
QN_MUST_CHECK int32_t qnk_standing_decode(struct qn_span from, struct qnk_standing *standing);
void qnk_standing_encode(const struct qnk_standing *standing, uint8_t to[QNK_STANDING_SIZE]);

/* H("qnet/abandon", standing): the digest of the vote. */
void qnk_standing_digest(const uint8_t bytes[QNK_STANDING_SIZE], struct qnk_hash *digest);

/* What a vote of step 4 that fits says. QN_INVALID: its tail is none, or not what is signed. */
QN_MUST_CHECK int32_t qnk_standing_of(const struct qnk_vote *vote, struct qnk_standing *standing);

struct qnk_abandon {
    uint8_t lane;
    uint32_t era;
    uint64_t window;
    uint32_t count; /* of votes */
    struct qnk_hash binding;
    struct qnk_standing highest; /* the highest lock; its `round` is 0 */
    struct qn_span items;
    struct qn_span prepared; /* empty: no lock was stated */
    struct qn_span bytes;    /* the whole */
};

/* Checks the form, and that the prepare certificate is the one of the highest stated lock. */
QN_MUST_CHECK int32_t qnk_abandon_decode(struct qn_span from, struct qnk_abandon *abandon);

/* Checks everything but the signatures, its own and the prepare certificate's, against the set and
 * the binding of the attempt that was given up. */
QN_MUST_CHECK int32_t qnk_abandon_check(const struct qnk_abandon *abandon,
                                        const struct qnk_set *set, const struct qnk_hash *binding);

/* The vote at `index`, with its signature; its tail lies in the certificate. */
void qnk_abandon_vote(const struct qnk_abandon *abandon, uint32_t index, struct qnk_vote *vote);

/* Whether this certificate allows votes for `digest` in later attempts: it holds no lock, or the
 * highest is on it. A digest needs one certificate of each earlier attempt that does. */
bool qnk_abandon_permits(const struct qnk_abandon *abandon, const struct qnk_hash *digest);

uint64_t qnk_abandon_size(uint32_t count, uint64_t prepared_size);

/* Writes one of votes of step 4, ascending by member and all of one place, and of the prepare
 * certificate of the highest lock among them (empty: none). */
void qnk_abandon_encode(const struct qnk_vote *const *votes, uint32_t count,
                        struct qn_span prepared, uint8_t *to);
