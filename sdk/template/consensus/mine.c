/* SPDX-License-Identifier: MIT */

/* mine.c: a consensus engine of two votes, in the manner of Tendermint.
 *
 *   round 0   everybody prepares what its own chain holds, as soon as it holds the whole window
 *   round r   a leader, drawn from the seed, proposes; everybody prepares that, or nil
 *   then      a quorum of prepares for one digest is a certificate: lock on it, vote final
 *             otherwise, after a while, vote final for nil
 *   then      a quorum of final votes for one digest ends the window; for nil, or none in time:
 *             the next round
 *
 * Who is locked prepares something else only on a certificate that is as new as the lock, which the
 * proposal names by its round (vr). That, and that two quorums meet in an honest member, is why two
 * digests are never final. The kernel's sign guard keeps the same rule once more: an engine that
 * gets it wrong is refused, and costs progress, never agreement.
 *
 * An engine is a function from events to effects: no clock (timers are asked for and come as
 * events), no keys (the kernel signs), no net (the kernel sends, repeats and verifies), no chance.
 * Each event is put into the instance, and then all rules are tried in their order until none
 * applies: so how events are split into batches cannot matter.
 *
 * Source: Buchman, Kwon, Milosevic, "The latest gossip on BFT consensus" (arXiv:1807.04938). */

#include <stdbool.h>

#include <qnet/assert.h>
#include <qnet/consensus.h>
#include <qnet/leader.h>
#include <qnet/tally.h>
#include <qnet/verdicts.h>

#include "mine.manifest.h"

enum {
    AHEAD = QN_CONSENSUS_ROUNDS_AHEAD, /* rounds above the own whose votes are kept */
    BEHIND = 9,                        /* and below */
    ROUNDS = BEHIND + 1 + AHEAD,
    NONE = -1, /* a round that is none */
};

enum step { PREPARE = 1, FINAL = 2, PROPOSE = 5 };
enum timer { TIMER_PROPOSE, TIMER_PREPARE, TIMER_FINAL, TIMERS = 4 };

static const uint8_t nil[QN_HASH_SIZE];

/* --- state --- */

/* A digest and where it comes from; round NONE: there is none. */
struct choice {
    int64_t round;
    uint8_t digest[QN_HASH_SIZE];
};

struct round {
    bool is_used, has_proposal, is_prepared;
    uint32_t number;
    int32_t vr; /* of the proposal */
    uint8_t proposal[QN_HASH_SIZE];
    uint8_t prepared[QN_HASH_SIZE];                /* its certificate is held */
    uint64_t prepares_certified, finals_certified; /* weight with which it was asked for */
    struct qn_tally prepares, finals;
};

struct qn_inst {
    const struct qn_host *host;
    struct mine_config times;

    /* Of the window. */
    bool is_open, has_candidate;
    uint64_t window, total, quorum;
    uint32_t self, count;
    uint8_t seed[QN_HASH_SIZE], candidate[QN_HASH_SIZE];
    uint64_t weights[QN_CONSENSUS_MEMBERS_MAX];
    uint32_t highest[QN_CONSENSUS_MEMBERS_MAX]; /* round in which each is known to have voted */
    struct choice lock, valid;
    struct qn_verdicts verdicts;
    struct round rounds[ROUNDS];

    /* Of the own round. */
    uint32_t round;
    enum step step; /* PROPOSE: has not prepared; PREPARE: has; FINAL: has voted final */
    bool has_proposed;
    uint8_t running, fired; /* a bit for each timer */
    uint64_t reported;

    /* During a call. */
    struct qn_effects *out;
    int32_t status;
};

_Static_assert(sizeof(struct qn_inst) <= MINE_MEMORY, "the manifest's memory");

static void choose(struct choice *choice, uint32_t round, const uint8_t *digest)
{
    choice->round = round;
    memcpy(choice->digest, digest, QN_HASH_SIZE);
}

