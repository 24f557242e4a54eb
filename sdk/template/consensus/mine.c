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
#include <qnet/engine.h>
#include <qnet/lock.h>
#include <qnet/places.h>
#include <qnet/tally.h>
#include <qnet/timers.h>
#include <qnet/verdicts.h>

#include "mine.manifest.h"

enum { NONE = -1 }; /* a round that is none */

enum step { PREPARE = 1, FINAL = 2, PROPOSE = 5 };
enum timer { TIMER_PROPOSE, TIMER_PREPARE, TIMER_FINAL, TIMER_AGAIN };

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
    uint8_t prepared[QN_HASH_SIZE]; /* its certificate is held */
    struct qn_tally prepares, finals;
};

struct qn_inst {
    struct qn_window window; /* who decides it, and what belongs to a call */
    struct mine_config times;

    /* Of the window. */
    bool has_candidate;
    uint8_t candidate[QN_HASH_SIZE];
    struct qn_places places; /* in which round each member is */
    struct qn_lock lock;
    struct choice valid;
    struct qn_verdicts verdicts;
    struct round rounds[QN_PLACES_ROUNDS];

    /* Of the own round. */
    uint32_t round;
    enum step step; /* PROPOSE: has not prepared; PREPARE: has; FINAL: has voted final */
    bool has_proposed;
    uint32_t owed; /* bits of steps whose vote was refused, and nil in its place too */
    struct qn_timers timers;
};

_Static_assert(sizeof(struct qn_inst) <= MINE_MEMORY, "the manifest's memory");

static void choose(struct choice *choice, uint32_t round, const uint8_t *digest)
{
    choice->round = round;
    memcpy(choice->digest, digest, QN_HASH_SIZE);
}

/* --- effects --- */

static void sign(struct qn_inst *self, enum step step, const uint8_t *digest, int64_t vr)
{
    qn_window_sign(&self->window, self->round, step, digest, vr, QN_WINDOW_ALL);
}

static void timer_start(struct qn_inst *self, enum timer timer, uint64_t delay_ms)
{
    qn_timers_start(&self->timers, &self->window, self->round, timer,
                    delay_ms < UINT32_MAX ? delay_ms : UINT32_MAX);
}

static bool has_fired(const struct qn_inst *self, enum timer timer)
{
    return qn_timers_has_fired(&self->timers, timer);
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
    qn_verdicts_ask(&self->verdicts, &self->window, digest);
}

static bool is_valid(const struct qn_inst *self, const uint8_t *digest)
{
    return qn_verdicts_allow(&self->verdicts, digest, self->round);
}

/* --- rounds --- */

/* NULL: not among those that are kept. */
static struct round *round_at(struct qn_inst *self, uint32_t number)
{
    struct round *it = &self->rounds[number % QN_PLACES_ROUNDS];

    if (!qn_places_keep(self->round, number)) {
        return NULL;
    }
    if (!it->is_used || it->number != number) {
        it->is_used = true;
        it->number = number;
        it->has_proposal = it->is_prepared = false;
        qn_tally_clear(&it->prepares);
        qn_tally_clear(&it->finals);
    }
    return it;
}

static uint32_t leader_of(const struct qn_inst *self, uint32_t round)
{
    return qn_window_leader(&self->window, round);
}

static void enter(struct qn_inst *self, uint32_t round)
{
    QN_ASSERT(round > self->round);
    qn_timers_cancel(&self->timers, &self->window, self->round);
    qn_places_enter(&self->places, &self->window, round);
    self->round = round;
    self->step = PROPOSE;
    self->has_proposed = false;
    self->owed = 0;
    timer_start(self, TIMER_PROPOSE, wait_ms(self));
}

/* A third of the weight in later rounds holds an honest member: go where it is. */
static bool catch_up(struct qn_inst *self)
{
    uint32_t round = qn_places_lead(&self->places, &self->window, self->round);

    if (round == self->round) {
        return false;
    }
    enter(self, round);
    return true;
}

/* --- rules: each does one thing that is due, or gives false --- */

/* A quorum becomes a certificate. One that did not come is asked for again with the next vote. */
static bool make_certificates(struct qn_inst *self)
{
    for (uint32_t i = 0; i < QN_PLACES_ROUNDS; i++) {
        struct round *it = &self->rounds[i];
        if (it->is_used && qn_tally_certify(&it->finals, self->window.quorum)) {
            qn_window_certify(&self->window, it->number, FINAL, qn_tally_best(&it->finals)->digest,
                              false);
            return true;
        }
        if (it->is_used && !it->is_prepared && it->number <= self->round &&
            qn_tally_certify(&it->prepares, self->window.quorum)) {
            qn_window_certify(&self->window, it->number, PREPARE,
                              qn_tally_best(&it->prepares)->digest, false);
            return true;
        }
    }
    return false;
}

