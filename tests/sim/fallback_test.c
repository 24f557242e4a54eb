/* SPDX-License-Identifier: MIT */

/* A network that swaps its engine for one that does not decide comes back to the engine before, by
 * itself and on one chain: finality.md 12.4. */

#include "tests/test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <qnet/consensus.h>

#include "kernel/chain/abandon.h"
#include "kernel/chain/tx.h"
#include "kernel/chain/vote.h"
#include "tests/sim/cast.h"
#include "tests/sim/cuts.h"

enum { VALIDATORS = 4, FIRST = 9, PROBATION = 6, INSTANCES = 64, MEMBERS_MAX = 8 };
enum { LATE = FIRST + PROBATION + 3 };

/* What is wrong with the new engine. */
enum flaw {
    FLAW_ABSENT, /* nobody has it */
    FLAW_SILENT, /* it asks for nothing */
    FLAW_CRASH,  /* it fails as soon as there is a candidate */
    FLAW_LOCKS,  /* it prepares, one member seals, and that is all */
    FLAW_LATE,   /* it works well, and after probation it asks for nothing any more */
    FLAW_OPEN,   /* it is silent, and has no locks */
    FLAW_TALKS,  /* it signs time-outs of one round after the other */
};

struct qn_inst {
    enum flaw flaw;
    uint64_t window;
    uint64_t quorum;
    uint32_t self, prepares;
    struct qnk_plugged good; /* LATE: what it is until then */
    uint64_t late;           /* LATE: the window from which on it is silent */
    uint32_t node;
    uint64_t given_up; /* attempts by its node when the window began */
};

/* An instance that a running node was given. */
struct given {
    bool is_used;
    uint32_t node, kind, number;
    struct qn_inst inst;
    struct qnk_player *player; /* NULL: it is the engine of this file */
};

static struct {
    struct net *net;
    enum flaw flaw;
    struct given given[INSTANCES];
    uint8_t payload[QNK_SWAP_PLAN_MAX];
    struct qn_span plan;
    struct qnk_hash plan_id;
    uint32_t probation;
    uint32_t patience_ms; /* 0: what is usual here */
    uint64_t late;        /* 0: LATE */
    uint32_t talked;      /* time-outs that were signed */
} scene;

/* --- the new engine --- */

static void ask(struct qn_effects *out, const struct qn_inst *self, uint16_t step,
                const uint8_t *digest)
{
    struct qn_consensus_effect_request_sign wish = {
        .window = self->window,
        .step = step,
        .vr = -1,
        .digest = digest,
        .to = UINT32_MAX,
    };

    assert_int_equal(qn_consensus_effect_request_sign_push(out, &wish), QN_OK);
}

static uint64_t given_up_by(const struct qn_inst *self)
{
    return qnk_node_counters(qnk_world_node(scene.net->world, self->node))->attempts_given_up;
}

static void on_open(struct qn_inst *self, struct qn_span body)
{
    struct qn_consensus_event_open event = {0};

    assert_int_equal(qn_consensus_event_open_read(body, &event), QN_OK);
    self->window = event.window;
    self->quorum = event.quorum;
    self->self = event.self;
    self->prepares = 0;
    self->given_up = given_up_by(self);
}

/* Counts prepares, which in these cases are all for one digest. */
static void on_prepare(struct qn_inst *self, struct qn_effects *out, const uint8_t *digest)
{
    struct qn_consensus_effect_certify wish = {
        .window = self->window,
        .step = QNK_STEP_PREPARE,
        .digest = digest,
        .share = 1,
    };

    if (++self->prepares == self->quorum) {
        assert_int_equal(qn_consensus_effect_certify_push(out, &wish), QN_OK);
    }
}

static void on_event(struct qn_inst *self, const struct qn_event *event, struct qn_effects *out)
{
    struct qn_consensus_event_candidate candidate = {0};
    struct qn_consensus_event_certificate certificate = {0};
    struct qn_consensus_event_signed own = {0};
    struct qn_consensus_event_vote vote = {0};

    switch (event->type) {
    case QN_CONSENSUS_EVENT_CANDIDATE:
        assert_int_equal(qn_consensus_event_candidate_read(event->body, &candidate), QN_OK);
        ask(out, self, QNK_STEP_PREPARE, candidate.digest);
        break;
    case QN_CONSENSUS_EVENT_SIGNED:
        assert_int_equal(qn_consensus_event_signed_read(event->body, &own), QN_OK);
        if (own.step == QNK_STEP_PREPARE && own.result == 1) {
            on_prepare(self, out, own.digest);
        }
        break;
    case QN_CONSENSUS_EVENT_VOTE:
        assert_int_equal(qn_consensus_event_vote_read(event->body, &vote), QN_OK);
        if (vote.step == QNK_STEP_PREPARE) {
            on_prepare(self, out, vote.digest);
        }
        break;
    case QN_CONSENSUS_EVENT_CERTIFICATE:
        assert_int_equal(qn_consensus_event_certificate_read(event->body, &certificate), QN_OK);
        if (self->self == 0) {
            ask(out, self, QNK_STEP_FINAL, certificate.digest);
        }
        break;
    default:
        break;
    }
}

