/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include <qnet/consensus.h>
#include <qnet/producer.h>

#include "kernel/chain/vote.h"
#include "kernel/node/trial.h"

/* What a plugin of these cases does otherwise than the plain one. */
enum quirk {
    PLAIN,
    ROUNDS,   /* a longer time limit */
    UNLISTED, /* it wants a vote of a step that it does not list */
    FAILS,    /* at its first timer */
    RESTLESS, /* it asks again for whatever it was given */
    RANK,     /* one turn in hundreds is somebody else's */
    PACE,     /* one interval in many is another */
    REFUSES,  /* a window */
};

struct qn_inst {
    enum quirk quirk;
    uint64_t window;
    uint32_t votes, certificates, finals, timers, proposals;
    uint32_t told[4][64];
};

static struct qnk_budget budget = {.limit = 1 << 26};

/* --- an engine: prepare, certify, final, certify; nil and a new round when a timer runs out --- */

static void ask(struct qn_inst *self, struct qn_effects *out, uint16_t step, uint32_t round,
                const uint8_t *digest)
{
    struct qn_consensus_effect_request_sign wish = {
        .window = self->window,
        .round = round,
        .step = step,
        .vr = -1,
        .digest = digest,
        .to = UINT32_MAX,
    };

    assert_int_equal(qn_consensus_effect_request_sign_push(out, &wish), QN_OK);
}

static void wait(struct qn_inst *self, struct qn_effects *out, uint32_t round)
{
    struct qn_consensus_effect_timer wish = {
        .window = self->window,
        .timer = round,
        .delay_ms = self->quirk == ROUNDS && round == 5 ? 101 : 100,
    };

    assert_int_equal(qn_consensus_effect_timer_push(out, &wish), QN_OK);
}

static void certify(struct qn_inst *self, struct qn_effects *out, uint16_t step, uint32_t round,
                    const uint8_t *digest)
{
    struct qn_consensus_effect_certify wish = {
        .window = self->window, .round = round, .step = step, .digest = digest, .share = 1};

    assert_int_equal(qn_consensus_effect_certify_push(out, &wish), QN_OK);
}

static void on_vote(struct qn_inst *self, struct qn_effects *out, struct qn_span body)
{
    struct qn_consensus_event_vote vote = {0};

    assert_int_equal(qn_consensus_event_vote_read(body, &vote), QN_OK);
    assert_int_equal(vote.window, self->window);
    assert_true(vote.step == QNK_STEP_PREPARE || vote.step == QNK_STEP_FINAL ||
                vote.step == QNK_STEP_PROPOSE);
    assert_int_equal(self->told[vote.from][vote.round] >> vote.step & 1, 0); /* once */
    self->told[vote.from][vote.round] |= 1u << vote.step;
    self->proposals += vote.step == QNK_STEP_PROPOSE;
    self->votes++;
    if (self->told[(vote.from + 3) % 4][vote.round] >> vote.step & 1) {
        certify(self, out, vote.step, vote.round, vote.digest);
    }
}

static void on_signed(struct qn_inst *self, struct qn_effects *out, struct qn_span body)
{
    struct qn_consensus_event_signed own = {0};

    assert_int_equal(qn_consensus_event_signed_read(body, &own), QN_OK);
    assert_int_equal(own.result, own.step == QNK_STEP_TIMEOUT ? 4 : 1);
    if (self->quirk == RESTLESS) {
        ask(self, out, own.step, own.round + 1, own.digest);
    }
}

static int32_t on_event(struct qn_inst *self, const struct qn_event *event, struct qn_effects *out)
{
    static const uint8_t nil[QN_HASH_SIZE];
    struct qn_consensus_event_open open = {0};
    struct qn_consensus_event_candidate candidate = {0};
    struct qn_consensus_event_certificate certificate = {0};
    struct qn_consensus_event_timer timer = {0};

    switch (event->type) {
    case QN_CONSENSUS_EVENT_OPEN:
        assert_int_equal(qn_consensus_event_open_read(event->body, &open), QN_OK);
        self->window = open.window;
        memset(self->told, 0, sizeof self->told);
        wait(self, out, 0);
        break;
    case QN_CONSENSUS_EVENT_CANDIDATE:
        assert_int_equal(qn_consensus_event_candidate_read(event->body, &candidate), QN_OK);
        ask(self, out, QNK_STEP_PREPARE, 0, candidate.digest);
        if (self->quirk == UNLISTED) {
            ask(self, out, QNK_STEP_TIMEOUT, 0, candidate.digest);
        }
        break;
    case QN_CONSENSUS_EVENT_VOTE:
        on_vote(self, out, event->body);
        break;
    case QN_CONSENSUS_EVENT_SIGNED:
        on_signed(self, out, event->body);
        break;
    case QN_CONSENSUS_EVENT_CERTIFICATE:
        assert_int_equal(qn_consensus_event_certificate_read(event->body, &certificate), QN_OK);
        self->certificates++;
        ask(self, out, QNK_STEP_FINAL, certificate.round, certificate.digest);
        break;
    case QN_CONSENSUS_EVENT_TIMER:
        assert_int_equal(qn_consensus_event_timer_read(event->body, &timer), QN_OK);
        self->timers++;
        wait(self, out, timer.timer + 1);
        ask(self, out, QNK_STEP_PREPARE, timer.timer + 1, nil);
        return self->quirk == FAILS ? QN_INVALID : QN_OK;
    case QN_CONSENSUS_EVENT_FINAL:
        self->finals++;
        break;
    default:
        break;
    }
    return QN_OK;
}