/* The newest certificate of something valid is what the own next proposal repeats. */
static bool raise_valid(struct qn_inst *self)
{
    for (uint32_t i = 0; i < QN_PLACES_ROUNDS; i++) {
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
        leader_of(self, self->round) != self->window.self || (!has_valid && !self->has_candidate) ||
        self->valid.round >= self->round) {
        return false;
    }
    self->has_proposed = true;
    sign(self, PROPOSE, has_valid ? self->valid.digest : self->candidate, self->valid.round);
    return true;
}

/* Whether what this node voted final lets it prepare the round's proposal. */
static bool is_acceptable(const struct qn_inst *self, const struct round *it)
{
    return qn_lock_allows(&self->lock, it->proposal, it->vr);
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
    qn_lock_take(&self->lock, self->round, it->prepared);
    self->step = FINAL;
    sign(self, FINAL, it->prepared, NONE);
    return true;
}

/* A quorum has prepared something, and not one thing: wait a little for the rest, then give up. */
static bool vote_nil(struct qn_inst *self)
{
    const struct round *it = round_at(self, self->round);

    if (self->step != PREPARE || (it->prepares.heard < self->window.quorum && !it->is_prepared)) {
        return false;
    }
    if (!qn_timers_has_started(&self->timers, TIMER_PREPARE)) {
        timer_start(self, TIMER_PREPARE, wait_ms(self));
    }
    if (!has_fired(self, TIMER_PREPARE) && it->prepares.nil < self->window.quorum) {
        return false;
    }
    self->step = FINAL;
    sign(self, FINAL, nil, NONE);
    return true;
}

static bool next_round(struct qn_inst *self)
{
    const struct qn_tally *finals = &round_at(self, self->round)->finals;

    if (self->round == QN_PLACES_ROUND_MAX) {
        return false;
    }
    if (finals->nil >= self->window.quorum || has_fired(self, TIMER_FINAL)) {
        enter(self, self->round + 1);
        return true;
    }
    if (finals->heard >= self->window.quorum &&
        !qn_timers_has_started(&self->timers, TIMER_FINAL)) {
        timer_start(self, TIMER_FINAL, wait_ms(self));
    }
    return false;
}

/* The weight that has done what the own step is about. */
static uint64_t have(const struct qn_inst *self)
{
    const struct round *it = &self->rounds[self->round % QN_PLACES_ROUNDS];

    if (!it->is_used || it->number != self->round || self->step == PROPOSE) {
        return 0;
    }
    return qn_tally_best_weight(self->step == PREPARE ? &it->prepares : &it->finals);
}

/* What could not be signed is asked for again. */
static bool vote_again(struct qn_inst *self)
{
    uint32_t owed = self->owed;

    if (owed == 0 || !has_fired(self, TIMER_AGAIN)) {
        return false;
    }
    self->owed = 0;
    for (uint32_t step = PREPARE; step <= FINAL; step++) {
        if ((owed >> step & 1) != 0) {
            sign(self, (enum step)step, nil, NONE);
        }
    }
    return true;
}

/* Phases as `report` names them. */
static uint16_t phase(const struct qn_inst *self)
{
    return self->step == PREPARE ? 2 : self->step == FINAL ? 3 : self->round == 0 ? 1 : 4;
}

static void run(struct qn_inst *self)
{
    bool has_changed = true;

    while (has_changed) {
        has_changed = make_certificates(self) || catch_up(self) || raise_valid(self) ||
                      prepare_first(self) || propose(self) || prepare_proposal(self) ||
                      lock_and_vote(self) || vote_nil(self) || vote_again(self) || next_round(self);
    }
    qn_window_report(&self->window, self->round, phase(self), have(self), 1);
}

/* --- what events say --- */

static int32_t on_open(struct qn_inst *self, const struct qn_consensus_event_open *event)
{
    int32_t status = qn_window_open(&self->window, event);

    if (status != QN_OK) {
        return status;
    }
    self->has_candidate = false;
    qn_places_clear(&self->places, &self->window);
    memset(&self->timers, 0, sizeof self->timers);
    qn_lock_clear(&self->lock);
    self->valid.round = NONE;
    qn_verdicts_clear(&self->verdicts);
    for (uint32_t i = 0; i < QN_PLACES_ROUNDS; i++) {
        self->rounds[i].is_used = false;
    }
    self->round = 0;
    self->step = PROPOSE;
    self->has_proposed = false;
    self->owed = 0;
    timer_start(self, TIMER_PROPOSE, self->times.own);
    return QN_OK;
}