/* --- effects --- */

static void pushed(struct qn_inst *self, int32_t status)
{
    self->status = self->status == QN_OK ? status : self->status;
}

/* A node that is no member goes the same way and asks for nothing. */
static void sign(struct qn_inst *self, enum step step, const uint8_t *digest, int64_t vr)
{
    struct qn_consensus_effect_request_sign effect = {
        .window = self->window,
        .round = self->round,
        .step = (uint16_t)step,
        .vr = (int32_t)vr,
        .digest = digest,
        .to = UINT32_MAX,
    };

    if (self->self != UINT32_MAX) {
        pushed(self, qn_consensus_effect_request_sign_push(self->out, &effect));
    }
}

static void certify(struct qn_inst *self, uint32_t round, enum step step,
                    const struct qn_tally *tally)
{
    struct qn_consensus_effect_certify effect = {
        .window = self->window,
        .round = round,
        .step = (uint16_t)step,
        .digest = qn_tally_best(tally)->digest,
    };

    pushed(self, qn_consensus_effect_certify_push(self->out, &effect));
}

static void timer_start(struct qn_inst *self, enum timer timer, uint64_t delay_ms)
{
    struct qn_consensus_effect_timer effect = {
        .window = self->window,
        .timer = self->round * TIMERS + timer, /* of an older round: it means nothing any more */
        .delay_ms = (uint32_t)(delay_ms < UINT32_MAX ? delay_ms : UINT32_MAX),
    };

    self->running |= (uint8_t)(1u << timer);
    pushed(self, qn_consensus_effect_timer_push(self->out, &effect));
}

static bool is_running(const struct qn_inst *self, enum timer timer)
{
    return (self->running >> timer & 1) != 0;
}

static bool has_fired(const struct qn_inst *self, enum timer timer)
{
    return (self->fired >> timer & 1) != 0;
}

/* Rounds wait longer and longer: so in any net one comes at last that is long enough. */
static uint64_t wait_ms(const struct qn_inst *self)
{
    return self->times.wait + self->times.step * self->round;
}

/* Whether a digest stands for a chain that this node would build on: the kernel is asked on first
 * sight, and again where it could not tell yet. */
static void look_at(struct qn_inst *self, const uint8_t *digest)
{
    struct qn_consensus_effect_check effect = {.window = self->window, .digest = digest};
    enum qn_verdict verdict = qn_verdicts_of(&self->verdicts, digest);

    if (!qn_digest_is_nil(digest) && (verdict == QN_VERDICT_NONE || verdict == QN_VERDICT_LATER)) {
        qn_verdicts_set(&self->verdicts, digest, QN_VERDICT_ASKED, 0);
        pushed(self, qn_consensus_effect_check_push(self->out, &effect));
    }
}

static bool is_valid(const struct qn_inst *self, const uint8_t *digest)
{
    return qn_verdicts_allow(&self->verdicts, digest, self->round);
}

/* --- rounds --- */

/* NULL: not among those that are kept. */
static struct round *round_at(struct qn_inst *self, uint32_t number)
{
    struct round *it = &self->rounds[number % ROUNDS];

    if ((uint64_t)number + BEHIND < self->round || number > (uint64_t)self->round + AHEAD) {
        return NULL;
    }
    if (!it->is_used || it->number != number) {
        it->is_used = true;
        it->number = number;
        it->has_proposal = it->is_prepared = false;
        it->prepares_certified = it->finals_certified = 0;
        qn_tally_clear(&it->prepares);
        qn_tally_clear(&it->finals);
    }
    return it;
}

static uint32_t leader_of(const struct qn_inst *self, uint32_t round)
{
    return qn_leader_draw(self->host, self->seed, self->window, round, self->weights, self->count,
                          self->total);
}