static int32_t step(struct qn_inst *self, const struct qn_event *const *batch, uint32_t count,
                    struct qn_effects *out)
{
    int32_t status = QN_OK;

    for (uint32_t i = 0; status == QN_OK && i < count; i++) {
        status = on_event(self, batch[i], out);
    }
    return status;
}

static const struct qn_consensus_1 engine_slots = {.head = QN_CONSENSUS_1_HEAD, .step = step};

static const struct qnk_binding engine = {
    .name = "plain",
    .version = "1.0",
    .steps = {QNK_STEP_PREPARE, QNK_STEP_FINAL, QNK_STEP_PROPOSE},
    .steps_count = 3,
};

/* --- a producer --- */

static int32_t open_window(struct qn_inst *self, struct qn_span context)
{
    struct qn_producer_context read = {0};

    assert_int_equal(qn_producer_context_read(context, &read), QN_OK);
    assert_int_equal(read.basis.size, read.window <= 3 ? 0 : 328);
    self->window = read.window;
    return self->quirk == REFUSES && read.window == 5 ? QN_INVALID : QN_OK;
}

static int32_t turns(struct qn_inst *self, const struct qn_producer_ask *asks, uint32_t count,
                     uint32_t *members)
{
    for (uint32_t i = 0; i < count; i++) {
        members[i] = (uint32_t)((asks[i].height + asks[i].view) % 7);
        if (self->quirk == RANK && asks[i].height == 37 && asks[i].view == 7) {
            members[i] = (members[i] + 1) % 7;
        }
    }
    return QN_OK;
}

static int32_t pace(struct qn_inst *self, const struct qn_producer_recent *recent, uint32_t count,
                    uint8_t *class, uint32_t *interval_ms, uint32_t *backup_ms)
{
    *class = count == 0 ? 0 : (uint8_t)(recent[0].interval_class);
    *interval_ms = 1000;
    *backup_ms = self->quirk == PACE && count > 0 && recent[0].backlog > 100000 ? 501 : 500;
    return QN_OK;
}

static void close_windows(struct qn_inst *self, uint64_t window)
{
    assert_true(window <= self->window);
    self->finals++;
}

static const struct qn_producer_1 producer_slots = {
    .head = QN_PRODUCER_1_HEAD,
    .open = open_window,
    .turns = turns,
    .pace = pace,
    .close = close_windows,
};

/* --- cases --- */

static int32_t tried(uint32_t kind, enum quirk quirk, struct qnk_hash *trace, struct qn_inst *inst)
{
    struct qnk_plugged plugged = {
        .table = kind == QNK_BINDING_CONSENSUS ? (const void *)&engine_slots : &producer_slots,
        .inst = inst,
    };
    int32_t status;

    *inst = (struct qn_inst){.quirk = quirk};
    status = qnk_trial_run(&budget, kind, &engine, plugged, trace);
    assert_int_equal(budget.used, 0);
    return status;
}

static bool is_noticed(uint32_t kind, enum quirk quirk)
{
    struct qnk_hash plain, other;
    struct qn_inst inst;

    assert_int_equal(tried(kind, PLAIN, &plain, &inst), QN_OK);
    assert_int_equal(tried(kind, quirk, &other, &inst), QN_OK);
    return !qnk_hash_equal(&plain, &other);
}

static void equal_plugins_have_equal_traces(void **state)
{
    (void)state;
    assert_false(is_noticed(QNK_BINDING_CONSENSUS, PLAIN));
    assert_false(is_noticed(QNK_BINDING_PRODUCER, PLAIN));
}

static void what_differs_is_noticed(void **state)
{
    (void)state;
    assert_true(is_noticed(QNK_BINDING_CONSENSUS, ROUNDS));
    assert_true(is_noticed(QNK_BINDING_CONSENSUS, UNLISTED));
    assert_true(is_noticed(QNK_BINDING_PRODUCER, RANK));
    assert_true(is_noticed(QNK_BINDING_PRODUCER, PACE));
    assert_true(is_noticed(QNK_BINDING_PRODUCER, REFUSES));
}

/* Or else it would compare nothing. */
static void an_engine_has_work_to_do(void **state)
{
    struct qnk_hash trace;
    struct qn_inst inst;

    (void)state;
    assert_int_equal(tried(QNK_BINDING_CONSENSUS, PLAIN, &trace, &inst), QN_OK);
    assert_int_equal(inst.finals, inst.window);
    assert_true(inst.votes > 50);
    assert_true(inst.proposals > 20);
    assert_true(inst.timers > 50);
    assert_true(inst.certificates > 4);
}

static void who_fails_has_no_trace(void **state)
{
    struct qnk_hash trace = {{0}};
    struct qn_inst inst;

    (void)state;
    assert_int_equal(tried(QNK_BINDING_CONSENSUS, FAILS, &trace, &inst), QN_INVALID);
    assert_true(qnk_hash_is_zero(&trace));
}

/* What never comes to rest is answered no more some time, which stops it. */
static void a_trial_comes_to_its_end(void **state)
{
    struct qnk_hash trace;
    struct qn_inst inst;

    (void)state;
    (void)tried(QNK_BINDING_CONSENSUS, RESTLESS, &trace, &inst);
    assert_true(inst.finals > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_plugins_have_equal_traces),
        cmocka_unit_test(what_differs_is_noticed),
        cmocka_unit_test(an_engine_has_work_to_do),
        cmocka_unit_test(who_fails_has_no_trace),
        cmocka_unit_test(a_trial_comes_to_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
