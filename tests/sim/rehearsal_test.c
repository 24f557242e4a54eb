/* SPDX-License-Identifier: MIT */

/* A rehearsal that begins from a copy of a chain that is under way: that it is this chain, whatever
 * is planned or bound there, and that what is no copy of it is refused. */

#include "tests/test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/node/copy.h"
#include "kernel/qnet/sim_files.h"
#include "kernel/sim/rehearsal.h"

#define BFT "{use: bft, round: 400ms, round_step: 100ms, round_max: 2s, delta: 100ms}"

enum { NODES = 4, LANE = 0, LOOK_US = 50000, PATIENCE_US = 120000000, TXS = 20 };

static struct qnk_budget budget = {.limit = (size_t)4 << 30};
static struct qnk_loader *loader;
static struct qnk_cast *live;    /* of the network that exists */
static struct qnk_cast *standin; /* of who has its file and none of its keys */

static struct qnk_cast_file file_of(struct qn_span text)
{
    return (struct qnk_cast_file){"test.yaml", text};
}

static struct qnk_cast *cast_make(struct qn_span network, bool stands_in)
{
    const struct qnk_cast_setup setup = {
        .budget = &budget,
        .loader = loader,
        .network = file_of(network),
        .node = file_of((struct qn_span){(const uint8_t *)qnk_sim_node, strlen(qnk_sim_node)}),
        .nodes = NODES,
        .validators = NODES,
        .level = QNK_CAST_L1,
        .stands_in = stands_in,
        .is_uneven = !stands_in,
        .others = stands_in ? NULL : qnk_sim_others,
        .others_count = stands_in ? 0 : 1,
    };
    struct qnk_cast *cast = NULL;
    char why[QNK_CAST_WHY] = "";

    if (qnk_cast_create(&setup, &cast, why) != QN_OK) {
        fprintf(stderr, "# %s\n", why);
    }
    return cast;
}

static bool bed_make(void)
{
    const char *root = getenv("top_builddir");
    char search[1024], why[QNK_PLUGIN_WHY_MAX] = "";
    const struct qnk_loader_options options = {
        .budget = &budget, .search = search, .trust = QNK_TRUST_OFF};
    const struct qn_span rules = {(const uint8_t *)qnk_sim_network, strlen(qnk_sim_network)};

    snprintf(search, sizeof search, "%s/plugins", root == NULL ? "." : root);
    if (sodium_init() < 0 || qnk_loader_create(&options, &loader, why) != QN_OK) {
        fprintf(stderr, "# %s\n", why);
        return false;
    }
    live = cast_make(rules, false);
    standin = live == NULL ? NULL : cast_make(qnk_cast_text(live), true);
    return standin != NULL;
}

/* --- the chain that exists --- */

static struct qnk_world *world_make(void)
{
    struct qnk_world_setup setup;
    struct qnk_world *world;

    qnk_cast_world(live, &setup);
    setup.seed = 7;
    setup.delay_us = 5000;
    world = qnk_world_create(&budget, &setup);
    assert_non_null(world);
    for (uint32_t i = 0; i < NODES; i++) {
        assert_true(qnk_world_start(world, i));
    }
    return world;
}

static const struct qnk_control *control_of(struct qnk_world *world)
{
    return qnk_node_control(qnk_world_node(world, 0));
}

static uint64_t final_of(struct qnk_world *world)
{
    struct qnk_node_view view;

    qnk_node_look(qnk_world_node(world, 0), &view);
    return view.final_window;
}

static void run_to(struct qnk_world *world, uint64_t window)
{
    uint64_t end = qnk_world_now(world) + PATIENCE_US;

    while (final_of(world) < window) {
        assert_true(qnk_world_now(world) < end);
        qnk_world_run(world, qnk_world_now(world) + LOOK_US);
    }
}

static void pay(struct qnk_world *world, uint64_t from)
{
    uint8_t body[4 + QNK_CAST_TXS_MAX * QNK_TX_TRANSFER_SIZE];

    for (uint32_t sender = 0; sender < 8; sender++) {
        uint64_t size = qnk_cast_txs(live, sender, from, from + TXS, 5000, body);

        qnk_world_submit(world, sender % NODES, (struct qn_span){body, size});
    }
}