/* Has the next rounds' time-outs signed, as long as it is let. */
static void talk(struct qn_inst *self, const struct qn_event *event, struct qn_effects *out)
{
    enum { AT_ONCE = 100 };
    static const uint8_t none[QN_HASH_SIZE];
    struct qn_consensus_event_signed own = {.round = UINT32_MAX};

    if (event->type == QN_CONSENSUS_EVENT_SIGNED) {
        assert_int_equal(qn_consensus_event_signed_read(event->body, &own), QN_OK);
        if (own.result != 1) {
            return;
        }
        scene.talked += 1;
    } else if (event->type != QN_CONSENSUS_EVENT_OPEN) {
        return;
    }
    for (uint32_t i = 1; (own.round + 1) % AT_ONCE == 0 && i <= AT_ONCE; i++) {
        struct qn_consensus_effect_request_sign wish = {
            .window = self->window,
            .round = own.round + i,
            .step = QNK_STEP_TIMEOUT,
            .vr = -1,
            .digest = none,
            .to = UINT32_MAX,
        };

        assert_int_equal(qn_consensus_effect_request_sign_push(out, &wish), QN_OK);
    }
}

/* From some window on it hears nothing any more. */
static int32_t step_until_late(struct qn_inst *self, const struct qn_event *const *batch,
                               uint32_t count, struct qn_effects *out)
{
    const struct qn_consensus_1 *table = self->good.table;

    for (uint32_t i = 0; i < count; i++) {
        if (batch[i]->type == QN_CONSENSUS_EVENT_OPEN) {
            on_open(self, batch[i]->body);
        }
    }
    return self->window < self->late ? table->step(self->good.inst, batch, count, out) : QN_OK;
}

static int32_t step(struct qn_inst *self, const struct qn_event *const *batch, uint32_t count,
                    struct qn_effects *out)
{
    if (self->flaw == FLAW_LATE) {
        return step_until_late(self, batch, count, out);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (batch[i]->type == QN_CONSENSUS_EVENT_OPEN) {
            on_open(self, batch[i]->body);
        }
        if (batch[i]->type != QN_CONSENSUS_EVENT_FINAL) { /* who was left hears only that */
            assert_int_equal(given_up_by(self), self->given_up);
        }
        if (self->flaw == FLAW_CRASH && batch[i]->type == QN_CONSENSUS_EVENT_CANDIDATE) {
            return QN_BUG;
        } else if (self->flaw == FLAW_LOCKS) {
            on_event(self, batch[i], out);
        } else if (self->flaw == FLAW_TALKS) {
            talk(self, batch[i], out);
        }
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

/* --- instances --- */

static bool plug(void *ctx, uint32_t node, const struct qnk_need *need,
                 struct qnk_plugged *instance)
{
    bool is_new = strcmp(need->binding.name, "undecided") == 0;
    struct given *place = NULL;

    (void)ctx;
    for (uint32_t i = 0; i < INSTANCES; i++) {
        place = scene.given[i].is_used ? place : &scene.given[i];
    }
    assert_non_null(place);
    if (is_new && scene.flaw == FLAW_ABSENT) {
        return false;
    }
    *place = (struct given){
        .is_used = true,
        .node = node,
        .kind = need->kind,
        .number = need->binding.number,
        .inst = {.flaw = scene.flaw, .node = node, .late = scene.late == 0 ? LATE : scene.late},
    };
    if (is_new && scene.flaw == FLAW_LATE) {
        place->player = cast_engine(scene.net);
        place->inst.good = qnk_player_plugged(place->player);
    }
    if (is_new) {
        *instance = (struct qnk_plugged){.table = &slots, .inst = &place->inst};
    } else {
        place->player = cast_engine(scene.net);
        *instance = qnk_player_plugged(place->player);
    }
    return true;
}

static void given_drop(struct given *given)
{
    qnk_player_give(given->player);
    *given = (struct given){0};
}

static void unplug(void *ctx, uint32_t node, uint32_t kind, uint32_t number)
{
    (void)ctx;
    for (uint32_t i = 0; i < INSTANCES; i++) {
        struct given *it = &scene.given[i];

        if (it->is_used && it->node == node && it->kind == kind && it->number == number) {
            given_drop(it);
        }
    }
}

static void give(void *ctx, uint32_t node, bool is_last, struct qnk_world_plugins *plugins)
{
    for (uint32_t i = 0; i < INSTANCES; i++) {
        if (scene.given[i].is_used && scene.given[i].node == node) {
            given_drop(&scene.given[i]);
        }
    }
    cast_give(ctx, node, is_last, plugins);
}

/* --- scenes --- */

static void plan_make(enum flaw flaw)
{
    struct qnk_swap_plan plan = {
        .kind = QNK_BINDING_CONSENSUS,
        .percent = 67,
        .probation = scene.probation,
        .engine =
            {
                .first = FIRST,
                .name = "undecided",
                .version = "1.0",
                .steps = {QNK_STEP_PREPARE, QNK_STEP_FINAL},
                .steps_count = 2,
            },
    };

    if (flaw == FLAW_LATE) {
        static const uint16_t steps[] = {QNK_STEP_COMMIT, QNK_STEP_PREPARE, QNK_STEP_FINAL,
                                         QNK_STEP_PROPOSE};

        memcpy(plan.engine.steps, steps, sizeof steps);
        plan.engine.steps_count = 4;
    } else if (flaw == FLAW_OPEN) {
        plan.engine.steps[0] = QNK_STEP_FINAL;
        plan.engine.steps_count = 1;
    } else if (flaw == FLAW_TALKS) {
        plan.engine.steps[2] = QNK_STEP_TIMEOUT;
        plan.engine.steps_count = 3;
    }

    scene.plan = (struct qn_span){scene.payload, qnk_swap_plan_encode(&plan, scene.payload)};
    qnk_swap_id(scene.plan, &scene.plan_id);
}

static void everyone_is_ready(struct net *net)
{
    struct qnk_swap_ready ready = {.plan = scene.plan_id};
    uint8_t bytes[QNK_SWAP_READY_SIZE];

    qnk_swap_ready_encode(&ready, bytes);
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        qnk_world_propose(net->world, i, QNK_TX_READY, (struct qn_span){bytes, sizeof bytes});
    }
}

static uint8_t life_of(struct net *net, uint32_t node)
{
    return qnk_node_control(qnk_world_node(net->world, node))->swap.life;
}

/* A network whose plan is bound. */
static struct net *planned_for(enum flaw flaw, uint64_t seed, uint32_t probation)
{
    struct net *net = net_make(VALIDATORS, VALIDATORS, seed);

