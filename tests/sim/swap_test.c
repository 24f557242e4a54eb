/* SPDX-License-Identifier: MIT */

/* swap_test.c: networks that change engine or producer while they run. */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/node/swap.h"
#include "plugins/consensus/bft/bft.manifest.h"
#include "plugins/consensus/commit-reveal/commit-reveal.manifest.h"
#include "plugins/producer/round-robin/round-robin.manifest.h"
#include "tests/sim/cast.h"
#include "tests/sim/cuts.h"

enum { PLUGS = 64, NOTICE = 5, PROBATION = 3, VALIDATORS = 4, STEP_MS = 200, LONG_MS = 120000 };

/* --- plugins that come while nodes run --- */

static struct {
    struct qnk_player *player; /* NULL: a free place */
    uint32_t node, kind, number;
} plugs[PLUGS];

static bool lacks[NODES_MAX]; /* the file is not there */
static uint32_t unplugged;
static uint32_t unplugged_of[NODES_MAX];
static void (*give_of_net)(void *, uint32_t, bool, struct qnk_world_plugins *);

static bool plug(void *ctx, uint32_t node, const struct qnk_need *need,
                 struct qnk_plugged *instance)
{
    struct net *net = ctx;
    const char *kind = need->kind == QNK_BINDING_CONSENSUS ? "consensus" : "producer";
    const char *root = getenv("top_builddir");
    struct qn_span config = {need->binding.config, need->binding.config_size};
    uint32_t i = 0;

    if (lacks[node]) {
        return false;
    }
    while (plugs[i].player != NULL) {
        i++;
        assert_true(i < PLUGS);
    }
    plugs[i].player = qnk_player_make(
        &net->budget, qnk_stage_map(root == NULL ? "." : root, kind, need->binding.name), config);
    assert_non_null(plugs[i].player);
    plugs[i].node = node;
    plugs[i].kind = need->kind;
    plugs[i].number = need->binding.number;
    *instance = qnk_player_plugged(plugs[i].player);
    return true;
}

static void plug_drop(uint32_t i)
{
    qnk_player_give(plugs[i].player);
    plugs[i].player = NULL;
}

static void unplug(void *ctx, uint32_t node, uint32_t kind, uint32_t number)
{
    (void)ctx;
    unplugged++;
    unplugged_of[node]++;
    for (uint32_t i = 0; i < PLUGS; i++) {
        if (plugs[i].player != NULL && plugs[i].node == node && plugs[i].kind == kind &&
            plugs[i].number == number) {
            plug_drop(i);
        }
    }
}

static void give(void *ctx, uint32_t node, bool is_last, struct qnk_world_plugins *plugins)
{
    for (uint32_t i = 0; i < PLUGS; i++) {
        if (plugs[i].player != NULL && plugs[i].node == node) {
            plug_drop(i);
        }
    }
    give_of_net(ctx, node, is_last, plugins);
}

/* --- networks and plans --- */

static struct net *swap_net_of(uint64_t seed, uint32_t nodes)
{
    struct net *net = net_make(VALIDATORS, nodes, seed);

    memset(lacks, 0, sizeof lacks);
    unplugged = 0;
    memset(unplugged_of, 0, sizeof unplugged_of);
    give_of_net = net->setup.maker.give;
    net->setup.maker.give = give;
    net->setup.maker.plug = plug;
    net->setup.maker.unplug = unplug;
    net->setup.params.swap =
        (struct qnk_swap_rules){.notice = NOTICE, .probation = PROBATION, .percent = 1};
    if (nodes > VALIDATORS) {
        net->types[nodes - 1] = QNK_NODE_LIGHT;
    }
    net_open(net);
    net_start(net, 0, nodes);
    return net;
}

static struct net *swap_net(uint64_t seed)
{
    return swap_net_of(seed, VALIDATORS);
}

static struct qnk_swap_plan plan_of(uint8_t kind, const char *name)
{
    struct qnk_swap_plan plan = {.kind = kind, .percent = 1, .probation = PROBATION};

    memcpy(plan.engine.name, name, strlen(name));
    memcpy(plan.engine.version, "1.0", 3);
    return plan;
}

static struct qnk_swap_plan plan_bft(void)
{
    struct qnk_swap_plan plan = plan_of(QNK_BINDING_CONSENSUS, "bft");
    static const uint16_t steps[] = {1, 2, 3, 5};
    struct bft_config config = {.delta = 100, .round = 400, .round_step = 100, .round_max = 2000};