static void enter(struct qn_inst *self, uint32_t round)
{
    QN_ASSERT(round > self->round);
    for (uint32_t i = 0; i < TIMERS; i++) {
        struct qn_consensus_effect_cancel effect = {
            .window = self->window,
            .timer = self->round * TIMERS + i,
        };

        if (is_running(self, (enum timer)i) && !has_fired(self, (enum timer)i)) {
            pushed(self, qn_consensus_effect_cancel_push(self->out, &effect));
        }
    }
    self->round = round;
    self->step = PROPOSE;
    self->has_proposed = false;
    self->running = self->fired = 0;
    timer_start(self, TIMER_PROPOSE, wait_ms(self));
}

/* A third of the weight in later rounds holds an honest member: go where it is. */
static bool catch_up(struct qn_inst *self)
{
    uint64_t below = (uint64_t)UINT32_MAX + 1, weight = 0;

    while (weight <= self->total / 3) {
        uint32_t round = self->round;

        for (uint32_t i = 0; i < self->count; i++) {
            round = self->highest[i] < below && self->highest[i] > round ? self->highest[i] : round;
        }
        if (round == self->round) {
            return false;
        }
        for (uint32_t i = 0; i < self->count; i++) {
            weight += self->highest[i] == round ? self->weights[i] : 0;
        }
        below = round;
    }
    enter(self, (uint32_t)below);
    return true;
}

static void seen_in(struct qn_inst *self, uint32_t member, uint32_t round)
{
    if (round > self->highest[member] && round <= INT32_MAX) { /* beyond it could be no vr */
        self->highest[member] = round;
    }
}

/* --- rules: each does one thing that is due, or gives false --- */

/* A quorum becomes a certificate. One that did not come is asked for again with the next vote. */
static bool make_certificates(struct qn_inst *self)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct round *it = &self->rounds[i];
        uint64_t finals = it->is_used ? qn_tally_best_weight(&it->finals) : 0;
        uint64_t prepares = it->is_used ? qn_tally_best_weight(&it->prepares) : 0;

        if (finals >= self->quorum && finals > it->finals_certified) {
            it->finals_certified = finals;
            certify(self, it->number, FINAL, &it->finals);
            return true;
        }
        if (!it->is_prepared && it->number <= self->round && prepares >= self->quorum &&
            prepares > it->prepares_certified) {
            it->prepares_certified = prepares;
            certify(self, it->number, PREPARE, &it->prepares);
            return true;
        }
    }
    return false;
}

/* The newest certificate of something valid is what the own next proposal repeats. */
static bool raise_valid(struct qn_inst *self)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        const struct round *it = &self->rounds[i];

        if (it->is_used && it->is_prepared && it->number > self->valid.round &&
            it->number <= self->round && is_valid(self, it->prepared)) {
            choose(&self->valid, it->number, it->prepared);
            return true;
        }
    }
    return false;
}

static void prepare(struct qn_inst *self, const uint8_t *digest, int64_t vr)
{
    self->step = PREPARE;
    sign(self, PREPARE, digest, vr);
}

static bool prepare_first(struct qn_inst *self)
{
    if (self->step != PROPOSE || self->round > 0) {
        return false;
    }
    if (!self->has_candidate && !has_fired(self, TIMER_PROPOSE)) {
        return false;
    }
    prepare(self, self->has_candidate ? self->candidate : nil, NONE);
    return true;
}

static bool propose(struct qn_inst *self)
{
    bool has_valid = self->valid.round != NONE;

    if (self->step != PROPOSE || self->round == 0 || self->has_proposed ||
        leader_of(self, self->round) != self->self || (!has_valid && !self->has_candidate) ||
        self->valid.round >= self->round) {
        return false;
    }
    self->has_proposed = true;
    sign(self, PROPOSE, has_valid ? self->valid.digest : self->candidate, self->valid.round);
    return true;
}

/* Whether the lock lets this node prepare the round's proposal. */
static bool is_acceptable(const struct qn_inst *self, const struct round *it)
{
    return self->lock.round <= it->vr || qn_digest_equal(self->lock.digest, it->proposal);
}

