/* SPDX-License-Identifier: MIT */

#include <qnet/assert.h>
#include <qnet/consensus.h>

#include "kernel/base/hash.h"
#include "kernel/sim/fake.h"

enum { MEMBERS_MAX = 64, DUTIES = 512, PREPARE = 1, FINAL = 2, PROPOSE = 5 };

struct duty {
    uint32_t round;
    uint16_t step;
    struct qnk_hash digest;
};

struct qn_inst {
    struct qnk_budget *budget;
    uint32_t wrongs;
    uint64_t window;
    uint64_t quorum;
    uint64_t weights[MEMBERS_MAX];
    uint32_t members, self;
    struct qnk_hash candidate;
    struct qnk_hash last;                  /* candidate of the window before */
    struct qnk_hash votes[3][MEMBERS_MAX]; /* by step, of round 0; zero: none */
    bool asked[3];
    bool certified[3];
    struct duty duties[DUTIES]; /* signed in this window */
    uint32_t duties_count;
    struct qnk_fake_engine_counts counts;
};

static const struct qnk_hash nil;

/* --- asking --- */

static void ask(const struct qn_inst *self, struct qn_effects *out, uint64_t window, uint32_t round,
                uint16_t step, int32_t vr, const struct qnk_hash *digest)
{
    struct qn_consensus_effect_request_sign wish = {
        .window = window,
        .round = round,
        .step = step,
        .vr = vr,
        .digest = digest->bytes,
        .to = UINT32_MAX,
    };
    int32_t status = qn_consensus_effect_request_sign_push(out, &wish);

    (void)self;
    QN_ASSERT(status == QN_OK);
}

static void certify(struct qn_effects *out, uint64_t window, uint32_t round, uint16_t step,
                    const struct qnk_hash *digest)
{
    struct qn_consensus_effect_certify wish = {
        .window = window,
        .round = round,
        .step = step,
        .digest = digest->bytes,
        .share = 1,
    };
    int32_t status = qn_consensus_effect_certify_push(out, &wish);

    QN_ASSERT(status == QN_OK);
}

/* A digest that is nobody's. */
static struct qnk_hash other_than(const struct qnk_hash *digest)
{
    struct qnk_hash other = *digest;

    other.bytes[0] ^= 0x80;
    return other;
}

static void ask_wrong_digests(const struct qn_inst *self, struct qn_effects *out, uint16_t step)
{
    struct qnk_hash other = other_than(&self->candidate);

    if ((self->wrongs & QNK_WRONG_DOUBLE) != 0) {
        ask(self, out, self->window, 0, step, -1, &other);
        ask(self, out, self->window, 0, step, -1, &nil);
    }
    if ((self->wrongs & QNK_WRONG_UNLOCK) != 0 && step == FINAL) {
        ask(self, out, self->window, 1, PREPARE, -1, &other);
        ask(self, out, self->window, 1, PREPARE, 0, &other);
        ask(self, out, self->window, 1, FINAL, -1, &other);
        ask(self, out, self->window, 2, PREPARE, 7, &other);
    }
}

/* After a candidate, before anything right. */
static void ask_wrong_first(const struct qn_inst *self, struct qn_effects *out)
{
    struct qnk_hash other = other_than(&self->candidate);

    if ((self->wrongs & QNK_WRONG_UNCERTIFIED) != 0) {
        ask(self, out, self->window, 0, FINAL, -1, &self->candidate);
    }
    if ((self->wrongs & QNK_WRONG_UNKNOWN) != 0) {
        ask(self, out, self->window, 0, PREPARE, -1, &other);
    }
    if ((self->wrongs & QNK_WRONG_STEPS) != 0) {
        for (uint16_t step = 3; step < 20; step++) {
            ask(self, out, self->window, 0, step, -1, &self->candidate);
        }
    }
    if ((self->wrongs & QNK_WRONG_WINDOW) != 0) {
        ask(self, out, self->window - 1, 0, PREPARE, -1, &other);
        ask(self, out, self->window + 1, 0, PREPARE, -1, &self->candidate);
        certify(out, self->window + 1, 0, FINAL, &self->candidate);
    }
    if ((self->wrongs & QNK_WRONG_PROPOSAL) != 0) {
        ask(self, out, self->window, 0, PROPOSE, -1, &self->last);
    }
    if ((self->wrongs & QNK_WRONG_CERTIFY) != 0) {
        certify(out, self->window, 0, PREPARE, &self->candidate);
        certify(out, self->window, 0, FINAL, &self->candidate);
        certify(out, self->window, 0, FINAL, &nil);
        certify(out, self->window, 3, 9, &self->candidate);
    }
    if ((self->wrongs & QNK_WRONG_BYTES) != 0) {
        struct qn_span bytes = {(const uint8_t *)"no record", 9};

        for (uint32_t type = 0; type < 12; type++) {
            (void)out->push(out->ctx, type, bytes, NULL);
        }
    }
}