    memcpy(plan.engine.steps, steps, sizeof steps);
    plan.engine.steps_count = 4;
    plan.engine.config_size = (uint32_t)bft_config_size(&config);
    (void)bft_config_write(&config, plan.engine.config);
    return plan;
}

static struct qnk_swap_plan plan_commit_reveal(void)
{
    struct qnk_swap_plan plan = plan_of(QNK_BINDING_CONSENSUS, "commit-reveal");
    static const uint16_t steps[] = {0, 1, 2, 5};
    struct commit_reveal_config config = {.commit = 500,
                                          .commit_min = 80,
                                          .reveal = 300,
                                          .seal = 300,
                                          .propose = 120,
                                          .propose_step = 50,
                                          .base = 100,
                                          .step = 50};

    memcpy(plan.engine.steps, steps, sizeof steps);
    plan.engine.steps_count = 4;
    plan.engine.config_size = (uint32_t)commit_reveal_config_size(&config);
    (void)commit_reveal_config_write(&config, plan.engine.config);
    return plan;
}

static struct qnk_swap_plan plan_round_robin(uint32_t interval_ms)
{
    struct qnk_swap_plan plan = plan_of(QNK_BINDING_PRODUCER, "round-robin");
    uint8_t intervals[32];
    struct round_robin_config config = {
        .turn = 5,
        .intervals = {intervals, sizeof intervals},
        .intervals_count = 4,
        .net_budget = 20 << 20,
    };

    for (uint32_t i = 0; i < 4; i++) {
        qn_le64_write(intervals + i * 8, (uint64_t)interval_ms >> i);
    }
    plan.engine.config_size = (uint32_t)round_robin_config_size(&config);
    (void)round_robin_config_write(&config, plan.engine.config);
    return plan;
}

/* Has `node` propose the plan for the first window that it may be for. Gives that. */
static uint64_t propose(struct net *net, uint32_t node, struct qnk_swap_plan plan)
{
    static uint8_t bytes[QNK_SWAP_PLAN_MAX];

    plan.engine.first = look(net, node).head_height / WINDOW + 2 + NOTICE;
    qnk_world_propose(net->world, node, QNK_TX_PLAN,
                      (struct qn_span){bytes, qnk_swap_plan_encode(&plan, bytes)});
    return plan.engine.first;
}

static const struct qnk_swap *swap_of(struct net *net, uint32_t node)
{
    return &qnk_node_control(qnk_world_node(net->world, node))->swap;
}

/* Until the head of a node that is on says this of the plan. */
static void run_to_life(struct net *net, uint32_t node, uint8_t life)
{
    for (uint64_t ms = 0; swap_of(net, node)->life != life; ms += STEP_MS) {
        assert_true(ms < LONG_MS);
        net_run_ms(net, STEP_MS);
    }
}

/* The plan before has settled, and cannot fail any more. */
static void run_to_settled(struct net *net, uint32_t node)
{
    run_to_life(net, node, QNK_SWAP_SETTLED);
    while (qnk_swap_may_fail(
        qnk_node_control(qnk_world_node(net->world, node)),
        qnk_window_of(look(net, node).head_height + 1, net->setup.params.window))) {
        net_run_ms(net, 50);
    }
}

static void run_to_final(struct net *net, uint32_t node, uint64_t window)
{
    for (uint64_t ms = 0; look(net, node).final_window < window; ms += STEP_MS) {
        assert_true(ms < LONG_MS);
        net_run_ms(net, STEP_MS);
    }
}

/* The members from..to - 1 are ready for the plan that is open. */
static void ready(struct net *net, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        struct qnk_swap_ready said;
        uint8_t bytes[QNK_SWAP_READY_SIZE];

        run_to_life(net, i, QNK_SWAP_PROPOSED);
        said = (struct qnk_swap_ready){.plan = swap_of(net, i)->planned->id};
        qnk_swap_ready_encode(&said, bytes);
        qnk_world_propose(net->world, i, QNK_TX_READY, (struct qn_span){bytes, sizeof bytes});
    }
}

static void assert_serves(struct net *net, uint32_t kind, uint32_t number)
{
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        assert_int_equal(look(net, i).numbers[kind], number);
        assert_false(look(net, i).is_held);
    }
}

/* --- cases --- */