    scene.net = net;
    scene.flaw = flaw;
    scene.probation = probation;
    net->setup.maker.plug = plug;
    net->setup.maker.unplug = unplug;
    net->setup.maker.give = give;
    net->setup.params.swap =
        (struct qnk_swap_rules){.notice = 5,
                                .probation = 1,
                                .percent = 67,
                                .dead_ms = scene.patience_ms == 0 ? 2000 : scene.patience_ms,
                                .dead_later_ms = 1000,
                                .may_be_lockless = flaw == FLAW_OPEN};
    net_open(net);
    net_start(net, 0, VALIDATORS);
    net_run_ms(net, 1500);
    plan_make(flaw);
    qnk_world_propose(net->world, 0, QNK_TX_PLAN, scene.plan);
    net_run_ms(net, 500);
    assert_int_equal(life_of(net, 0), QNK_SWAP_PROPOSED);
    everyone_is_ready(net);
    while (look(net, 0).final_window < FIRST - 2) {
        net_run_ms(net, 100);
    }
    assert_int_equal(life_of(net, 0), QNK_SWAP_BOUND);
    return net;
}

static struct net *planned(enum flaw flaw, uint64_t seed)
{
    return planned_for(flaw, seed, PROBATION);
}

/* The plan failed, what was before is bound under the next number, and goes on. */
static void assert_returned(struct net *net)
{
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        const struct qnk_control *control = qnk_node_control(qnk_world_node(net->world, i));
        const struct qnk_binding *binding =
            qnk_control_binding(control, QNK_BINDING_CONSENSUS, look(net, i).final_window + 1);

        assert_int_equal(control->swap.life, QNK_SWAP_FAILED);
        assert_string_equal(binding->name, "commit-reveal");
        assert_int_equal(binding->number, 2);
        assert_int_equal(look(net, i).era, 512);
        assert_true(look(net, i).final_window > FIRST + 10);
    }
    assert_agreement(net);
}

static void return_from(enum flaw flaw, uint64_t seed)
{
    struct net *net = planned(flaw, seed);

    net_run_ms(net, 40000);
    assert_returned(net);
    net_drop(net);
}

/* --- cases --- */

static void an_engine_that_says_nothing_is_left(void **state)
{
    (void)state;
    return_from(FLAW_SILENT, 71);
}

static void an_engine_that_fails_is_left(void **state)
{
    (void)state;
    return_from(FLAW_CRASH, 72);
}

static void an_engine_that_nobody_has_is_left(void **state)
{
    (void)state;
    return_from(FLAW_ABSENT, 73);
}

