/* SPDX-License-Identifier: MIT */
/* Written by sdk/abigen from sdk/abi/consensus.yaml:
 * edit that, then `make generate`. */
#pragma once

/* consensus.h: the contract of a consensus plugin, consensus/1.
 *
 * Brings a quorum to sign one macroblock digest per window.
 *
 * An engine decides window after window. All engines share one vote: window, round, step, vr,
 * digest and body. Digest 0 is nil. Steps 0 to 15 mean the same in every engine: 0 commit, 1
 * prepare (locks), 2 final, 3 time-out, 4 abandon (the kernel's own), 5 propose; an engine may add
 * 16 and up. `vr` is the round of the prepare certificate that justifies a prepare or a proposal,
 * -1 without one; the kernel attaches that certificate, and to a proposal the macroblock's header.
 *
 * A commit hides: the kernel signs a commitment to the digest and opens it with the prepare of the
 * same round. The kernel signs through its guard, verifies before delivery, drops duplicates, holds
 * votes for the next window, repeats what others lack, and alone declares finality: a certificate
 * of step 2 with the quorum. So a wrong engine costs progress, never agreement. An engine has no
 * clock, key or socket, and never retransmits.
 *
 * After a restart it needs no code of its own: `open`, then each own vote of the window as `signed`
 * with result 3, then the certificates that the guard kept, then live events.
 *
 * Unless a slot's own comment says otherwise:
 *   shapes   a hash or key is 32 bytes, a signature 64; in arrays they lie side by side
 *   units    delay_ms in milliseconds; weights as in the set
 *   owns     bodies of events are borrowed until the call returns; effects are copied by push()
 *   threads  loop: one call at a time
 *   cost     no allocation after create(), no lock, clock or I/O
 *   errors   effects pushed in a failed call are dropped
 */

#include <qnet/plugin.h>

/* The minor to compile for: a lower one hides newer slots and runs on older kernels. */
#ifndef QN_TARGET_CONSENSUS
#define QN_TARGET_CONSENSUS 0
#endif

/* In bytes. Beyond: vote refused. Why: an engine's own data in steps other than 1 and 2. */
#define QN_CONSENSUS_BODY_MAX 1024

/* In members. Beyond: set refused. Why: open stays below 256 KiB. */
#define QN_CONSENSUS_MEMBERS_MAX 4096

/* In bytes. Beyond: effect refused. Why: made durable before any later effect leaves. */
#define QN_CONSENSUS_SAVED_MAX 4096

/* In timers. Beyond: effect refused. Why: leak guard. */
#define QN_CONSENSUS_TIMERS_MAX 64

/* In effects. Beyond: step fails. Why: bounds one step. */
#define QN_CONSENSUS_EFFECTS_MAX 4096

/* In rounds. Beyond: only each member's highest round is delivered. Why: a liar cannot fill
 * memory. */
#define QN_CONSENSUS_ROUNDS_AHEAD 8

/* The answer to query() 1. */
struct qn_consensus_status {
    uint64_t window;
    uint32_t round;
    uint16_t phase;
    uint8_t reserved_1[2];
    uint64_t have;
    uint64_t need;
    int32_t lock_round;
    uint8_t reserved_2[4];
};
QN_SIZE_IS(struct qn_consensus_status, 40);

enum {
    QN_CONSENSUS_MANIFEST_STEPS = 16,
};

/* Field 16. A step that the engine uses. Step 4 may not be listed; 2 without 1 makes a lockless
 * engine. */
struct qn_consensus_manifest_steps {
    uint16_t id;
    uint8_t reserved_1[6];
    struct qn_span name;
};
QN_SIZE_IS(struct qn_consensus_manifest_steps, 24);

enum {
    QN_CONSENSUS_EVENT_OPEN = 1,
    QN_CONSENSUS_EVENT_CANDIDATE = 2,
    QN_CONSENSUS_EVENT_VOTE = 3,
    QN_CONSENSUS_EVENT_CERTIFICATE = 4,
    QN_CONSENSUS_EVENT_CHECKED = 5,
    QN_CONSENSUS_EVENT_TIMER = 6,
    QN_CONSENSUS_EVENT_SIGNED = 7,
    QN_CONSENSUS_EVENT_OFFENCE = 8,
    QN_CONSENSUS_EVENT_FINAL = 9,
    QN_CONSENSUS_EVENT_HEAD = 10,
};