static void another_engine_takes_over_under_load(void **state)
{
    struct net *net = swap_net(1);
    uint64_t first, nonce = 1;

    (void)state;
    net_run_ms(net, 1500);
    first = propose(net, 0, plan_bft());
    ready(net, 0, VALIDATORS);
    while (look(net, 0).final_window < first + PROBATION + 2) {
        submit(net, (uint32_t)nonce % VALIDATORS, (uint32_t)nonce % SENDERS, 1 + nonce / SENDERS,
               2 + nonce / SENDERS);
        nonce++;
        net_run_ms(net, STEP_MS);
        assert_true(look(net, 0).lag < 3);
        assert_true(nonce < LONG_MS / STEP_MS);
    }
    net_run_ms(net, 500);
    assert_int_equal(swap_of(net, 0)->life, QNK_SWAP_SETTLED);
    assert_serves(net, QNK_BINDING_CONSENSUS, 1);
    assert_int_equal(look(net, 1).era, 256);
    assert_agreement(net);
    assert_one_chain(net, VALIDATORS);
    net_drop(net);
}

static void a_network_goes_there_and_back(void **state)
{
    struct net *net = swap_net(2);
    uint64_t first;

    (void)state;
    net_run_ms(net, 500);
    (void)propose(net, 0, plan_bft());
    ready(net, 0, VALIDATORS);
    run_to_settled(net, 0);
    first = propose(net, 1, plan_commit_reveal());
    net_run_ms(net, 1000);
    ready(net, 0, VALIDATORS);
    run_to_final(net, 0, first + 2);
    net_run_ms(net, 500);
    assert_serves(net, QNK_BINDING_CONSENSUS, 2);
    assert_true(unplugged >= VALIDATORS); /* the engine of genesis, which nothing falls back to */
    assert_agreement(net);
    net_drop(net);
}

static void a_node_without_the_engine_is_held_and_comes_back(void **state)
{
    struct net *net = swap_net(3);
    struct qnk_node_view view;
    uint64_t first;

    (void)state;
    net_run_ms(net, 500);
    lacks[3] = true;
    first = propose(net, 0, plan_bft());
    ready(net, 0, 3);
    run_to_final(net, 0, first + 1);
    net_run_ms(net, 500);
    view = look(net, 3);
    assert_true(view.is_held);
    assert_false(view.is_signing);
    assert_true(view.lacks[0].is_lacking);
    assert_string_equal(view.lacks[0].name, "bft");
    assert_string_equal(view.lacks[0].version, "1.0");
    assert_int_equal(view.lacks[0].first, first);
    assert_string_equal(view.lacks[0].words, "no such file");
    assert_true(view.final_window + 1 >= look(net, 0).final_window); /* it follows */
    lacks[3] = false;
    qnk_world_plug(net->world, 3);
    run_to_final(net, 0, first + 4);
    assert_false(look(net, 3).is_held);
    assert_true(look(net, 3).is_signing);
    assert_serves(net, QNK_BINDING_CONSENSUS, 1);
    assert_agreement(net);
    net_drop(net);
}

/* Else what a node lacks would fill its host's places for it. */
static void what_never_came_is_given_back_too(void **state)
{
    struct net *net = swap_net(13);
    const struct qnk_swap_plan plans[] = {plan_bft(), plan_commit_reveal(), plan_bft()};
    uint64_t first = 0;

    (void)state;
    net_run_ms(net, 500);
    lacks[3] = true;
    for (uint32_t i = 0; i < 3; i++) {
        first = propose(net, 0, plans[i]);
        net_run_ms(net, 1000);
        ready(net, 0, 3);
        run_to_settled(net, 0);
    }
    run_to_final(net, 3, first + 1);
    assert_true(look(net, 3).is_held);
    assert_int_equal(look(net, 3).numbers[QNK_BINDING_CONSENSUS], 3);
    assert_int_equal(unplugged_of[3], 1); /* binding 1: the engine of 0 goes with the next one */
    lacks[3] = false;
    qnk_world_plug(net->world, 3);
    run_to_final(net, 3, first + PROBATION + 4);
    assert_false(look(net, 3).is_held);
    assert_int_equal(unplugged_of[3], 2); /* and nothing came that nobody asks for any more */
    assert_agreement(net);
    net_drop(net);
}