static void what_an_engine_may_have_decided_is_kept(void **state)
{
    (void)state;
    return_from(FLAW_LOCKS, 74);
}

static void a_cut(struct net *net, bool is_up)
{
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t j = 2; j < VALIDATORS; j++) {
            qnk_world_link(net->world, i, j, is_up);
        }
    }
}

/* Two halves, each of which gives up alone and can do nothing more. */
static void two_halves_come_back_together(void **state)
{
    static const enum flaw flaws[] = {FLAW_SILENT, FLAW_LOCKS, FLAW_CRASH, FLAW_ABSENT};

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        struct net *net = planned(flaws[i], 80 + i);

        while (look(net, 0).final_window < FIRST - 1) {
            net_run_ms(net, 50);
        }
        net_run_ms(net, 300 * i);
        a_cut(net, false);
        net_run_ms(net, 9000);
        a_cut(net, true);
        net_run_ms(net, 40000);
        assert_returned(net);
        net_drop(net);
    }
}

/* The power goes everywhere, again and again, while the window goes back. */
static void power_cuts_do_not_bring_the_new_engine_back(void **state)
{
    static const enum flaw flaws[] = {FLAW_SILENT, FLAW_LOCKS};

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        struct net *net = planned(flaws[i], 90 + i);

        for (uint32_t turn = 0; turn < 5; turn++) {
            net_run_ms(net, 1700 + 150 * turn);
            for (uint32_t node = 0; node < VALIDATORS; node++) {
                qnk_world_crash(net->world, node);
            }
            net_start(net, 0, VALIDATORS);
        }
        net_run_ms(net, 60000);
        assert_returned(net);
        net_drop(net);
    }
}

static uint64_t given_up(struct net *net, uint32_t node)
{
    return qnk_node_counters(qnk_world_node(net->world, node))->attempts_given_up;
}

static void links(struct net *net, bool are_up)
{
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        for (uint32_t j = i + 1; j < VALIDATORS; j++) {
            qnk_world_link(net->world, i, j, are_up);
        }
    }
}

/* Each node gives up alone, when its engine has signed more than can be signed anew at once; then
 * the power goes everywhere, before anyone has heard of it. */
static void what_an_engine_signed_does_not_drown_that_it_was_left(void **state)
{
    enum { MANY = 400 }; /* over 256, QNK_SIGNS_MAX */
    struct net *net = planned(FLAW_TALKS, 77);

    (void)state;
    scene.talked = 0;
    for (uint32_t i = 0; scene.talked < VALIDATORS * MANY; i++) {
        assert_true(i < 1000);
        net_run_ms(net, 10);
    }
    links(net, false);
    net_run_ms(net, 4000);
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        assert_int_equal(given_up(net, i), 1);
        qnk_world_crash(net->world, i);
    }
    links(net, true);
    net_start(net, 0, VALIDATORS);
    net_run_ms(net, 60000);
    assert_returned(net);
    net_drop(net);
}

static bool has_returned(struct net *net, uint32_t node)
{
    const struct qnk_control *control = qnk_node_control(qnk_world_node(net->world, node));
    struct qnk_node_view view = look(net, node);

    return control->swap.life == QNK_SWAP_FAILED && view.numbers[QNK_BINDING_CONSENSUS] == 2 &&
           !view.is_held;
}

/* From bound to failed and on: the engine says nothing, so the one before it has to come back. */
static enum cut failing_cut(struct net *net, uint32_t writes)
{
    qnk_world_cut(net->world, 0, writes);
    while (!cuts_power(net, VALIDATORS)) {
        if (look(net, 1).final_window > FIRST + 6) {
            return CUT_NEVER;
        }
        net_run_ms(net, 10);
    }
    if (!cuts_wait(net, VALIDATORS, FIRST + 9, 120000) || !cuts_agree(net, VALIDATORS)) {
        return CUT_NEITHER;
    }
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        if (!has_returned(net, i)) {
            fprintf(stderr, "# node %u: life %u\n", i, life_of(net, i));
            return CUT_NEITHER;
        }
    }
    return CUT_OLD;
}

static void a_cut_at_any_write_of_a_plan_that_fails_leaves_the_old_one(void **state)
{
    struct net *net = planned(FLAW_SILENT, 95);
    struct cuts cuts = cuts_sweep(net, 23, failing_cut);

    (void)state;
    assert_true(cuts.of[CUT_OLD] > 3);
    net_drop(net);
}

/* Probation is over with the window that was given up, and the chain does not say yet that the plan
 * failed: what is final does. */
static void a_restart_does_not_forget_that_the_plan_failed(void **state)
{
    struct net *net = planned_for(FLAW_SILENT, 76, 1);

    (void)state;
    while (look(net, 0).final_window < FIRST) {
        net_run_ms(net, 10);
    }
    for (uint32_t node = 0; node < VALIDATORS; node++) {
        qnk_world_crash(net->world, node);
    }
    net_start(net, 0, VALIDATORS);
    net_run_ms(net, 60000);
    assert_returned(net);
    net_drop(net);
}

