/* SPDX-License-Identifier: MIT */
#pragma once

/* vote.h: the one vote of all engines: what is signed, and how it travels.
 *
 * The signed record (120 bytes) holds a binding and an opening that follow from context and tail
 * and are not sent; the wire form holds the member's index, which its key implies and which is not
 * signed.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   integers little-endian
 *   owns     a decoded vote borrows its tail
 *   threads  any: nothing is kept between calls
 *   cost     constant; allocates nothing
 *   errors   QN_INVALID: not the one encoding
 *
 * Source: finality.md 5.1.
 */

#include <stdbool.h>

#include "kernel/base/hash.h"

enum {
    QNK_VOTE_RECORD_SIZE = 120,
    QNK_VOTE_WIRE_SIZE = 128, /* before the tail */
    QNK_VOTE_TAIL_MAX = 65536,
    QNK_VOTE_MESSAGE_SIZE = 9 + QN_HASH_SIZE + QNK_VOTE_RECORD_SIZE,
    QNK_VOTE_ITEM_SIZE = QNK_VOTE_WIRE_SIZE + QN_HASH_SIZE, /* in evidence: wire and opening */
    QNK_STANDING_SIZE = 40,                                 /* the tail of step 4: abandon.h */
    QNK_VOTE_BODY_MAX = 1024,                               /* QN_CONSENSUS_BODY_MAX */
};

/* era = QNK_ERA_ATTEMPTS * number of the engine's binding + attempts at the window that were given
 * up (qnk_era of binding.h): finality.md 12.3. */
enum { QNK_ERA_ATTEMPTS = 256 };

static inline uint32_t qnk_era_attempt(uint32_t era)
{
    return era % QNK_ERA_ATTEMPTS;
}

enum qnk_step {
    QNK_STEP_COMMIT = 0,
    QNK_STEP_PREPARE = 1,
    QNK_STEP_FINAL = 2,
    QNK_STEP_TIMEOUT = 3,
    QNK_STEP_ABANDON = 4,
    QNK_STEP_PROPOSE = 5,
    QNK_STEP_OWN = 16, /* from here on an engine's own */
};

struct qnk_vote {
    uint8_t lane; /* 0 windows */
    uint16_t step;
    uint32_t era;
    uint64_t window;
    uint32_t round;
    int32_t vr;              /* round of the justifying prepare certificate, -1 none */
    uint32_t member;         /* index in the window's set */
    struct qnk_hash binding; /* not on the wire */
    struct qnk_hash digest;  /* zero is nil */
    struct qnk_hash open;    /* not on the wire: qnk_vote_open() */
    uint8_t signature[QN_SIG_SIZE];
    struct qn_span tail;
};

/* The parts of a tail. Absent ones are NULL or empty. */
struct qnk_vote_tail {
    const uint8_t *blind;  /* step 1 of round 0 */
    const uint8_t *share;  /* step 1 of round 0; 32 zero bytes: none */
    struct qn_span header; /* step 5: the macroblock's */
    struct qn_span body;   /* steps 3, 5, >= 16: the engine's */
};

/* Reads one vote from the front of `rest` and moves `rest` behind it. Fills all but `binding`;
 * `open` by the tail. A tail that its step does not allow is refused. */
QN_MUST_CHECK int32_t qnk_vote_next(struct qn_span *rest, struct qnk_vote *vote);
QN_MUST_CHECK int32_t qnk_vote_decode(struct qn_span from, struct qnk_vote *vote);

/* Bytes on the wire. */
static inline uint64_t qnk_vote_size(const struct qnk_vote *vote)
{
    return QNK_VOTE_WIRE_SIZE + vote->tail.size;
}
void qnk_vote_encode(const struct qnk_vote *vote, uint8_t *to);

/* Whether decoding would take it: its place is one that can be, and its tail that of its step. */
bool qnk_vote_fits(const struct qnk_vote *vote);

/* The tail's parts, for a vote that fits. */
struct qnk_vote_tail qnk_vote_tail(const struct qnk_vote *vote);

/* The opening that step and tail ask for: the blind, a body's hash, or zero. */
void qnk_vote_open(const struct qnk_vote *vote, struct qnk_hash *open);

struct qnk_reader; /* kernel/base/bytes.h */

/* Reads the first 24 bytes of record, wire form and evidence; whether they are of this format. */
bool qnk_vote_place_read(struct qnk_reader *from, struct qnk_vote *vote);

/* The signed record, and back from the first bytes of `rest`: neither member, tail nor signature is
 * in it, and whether the vote fits is not looked at. QN_INVALID: too short, or another format. */
void qnk_vote_record(const struct qnk_vote *vote, uint8_t to[QNK_VOTE_RECORD_SIZE]);
QN_MUST_CHECK int32_t qnk_vote_record_read(struct qn_span *rest, struct qnk_vote *vote);

/* What is signed: "qnet/vote", chain id, record. */
void qnk_vote_message(const struct qnk_vote *vote, const struct qnk_hash *chain_id,
                      uint8_t to[QNK_VOTE_MESSAGE_SIZE]);

/* H("qnet/commit", le32 era || le64 window || le32 member || digest || blind). */
void qnk_vote_commitment(const struct qnk_vote *place, const struct qnk_hash *digest,
                         const uint8_t blind[QN_HASH_SIZE], struct qnk_hash *commitment);

/* H("qnet/binding", set hash || engine record). */
void qnk_vote_binding(const struct qnk_hash *set, struct qn_span engine, struct qnk_hash *binding);
