/* SPDX-License-Identifier: MIT */
#pragma once

/* guard.h: the sign guard. It alone decides what this node's validator key may sign, whatever
 * engine asks, over crashes, replays and swaps: rules G1 to G7.
 *
 * The rules and the memory of what was signed are here; the durable log is the host's. For each new
 * duty the guard gives the records that must be durable before the signature leaves the process.
 * What was signed before may be signed again, byte for byte: Ed25519 gives the same signature.
 *
 * Records of the log: size u32 (of what follows the crc), crc32c u32, type u8, bytes. Types: 1
 * block (the 136 signed bytes), 2 vote (record 120, member u32, tail), 3 certificate, 4 what an
 * engine saved (window u64, content), 5 floor (window u64,
 * height u64: nothing at or below is kept), 6 abandon certificate.
 *
 * An attempt at a window is given up by a vote of step 4 (kernel/chain/abandon.h), which says where
 * this key stood: the guard knows that best, so it gives the words and signs no others. From then
 * on it signs nothing of that attempt. In a later attempt it signs for a digest only what an
 * abandon certificate of each earlier one permits, and keeps these certificates: after a restart
 * other ones might be made, which permit something else than what it has voted for.
 *
 * What an engine makes it sign is limited. An attempt that has used up what there is can be given
 * up all the same, and leaves to each later one what that needs.
 *
 * Unless a function's own comment says otherwise:
 *   owns     bufs that are given out are the caller's
 *   threads  the core's
 *   cost     linear in what was signed since the last final window
 *
 * Source: finality.md section 6.
 */

#include <stdbool.h>

#include "kernel/base/buf.h"
#include "kernel/chain/abandon.h"
#include "kernel/chain/micro.h"
#include "kernel/chain/vote.h"

enum {
    QNK_GUARD_DUTIES_MAX = 4096, /* signed since the last final window; then nothing more is, */
    QNK_GUARD_CERTIFICATES_MAX = 256,
    QNK_GUARD_ROUND_MAX = INT32_MAX - 1, /* a later one can be no vr, nor a standing's lock */
    QNK_GUARD_ATTEMPT_DUTIES = 256,      /* but that each attempt may sign so many in any case, */
    QNK_GUARD_ATTEMPT_CERTIFICATES = 16,
    QNK_GUARD_VOTES_PLACES = QNK_GUARD_DUTIES_MAX + QNK_ATTEMPTS_MAX * QNK_GUARD_ATTEMPT_DUTIES +
                             QNK_ATTEMPTS_MAX, /* and be given up */
    QNK_GUARD_CERTIFICATES_PLACES =
        QNK_GUARD_CERTIFICATES_MAX + QNK_ATTEMPTS_MAX * QNK_GUARD_ATTEMPT_CERTIFICATES,
    /* Abandon certificates of one attempt: as many as attempts.h keeps, and one without a lock,
     * which takes the place of these; then nothing that needs another one is signed. */
    QNK_GUARD_ATTEMPT_ABANDONS = 5,
    QNK_GUARD_ABANDONS_MAX = (QNK_ATTEMPTS_MAX - 1) * QNK_GUARD_ATTEMPT_ABANDONS,
};

/* Why nothing was signed. */
enum qnk_guard_rule {
    QNK_GUARD_OK = 0,
    QNK_GUARD_G1 = 1, /* something else was signed for this duty */
    QNK_GUARD_G2 = 2, /* window, era and round went back, the window is final, or the round is
                       * beyond QNK_GUARD_ROUND_MAX */
    QNK_GUARD_G3 = 3, /* final vote without the prepare certificate of its round */
    QNK_GUARD_G4 = 4, /* prepare off an own lock, or a justification that is not held */
    QNK_GUARD_G5 = 5, /* prepare that does not open the commit, whichever comes first */
    QNK_GUARD_G6 = 6, /* this attempt was given up, or an earlier one does not permit the digest */
    QNK_GUARD_G7 = 7, /* neither candidate nor checked valid */
    QNK_GUARD_ROOM = 8,
};

struct qnk_guard;