/* After the window is decided for this node: nothing of this may be signed any more. */
static void ask_wrong_last(const struct qn_inst *self, struct qn_effects *out)
{
    if ((self->wrongs & QNK_WRONG_BACK) != 0) {
        ask(self, out, self->window, 5, PREPARE, -1, &nil);
        ask(self, out, self->window, 2, PREPARE, -1, &nil);
        ask(self, out, self->window, 4, FINAL, -1, &nil);
    }
}

/* --- the right way --- */

static uint64_t weight_for(const struct qn_inst *self, uint32_t step, const struct qnk_hash *digest)
{
    uint64_t weight = 0;

    for (uint32_t i = 0; i < self->members; i++) {
        weight += qnk_hash_equal(&self->votes[step][i], digest) ? self->weights[i] : 0;
    }
    return weight;
}

static void go_on(struct qn_inst *self, struct qn_effects *out)
{
    if (qnk_hash_is_zero(&self->candidate)) {
        return;
    }
    if (!self->asked[PREPARE]) {
        self->asked[PREPARE] = true;
        ask_wrong_first(self, out);
        ask(self, out, self->window, 0, PREPARE, -1, &self->candidate);
        ask_wrong_digests(self, out, PREPARE);
    }
    for (uint16_t step = PREPARE; step <= FINAL; step++) {
        if (!self->certified[step] && weight_for(self, step, &self->candidate) >= self->quorum) {
            self->certified[step] = true;
            certify(out, self->window, 0, step, &self->candidate);
        }
    }
}

static void seal(struct qn_inst *self, struct qn_effects *out)
{
    if (!self->asked[FINAL]) {
        self->asked[FINAL] = true;
        ask(self, out, self->window, 0, FINAL, -1, &self->candidate);
        ask_wrong_digests(self, out, FINAL);
        ask_wrong_last(self, out);
    }
}

/* --- events --- */

static void on_open(struct qn_inst *self, struct qn_span body)
{
    struct qn_consensus_event_open event;
    int32_t status = qn_consensus_event_open_read(body, &event);
    struct qn_span rest;

    QN_ASSERT(status == QN_OK && event.members_count <= MEMBERS_MAX);
    self->window = event.window;
    self->quorum = event.quorum;
    self->members = event.members_count;
    self->self = event.self;
    rest = event.members;
    for (uint32_t i = 0; i < self->members; i++) {
        struct qn_member member;

        qn_member_next(&rest, &member);
        self->weights[i] = member.weight;
    }
    self->candidate = nil;
    memset(self->votes, 0, sizeof self->votes);
    memset(self->asked, 0, sizeof self->asked);
    memset(self->certified, 0, sizeof self->certified);
    self->duties_count = 0;
}

static void vote_add(struct qn_inst *self, uint32_t round, uint32_t step, uint32_t from,
                     const uint8_t *digest)
{
    if (round == 0 && step <= FINAL && from < self->members) {
        memcpy(self->votes[step][from].bytes, digest, QN_HASH_SIZE);
    }
}

/* Remembers what was signed, and whether it contradicts what was signed before. */
static void duty_add(struct qn_inst *self, const struct qn_consensus_event_signed *event)
{
    struct duty *duty = &self->duties[self->duties_count % DUTIES];

    for (uint32_t i = 0; i < self->duties_count && i < DUTIES; i++) {
        const struct duty *old = &self->duties[i];

        if (old->round == event->round && old->step == event->step &&
            memcmp(old->digest.bytes, event->digest, QN_HASH_SIZE) != 0) {
            self->counts.doubles++;
        }
    }
    self->duties_count++;
    duty->round = event->round;
    duty->step = event->step;
    memcpy(duty->digest.bytes, event->digest, QN_HASH_SIZE);
}