static bool prepare_proposal(struct qn_inst *self)
{
    const struct round *it = round_at(self, self->round);

    if (self->step != PROPOSE || self->round == 0) {
        return false;
    }
    if (it->has_proposal && is_valid(self, it->proposal)) {
        bool is_accepted = is_acceptable(self, it);

        prepare(self, is_accepted ? it->proposal : nil, is_accepted ? it->vr : NONE);
        return true;
    }
    if (has_fired(self, TIMER_PROPOSE)) {
        prepare(self, nil, NONE);
        return true;
    }
    return false;
}

static bool lock_and_vote(struct qn_inst *self)
{
    const struct round *it = round_at(self, self->round);

    if (self->step == FINAL || !it->is_prepared || !is_valid(self, it->prepared)) {
        return false;
    }
    if (self->step == PROPOSE) { /* others may need this vote to hear a quorum */
        prepare(self, self->round == 0 ? it->prepared : nil, NONE);
    }
    choose(&self->lock, self->round, it->prepared);
    self->step = FINAL;
    sign(self, FINAL, it->prepared, NONE);
    return true;
}

/* A quorum has prepared something, and not one thing: wait a little for the rest, then give up. */
static bool vote_nil(struct qn_inst *self)
{
    const struct round *it = round_at(self, self->round);

    if (self->step != PREPARE || (it->prepares.heard < self->quorum && !it->is_prepared)) {
        return false;
    }
    if (!is_running(self, TIMER_PREPARE)) {
        timer_start(self, TIMER_PREPARE, wait_ms(self));
    }
    if (!has_fired(self, TIMER_PREPARE) && it->prepares.nil < self->quorum) {
        return false;
    }
    self->step = FINAL;
    sign(self, FINAL, nil, NONE);
    return true;
}

static bool next_round(struct qn_inst *self)
{
    const struct qn_tally *finals = &round_at(self, self->round)->finals;

    if (self->round == INT32_MAX) {
        return false;
    }
    if (finals->nil >= self->quorum || has_fired(self, TIMER_FINAL)) {
        enter(self, self->round + 1);
        return true;
    }
    if (finals->heard >= self->quorum && !is_running(self, TIMER_FINAL)) {
        timer_start(self, TIMER_FINAL, wait_ms(self));
    }
    return false;
}

/* The weight that has done what the own step is about. */
static uint64_t have(const struct qn_inst *self)
{
    const struct round *it = &self->rounds[self->round % ROUNDS];

    if (!self->is_open || !it->is_used || it->number != self->round || self->step == PROPOSE) {
        return 0;
    }
    return qn_tally_best_weight(self->step == PREPARE ? &it->prepares : &it->finals);
}

/* Phases as `report` names them. */
static uint16_t phase(const struct qn_inst *self)
{
    if (!self->is_open) {
        return 0;
    }
    return self->step == PREPARE ? 2 : self->step == FINAL ? 3 : self->round == 0 ? 1 : 4;
}

static void report(struct qn_inst *self)
{
    struct qn_consensus_effect_report effect = {
        .window = self->window,
        .round = self->round,
        .phase = phase(self),
        .have = have(self),
        .need = self->quorum,
    };
    uint64_t now = (uint64_t)self->round * 8 + effect.phase + 1;

    if (now != self->reported) {
        self->reported = now;
        pushed(self, qn_consensus_effect_report_push(self->out, &effect));
    }
}

static void run(struct qn_inst *self)
{
    bool has_changed = true;

    while (has_changed) {
        has_changed = make_certificates(self) || catch_up(self) || raise_valid(self) ||
                      prepare_first(self) || propose(self) || prepare_proposal(self) ||
                      lock_and_vote(self) || vote_nil(self) || next_round(self);
    }
    report(self);
}

/* --- what events say --- */