/* Who has voted in the second attempt is in it after a restart, though nobody tells it of it. */
static void a_node_alone_goes_on_in_the_attempt_that_it_voted_in(void **state)
{
    enum { ERA = 257 };
    struct net *net = planned(FLAW_SILENT, 76);
    uint64_t final_window;

    (void)state;
    for (uint32_t i = 0; look(net, 0).era != ERA || look(net, 0).vote_phase < 3; i++) {
        assert_true(i < 4000); /* until it has revealed */
        net_run_ms(net, 5);
    }
    final_window = look(net, 0).final_window;
    qnk_world_crash(net->world, 0);
    for (uint32_t i = 1; i < VALIDATORS; i++) {
        qnk_world_link(net->world, 0, i, false);
    }
    net_start(net, 0, 1);
    net_run_ms(net, 500);
    assert_int_equal(look(net, 0).final_window, final_window);
    assert_int_equal(look(net, 0).era, ERA);
    for (uint32_t i = 1; i < VALIDATORS; i++) {
        qnk_world_link(net->world, 0, i, true);
    }
    net_run_ms(net, 40000);
    assert_returned(net);
    net_drop(net);
}

/* Some give up and one is off all the while. */
static void a_quorum_is_enough(void **state)
{
    struct net *net = planned(FLAW_LOCKS, 75);

    (void)state;
    qnk_world_crash(net->world, 2);
    net_run_ms(net, 60000);
    qnk_world_start(net->world, 2);
    net_run_ms(net, 20000);
    assert_returned(net);
    net_drop(net);
}

/* --- after probation --- */

static void everyone_orders(struct net *net, uint32_t nodes)
{
    for (uint32_t i = 0; i < nodes; i++) {
        qnk_world_abandon(net->world, i);
    }
}

/* A network whose new engine settled, and then stands still. */
static struct net *stuck_late(uint64_t seed)
{
    struct net *net = planned(FLAW_LATE, seed);

    net_run_ms(net, 30000);
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        assert_int_equal(look(net, i).final_window, LATE - 1);
        assert_int_equal(life_of(net, i), QNK_SWAP_SETTLED);
        assert_int_equal(given_up(net, i), 0);
    }
    return net;
}

static void a_settled_engine_is_left_on_its_operators_word(void **state)
{
    struct net *net = stuck_late(111);

    (void)state;
    qnk_world_abandon(net->world, 0);
    qnk_world_abandon(net->world, 0); /* once for each attempt */
    qnk_world_abandon(net->world, 1);
    net_run_ms(net, 10000);
    assert_int_equal(given_up(net, 0), 1);
    assert_int_equal(look(net, 0).final_window, LATE - 1); /* two of four are no quorum */
    qnk_world_abandon(net->world, 2);
    net_run_ms(net, 40000);
    assert_returned(net);
    net_drop(net);
}

/* All that was known is on the disks alone, again and again. */
static void power_cuts_do_not_undo_an_operators_word(void **state)
{
    struct net *net = stuck_late(112);

    (void)state;
    everyone_orders(net, 3);
    for (uint32_t turn = 0; turn < 6; turn++) {
        net_run_ms(net, 150 + 300 * turn);
        for (uint32_t node = 0; node < VALIDATORS; node++) {
            qnk_world_crash(net->world, node);
        }
        net_start(net, 0, VALIDATORS);
    }
    net_run_ms(net, 60000);
    assert_returned(net);
    net_drop(net);
}

/* --- a settled engine that fails while the plan for the next one is open --- */

enum { NEXT = LATE + 10, PROBATION_NEXT = 20 };

/* A network whose new engine settled, with a plan that all are ready for: for another one from
 * window NEXT on. From window `late` on nobody hears the one that serves. */
static struct net *planned_next(uint64_t seed, uint64_t late)
{
    struct qnk_swap_plan plan;
    struct net *net;

    scene.late = late;
    net = planned(FLAW_LATE, seed);
    while (look(net, 0).final_window < LATE - 1) {
        net_run_ms(net, 50);
    }
    assert_int_equal(qnk_swap_plan_decode(scene.plan, &plan), QN_OK);
    plan.engine.first = NEXT;
    plan.probation = PROBATION_NEXT;
    scene.plan.size = qnk_swap_plan_encode(&plan, scene.payload);
    qnk_swap_id(scene.plan, &scene.plan_id);
    qnk_world_propose(net->world, 1, QNK_TX_PLAN, scene.plan);
    net_run_ms(net, 500);
    assert_int_equal(life_of(net, 0), QNK_SWAP_PROPOSED);
    everyone_is_ready(net);
    return net;
}