static void another_producer_takes_its_windows(void **state)
{
    struct net *net = swap_net(4);
    uint64_t first;

    (void)state;
    net_run_ms(net, 500);
    first = propose(net, 2, plan_round_robin(120));
    ready(net, 0, VALIDATORS);
    run_to_final(net, 0, first + PROBATION + 1);
    net_run_ms(net, 300);
    assert_int_equal(swap_of(net, 0)->life, QNK_SWAP_SETTLED);
    assert_serves(net, QNK_BINDING_PRODUCER, 1);
    assert_agreement(net);
    net_drop(net);
}

static void who_does_not_vote_follows(void **state)
{
    struct net *net = swap_net_of(12, VALIDATORS + 2);
    uint64_t first;

    (void)state;
    net_run_ms(net, 500);
    (void)propose(net, 0, plan_bft());
    ready(net, 0, VALIDATORS);
    run_to_settled(net, 0);
    first = propose(net, 1, plan_round_robin(120));
    net_run_ms(net, 1000);
    ready(net, 0, VALIDATORS);
    run_to_final(net, 0, first + PROBATION);
    net_run_ms(net, 1000);
    assert_int_equal(look(net, VALIDATORS).numbers[QNK_BINDING_PRODUCER], 1);
    assert_int_equal(look(net, VALIDATORS).numbers[QNK_BINDING_CONSENSUS], 1);
    assert_all_final(net, 0, VALIDATORS + 2, first + PROBATION - 1); /* a light node, too */
    assert_agreement(net);
    net_drop(net);
}

/* It cannot tell whose turn a block was, so it stays where it could. */
static void a_node_without_the_producer_waits_and_catches_up(void **state)
{
    struct net *net = swap_net(5);
    struct qnk_node_view view;
    uint64_t first;

    (void)state;
    net_run_ms(net, 500);
    lacks[3] = true;
    first = propose(net, 0, plan_round_robin(120));
    ready(net, 0, 3);
    run_to_final(net, 0, first + 3);
    view = look(net, 3);
    assert_true(view.is_held);
    assert_string_equal(view.lacks[1].name, "round-robin");
    assert_int_equal(view.final_window, first - 1);
    lacks[3] = false;
    qnk_world_plug(net->world, 3);
    net_run_ms(net, 5000);
    assert_true(look(net, 3).final_window + 1 >= look(net, 0).final_window);
    assert_false(look(net, 3).is_held);
    assert_true(look(net, 3).is_signing);
    assert_agreement(net);
    assert_one_chain(net, VALIDATORS);
    net_drop(net);
}

/* Its ranks stay empty; the kernel's make the blocks, and by them the plan fails. */
static void a_producer_that_fails_gives_way_to_the_one_before(void **state)
{
    struct net *net = swap_net(11);
    uint64_t first;

    (void)state;
    net_run_ms(net, 500);
    first = propose(net, 0, plan_round_robin(2000)); /* twice what the network allows */
    ready(net, 0, VALIDATORS);
    run_to_life(net, 0, QNK_SWAP_ACTIVE);
    for (uint32_t minutes = 0; look(net, 0).numbers[QNK_BINDING_PRODUCER] != 2; minutes++) {
        assert_true(minutes < 120);
        net_run_ms(net, 60000);
    }
    assert_int_equal(swap_of(net, 0)->life, QNK_SWAP_FAILED);
    assert_true(look(net, 0).final_window >= first + 3);
    run_to_final(net, 0, first + 8); /* at the old one's pace */
    assert_serves(net, QNK_BINDING_PRODUCER, 2);
    assert_agreement(net);
    net_drop(net);
}

static void restart(struct net *net, uint32_t node)
{
    qnk_world_crash(net->world, node);
    net_run_ms(net, 100);
    assert_true(qnk_world_start(net->world, node));
    net_run_ms(net, 1000);
}

static void a_node_starts_again_in_every_phase(void **state)
{
    struct net *net = swap_net(6);
    uint64_t first;

    (void)state;
    net_run_ms(net, 500);
    first = propose(net, 0, plan_bft());
    ready(net, 0, VALIDATORS);
    restart(net, 1);
    run_to_life(net, 0, QNK_SWAP_BOUND);
    restart(net, 1);
    run_to_life(net, 0, QNK_SWAP_ACTIVE);
    restart(net, 2);
    run_to_life(net, 0, QNK_SWAP_SETTLED);
    restart(net, 3);
    run_to_final(net, 0, first + PROBATION + 4);
    net_run_ms(net, 1000);
    assert_serves(net, QNK_BINDING_CONSENSUS, 1);
    assert_all_final(net, 0, VALIDATORS, first + PROBATION + 3);
    assert_agreement(net);
    assert_one_chain(net, VALIDATORS);
    net_drop(net);
}