static int32_t window_open(struct qn_inst *self, const struct qn_consensus_event_open *event)
{
    struct qn_span rest = event->members;
    uint64_t total = 0;

    self->is_open = false;
    for (uint32_t i = 0; i < event->members_count; i++) {
        struct qn_member member;

        qn_member_next(&rest, &member);
        if (member.weight > UINT64_MAX / 4 - total) {
            return QN_INVALID;
        }
        total += member.weight;
        self->weights[i] = member.weight;
        self->highest[i] = 0;
    }
    if (total == 0 || total != event->total || event->quorum > total ||
        event->quorum <= total / 2 ||
        (event->self != UINT32_MAX && event->self >= event->members_count)) {
        return QN_INVALID;
    }
    self->is_open = true;
    self->has_candidate = false;
    self->window = event->window;
    self->total = total;
    self->quorum = event->quorum;
    self->self = event->self;
    self->count = event->members_count;
    memcpy(self->seed, event->seed, QN_HASH_SIZE);
    self->lock.round = self->valid.round = NONE;
    qn_verdicts_clear(&self->verdicts);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        self->rounds[i].is_used = false;
    }
    self->round = 0;
    self->step = PROPOSE;
    self->has_proposed = false;
    self->running = self->fired = 0;
    self->reported = 0;
    timer_start(self, TIMER_PROPOSE, self->times.own);
    return QN_OK;
}

/* A vote of round r says that its member is there, even where the vote itself is too far. */
static void vote_take(struct qn_inst *self, uint32_t round, uint32_t step, int32_t vr,
                      uint32_t from, const uint8_t *digest)
{
    struct round *it;

    if (from >= self->count) {
        return;
    }
    seen_in(self, from, round);
    (void)catch_up(self);
    it = round_at(self, round);
    if (it == NULL) {
        return;
    }
    if (step == PREPARE) {
        (void)qn_tally_add(&it->prepares, from, self->weights[from], digest, vr);
    } else if (step == FINAL) {
        (void)qn_tally_add(&it->finals, from, self->weights[from], digest, vr);
    } else if (step == PROPOSE && round > 0 && !it->has_proposal && vr >= NONE &&
               vr < (int64_t)round && !qn_digest_is_nil(digest) && from == leader_of(self, round)) {
        it->has_proposal = true;
        it->vr = vr;
        memcpy(it->proposal, digest, QN_HASH_SIZE);
    } else {
        return;
    }
    look_at(self, digest);
}

static void certificate_take(struct qn_inst *self,
                             const struct qn_consensus_event_certificate *event)
{
    struct round *it;

    if (event->step != PREPARE || qn_digest_is_nil(event->digest)) {
        return;
    }
    for (uint32_t i = 0; i < self->count && i / 8 < event->signers.size; i++) {
        if ((event->signers.data[i / 8] >> i % 8 & 1) != 0) {
            seen_in(self, i, event->round);
        }
    }
    (void)catch_up(self);
    look_at(self, event->digest);
    it = round_at(self, event->round);
    if (it != NULL && !it->is_prepared) {
        it->is_prepared = true;
        memcpy(it->prepared, event->digest, QN_HASH_SIZE);
    } else if (it == NULL && event->round < self->round && event->round > self->valid.round &&
               is_valid(self, event->digest)) {
        choose(&self->valid, event->round, event->digest);
    }
}

/* The kernel signed what was asked for, or says what was signed before: only that counts. */
static void signed_take(struct qn_inst *self, const struct qn_consensus_event_signed *event)
{
    enum { BEFORE = 3, REFUSED = 4 };
    bool is_nil = qn_digest_is_nil(event->digest);

    if (self->self == UINT32_MAX || event->round > INT32_MAX) {
        return;
    }
    if (event->result == REFUSED) {
        if (event->round == self->round && event->step != PROPOSE && !is_nil) {
            sign(self, (enum step)event->step, nil, NONE); /* which is always allowed */
        }
        return;
    }
    if (event->result == BEFORE && event->round > self->round) {
        enter(self, event->round);
    }
    if (event->round == self->round) {
        self->has_proposed = self->has_proposed || event->step == PROPOSE;
        if (event->step == FINAL || (event->step == PREPARE && self->step == PROPOSE)) {
            self->step = (enum step)event->step;
        }
    }
    if (event->step == FINAL && !is_nil && event->round > self->lock.round) {
        choose(&self->lock, event->round, event->digest);
    }
    vote_take(self, event->round, event->step, event->vr, self->self, event->digest);
}