/* Event 1. The window before is final. Members are in the set's order; `self` is the own index, or
 * 0xffffffff for a node that does not vote. `seed` is the beacon for drawing leaders. */
struct qn_consensus_event_open {
    uint64_t window;
    uint8_t lane;
    uint8_t reserved_1[3];
    uint32_t era;
    uint64_t first;
    uint64_t last;
    const uint8_t *set;
    uint32_t self;
    uint8_t reserved_2[4];
    uint64_t total;
    uint64_t quorum;
    struct qn_span members; /* encoded, see qn_member_next() */
    uint32_t members_count;
    uint8_t reserved_3[4];
    const uint8_t *seed;
    struct qn_span saved;
};
QN_SIZE_IS(struct qn_consensus_event_open, 112);

/* Event 2. The node's best chain holds the whole window and has executed it. The latest one
 * counts. */
struct qn_consensus_event_candidate {
    uint64_t window;
    const uint8_t *digest;
    uint64_t height;
};
QN_SIZE_IS(struct qn_consensus_event_candidate, 24);

/* Event 3. A verified vote of another member, at most one per round and step; one beyond
 * rounds_ahead only says how far its member is, and is told again when its round is near. A
 * commit's digest is 0. `opened` is set if a prepare opened a commit seen before. The certificate
 * of `vr` came before it. */
struct qn_consensus_event_vote {
    uint64_t window;
    uint32_t round;
    uint16_t step;
    uint8_t reserved_1[2];
    int32_t vr;
    uint32_t from;
    const uint8_t *digest;
    uint8_t opened;
    uint8_t reserved_2[7];
    struct qn_span body;
};
QN_SIZE_IS(struct qn_consensus_event_vote, 56);

/* Event 4. A verified quorum of step 1, of any round. `signers` is its bitmap. */
struct qn_consensus_event_certificate {
    uint64_t window;
    uint32_t round;
    uint16_t step;
    uint8_t reserved_1[2];
    int32_t vr;
    uint8_t reserved_2[4];
    const uint8_t *digest;
    uint64_t weight;
    struct qn_span signers;
};
QN_SIZE_IS(struct qn_consensus_event_certificate, 56);

/* Event 5. Answer to `check`: 1 valid from min_round on, 2 invalid, 3 not available yet. */
struct qn_consensus_event_checked {
    uint64_t window;
    const uint8_t *digest;
    uint8_t verdict;
    uint8_t reserved_1[3];
    uint32_t min_round;
};
QN_SIZE_IS(struct qn_consensus_event_checked, 24);

/* Event 6. A timer is due. */
struct qn_consensus_event_timer {
    uint64_t window;
    uint32_t timer;
    uint8_t reserved_1[4];
};
QN_SIZE_IS(struct qn_consensus_event_timer, 16);

/* Event 7. 1 signed and sent, 2 refused and this is what was signed before, 3 signed before a
 * restart, 4 refused by a guard rule and nothing was signed. An own vote counts from here on. A
 * commit's digest is the one that was asked for, or 0 after a restart that no longer knows it. */
struct qn_consensus_event_signed {
    uint64_t window;
    uint32_t round;
    uint16_t step;
    uint8_t reserved_1[2];
    int32_t vr;
    uint8_t reserved_2[4];
    const uint8_t *digest;
    struct qn_span body;
    uint8_t result;
    uint8_t reserved_3[7];
};
QN_SIZE_IS(struct qn_consensus_event_signed, 56);

/* Event 8. The kernel holds two contradictory votes of this member. */
struct qn_consensus_event_offence {
    uint64_t window;
    uint32_t round;
    uint16_t step;
    uint8_t reserved_1[2];
    uint32_t from;
    uint8_t reserved_2[4];
};
QN_SIZE_IS(struct qn_consensus_event_offence, 24);

/* Event 9. The window is final. Forget it. Digest 0: this attempt at it was given up, and another
 * engine, or this one in a later era, is told of it by `open`. */
struct qn_consensus_event_final {
    uint64_t window;
    uint32_t round;
    uint8_t reserved_1[4];
    const uint8_t *digest;
};
QN_SIZE_IS(struct qn_consensus_event_final, 24);

/* Event 10. The best chain reached this height. Phase limits follow the chain's pace. */
struct qn_consensus_event_head {
    uint64_t window;
    uint64_t height;
};
QN_SIZE_IS(struct qn_consensus_event_head, 16);

