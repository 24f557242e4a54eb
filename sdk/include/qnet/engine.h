/* SPDX-License-Identifier: MIT */
#pragma once

/* engine.h: what stands between the slots of a consensus plugin and the rules of its engine, which
 * is the same in all engines. No part of the ABI, as nothing here crosses it.
 *
 * An engine says in a constant table what it does on each event. Its step() calls qn_engine_step(),
 * which reads each event, leaves out those of other windows, hands on the rest, and runs the rules
 * after each: so how events are split into batches makes no difference. Its query() calls
 * qn_engine_query(). An offence needs no answer, as of two contradictory votes the first one
 * counts; nor does an event that this header does not know.
 *
 * Unless a function's own comment says otherwise:
 *   owns     what an event points to is borrowed until the call returns
 *   threads  one at a time
 *   cost     that of the engine's own functions; allocates nothing
 *
 * Source: the design's finality.md, section 6.
 */

#include <stdbool.h>

#include <qnet/consensus.h>
#include <qnet/window.h>

/* In bytes. Beyond: the rest is left out. Why: a status line for people. */
#define QN_ENGINE_TEXT_MAX 256

struct qn_engine_text {
    uint64_t size;
    uint8_t bytes[QN_ENGINE_TEXT_MAX];
};

/* `self` is the instance. NULL: the event means nothing to this engine; but open, run and status
 * are there. */
struct qn_engine {
    /* Begins a window, with qn_window_open() first. INVALID: what that gives. */
    int32_t (*open)(struct qn_inst *self, const struct qn_consensus_event_open *event);

    /* Put what an event says into the instance; it is of the open window. */
    void (*candidate)(struct qn_inst *self, const struct qn_consensus_event_candidate *event);
    void (*vote)(struct qn_inst *self, const struct qn_consensus_event_vote *event);
    void (*certificate)(struct qn_inst *self, const struct qn_consensus_event_certificate *event);
    void (*checked)(struct qn_inst *self, const struct qn_consensus_event_checked *event);
    void (*timer)(struct qn_inst *self, const struct qn_consensus_event_timer *event);
    void (*own)(struct qn_inst *self, const struct qn_consensus_event_signed *event);
    void (*head)(struct qn_inst *self, const struct qn_consensus_event_head *event);

    /* Evaluates the rules until nothing changes. A window is open. */
    void (*run)(struct qn_inst *self);

    /* Fills in round, phase, have and lock_round, if a window is open; else they are 0 and -1. */
    void (*status)(const struct qn_inst *self, struct qn_consensus_status *status);

    /* What the text says beyond phase, window, round, votes and lock. */
    void (*text)(const struct qn_inst *self, struct qn_engine_text *text);

    /* Words for people, by phase, for all that status() gives, and 0, idle. */
    const char *const *phases;
};

/* --- events --- */

/* One event. INVALID: it is not its record, or what open() gave. */
QN_MUST_CHECK static inline int32_t qn_engine_take(const struct qn_engine *engine,
                                                   struct qn_inst *self, struct qn_window *window,
                                                   const struct qn_event *event)
{
    union {
        struct qn_consensus_event_open open;
        struct qn_consensus_event_candidate candidate;
        struct qn_consensus_event_vote vote;
        struct qn_consensus_event_certificate certificate;
        struct qn_consensus_event_checked checked;
        struct qn_consensus_event_timer timer;
        struct qn_consensus_event_signed own;
        struct qn_consensus_event_final final;
        struct qn_consensus_event_head head;
    } it;
    int32_t status = QN_OK;

    switch (event->type) {
    case QN_CONSENSUS_EVENT_OPEN:
        status = qn_consensus_event_open_read(event->body, &it.open);
        return status == QN_OK ? engine->open(self, &it.open) : status;
    case QN_CONSENSUS_EVENT_CANDIDATE:
        status = qn_consensus_event_candidate_read(event->body, &it.candidate);
        if (status == QN_OK && qn_window_is(window, it.candidate.window) && engine->candidate) {
            engine->candidate(self, &it.candidate);
        }
        return status;
    case QN_CONSENSUS_EVENT_VOTE:
        status = qn_consensus_event_vote_read(event->body, &it.vote);
        if (status == QN_OK && qn_window_is(window, it.vote.window) && engine->vote) {
            engine->vote(self, &it.vote);
        }
        return status;
    case QN_CONSENSUS_EVENT_CERTIFICATE:
        status = qn_consensus_event_certificate_read(event->body, &it.certificate);
        if (status == QN_OK && qn_window_is(window, it.certificate.window) && engine->certificate) {
            engine->certificate(self, &it.certificate);
        }
        return status;
    case QN_CONSENSUS_EVENT_CHECKED:
        status = qn_consensus_event_checked_read(event->body, &it.checked);
        if (status == QN_OK && qn_window_is(window, it.checked.window) && engine->checked) {
            engine->checked(self, &it.checked);
        }
        return status;
    case QN_CONSENSUS_EVENT_TIMER:
        status = qn_consensus_event_timer_read(event->body, &it.timer);
        if (status == QN_OK && qn_window_is(window, it.timer.window) && engine->timer) {
            engine->timer(self, &it.timer);
        }
        return status;
    case QN_CONSENSUS_EVENT_SIGNED:
        status = qn_consensus_event_signed_read(event->body, &it.own);
        if (status == QN_OK && qn_window_is(window, it.own.window) && engine->own) {
            engine->own(self, &it.own);
        }
        return status;
    case QN_CONSENSUS_EVENT_FINAL:
        status = qn_consensus_event_final_read(event->body, &it.final);
        if (status == QN_OK && qn_window_is(window, it.final.window)) {
            window->is_open = false;
        }
        return status;
    case QN_CONSENSUS_EVENT_HEAD:
        status = qn_consensus_event_head_read(event->body, &it.head);
        if (status == QN_OK && qn_window_is(window, it.head.window) && engine->head) {
            engine->head(self, &it.head);
        }
        return status;
    default:
        return QN_OK;
    }
}