static void propose(struct qnk_world *world, struct qnk_swap_plan *plan)
{
    uint8_t payload[QNK_SWAP_PLAN_MAX];

    assert_true(qnk_cast_plan(live, 0, plan));
    plan->engine.first = final_of(world) + 8;
    qnk_world_propose(world, 0, QNK_TX_PLAN,
                      (struct qn_span){payload, qnk_swap_plan_encode(plan, payload)});
    run_to(world, final_of(world) + 2);
    assert_int_equal(control_of(world)->swap.life, QNK_SWAP_PROPOSED);
}

static void ready(struct qnk_world *world)
{
    struct qnk_swap_ready word = {.plan = control_of(world)->swap.planned->id};
    uint8_t payload[QNK_SWAP_READY_SIZE];

    qnk_swap_ready_encode(&word, payload);
    for (uint32_t i = 0; i < NODES; i++) {
        qnk_world_propose(world, i, QNK_TX_READY, (struct qn_span){payload, sizeof payload});
    }
}

/* In pieces, between which the node goes on: what it does meanwhile is not in it. */
static void copy_take(struct qnk_world *world, struct qn_sink *out)
{
    const struct qnk_store *store = qnk_world_store(world, 0);
    struct qnk_hash chain_id;
    struct qnk_world_setup setup;
    struct qnk_copier copier;
    int32_t status;

    qnk_cast_world(live, &setup);
    chain_id = setup.params.chain_id;
    qnk_sink_init(out, &budget, 256 << 20);
    assert_int_equal(qnk_copier_begin(&copier, store, LANE, &chain_id, out), QN_OK);
    while ((status = qnk_copier_some(&copier, LANE, out)) == QN_AGAIN) {
        qnk_world_run(world, qnk_world_now(world) + 4 * LOOK_US);
    }
    qnk_copier_end(&copier, LANE);
    assert_int_equal(status, QN_OK);
}

/* --- rehearsing on it --- */

static struct qnk_rehearsal rehearse_on(const struct qn_sink *copy, const char *name)
{
    const struct qnk_config_options options = {.budget = &budget,
                                               .plugins = qnk_loader_config(loader)};
    const struct qnk_config_plugin *used;
    struct qnk_swap_plan plan = {.kind = QNK_BINDING_CONSENSUS};
    struct qnk_rehearsal_setup setup = {
        .budget = &budget,
        .cast = standin,
        .plan = &plan,
        .seed = 1,
        .loader = loader,
        .copy = qnk_sink_span(copy),
    };
    struct qnk_rehearsal result;
    struct qnk_config config;
    char why[QNK_PLUGIN_WHY_MAX] = "";

    assert_int_equal(qnk_config_init(&config, &options), QN_OK);
    assert_int_equal(qnk_config_read_plugin(&config, "consensus", name, &used), QN_OK);
    assert_int_equal(qnk_loader_find_used(loader, used, &setup.plugin, why), QN_OK);
    snprintf(plan.engine.name, sizeof plan.engine.name, "%s", setup.plugin->manifest.name);
    snprintf(plan.engine.version, sizeof plan.engine.version, "%u.%u",
             (unsigned)setup.plugin->manifest.version[0],
             (unsigned)setup.plugin->manifest.version[1]);
    plan.engine.config_size = (uint32_t)used->part.record.size;
    memcpy(plan.engine.config, used->part.record.data, used->part.record.size);
    plan.engine.steps_count = setup.plugin->manifest.steps_count;
    for (uint32_t i = 0; i < plan.engine.steps_count; i++) {
        plan.engine.steps[i] = setup.plugin->manifest.steps[i].id;
    }
    plan.table_major = setup.plugin->manifest.table_major;
    plan.table_minor = setup.plugin->manifest.table_minor;
    plan.table_print = setup.plugin->manifest.table_print;
    qnk_rehearse(&setup, &result);
    qnk_config_done(&config);
    return result;
}

static void assert_good(const struct qnk_rehearsal *result, const struct qn_sink *of)
{
    struct qnk_copy copy;

    if (!result->is_good) {
        fail_msg("%s", result->words);
    }
    assert_int_equal(qnk_copy_look(qnk_sink_span(of), &copy), QN_OK);
    assert_int_equal(result->begun, copy.window);
    assert_true(result->first > copy.window + 5);
    assert_true(result->final >= result->first + QNK_REHEARSAL_WINDOWS - 1);
}