enum {
    QN_CONSENSUS_EFFECT_REQUEST_SIGN = 1,
    QN_CONSENSUS_EFFECT_CERTIFY = 2,
    QN_CONSENSUS_EFFECT_CHECK = 3,
    QN_CONSENSUS_EFFECT_TIMER = 4,
    QN_CONSENSUS_EFFECT_CANCEL = 5,
    QN_CONSENSUS_EFFECT_SAVE = 6,
    QN_CONSENSUS_EFFECT_REPORT = 7,
};

/* Effect 1. Vote. `to` is a member's index, or 0xffffffff for all. Answered by `signed`. */
struct qn_consensus_effect_request_sign {
    uint64_t window;
    uint32_t round;
    uint16_t step;
    uint8_t reserved_1[2];
    int32_t vr;
    uint8_t reserved_2[4];
    const uint8_t *digest;
    uint32_t to;
    uint8_t reserved_3[4];
    struct qn_span body;
};
QN_SIZE_IS(struct qn_consensus_effect_request_sign, 56);

/* Effect 2. Make a certificate of the votes delivered for step 1 or 2. Answered by `certificate` or
 * `final`. `share` sends it to all. */
struct qn_consensus_effect_certify {
    uint64_t window;
    uint32_t round;
    uint16_t step;
    uint8_t reserved_1[2];
    const uint8_t *digest;
    uint8_t share;
    uint8_t reserved_2[7];
};
QN_SIZE_IS(struct qn_consensus_effect_certify, 32);

/* Effect 3. Fetch and execute the chain behind another member's digest. Answered by `checked`. */
struct qn_consensus_effect_check {
    uint64_t window;
    const uint8_t *digest;
};
QN_SIZE_IS(struct qn_consensus_effect_check, 16);

/* Effect 4. Set or move a timer. */
struct qn_consensus_effect_timer {
    uint64_t window;
    uint32_t timer;
    uint32_t delay_ms;
};
QN_SIZE_IS(struct qn_consensus_effect_timer, 16);

/* Effect 5. Drop a timer. */
struct qn_consensus_effect_cancel {
    uint64_t window;
    uint32_t timer;
    uint8_t reserved_1[4];
};
QN_SIZE_IS(struct qn_consensus_effect_cancel, 16);

/* Effect 6. What `open.saved` brings after a restart within this window. Later effects wait until
 * it is durable. */
struct qn_consensus_effect_save {
    uint64_t window;
    struct qn_span content;
};
QN_SIZE_IS(struct qn_consensus_effect_save, 24);

/* Effect 7. For status and dashboard; no part of agreement. Phases: 0 idle, 1 commit, 2 reveal, 3
 * seal, 4 propose. */
struct qn_consensus_effect_report {
    uint64_t window;
    uint32_t round;
    uint16_t phase;
    uint8_t reserved_1[2];
    uint64_t have;
    uint64_t need;
};
QN_SIZE_IS(struct qn_consensus_effect_report, 32);

struct qn_consensus_1 {
    struct qn_head head;

    /* Takes events in order and appends effects. Any split into batches gives the same effects.
     * NO_SPACE: over effects_max. */
    QN_MUST_CHECK int32_t (*step)(struct qn_inst *inst, const struct qn_event *const *batch,
                                  uint32_t batch_count, struct qn_effects *out);

    /* Read only. 1 is the record `status`, 2 a text for people. UNSUPPORTED: unknown question. */
    QN_MUST_CHECK int32_t (*query)(struct qn_inst *inst, uint32_t what, struct qn_span arg,
                                   struct qn_sink *answer);
};

/* FNV-1a 64 of all that is above, as of the minor that is compiled for. */
#if QN_TARGET_CONSENSUS == 0
#define QN_CONSENSUS_PRINT UINT64_C(0x5a55b7328ea8fc77)
#else
#error "no such minor: this header ends with 0"
#endif

#define QN_CONSENSUS_1_HEAD \
    QN_HEAD(struct qn_consensus_1, 1, QN_TARGET_CONSENSUS, QN_CONSENSUS_PRINT)

/* Record encoding. _take() reads one record out of a reader; _read() reads a whole span,
 * INVALID: it is not one valid record; _size() is what _write() will fill, whose result is
 * the end. A list's items are checked when their record is read, and then _next() goes
 * through them. _push() appends an effect, NO_SPACE: over the limit of one call. */