/* All order until the window is final; what follows goes back by itself. */
static void give_up_at(struct net *net, uint64_t window)
{
    for (uint32_t i = 0; i < 100 && look(net, 0).final_window < window; i++) {
        net_run_ms(net, 500);
        if (look(net, 0).final_window == window - 1) {
            everyone_orders(net, VALIDATORS);
        }
    }
    assert_true(look(net, 0).final_window >= window);
}

/* The next engine failed too, and the first one goes on, long after that. */
static void assert_first_returned(struct net *net, uint32_t number, uint64_t window)
{
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        const struct qnk_control *control = qnk_node_control(qnk_world_node(net->world, i));
        const struct qnk_binding *binding =
            qnk_control_binding(control, QNK_BINDING_CONSENSUS, look(net, i).final_window + 1);

        assert_int_equal(control->swap.life, QNK_SWAP_FAILED);
        assert_string_equal(binding->name, "commit-reveal");
        assert_int_equal(binding->number, number);
        assert_true(look(net, i).final_window > window + 5);
    }
    assert_agreement(net);
}

static void a_plan_does_not_fall_back_to_an_engine_that_failed_before(void **state)
{
    struct net *net = planned_next(121, 0);

    (void)state;
    scene.flaw = FLAW_SILENT; /* the next one */
    give_up_at(net, LATE);
    net_run_ms(net, 90000);
    assert_first_returned(net, 4, NEXT);
    scene.late = 0;
    net_drop(net);
}

/* It fails when the plan is bound already, and the next one some windows later. */
static void a_plan_that_is_bound_does_not_stay_on_an_engine_that_fails(void **state)
{
    struct net *net = planned_next(122, NEXT - 2);

    (void)state;
    scene.late = NEXT + 9;
    give_up_at(net, NEXT - 2);
    net_run_ms(net, 20000);
    for (uint32_t node = 0; node < VALIDATORS; node++) { /* the engine is on no disk */
        qnk_world_crash(net->world, node);
    }
    net_start(net, 0, VALIDATORS);
    net_run_ms(net, 90000);
    assert_first_returned(net, 3, NEXT + 9);
    scene.late = 0;
    net_drop(net);
}

/* There is none before the engine of genesis: it is tried again, and stays. */
static void the_first_engine_is_tried_again(void **state)
{
    struct net *net = net_make(VALIDATORS, VALIDATORS, 113);
    uint64_t window;

    (void)state;
    net->setup.params.swap = (struct qnk_swap_rules){.notice = 5, .dead_ms = 2000};
    net_open(net);
    net_start(net, 0, VALIDATORS);
    net_run_ms(net, 4000);
    a_cut(net, false);
    net_run_ms(net, 15000);
    window = look(net, 0).final_window;
    everyone_orders(net, VALIDATORS);
    assert_int_equal(given_up(net, 0), 1);
    net_run_ms(net, 5000);
    assert_int_equal(look(net, 0).final_window, window);
    a_cut(net, true);
    net_run_ms(net, 20000);
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        assert_true(look(net, i).final_window > window + 5);
        assert_int_equal(look(net, i).era, 0);
        assert_int_equal(life_of(net, i), QNK_SWAP_NONE);
    }
    assert_agreement(net);
    net_drop(net);
}

/* Who is connected for a moment only learns that attempts were given up, and decides none. */
static void a_window_has_no_more_attempts_than_may_be_and_the_last_goes_on(void **state)
{
    struct net *net = net_make(VALIDATORS, VALIDATORS, 117);
    uint64_t window;

    (void)state;
    net->setup.params.swap = (struct qnk_swap_rules){.notice = 5, .dead_ms = 2000};
    net_open(net);
    net_start(net, 0, VALIDATORS);
    net_run_ms(net, 4000);
    a_cut(net, false);
    net_run_ms(net, 15000);
    window = look(net, 0).final_window;
    for (uint32_t attempt = 0; attempt + 1 < QNK_ATTEMPTS_MAX; attempt++) {
        everyone_orders(net, VALIDATORS);
        assert_int_equal(given_up(net, 0), attempt + 1);
        a_cut(net, true);
        for (uint32_t i = 0; i < VALIDATORS; i++) {
            while (look(net, i).era == attempt) {
                net_run_ms(net, 1);
            }
        }
        a_cut(net, false);
        net_run_ms(net, 100);
        assert_int_equal(look(net, 0).era, attempt + 1);
    }
    everyone_orders(net, VALIDATORS); /* which is refused now */
    net_run_ms(net, 60000);
    assert_int_equal(given_up(net, 0), QNK_ATTEMPTS_MAX - 1);
    assert_int_equal(look(net, 0).final_window, window);
    for (uint32_t i = 0; i < VALIDATORS; i++) { /* nor does anybody forget it */
        qnk_world_crash(net->world, i);
    }
    net_start(net, 0, VALIDATORS);
    net_run_ms(net, 1000);
    a_cut(net, true);
    net_run_ms(net, 30000);
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        assert_true(look(net, i).final_window > window + 5);
        assert_int_equal(look(net, i).era, 0);
    }
    assert_agreement(net);
    net_drop(net);
}