/* A candidate stays valid, whatever an answer that was under way says. */
static void checked_take(struct qn_inst *self, const struct qn_consensus_event_checked *event)
{
    static const enum qn_verdict verdicts[] = {QN_VERDICT_NONE, QN_VERDICT_VALID,
                                               QN_VERDICT_INVALID, QN_VERDICT_LATER};
    enum qn_verdict verdict = event->verdict < 4 ? verdicts[event->verdict] : QN_VERDICT_NONE;

    if (verdict != QN_VERDICT_NONE &&
        qn_verdicts_of(&self->verdicts, event->digest) != QN_VERDICT_VALID) {
        qn_verdicts_set(&self->verdicts, event->digest, verdict, event->min_round);
    }
}

static void timer_take(struct qn_inst *self, uint32_t timer)
{
    if (timer / TIMERS == self->round) {
        self->fired |= (uint8_t)(self->running & 1u << timer % TIMERS);
    }
}

/* A chain that grows may answer what could not be told before. */
static void head_take(struct qn_inst *self)
{
    struct round *it = round_at(self, self->round);

    if (it->is_prepared) {
        look_at(self, it->prepared);
    }
    if (it->has_proposal) {
        look_at(self, it->proposal);
    }
}

/* --- events: INVALID for what is not its record; what is of another window is passed over --- */

static bool is_ours(const struct qn_inst *self, uint64_t window)
{
    return self->is_open && self->window == window;
}

static int32_t take(struct qn_inst *self, const struct qn_event *event)
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
        return status == QN_OK ? window_open(self, &it.open) : status;
    case QN_CONSENSUS_EVENT_CANDIDATE:
        status = qn_consensus_event_candidate_read(event->body, &it.candidate);
        if (status == QN_OK && is_ours(self, it.candidate.window)) {
            self->has_candidate = true;
            memcpy(self->candidate, it.candidate.digest, QN_HASH_SIZE);
            qn_verdicts_set(&self->verdicts, self->candidate, QN_VERDICT_VALID, 0);
        }
        return status;
    case QN_CONSENSUS_EVENT_VOTE:
        status = qn_consensus_event_vote_read(event->body, &it.vote);
        if (status == QN_OK && is_ours(self, it.vote.window)) {
            vote_take(self, it.vote.round, it.vote.step, it.vote.vr, it.vote.from, it.vote.digest);
        }
        return status;
    case QN_CONSENSUS_EVENT_CERTIFICATE:
        status = qn_consensus_event_certificate_read(event->body, &it.certificate);
        if (status == QN_OK && is_ours(self, it.certificate.window)) {
            certificate_take(self, &it.certificate);
        }
        return status;
    case QN_CONSENSUS_EVENT_CHECKED:
        status = qn_consensus_event_checked_read(event->body, &it.checked);
        if (status == QN_OK && is_ours(self, it.checked.window)) {
            checked_take(self, &it.checked);
        }
        return status;
    case QN_CONSENSUS_EVENT_TIMER:
        status = qn_consensus_event_timer_read(event->body, &it.timer);
        if (status == QN_OK && is_ours(self, it.timer.window)) {
            timer_take(self, it.timer.timer);
        }
        return status;
    case QN_CONSENSUS_EVENT_SIGNED:
        status = qn_consensus_event_signed_read(event->body, &it.own);
        if (status == QN_OK && is_ours(self, it.own.window)) {
            signed_take(self, &it.own);
        }
        return status;
    case QN_CONSENSUS_EVENT_FINAL:
        status = qn_consensus_event_final_read(event->body, &it.final);
        self->is_open = self->is_open && !(status == QN_OK && it.final.window == self->window);
        return status;
    case QN_CONSENSUS_EVENT_HEAD:
        status = qn_consensus_event_head_read(event->body, &it.head);
        if (status == QN_OK && is_ours(self, it.head.window)) {
            head_take(self);
        }
        return status;
    default: /* an offence needs no answer; and kernels may learn to tell more */
        return QN_OK;
    }
}