static inline void qn_consensus_status_take(struct qn_reader *in, struct qn_consensus_status *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->round = qn_reader_u32(in);
    out->phase = qn_reader_u16(in);
    out->have = qn_reader_u64(in);
    out->need = qn_reader_u64(in);
    out->lock_round = qn_reader_i32(in);
}

QN_MUST_CHECK static inline int32_t qn_consensus_status_read(struct qn_span from,
                                                             struct qn_consensus_status *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_status it;

    qn_consensus_status_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_status_size(const struct qn_consensus_status *from)
{
    (void)from;
    return 34;
}

static inline uint8_t *qn_consensus_status_write(const struct qn_consensus_status *from,
                                                 uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_u32(to, from->round);
    to = qn_writer_u16(to, from->phase);
    to = qn_writer_u64(to, from->have);
    to = qn_writer_u64(to, from->need);
    to = qn_writer_i32(to, from->lock_round);
    return to;
}

static inline void qn_consensus_event_open_take(struct qn_reader *in,
                                                struct qn_consensus_event_open *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->lane = qn_reader_u8(in);
    out->era = qn_reader_u32(in);
    out->first = qn_reader_u64(in);
    out->last = qn_reader_u64(in);
    out->set = qn_reader_fixed(in, QN_HASH_SIZE);
    out->self = qn_reader_u32(in);
    out->total = qn_reader_u64(in);
    out->quorum = qn_reader_u64(in);
    out->members_count = qn_reader_count(in, QN_CONSENSUS_MEMBERS_MAX);
    out->members = qn_member_list(in, out->members_count);
    out->seed = qn_reader_fixed(in, QN_HASH_SIZE);
    out->saved = qn_reader_bytes(in, QN_CONSENSUS_SAVED_MAX);
}

QN_MUST_CHECK static inline int32_t qn_consensus_event_open_read(
    struct qn_span from, struct qn_consensus_event_open *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_event_open it;

    qn_consensus_event_open_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_event_open_size(const struct qn_consensus_event_open *from)
{
    return 121 + from->members.size + from->saved.size;
}

static inline uint8_t *qn_consensus_event_open_write(const struct qn_consensus_event_open *from,
                                                     uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_u8(to, from->lane);
    to = qn_writer_u32(to, from->era);
    to = qn_writer_u64(to, from->first);
    to = qn_writer_u64(to, from->last);
    to = qn_writer_fixed(to, from->set, QN_HASH_SIZE);
    to = qn_writer_u32(to, from->self);
    to = qn_writer_u64(to, from->total);
    to = qn_writer_u64(to, from->quorum);
    to = qn_writer_list(to, from->members, from->members_count, QN_CONSENSUS_MEMBERS_MAX);
    to = qn_writer_fixed(to, from->seed, QN_HASH_SIZE);
    to = qn_writer_bytes(to, from->saved, QN_CONSENSUS_SAVED_MAX);
    return to;
}

static inline void qn_consensus_event_candidate_take(struct qn_reader *in,
                                                     struct qn_consensus_event_candidate *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->digest = qn_reader_fixed(in, QN_HASH_SIZE);
    out->height = qn_reader_u64(in);
}

QN_MUST_CHECK static inline int32_t qn_consensus_event_candidate_read(
    struct qn_span from, struct qn_consensus_event_candidate *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_event_candidate it;

    qn_consensus_event_candidate_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_event_candidate_size(
    const struct qn_consensus_event_candidate *from)
{
    (void)from;
    return 48;
}

static inline uint8_t *qn_consensus_event_candidate_write(
    const struct qn_consensus_event_candidate *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_fixed(to, from->digest, QN_HASH_SIZE);
    to = qn_writer_u64(to, from->height);
    return to;
}

static inline void qn_consensus_event_vote_take(struct qn_reader *in,
                                                struct qn_consensus_event_vote *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->round = qn_reader_u32(in);
    out->step = qn_reader_u16(in);
    out->vr = qn_reader_i32(in);
    out->from = qn_reader_u32(in);
    out->digest = qn_reader_fixed(in, QN_HASH_SIZE);
    out->opened = qn_reader_flag(in);
    out->body = qn_reader_bytes(in, QN_CONSENSUS_BODY_MAX);
}

QN_MUST_CHECK static inline int32_t qn_consensus_event_vote_read(
    struct qn_span from, struct qn_consensus_event_vote *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_event_vote it;

    qn_consensus_event_vote_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_event_vote_size(const struct qn_consensus_event_vote *from)
{
    return 59 + from->body.size;
}

static inline uint8_t *qn_consensus_event_vote_write(const struct qn_consensus_event_vote *from,
                                                     uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_u32(to, from->round);
    to = qn_writer_u16(to, from->step);
    to = qn_writer_i32(to, from->vr);
    to = qn_writer_u32(to, from->from);
    to = qn_writer_fixed(to, from->digest, QN_HASH_SIZE);
    to = qn_writer_flag(to, from->opened);
    to = qn_writer_bytes(to, from->body, QN_CONSENSUS_BODY_MAX);
    return to;
}

static inline void qn_consensus_event_certificate_take(struct qn_reader *in,
                                                       struct qn_consensus_event_certificate *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->round = qn_reader_u32(in);
    out->step = qn_reader_u16(in);
    out->vr = qn_reader_i32(in);
    out->digest = qn_reader_fixed(in, QN_HASH_SIZE);
    out->weight = qn_reader_u64(in);
    out->signers = qn_reader_bytes(in, QN_CONSENSUS_MEMBERS_MAX);
}

QN_MUST_CHECK static inline int32_t qn_consensus_event_certificate_read(
    struct qn_span from, struct qn_consensus_event_certificate *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_event_certificate it;

    qn_consensus_event_certificate_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_event_certificate_size(
    const struct qn_consensus_event_certificate *from)
{
    return 62 + from->signers.size;
}

static inline uint8_t *qn_consensus_event_certificate_write(
    const struct qn_consensus_event_certificate *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_u32(to, from->round);
    to = qn_writer_u16(to, from->step);
    to = qn_writer_i32(to, from->vr);
    to = qn_writer_fixed(to, from->digest, QN_HASH_SIZE);
    to = qn_writer_u64(to, from->weight);
    to = qn_writer_bytes(to, from->signers, QN_CONSENSUS_MEMBERS_MAX);
    return to;
}

static inline void qn_consensus_event_checked_take(struct qn_reader *in,
                                                   struct qn_consensus_event_checked *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->digest = qn_reader_fixed(in, QN_HASH_SIZE);
    out->verdict = qn_reader_u8(in);
    out->min_round = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_consensus_event_checked_read(
    struct qn_span from, struct qn_consensus_event_checked *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_event_checked it;

    qn_consensus_event_checked_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_event_checked_size(
    const struct qn_consensus_event_checked *from)
{
    (void)from;
    return 45;
}

static inline uint8_t *qn_consensus_event_checked_write(
    const struct qn_consensus_event_checked *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_fixed(to, from->digest, QN_HASH_SIZE);
    to = qn_writer_u8(to, from->verdict);
    to = qn_writer_u32(to, from->min_round);
    return to;
}

static inline void qn_consensus_event_timer_take(struct qn_reader *in,
                                                 struct qn_consensus_event_timer *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->timer = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_consensus_event_timer_read(
    struct qn_span from, struct qn_consensus_event_timer *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_event_timer it;

    qn_consensus_event_timer_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_event_timer_size(const struct qn_consensus_event_timer *from)
{
    (void)from;
    return 12;
}

static inline uint8_t *qn_consensus_event_timer_write(const struct qn_consensus_event_timer *from,
                                                      uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_u32(to, from->timer);
    return to;
}

static inline void qn_consensus_event_signed_take(struct qn_reader *in,
                                                  struct qn_consensus_event_signed *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->round = qn_reader_u32(in);
    out->step = qn_reader_u16(in);
    out->vr = qn_reader_i32(in);
    out->digest = qn_reader_fixed(in, QN_HASH_SIZE);
    out->body = qn_reader_bytes(in, QN_CONSENSUS_BODY_MAX);
    out->result = qn_reader_u8(in);
}

QN_MUST_CHECK static inline int32_t qn_consensus_event_signed_read(
    struct qn_span from, struct qn_consensus_event_signed *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_event_signed it;

    qn_consensus_event_signed_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_event_signed_size(const struct qn_consensus_event_signed *from)
{
    return 55 + from->body.size;
}

static inline uint8_t *qn_consensus_event_signed_write(const struct qn_consensus_event_signed *from,
                                                       uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_u32(to, from->round);
    to = qn_writer_u16(to, from->step);
    to = qn_writer_i32(to, from->vr);
    to = qn_writer_fixed(to, from->digest, QN_HASH_SIZE);
    to = qn_writer_bytes(to, from->body, QN_CONSENSUS_BODY_MAX);
    to = qn_writer_u8(to, from->result);
    return to;
}

static inline void qn_consensus_event_offence_take(struct qn_reader *in,
                                                   struct qn_consensus_event_offence *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->round = qn_reader_u32(in);
    out->step = qn_reader_u16(in);
    out->from = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_consensus_event_offence_read(
    struct qn_span from, struct qn_consensus_event_offence *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_event_offence it;

    qn_consensus_event_offence_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_event_offence_size(
    const struct qn_consensus_event_offence *from)
{
    (void)from;
    return 18;
}

static inline uint8_t *qn_consensus_event_offence_write(
    const struct qn_consensus_event_offence *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_u32(to, from->round);
    to = qn_writer_u16(to, from->step);
    to = qn_writer_u32(to, from->from);
    return to;
}

static inline void qn_consensus_event_final_take(struct qn_reader *in,
                                                 struct qn_consensus_event_final *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->round = qn_reader_u32(in);
    out->digest = qn_reader_fixed(in, QN_HASH_SIZE);
}

QN_MUST_CHECK static inline int32_t qn_consensus_event_final_read(
    struct qn_span from, struct qn_consensus_event_final *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_event_final it;

    qn_consensus_event_final_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_event_final_size(const struct qn_consensus_event_final *from)
{
    (void)from;
    return 44;
}

static inline uint8_t *qn_consensus_event_final_write(const struct qn_consensus_event_final *from,
                                                      uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_u32(to, from->round);
    to = qn_writer_fixed(to, from->digest, QN_HASH_SIZE);
    return to;
}

static inline void qn_consensus_event_head_take(struct qn_reader *in,
                                                struct qn_consensus_event_head *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->height = qn_reader_u64(in);
}

QN_MUST_CHECK static inline int32_t qn_consensus_event_head_read(
    struct qn_span from, struct qn_consensus_event_head *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_event_head it;

    qn_consensus_event_head_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_event_head_size(const struct qn_consensus_event_head *from)
{
    (void)from;
    return 16;
}

static inline uint8_t *qn_consensus_event_head_write(const struct qn_consensus_event_head *from,
                                                     uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_u64(to, from->height);
    return to;
}

static inline void qn_consensus_effect_request_sign_take(
    struct qn_reader *in, struct qn_consensus_effect_request_sign *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->round = qn_reader_u32(in);
    out->step = qn_reader_u16(in);
    out->vr = qn_reader_i32(in);
    out->digest = qn_reader_fixed(in, QN_HASH_SIZE);
    out->to = qn_reader_u32(in);
    out->body = qn_reader_bytes(in, QN_CONSENSUS_BODY_MAX);
}

QN_MUST_CHECK static inline int32_t qn_consensus_effect_request_sign_read(
    struct qn_span from, struct qn_consensus_effect_request_sign *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_effect_request_sign it;

    qn_consensus_effect_request_sign_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_effect_request_sign_size(
    const struct qn_consensus_effect_request_sign *from)
{
    return 58 + from->body.size;
}

static inline uint8_t *qn_consensus_effect_request_sign_write(
    const struct qn_consensus_effect_request_sign *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_u32(to, from->round);
    to = qn_writer_u16(to, from->step);
    to = qn_writer_i32(to, from->vr);
    to = qn_writer_fixed(to, from->digest, QN_HASH_SIZE);
    to = qn_writer_u32(to, from->to);
    to = qn_writer_bytes(to, from->body, QN_CONSENSUS_BODY_MAX);
    return to;
}

QN_MUST_CHECK static inline int32_t qn_consensus_effect_request_sign_push(
    struct qn_effects *out, const struct qn_consensus_effect_request_sign *effect)
{
    uint8_t bytes[1082];
    struct qn_span body;

    body.data = bytes;
    body.size = (uint64_t)(qn_consensus_effect_request_sign_write(effect, bytes) - bytes);
    return out->push(out->ctx, QN_CONSENSUS_EFFECT_REQUEST_SIGN, body, NULL);
}

static inline void qn_consensus_effect_certify_take(struct qn_reader *in,
                                                    struct qn_consensus_effect_certify *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->round = qn_reader_u32(in);
    out->step = qn_reader_u16(in);
    out->digest = qn_reader_fixed(in, QN_HASH_SIZE);
    out->share = qn_reader_flag(in);
}

QN_MUST_CHECK static inline int32_t qn_consensus_effect_certify_read(
    struct qn_span from, struct qn_consensus_effect_certify *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_effect_certify it;

    qn_consensus_effect_certify_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_effect_certify_size(
    const struct qn_consensus_effect_certify *from)
{
    (void)from;
    return 47;
}

static inline uint8_t *qn_consensus_effect_certify_write(
    const struct qn_consensus_effect_certify *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_u32(to, from->round);
    to = qn_writer_u16(to, from->step);
    to = qn_writer_fixed(to, from->digest, QN_HASH_SIZE);
    to = qn_writer_flag(to, from->share);
    return to;
}

QN_MUST_CHECK static inline int32_t qn_consensus_effect_certify_push(
    struct qn_effects *out, const struct qn_consensus_effect_certify *effect)
{
    uint8_t bytes[47];
    struct qn_span body;

    body.data = bytes;
    body.size = (uint64_t)(qn_consensus_effect_certify_write(effect, bytes) - bytes);
    return out->push(out->ctx, QN_CONSENSUS_EFFECT_CERTIFY, body, NULL);
}

static inline void qn_consensus_effect_check_take(struct qn_reader *in,
                                                  struct qn_consensus_effect_check *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->digest = qn_reader_fixed(in, QN_HASH_SIZE);
}

QN_MUST_CHECK static inline int32_t qn_consensus_effect_check_read(
    struct qn_span from, struct qn_consensus_effect_check *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_effect_check it;

    qn_consensus_effect_check_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_effect_check_size(const struct qn_consensus_effect_check *from)
{
    (void)from;
    return 40;
}

static inline uint8_t *qn_consensus_effect_check_write(const struct qn_consensus_effect_check *from,
                                                       uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_fixed(to, from->digest, QN_HASH_SIZE);
    return to;
}

QN_MUST_CHECK static inline int32_t qn_consensus_effect_check_push(
    struct qn_effects *out, const struct qn_consensus_effect_check *effect)
{
    uint8_t bytes[40];
    struct qn_span body;

    body.data = bytes;
    body.size = (uint64_t)(qn_consensus_effect_check_write(effect, bytes) - bytes);
    return out->push(out->ctx, QN_CONSENSUS_EFFECT_CHECK, body, NULL);
}

static inline void qn_consensus_effect_timer_take(struct qn_reader *in,
                                                  struct qn_consensus_effect_timer *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->timer = qn_reader_u32(in);
    out->delay_ms = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_consensus_effect_timer_read(
    struct qn_span from, struct qn_consensus_effect_timer *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_effect_timer it;

    qn_consensus_effect_timer_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_effect_timer_size(const struct qn_consensus_effect_timer *from)
{
    (void)from;
    return 16;
}

static inline uint8_t *qn_consensus_effect_timer_write(const struct qn_consensus_effect_timer *from,
                                                       uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_u32(to, from->timer);
    to = qn_writer_u32(to, from->delay_ms);
    return to;
}

QN_MUST_CHECK static inline int32_t qn_consensus_effect_timer_push(
    struct qn_effects *out, const struct qn_consensus_effect_timer *effect)
{
    uint8_t bytes[16];
    struct qn_span body;

    body.data = bytes;
    body.size = (uint64_t)(qn_consensus_effect_timer_write(effect, bytes) - bytes);
    return out->push(out->ctx, QN_CONSENSUS_EFFECT_TIMER, body, NULL);
}

static inline void qn_consensus_effect_cancel_take(struct qn_reader *in,
                                                   struct qn_consensus_effect_cancel *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->timer = qn_reader_u32(in);
}

QN_MUST_CHECK static inline int32_t qn_consensus_effect_cancel_read(
    struct qn_span from, struct qn_consensus_effect_cancel *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_effect_cancel it;

    qn_consensus_effect_cancel_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_effect_cancel_size(
    const struct qn_consensus_effect_cancel *from)
{
    (void)from;
    return 12;
}

static inline uint8_t *qn_consensus_effect_cancel_write(
    const struct qn_consensus_effect_cancel *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_u32(to, from->timer);
    return to;
}

QN_MUST_CHECK static inline int32_t qn_consensus_effect_cancel_push(
    struct qn_effects *out, const struct qn_consensus_effect_cancel *effect)
{
    uint8_t bytes[12];
    struct qn_span body;

    body.data = bytes;
    body.size = (uint64_t)(qn_consensus_effect_cancel_write(effect, bytes) - bytes);
    return out->push(out->ctx, QN_CONSENSUS_EFFECT_CANCEL, body, NULL);
}

static inline void qn_consensus_effect_save_take(struct qn_reader *in,
                                                 struct qn_consensus_effect_save *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->content = qn_reader_bytes(in, QN_CONSENSUS_SAVED_MAX);
}

QN_MUST_CHECK static inline int32_t qn_consensus_effect_save_read(
    struct qn_span from, struct qn_consensus_effect_save *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_effect_save it;

    qn_consensus_effect_save_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_effect_save_size(const struct qn_consensus_effect_save *from)
{
    return 12 + from->content.size;
}

static inline uint8_t *qn_consensus_effect_save_write(const struct qn_consensus_effect_save *from,
                                                      uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_bytes(to, from->content, QN_CONSENSUS_SAVED_MAX);
    return to;
}

QN_MUST_CHECK static inline int32_t qn_consensus_effect_save_push(
    struct qn_effects *out, const struct qn_consensus_effect_save *effect)
{
    uint8_t bytes[4108];
    struct qn_span body;

    body.data = bytes;
    body.size = (uint64_t)(qn_consensus_effect_save_write(effect, bytes) - bytes);
    return out->push(out->ctx, QN_CONSENSUS_EFFECT_SAVE, body, NULL);
}

static inline void qn_consensus_effect_report_take(struct qn_reader *in,
                                                   struct qn_consensus_effect_report *out)
{
    memset(out, 0, sizeof *out);
    out->window = qn_reader_u64(in);
    out->round = qn_reader_u32(in);
    out->phase = qn_reader_u16(in);
    out->have = qn_reader_u64(in);
    out->need = qn_reader_u64(in);
}

QN_MUST_CHECK static inline int32_t qn_consensus_effect_report_read(
    struct qn_span from, struct qn_consensus_effect_report *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_effect_report it;

    qn_consensus_effect_report_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_effect_report_size(
    const struct qn_consensus_effect_report *from)
{
    (void)from;
    return 30;
}

static inline uint8_t *qn_consensus_effect_report_write(
    const struct qn_consensus_effect_report *from, uint8_t *to)
{
    to = qn_writer_u64(to, from->window);
    to = qn_writer_u32(to, from->round);
    to = qn_writer_u16(to, from->phase);
    to = qn_writer_u64(to, from->have);
    to = qn_writer_u64(to, from->need);
    return to;
}

QN_MUST_CHECK static inline int32_t qn_consensus_effect_report_push(
    struct qn_effects *out, const struct qn_consensus_effect_report *effect)
{
    uint8_t bytes[30];
    struct qn_span body;

    body.data = bytes;
    body.size = (uint64_t)(qn_consensus_effect_report_write(effect, bytes) - bytes);
    return out->push(out->ctx, QN_CONSENSUS_EFFECT_REPORT, body, NULL);
}

static inline void qn_consensus_manifest_steps_take(struct qn_reader *in,
                                                    struct qn_consensus_manifest_steps *out)
{
    memset(out, 0, sizeof *out);
    out->id = qn_reader_u16(in);
    out->name = qn_reader_text(in, 16);
}

QN_MUST_CHECK static inline int32_t qn_consensus_manifest_steps_read(
    struct qn_span from, struct qn_consensus_manifest_steps *out)
{
    struct qn_reader in = qn_reader_over(from);
    struct qn_consensus_manifest_steps it;

    qn_consensus_manifest_steps_take(&in, &it);
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    *out = it;
    return QN_OK;
}

static inline uint64_t qn_consensus_manifest_steps_size(
    const struct qn_consensus_manifest_steps *from)
{
    return 6 + from->name.size;
}

static inline uint8_t *qn_consensus_manifest_steps_write(
    const struct qn_consensus_manifest_steps *from, uint8_t *to)
{
    to = qn_writer_u16(to, from->id);
    to = qn_writer_text(to, from->name, 16);
    return to;
}