static void on_signed(struct qn_inst *self, struct qn_span body)
{
    struct qn_consensus_event_signed event;
    int32_t status = qn_consensus_event_signed_read(body, &event);
    bool is_candidate;
    bool is_nil;

    QN_ASSERT(status == QN_OK);
    is_candidate = memcmp(event.digest, self->candidate.bytes, QN_HASH_SIZE) == 0;
    is_nil = memcmp(event.digest, nil.bytes, QN_HASH_SIZE) == 0;
    switch (event.result) {
    case 1:
        self->counts.signed_now++;
        /* nil of a later round is nobody's lie */
        self->counts.wrongs_signed += !is_candidate && !is_nil;
        duty_add(self, &event);
        vote_add(self, event.round, event.step, self->self, event.digest);
        break;
    case 2:
        self->counts.signed_other++;
        vote_add(self, event.round, event.step, self->self, event.digest);
        break;
    case 3:
        self->counts.signed_before++;
        duty_add(self, &event);
        vote_add(self, event.round, event.step, self->self, event.digest);
        if (event.round == 0 && event.step <= FINAL) {
            self->asked[event.step] = true;
        }
        break;
    default:
        self->counts.refused++;
        break;
    }
}

static void on_vote(struct qn_inst *self, struct qn_span body)
{
    struct qn_consensus_event_vote event;
    int32_t status = qn_consensus_event_vote_read(body, &event);

    QN_ASSERT(status == QN_OK && event.window == self->window);
    vote_add(self, event.round, event.step, event.from, event.digest);
}

static void on_certificate(struct qn_inst *self, struct qn_span body, struct qn_effects *out)
{
    struct qn_consensus_event_certificate event;
    int32_t status = qn_consensus_event_certificate_read(body, &event);

    QN_ASSERT(status == QN_OK);
    if (event.step == PREPARE && event.round == 0) {
        if (qnk_hash_is_zero(&self->candidate)) {
            memcpy(self->candidate.bytes, event.digest, QN_HASH_SIZE);
            self->asked[PREPARE] = true; /* too late for that */
        }
        self->certified[PREPARE] = true;
        seal(self, out);
    }
}

static void on_candidate(struct qn_inst *self, struct qn_span body)
{
    struct qn_consensus_event_candidate event;
    int32_t status = qn_consensus_event_candidate_read(body, &event);

    QN_ASSERT(status == QN_OK && event.window == self->window);
    if (qnk_hash_is_zero(&self->candidate)) {
        memcpy(self->candidate.bytes, event.digest, QN_HASH_SIZE);
    }
}

static int32_t step(struct qn_inst *self, const struct qn_event *const *batch, uint32_t count,
                    struct qn_effects *out)
{
    for (uint32_t i = 0; i < count; i++) {
        switch (batch[i]->type) {
        case QN_CONSENSUS_EVENT_OPEN:
            on_open(self, batch[i]->body);
            break;
        case QN_CONSENSUS_EVENT_CANDIDATE:
            on_candidate(self, batch[i]->body);
            break;
        case QN_CONSENSUS_EVENT_VOTE:
            on_vote(self, batch[i]->body);
            break;
        case QN_CONSENSUS_EVENT_SIGNED:
            on_signed(self, batch[i]->body);
            break;
        case QN_CONSENSUS_EVENT_CERTIFICATE:
            on_certificate(self, batch[i]->body, out);
            break;
        case QN_CONSENSUS_EVENT_FINAL:
            self->counts.finals++;
            self->last = self->candidate;
            self->candidate = nil;
            continue;
        default:
            break;
        }
        go_on(self, out);
    }
    return QN_OK;
}

static int32_t query(struct qn_inst *self, uint32_t what, struct qn_span arg,
                     struct qn_sink *answer)
{
    (void)self;
    (void)what;
    (void)arg;
    (void)answer;
    return QN_UNSUPPORTED;
}

static const struct qn_consensus_1 slots = {
    .head = QN_CONSENSUS_1_HEAD,
    .step = step,
    .query = query,
};

struct qnk_plugged qnk_fake_engine_make(struct qnk_budget *budget, uint32_t wrongs)
{
    struct qn_inst *self = qnk_memory_take(budget, sizeof *self);

    QN_ASSERT(self != NULL);
    self->budget = budget;
    self->wrongs = wrongs;
    return (struct qnk_plugged){.table = &slots, .inst = self};
}

void qnk_fake_engine_give(struct qnk_plugged engine)
{
    qnk_memory_give(engine.inst->budget, engine.inst, sizeof *engine.inst);
}

const struct qnk_fake_engine_counts *qnk_fake_engine_counts(struct qnk_plugged engine)
{
    return &engine.inst->counts;
}