static void what_goes_on_well_is_not_given_up(void **state)
{
    struct net *net = net_make(VALIDATORS, VALIDATORS + 1, 114);

    (void)state;
    net_open(net);
    net_start(net, 0, VALIDATORS + 1);
    for (uint32_t turn = 0; turn < 50; turn++) {
        net_run_ms(net, 97);
        everyone_orders(net, 1);                   /* a hasty one */
        qnk_world_abandon(net->world, VALIDATORS); /* who has no vote */
    }
    assert_int_equal(given_up(net, VALIDATORS), 0);
    assert_all_final(net, 0, VALIDATORS + 1, 4);
    net_drop(net);
}

/* Nothing would hold the next attempt to what this one may have decided. */
static void an_engine_without_locks_is_not_given_up(void **state)
{
    struct net *net = planned(FLAW_OPEN, 115);

    (void)state;
    net_run_ms(net, 20000);
    assert_int_equal(look(net, 0).final_window, FIRST - 1);
    everyone_orders(net, VALIDATORS);
    net_run_ms(net, 5000);
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        assert_int_equal(given_up(net, i), 0);
        assert_int_equal(look(net, i).final_window, FIRST - 1);
    }
    assert_agreement(net);
    net_drop(net);
}

/* --- who breaks its word --- */

/* A vote of the attempt that goes on, of member 3, whose node is off. */
static struct qnk_vote vote_of(const struct net *net, uint16_t step, uint32_t round, int digest)
{
    const struct qnk_control *control = qnk_node_control(qnk_world_node(net->world, 0));
    const struct qnk_binding *binding = qnk_control_binding(control, QNK_BINDING_CONSENSUS, FIRST);
    uint8_t engine[QNK_ENGINE_RECORD_MAX];
    struct qnk_vote vote = {
        .step = step,
        .era = qnk_era(binding->number, 0),
        .window = FIRST,
        .round = round,
        .vr = -1,
        .member = 3,
    };

    vote.digest.bytes[0] = (uint8_t)digest;
    qnk_vote_binding(&net->set->hash, (struct qn_span){engine, qnk_engine_record(binding, engine)},
                     &vote.binding);
    return vote;
}

/* Member 3 signs it, and node 0 hears of it from node 1. */
static void say_vote(struct net *net, struct qnk_vote *vote)
{
    uint8_t message[QNK_VOTE_MESSAGE_SIZE];
    uint8_t body[4 + QNK_VOTE_WIRE_SIZE + QNK_STANDING_SIZE];
    uint8_t public[32], secret[64];

    qnk_vote_message(vote, &net->setup.params.chain_id, message);
    crypto_sign_seed_keypair(public, secret, net->seeds[3]);
    crypto_sign_detached(vote->signature, NULL, message, sizeof message, secret);
    qn_le32_write(body, 1);
    qnk_vote_encode(vote, body + 4);
    qnk_world_say(net->world, 1, 0, QNK_LANE_CONSENSUS, QNK_WIRE_VOTES,
                  (struct qn_span){body, 4 + qnk_vote_size(vote)});
}

static void say_abandon(struct net *net, struct qnk_standing stood)
{
    struct qnk_vote vote = vote_of(net, QNK_STEP_ABANDON, 0, 0);
    uint8_t words[QNK_STANDING_SIZE];

    qnk_standing_encode(&stood, words);
    qnk_standing_digest(words, &vote.digest);
    vote.tail = (struct qn_span){words, sizeof words};
    say_vote(net, &vote);
}

static void say_prepare(struct net *net, uint32_t round)
{
    struct qnk_vote vote = vote_of(net, QNK_STEP_PREPARE, round, 7);

    say_vote(net, &vote);
}

enum { GAVE_UP = 1, VOTES_AT = 2, VOTES_ABOVE = 4, GIVES_UP_TWICE = 8 };

/* How often member 3 is convicted while it runs for so long: that is forgotten after three windows,
 * and that it is excluded is not. */
static uint32_t convictions_count(struct net *net, uint32_t ms)
{
    const struct qnk_control *control = qnk_node_control(qnk_world_node(net->world, 1));
    uint32_t count = control->evidence_count;

    for (uint32_t i = 0; i < ms / 100; i++) {
        net_run_ms(net, 100);
        control = qnk_node_control(qnk_world_node(net->world, 1));
        count = control->evidence_count > count ? control->evidence_count : count;
    }
    assert_int_equal((control->members[3].excluded & QNK_EXCLUDED_OFFENCE) != 0, count > 0);
    return count;
}

