/* SPDX-License-Identifier: MIT */
#pragma once

/* window.h: the window that an engine decides: who decides it, and what the engine asks of the
 * kernel for it. For engines; no part of the ABI, as nothing here crosses it.
 *
 * It is a member of an engine's instance: create() sets `host`, qn_window_open() the rest, and
 * <qnet/engine.h> what belongs to one call. The first effect that finds no room fails the step:
 * `status` keeps that, so a rule need not look.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   a digest is 32 bytes, all zero for nil; a member is below `count`
 *   units    weights as in the set; times in milliseconds
 *   threads  one at a time
 *   cost     one effect; allocates nothing
 *
 * Source: the design's finality.md, sections 5 and 7.1.
 */

#include <stdbool.h>

#include <qnet/consensus.h>
#include <qnet/leader.h>

#define QN_WINDOW_NO_SELF UINT32_C(0xffffffff) /* `self` of a node that does not vote */
#define QN_WINDOW_ALL     UINT32_C(0xffffffff) /* to all members */

struct qn_window {
    const struct qn_host *host;

    uint64_t number, last, length; /* last: its last height; length: in blocks */
    uint64_t total, quorum;
    uint64_t honest; /* the least weight that holds an honest member, P */
    uint32_t self, count;
    uint8_t seed[QN_HASH_SIZE];
    uint64_t weights[QN_CONSENSUS_MEMBERS_MAX];

    /* What was reported last. */
    uint64_t reported_part;
    uint32_t reported_round;
    uint16_t reported_phase;

    bool is_open; /* else nothing above has a meaning but the host */
    uint8_t reserved_1;

    /* During a call. */
    struct qn_effects *out;
    int32_t status;
    uint8_t reserved_2[4];
};

/* Begins a window; what was before is forgotten. INVALID: the event contradicts itself, and no
 * window is open. */
QN_MUST_CHECK static inline int32_t qn_window_open(struct qn_window *window,
                                                   const struct qn_consensus_event_open *event)
{
    struct qn_span rest = event->members;
    uint64_t total = 0;

    window->is_open = false;
    for (uint32_t i = 0; i < event->members_count; i++) {
        struct qn_member member;

        qn_member_next(&rest, &member);
        window->weights[i] = member.weight;
        if (member.weight > UINT64_MAX / 4 - total) {
            return QN_INVALID;
        }
        total += member.weight;
    }
    if (total == 0 || total != event->total || event->quorum > total ||
        event->quorum <= total / 2 || event->last < event->first ||
        (event->self != QN_WINDOW_NO_SELF && event->self >= event->members_count)) {
        return QN_INVALID;
    }
    window->number = event->window;
    window->last = event->last;
    window->length = event->last - event->first + 1;
    window->total = total;
    window->quorum = event->quorum;
    window->honest = total / 3 + 1;
    window->self = event->self;
    window->count = event->members_count;
    memcpy(window->seed, event->seed, QN_HASH_SIZE);
    window->reported_phase = 0;
    window->is_open = true;
    return QN_OK;
}

/* Whether this is the window that is being decided. */
static inline bool qn_window_is(const struct qn_window *window, uint64_t number)
{
    return window->is_open && window->number == number;
}

/* The member that leads a round. Cost: one hash, and linear in the members. */
static inline uint32_t qn_window_leader(const struct qn_window *window, uint32_t round)
{
    return qn_leader_draw(window->host, window->seed, window->number, round, window->weights,
                          window->count, window->total);
}

/* --- effects --- */

/* Takes what a push gave. */
static inline void qn_window_pushed(struct qn_window *window, int32_t status)
{
    if (window->status == QN_OK) {
        window->status = status;
    }
}

/* Asks for the own vote. A node that does not vote goes the same way and asks for nothing. */
static inline void qn_window_sign(struct qn_window *window, uint32_t round, uint32_t step,
                                  const uint8_t *digest, int64_t vr, uint32_t to)
{
    struct qn_consensus_effect_request_sign effect;

    if (window->self == QN_WINDOW_NO_SELF) {
        return;
    }
    memset(&effect, 0, sizeof effect);
    effect.window = window->number;
    effect.round = round;
    effect.step = (uint16_t)step;
    effect.vr = (int32_t)vr;
    effect.digest = digest;
    effect.to = to;
    qn_window_pushed(window, qn_consensus_effect_request_sign_push(window->out, &effect));
}

/* Asks for the certificate of a quorum, and for it to be sent to all. */
static inline void qn_window_certify(struct qn_window *window, uint32_t round, uint32_t step,
                                     const uint8_t *digest, bool share)
{
    struct qn_consensus_effect_certify effect;

    memset(&effect, 0, sizeof effect);
    effect.window = window->number;
    effect.round = round;
    effect.step = (uint16_t)step;
    effect.digest = digest;
    effect.share = share;
    qn_window_pushed(window, qn_consensus_effect_certify_push(window->out, &effect));
}

/* Asks whether a digest stands for a chain that this node would build on. */
static inline void qn_window_check(struct qn_window *window, const uint8_t *digest)
{
    struct qn_consensus_effect_check effect;

    memset(&effect, 0, sizeof effect);
    effect.window = window->number;
    effect.digest = digest;
    qn_window_pushed(window, qn_consensus_effect_check_push(window->out, &effect));
}

/* Sets a timer, or moves it. */
static inline void qn_window_timer(struct qn_window *window, uint32_t timer, uint64_t delay_ms)
{
    struct qn_consensus_effect_timer effect;

    QN_ASSERT(delay_ms <= UINT32_MAX);
    memset(&effect, 0, sizeof effect);
    effect.window = window->number;
    effect.timer = timer;
    effect.delay_ms = (uint32_t)delay_ms;
    qn_window_pushed(window, qn_consensus_effect_timer_push(window->out, &effect));
}

static inline void qn_window_cancel(struct qn_window *window, uint32_t timer)
{
    struct qn_consensus_effect_cancel effect;

    memset(&effect, 0, sizeof effect);
    effect.window = window->number;
    effect.timer = timer;
    qn_window_pushed(window, qn_consensus_effect_cancel_push(window->out, &effect));
}

/* Reports a round or phase that is another, or that the weight which has done what the phase is
 * about has come by one more of `parts` parts of all; UINT64_MAX: by anything. A phase is not 0.
 * The kernel learns the own round from reports, too. */
static inline void qn_window_report(struct qn_window *window, uint32_t round, uint16_t phase,
                                    uint64_t have, uint64_t parts)
{
    struct qn_consensus_effect_report effect;
    uint64_t part = have / (window->total / parts + 1);

    if (round == window->reported_round && phase == window->reported_phase &&
        part == window->reported_part) {
        return;
    }
    window->reported_round = round;
    window->reported_phase = phase;
    window->reported_part = part;
    memset(&effect, 0, sizeof effect);
    effect.window = window->number;
    effect.round = round;
    effect.phase = phase;
    effect.have = have;
    effect.need = window->quorum;
    qn_window_pushed(window, qn_consensus_effect_report_push(window->out, &effect));
}