/* --- slots --- */

static int32_t mine_step(struct qn_inst *self, const struct qn_event *const *batch,
                         uint32_t batch_count, struct qn_effects *out)
{
    self->out = out;
    self->status = QN_OK;
    for (uint32_t i = 0; i < batch_count && self->status == QN_OK; i++) {
        int32_t status = take(self, batch[i]);

        if (status != QN_OK) {
            return status;
        }
        if (self->is_open) {
            run(self);
        }
    }
    return self->status;
}

static int32_t answer_bytes(const struct qn_inst *self, struct qn_sink *answer, const void *bytes,
                            uint64_t size)
{
    uint8_t *room = self->host->sink_room(answer, size);

    if (room == NULL) {
        return QN_NO_SPACE;
    }
    memcpy(room, bytes, size);
    self->host->sink_commit(answer, size);
    return QN_OK;
}

static int32_t mine_query(struct qn_inst *self, uint32_t what, struct qn_span arg,
                          struct qn_sink *answer)
{
    enum { QUESTION_STATUS = 1, QUESTION_TEXT = 2 };
    static const char *const phases[] = {"idle", "waits for a chain", "prepare", "final",
                                         "waits for the leader"};
    struct qn_consensus_status status = {
        .window = self->is_open ? self->window : 0,
        .round = self->is_open ? self->round : 0,
        .phase = phase(self),
        .have = have(self),
        .need = self->is_open ? self->quorum : 0,
        .lock_round = self->is_open ? (int32_t)self->lock.round : NONE,
    };
    uint8_t bytes[64];

    (void)arg;
    if (what == QUESTION_TEXT) {
        return answer_bytes(self, answer, phases[status.phase], strlen(phases[status.phase]));
    }
    if (what != QUESTION_STATUS) {
        return QN_UNSUPPORTED;
    }
    QN_ASSERT(qn_consensus_status_size(&status) <= sizeof bytes);
    return answer_bytes(self, answer, bytes,
                        (uint64_t)(qn_consensus_status_write(&status, bytes) - bytes));
}

static int32_t mine_create(const struct qn_host *host, struct qn_node *node, struct qn_span config,
                           struct qn_inst **inst)
{
    struct qn_inst *self = host->take(node, sizeof *self);

    if (self == NULL) {
        return QN_NO_SPACE;
    }
    self->host = host;
    self->times = mine_config_read(config);
    *inst = self;
    return QN_OK;
}

/* All that an instance has is memory, which its host takes back by itself. */
static void mine_destroy(struct qn_inst *self)
{
    (void)self;
}

static const struct qn_life life = {
    .head = QN_LIFE_HEAD,
    .create = mine_create,
    .destroy = mine_destroy,
};

static const struct qn_consensus_1 slots = {
    .head = QN_CONSENSUS_1_HEAD,
    .step = mine_step,
    .query = mine_query,
};

/* The one thing that is exported: constants, so nothing of a plugin runs until it is created. */
const struct qn_plugin qn_plugin_v1 = {
    .head = QN_PLUGIN_HEAD,
    .manifest_print = MINE_MANIFEST_PRINT,
    .kind = MINE_KIND,
    .name = MINE_NAME,
    .version = MINE_VERSION,
    .life = &life,
    .slots = &slots.head,
};