/* How often member 3 was convicted, after it said what `deeds` say, in this order or the other;
 * `late_ms`, unless 0: when no block can be made any more for about so long. */
static uint32_t convicted_at(uint32_t late_ms, uint32_t deeds, bool is_reversed, uint64_t seed)
{
    struct qnk_standing stood = {.lock_round = -1, .round = 2};
    struct net *net;
    uint32_t count;

    scene.patience_ms = late_ms;
    net = planned(FLAW_SILENT, seed);
    scene.patience_ms = 0;
    qnk_world_crash(net->world, 3);
    while (look(net, 0).era < 256) {
        net_run_ms(net, 50);
    }
    while (late_ms > 0 && look(net, 0).head_height < (FIRST + 2) * WINDOW) {
        net_run_ms(net, 50);
    }
    assert_int_equal(look(net, 0).final_window, FIRST - 1);
    for (uint32_t i = 0; i < 4; i++) {
        switch (deeds & (1u << (is_reversed ? 3 - i : i))) {
        case GAVE_UP:
            say_abandon(net, stood);
            break;
        case VOTES_AT:
            say_prepare(net, 2);
            break;
        case VOTES_ABOVE:
            say_prepare(net, 3);
            break;
        case GIVES_UP_TWICE:
            stood.round++;
            say_abandon(net, stood);
            break;
        default:
            break;
        }
        net_run_ms(net, 50);
    }
    count = convictions_count(net, late_ms + 20000);
    assert_agreement(net);
    net_drop(net);
    return count;
}

static uint32_t convicted(uint32_t deeds, bool is_reversed, uint64_t seed)
{
    return convicted_at(0, deeds, is_reversed, seed);
}

static void who_votes_on_after_it_gave_up_is_convicted(void **state)
{
    (void)state;
    assert_int_equal(convicted(GAVE_UP | VOTES_ABOVE, false, 76), 1);
    assert_int_equal(convicted(GAVE_UP | VOTES_ABOVE, true, 77), 1);
    assert_int_equal(convicted(GAVE_UP | VOTES_AT, false, 78), 0);
    assert_int_equal(convicted(VOTES_AT | VOTES_ABOVE, false, 79), 0);
}

static void who_gives_up_in_two_ways_is_convicted(void **state)
{
    (void)state;
    assert_int_equal(convicted(GAVE_UP | GIVES_UP_TWICE, false, 76), 1);
}

static void what_is_learned_when_no_block_can_be_made_convicts(void **state)
{
    (void)state;
    assert_int_equal(convicted_at(20000, GAVE_UP | VOTES_ABOVE, false, 80), 1);
    assert_int_equal(convicted_at(660000, GAVE_UP | VOTES_ABOVE, true, 81), 1);
    assert_int_equal(convicted_at(20000, GAVE_UP | GIVES_UP_TWICE, false, 82), 1);
    assert_int_equal(convicted_at(20000, GAVE_UP | VOTES_AT, false, 83), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_that_says_nothing_is_left),
        cmocka_unit_test(an_engine_that_fails_is_left),
        cmocka_unit_test(an_engine_that_nobody_has_is_left),
        cmocka_unit_test(what_an_engine_may_have_decided_is_kept),
        cmocka_unit_test(two_halves_come_back_together),
        cmocka_unit_test(power_cuts_do_not_bring_the_new_engine_back),
        cmocka_unit_test(what_an_engine_signed_does_not_drown_that_it_was_left),
        cmocka_unit_test(a_cut_at_any_write_of_a_plan_that_fails_leaves_the_old_one),
        cmocka_unit_test(a_restart_does_not_forget_that_the_plan_failed),
        cmocka_unit_test(a_node_alone_goes_on_in_the_attempt_that_it_voted_in),
        cmocka_unit_test(a_quorum_is_enough),
        cmocka_unit_test(a_settled_engine_is_left_on_its_operators_word),
        cmocka_unit_test(power_cuts_do_not_undo_an_operators_word),
        cmocka_unit_test(a_plan_does_not_fall_back_to_an_engine_that_failed_before),
        cmocka_unit_test(a_plan_that_is_bound_does_not_stay_on_an_engine_that_fails),
        cmocka_unit_test(the_first_engine_is_tried_again),
        cmocka_unit_test(a_window_has_no_more_attempts_than_may_be_and_the_last_goes_on),
        cmocka_unit_test(what_goes_on_well_is_not_given_up),
        cmocka_unit_test(an_engine_without_locks_is_not_given_up),
        cmocka_unit_test(who_votes_on_after_it_gave_up_is_convicted),
        cmocka_unit_test(who_gives_up_in_two_ways_is_convicted),
        cmocka_unit_test(what_is_learned_when_no_block_can_be_made_convicts),
    };

    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return net_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