/* The slot step(). `window` is a member of the instance. */
QN_MUST_CHECK static inline int32_t qn_engine_step(const struct qn_engine *engine,
                                                   struct qn_inst *self, struct qn_window *window,
                                                   const struct qn_event *const *batch,
                                                   uint32_t batch_count, struct qn_effects *out)
{
    window->out = out;
    window->status = QN_OK;
    for (uint32_t i = 0; i < batch_count && window->status == QN_OK; i++) {
        int32_t status = qn_engine_take(engine, self, window, batch[i]);

        if (status != QN_OK) {
            return status;
        }
        if (window->is_open) {
            engine->run(self);
        }
    }
    return window->status;
}

/* An own vote counts as anybody's: the event that tells of another member's with the same words. */
static inline struct qn_consensus_event_vote qn_engine_own_vote(
    const struct qn_window *window, const struct qn_consensus_event_signed *event)
{
    struct qn_consensus_event_vote vote;

    memset(&vote, 0, sizeof vote);
    vote.window = event->window;
    vote.round = event->round;
    vote.step = event->step;
    vote.vr = event->vr;
    vote.from = window->self;
    vote.digest = event->digest;
    vote.body = event->body;
    return vote;
}

/* --- questions --- */

static inline void qn_engine_say(struct qn_engine_text *text, const char *words)
{
    while (*words != 0 && text->size < QN_ENGINE_TEXT_MAX) {
        text->bytes[text->size++] = (uint8_t)*words++;
    }
}

/* Words, and a number behind them. */
static inline void qn_engine_say_number(struct qn_engine_text *text, const char *words,
                                        uint64_t number)
{
    char digits[21];
    uint32_t at = sizeof digits - 1;

    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    qn_engine_say(text, words);
    qn_engine_say(text, digits + at);
}

static inline int32_t qn_engine_answer(const struct qn_host *host, struct qn_sink *answer,
                                       const uint8_t *bytes, uint64_t size)
{
    uint8_t *room = host->sink_room(answer, size);

    if (room == NULL) {
        return QN_NO_SPACE;
    }
    memcpy(room, bytes, size);
    host->sink_commit(answer, size);
    return QN_OK;
}

static inline void qn_engine_tell(const struct qn_engine *engine, const struct qn_inst *self,
                                  const struct qn_consensus_status *status,
                                  struct qn_engine_text *text)
{
    qn_engine_say(text, engine->phases[status->phase]);
    if (status->phase != 0) {
        qn_engine_say_number(text, ", window ", status->window);
        qn_engine_say_number(text, " round ", status->round);
        qn_engine_say_number(text, ": ", status->have);
        qn_engine_say_number(text, " of ", status->need);
    }
    if (status->lock_round >= 0) {
        qn_engine_say_number(text, ", locked in round ", (uint64_t)status->lock_round);
    }
    if (engine->text) {
        engine->text(self, text);
    }
}

/* The slot query(). UNSUPPORTED: it is neither of the two questions that all engines answer.
 * NO_SPACE: the sink is full. */
QN_MUST_CHECK static inline int32_t qn_engine_query(const struct qn_engine *engine,
                                                    const struct qn_inst *self,
                                                    const struct qn_window *window, uint32_t what,
                                                    struct qn_sink *answer)
{
    enum { STATUS = 1, TEXT = 2 };
    struct qn_consensus_status status;
    struct qn_engine_text text;

    memset(&status, 0, sizeof status);
    status.lock_round = -1;
    if (window->is_open) {
        status.window = window->number;
        status.need = window->quorum;
        engine->status(self, &status);
    }
    text.size = 0;
    if (what == STATUS) {
        QN_ASSERT(qn_consensus_status_size(&status) <= sizeof text.bytes);
        text.size = (uint64_t)(qn_consensus_status_write(&status, text.bytes) - text.bytes);
    } else if (what == TEXT) {
        qn_engine_tell(engine, self, &status, &text);
    } else {
        return QN_UNSUPPORTED;
    }
    return qn_engine_answer(window->host, answer, text.bytes, text.size);
}