/* Nobody remembers anything but what is on its disk. */
static void the_power_goes_everywhere_in_every_phase(void **state)
{
    static const uint8_t lives[] = {QNK_SWAP_PROPOSED, QNK_SWAP_BOUND, QNK_SWAP_ACTIVE};
    struct net *net = swap_net(7);
    uint64_t first;

    (void)state;
    net_run_ms(net, 500);
    first = propose(net, 0, plan_bft());
    ready(net, 0, VALIDATORS);
    for (uint32_t i = 0; i < sizeof lives; i++) {
        run_to_life(net, 0, lives[i]);
        for (uint32_t j = 0; j < VALIDATORS; j++) {
            qnk_world_crash(net->world, j);
        }
        net_run_ms(net, 50);
        net_start(net, 0, VALIDATORS);
        net_run_ms(net, 500);
        if (lives[i] == QNK_SWAP_PROPOSED) {
            ready(net, 0, VALIDATORS); /* what no block had brought is lost */
        }
    }
    run_to_final(net, 0, first + 2);
    net_run_ms(net, 500);
    assert_serves(net, QNK_BINDING_CONSENSUS, 1);
    assert_agreement(net);
    assert_one_chain(net, VALIDATORS);
    net_drop(net);
}

static enum cut node_says(struct net *net, uint32_t node, uint32_t kind)
{
    struct qnk_node_view view = look(net, node);
    uint8_t life = swap_of(net, node)->life;
    bool is_new = view.numbers[kind] == 1 && (life == QNK_SWAP_ACTIVE || life == QNK_SWAP_SETTLED);
    bool is_old = view.numbers[kind] == 0 && (life == QNK_SWAP_NONE || life == QNK_SWAP_LAPSED);

    if (view.is_held || !(is_new || is_old)) {
        fprintf(stderr, "# node %u: binding %u, life %u, %s\n", node, view.numbers[kind], life,
                view.is_held ? "held" : "not held");
    }
    return view.is_held ? CUT_NEITHER : is_new ? CUT_NEW : is_old ? CUT_OLD : CUT_NEITHER;
}

/* What all nodes say of the plan, once its first windows are final. */
static enum cut left_by(struct net *net, uint32_t kind)
{
    enum cut first = node_says(net, 0, kind);

    for (uint32_t i = 0; i < VALIDATORS; i++) {
        if (node_says(net, i, kind) != first) {
            fprintf(stderr, "# node %u: binding %u and not %u, life %u and not %u\n", i,
                    look(net, i).numbers[kind], look(net, 0).numbers[kind], swap_of(net, i)->life,
                    swap_of(net, 0)->life);
            return CUT_NEITHER;
        }
    }
    return cuts_agree(net, VALIDATORS) ? first : CUT_NEITHER;
}

/* From the proposal on: everybody says once that it is ready, and nothing again after the cut. */
static enum cut plan_cut(struct net *net, uint32_t writes, struct qnk_swap_plan plan)
{
    bool is_ready = false;
    uint64_t first, until;

    qnk_world_cut(net->world, 0, writes);
    first = propose(net, 0, plan);
    while (!cuts_power(net, VALIDATORS)) {
        if (look(net, 1).final_window > first + PROBATION) {
            return CUT_NEVER;
        }
        net_run_ms(net, 10);
        if (!is_ready && !qnk_world_is_cut(net->world, 0) &&
            swap_of(net, 3)->life == QNK_SWAP_PROPOSED &&
            swap_of(net, 0)->life == QNK_SWAP_PROPOSED) {
            ready(net, 0, VALIDATORS);
            is_ready = true;
        }
    }
    until = look(net, 0).final_window + 2; /* it has to go on, whatever it was */
    until = until < first + 2 ? first + 2 : until;
    return cuts_wait(net, VALIDATORS, until, LONG_MS) ? left_by(net, plan.kind) : CUT_NEITHER;
}

static enum cut engine_cut(struct net *net, uint32_t writes)
{
    return plan_cut(net, writes, plan_bft());
}

static enum cut producer_cut(struct net *net, uint32_t writes)
{
    return plan_cut(net, writes, plan_round_robin(120));
}