static void a_rehearsal_begins_where_the_live_chain_is(void **state)
{
    struct qnk_world *world = world_make();
    struct qnk_rehearsal result;
    struct qn_sink copy;

    (void)state;
    pay(world, 0);
    run_to(world, 10); /* the oldest records of windows are gone by then */
    copy_take(world, &copy);
    assert_true(final_of(world) >= 10);
    qnk_world_destroy(world);
    result = rehearse_on(&copy, BFT);
    assert_good(&result, &copy);
    assert_true(result.begun >= 9);
    qnk_sink_done(&copy);
}

static void a_plan_that_is_open_there_is_cancelled_first(void **state)
{
    struct qnk_world *world = world_make();
    struct qnk_swap_plan plan;
    struct qnk_rehearsal result;
    struct qn_sink copy;

    (void)state;
    run_to(world, 2);
    propose(world, &plan);
    copy_take(world, &copy);
    qnk_world_destroy(world);
    result = rehearse_on(&copy, BFT);
    assert_good(&result, &copy);
    qnk_sink_done(&copy);
}

/* What serves there came by a swap, and is found by its name. */
static void a_chain_that_was_swapped_before_goes_on_as_it_is(void **state)
{
    struct qnk_world *world = world_make();
    struct qnk_swap_plan plan;
    struct qnk_rehearsal result;
    struct qn_sink copy;

    (void)state;
    run_to(world, 1);
    propose(world, &plan);
    ready(world);
    run_to(world, plan.engine.first - 1);
    copy_take(world, &copy);
    result = rehearse_on(&copy, "commit-reveal");
    assert_false(result.is_good); /* on probation no other plan is taken, nor here */
    assert_non_null(strstr(result.words, "bound or on probation"));
    qnk_sink_done(&copy);
    run_to(world, plan.engine.first + plan.probation + 1);
    assert_int_equal(control_of(world)->swap.life, QNK_SWAP_SETTLED);
    copy_take(world, &copy);
    qnk_world_destroy(world);
    result = rehearse_on(&copy, "commit-reveal");
    assert_good(&result, &copy);
    assert_true(result.begun > plan.engine.first + plan.probation);
    qnk_sink_done(&copy);
}

/* --- what is none --- */

static void assert_refused(struct qn_sink *copy, const char *words)
{
    struct qnk_rehearsal result = rehearse_on(copy, "bft");

    assert_false(result.is_good);
    if (strstr(result.words, words) == NULL) {
        fail_msg("%s", result.words);
    }
}

static void a_copy_that_is_damaged_or_of_another_chain_is_refused(void **state)
{
    struct qnk_world *world = world_make();
    struct qn_sink copy;
    uint64_t size;

    (void)state;
    run_to(world, 2);
    copy_take(world, &copy);
    qnk_world_destroy(world);
    size = copy.size;
    copy.data[20] ^= 1; /* the chain id */
    assert_refused(&copy, "another network");
    copy.data[20] ^= 1;
    copy.data[size - 100] ^= 1; /* a page */
    assert_refused(&copy, "does not start");
    copy.data[size - 100] ^= 1;
    copy.size = size - 1;
    assert_refused(&copy, "does not start");
    copy.size = QNK_COPY_HEAD_SIZE; /* nothing in it, which is not what it says */
    assert_refused(&copy, "does not start");
    copy.size = 10;
    assert_refused(&copy, "another network");
    copy.size = size;
    qnk_sink_done(&copy);
}

static void nothing_final_is_nothing_to_copy(void **state)
{
    struct qnk_world *world = world_make();
    const struct qnk_hash chain_id = {{0}};
    struct qnk_copier copier;
    struct qn_sink out;

    (void)state;
    qnk_sink_init(&out, &budget, 1 << 20);
    assert_int_equal(qnk_copier_begin(&copier, qnk_world_store(world, 0), LANE, &chain_id, &out),
                     QN_NOT_FOUND);
    assert_int_equal(out.size, 0);
    qnk_sink_done(&out);
    qnk_world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rehearsal_begins_where_the_live_chain_is),
        cmocka_unit_test(a_plan_that_is_open_there_is_cancelled_first),
        cmocka_unit_test(a_chain_that_was_swapped_before_goes_on_as_it_is),
        cmocka_unit_test(a_copy_that_is_damaged_or_of_another_chain_is_refused),
        cmocka_unit_test(nothing_final_is_nothing_to_copy),
    };

    if (!bed_make()) {
        return 1;
    }
    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