/* What the core knows and the guard does not. */
struct qnk_guard_facts {
    uint64_t final_window;
    bool is_valid;    /* G7: the digest came as candidate, or was checked valid for this round */
    bool is_lockless; /* the engine lists step 2 without step 1 */
    struct qn_span prepared;  /* step 2: certificate of step 1 for (round, digest); empty: none */
    struct qn_span justified; /* vr >= 0: certificate of step 1 for (vr, digest); empty: none */
    /* In an attempt > 0: a checked abandon certificate of each earlier one, in order, that permits
     * the digest, as far as there are such. */
    const struct qn_span *abandons;
    uint32_t abandons_count;
};

/* NULL: over the budget. */
QN_MUST_CHECK struct qnk_guard *qnk_guard_create(struct qnk_budget *budget);
void qnk_guard_destroy(struct qnk_guard *guard);

/* One record of the log, at start; what lies below a floor is left out. Anything but QN_OK: it is
 * not a record, or over a limit; nothing may be signed then. */
QN_MUST_CHECK int32_t qnk_guard_restore(struct qnk_guard *guard, struct qn_span record);

/* Whether it is the record of a floor: each log begins with one, and is trimmed up to one. */
bool qnk_guard_is_floor(struct qn_span record);

/* May this vote be signed? QN_OK: yes, and `records` holds what must be durable first, or is NULL
 * when this very vote was signed before. QN_EXISTS: no, `signed_before` is what was signed for this
 * duty. QN_DENIED: no, by `rule`. QN_NO_SPACE: over a limit. */
QN_MUST_CHECK int32_t qnk_guard_vote(struct qnk_guard *guard, const struct qnk_vote *vote,
                                     const struct qnk_guard_facts *facts, struct qn_buf **records,
                                     const struct qnk_vote **signed_before, uint32_t *rule);

/* Where this key stands in an attempt (lane, era, window of `place`): what a vote that gives it up
 * has to say. */
void qnk_guard_standing(const struct qnk_guard *guard, const struct qnk_vote *place,
                        struct qnk_standing *standing);

/* The same for a block's header. QN_EXISTS: another one was signed on this parent. */
QN_MUST_CHECK int32_t qnk_guard_block(struct qnk_guard *guard, const struct qnk_micro *header,
                                      uint64_t final_height, struct qn_buf **records);

/* The record of what an engine wants kept for `window`, and keeps it: the last one counts. NULL:
 * over the budget. */
QN_MUST_CHECK struct qn_buf *qnk_guard_saved(struct qnk_guard *guard, uint64_t window,
                                             struct qn_span content);

/* What was kept for `window`; empty: nothing. */
struct qn_span qnk_guard_saved_at(const struct qnk_guard *guard, uint64_t window);

/* Whether this key's owner, as far as this log knows, has signed this: if not, someone else has the
 * key. `has`: this log holds it, and so it may be signed again. */
bool qnk_guard_knows_vote(const struct qnk_guard *guard, const struct qnk_vote *vote);
bool qnk_guard_has_block(const struct qnk_guard *guard, const struct qnk_micro *header);
bool qnk_guard_knows_block(const struct qnk_guard *guard, const struct qnk_micro *header);

/* Own votes of `window` in the order of signing, to be replayed to an engine; NULL after the
 * last. */
const struct qnk_vote *qnk_guard_vote_at(const struct qnk_guard *guard, uint64_t window,
                                         uint32_t index);

/* Certificates kept with votes, in order; empty after the last. */
struct qn_span qnk_guard_certificate_at(const struct qnk_guard *guard, uint32_t index);

/* Abandon certificates kept with votes, in order; empty after the last. */
struct qn_span qnk_guard_abandon_at(const struct qnk_guard *guard, uint32_t index);

/* The last floor that was restored or set: window 0 and height 0 for a new log. */
uint64_t qnk_guard_floor(const struct qnk_guard *guard);

/* Forgets what is at or below a final window and its last height. */
void qnk_guard_forget(struct qnk_guard *guard, uint64_t window, uint64_t height);

/* All that is left as records, each with a u32 size before it, a floor first: what a trimmed log
 * begins with. NULL: over the budget. */
QN_MUST_CHECK struct qn_buf *qnk_guard_records(const struct qnk_guard *guard);