static void a_cut_at_any_write_of_a_plan_leaves_the_old_or_the_new_one(void **state)
{
    static cut_try *const tries[] = {engine_cut, producer_cut};

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        struct net *net = swap_net(20 + i);
        struct cuts cuts;

        net_run_ms(net, 500);
        cuts = cuts_sweep(net, 13, tries[i]);
        assert_true(cuts.of[CUT_OLD] > 0); /* where the plan, or that all are ready, was lost */
        assert_true(cuts.of[CUT_NEW] > 0);
        net_drop(net);
    }
}

/* Its producer comes after the blocks that it has to judge were read from the disk. */
static void blocks_of_a_producer_that_is_plugged_outlive_a_power_cut(void **state)
{
    struct net *net = swap_net(9);
    uint64_t first;
    uint64_t head;

    (void)state;
    net_run_ms(net, 500);
    first = propose(net, 2, plan_round_robin(120));
    ready(net, 0, VALIDATORS);
    run_to_final(net, 0, first + PROBATION + 1);
    while (look(net, 0).head_height < look(net, 0).final_height + 5) {
        net_run_ms(net, STEP_MS);
    }
    head = look(net, 0).head_height;
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        qnk_world_crash(net->world, i);
    }
    net_run_ms(net, 50);
    net_start(net, 0, VALIDATORS);
    net_run_ms(net, 40);
    for (uint32_t i = 0; i < VALIDATORS; i++) {
        assert_true(look(net, i).head_height >= head - 1);
    }
    run_to_final(net, 0, first + PROBATION + 4);
    assert_agreement(net);
    net_drop(net);
}

static void a_plan_without_a_quorum_changes_nothing(void **state)
{
    struct net *net = swap_net(8);
    uint64_t first;

    (void)state;
    net_run_ms(net, 500);
    first = propose(net, 0, plan_bft());
    ready(net, 0, 2);
    run_to_life(net, 0, QNK_SWAP_LAPSED);
    run_to_final(net, 0, first + 1);
    assert_serves(net, QNK_BINDING_CONSENSUS, 0);
    assert_int_equal(unplugged, 0);
    assert_agreement(net);
    net_drop(net);
}

static void a_plan_is_cancelled_by_its_maker(void **state)
{
    struct net *net = swap_net(9);
    uint8_t bytes[QNK_SWAP_CANCEL_SIZE];
    uint64_t first;

    (void)state;
    net_run_ms(net, 500);
    first = propose(net, 0, plan_bft());
    ready(net, 0, VALIDATORS);
    qnk_swap_cancel_encode(&swap_of(net, 0)->planned->id, bytes);
    qnk_world_propose(net->world, 0, QNK_TX_CANCEL, (struct qn_span){bytes, sizeof bytes});
    run_to_life(net, 0, QNK_SWAP_CANCELLED);
    run_to_final(net, 0, first + 1);
    assert_serves(net, QNK_BINDING_CONSENSUS, 0);
    assert_agreement(net);
    net_drop(net);
}

static void equal_seeds_swap_equally(void **state)
{
    struct qnk_hash traces[2];

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        struct net *net = swap_net(10);

        net_run_ms(net, 500);
        (void)propose(net, 0, plan_bft());
        ready(net, 0, VALIDATORS);
        run_to_life(net, 0, QNK_SWAP_SETTLED);
        qnk_world_trace(net->world, &traces[i]);
        net_drop(net);
    }
    assert_true(qnk_hash_equal(&traces[0], &traces[1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_engine_takes_over_under_load),
        cmocka_unit_test(a_network_goes_there_and_back),
        cmocka_unit_test(a_node_without_the_engine_is_held_and_comes_back),
        cmocka_unit_test(what_never_came_is_given_back_too),
        cmocka_unit_test(another_producer_takes_its_windows),
        cmocka_unit_test(who_does_not_vote_follows),
        cmocka_unit_test(a_node_without_the_producer_waits_and_catches_up),
        cmocka_unit_test(a_producer_that_fails_gives_way_to_the_one_before),
        cmocka_unit_test(a_node_starts_again_in_every_phase),
        cmocka_unit_test(the_power_goes_everywhere_in_every_phase),
        cmocka_unit_test(a_cut_at_any_write_of_a_plan_leaves_the_old_or_the_new_one),
        cmocka_unit_test(blocks_of_a_producer_that_is_plugged_outlive_a_power_cut),
        cmocka_unit_test(a_plan_without_a_quorum_changes_nothing),
        cmocka_unit_test(a_plan_is_cancelled_by_its_maker),
        cmocka_unit_test(equal_seeds_swap_equally),
    };

    if (!net_init()) {
        return 1;
    }
    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