/* A vote of round r says that its member is there, even where the vote itself is too far. */
static void on_vote(struct qn_inst *self, const struct qn_consensus_event_vote *event)
{
    const uint8_t *digest = event->digest;
    uint32_t from = event->from;
    int32_t vr = event->vr;
    struct round *it;

    if (from >= self->window.count) {
        return;
    }
    qn_places_see(&self->places, &self->window, self->round, from, event->round);
    (void)catch_up(self);
    it = round_at(self, event->round);
    if (it == NULL) {
        return;
    }
    if (event->step == PREPARE) {
        (void)qn_tally_add(&it->prepares, from, self->window.weights[from], digest, vr);
    } else if (event->step == FINAL) {
        (void)qn_tally_add(&it->finals, from, self->window.weights[from], digest, vr);
    } else if (event->step == PROPOSE && event->round > 0 && !it->has_proposal && vr >= NONE &&
               vr < (int64_t)event->round && !qn_digest_is_nil(digest) &&
               from == leader_of(self, event->round)) {
        it->has_proposal = true;
        it->vr = vr;
        memcpy(it->proposal, digest, QN_HASH_SIZE);
    } else {
        return;
    }
    look_at(self, digest);
}

static void on_certificate(struct qn_inst *self, const struct qn_consensus_event_certificate *event)
{
    struct round *it;

    if (event->step != PREPARE || qn_digest_is_nil(event->digest)) {
        return;
    }
    qn_places_see_all(&self->places, &self->window, self->round, event->signers, event->round);
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

/* The guard always allows nil; where that is refused too nothing can be signed just now. */
static void refused(struct qn_inst *self, enum step step, bool is_nil)
{
    if (!is_nil) {
        sign(self, step, nil, NONE);
        return;
    }
    if (self->owed == 0) {
        timer_start(self, TIMER_AGAIN, wait_ms(self));
    }
    self->owed |= 1u << step;
}

/* The kernel signed what was asked for, or says what was signed before: only that counts. */
static void on_signed(struct qn_inst *self, const struct qn_consensus_event_signed *event)
{
    enum { BEFORE = 3, REFUSED = 4 };
    bool is_nil = qn_digest_is_nil(event->digest);
    struct qn_consensus_event_vote vote;

    if (self->window.self == QN_WINDOW_NO_SELF || event->round > QN_PLACES_ROUND_MAX) {
        return;
    }
    if (event->result == REFUSED) {
        if (event->round == self->round && event->step != PROPOSE) {
            refused(self, (enum step)event->step, is_nil);
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
    if (event->step == FINAL && !is_nil) {
        qn_lock_take(&self->lock, event->round, event->digest);
    }
    vote = qn_engine_own_vote(&self->window, event);
    on_vote(self, &vote);
}

static void on_candidate(struct qn_inst *self, const struct qn_consensus_event_candidate *event)
{
    self->has_candidate = true;
    memcpy(self->candidate, event->digest, QN_HASH_SIZE);
    qn_verdicts_set(&self->verdicts, event->digest, QN_VERDICT_VALID, 0);
}

static void on_checked(struct qn_inst *self, const struct qn_consensus_event_checked *event)
{
    qn_verdicts_told(&self->verdicts, event);
}

static void on_timer(struct qn_inst *self, const struct qn_consensus_event_timer *event)
{
    qn_timers_due(&self->timers, self->round, event->timer);
}

/* A chain that grows may answer what could not be told before. */
static void on_head(struct qn_inst *self, const struct qn_consensus_event_head *event)
{
    const struct round *it = round_at(self, self->round);

    (void)event;
    if (it->is_prepared) {
        look_at(self, it->prepared);
    }
    if (it->has_proposal) {
        look_at(self, it->proposal);
    }
}

/* --- what it says of itself --- */

static void status_tell(const struct qn_inst *self, struct qn_consensus_status *status)
{
    status->round = self->round;
    status->phase = phase(self);
    status->have = have(self);
    status->lock_round = (int32_t)self->lock.round;
}

static const char *const phases[] = {"idle", "waits for a chain", "prepare", "final",
                                     "waits for the leader"};

/* Reading events, leaving out other windows and answering questions is the same in all engines:
 * <qnet/engine.h> does it, and calls these. */
static const struct qn_engine engine = {
    .open = on_open,
    .candidate = on_candidate,
    .vote = on_vote,
    .certificate = on_certificate,
    .checked = on_checked,
    .timer = on_timer,
    .own = on_signed,
    .head = on_head,
    .run = run,
    .status = status_tell,
    .phases = phases,
};

/* --- slots --- */

static int32_t mine_step(struct qn_inst *self, const struct qn_event *const *batch,
                         uint32_t batch_count, struct qn_effects *out)
{
    return qn_engine_step(&engine, self, &self->window, batch, batch_count, out);
}

static int32_t mine_query(struct qn_inst *self, uint32_t what, struct qn_span arg,
                          struct qn_sink *answer)
{
    (void)arg;
    return qn_engine_query(&engine, self, &self->window, what, answer);
}

static int32_t mine_create(const struct qn_host *host, struct qn_node *node, struct qn_span config,
                           struct qn_inst **inst)
{
    struct qn_inst *self = host->take(node, sizeof *self);

    if (self == NULL) {
        return QN_NO_SPACE;
    }
    self->window.host = host;
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
