/* SPDX-License-Identifier: MIT */

/* Networks to which anything happens: crashes, cut links, partitions, lost frames. While it lasts,
 * nothing may contradict; when it ends, everything goes on. One seed is one run.
 *
 * QNET_SEED=n runs that seed alone, QNET_SEEDS=n that many. */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/random.h"
#include "tests/sim/net.h"

enum {
    SEEDS = 4,
    ACTS = 60,       /* that one run suffers */
    ROUNDS = 20,     /* of darkness everywhere */
    HEAL_MS = 60000, /* within which all is well again */
    BATCH = 5,
};

struct run {
    struct net *net;
    struct qnk_random random;
    bool is_on[NODES_MAX];
    uint64_t sent[SENDERS]; /* nonces below it were submitted somewhere */
};

static uint32_t by_lot(struct run *run, uint32_t below)
{
    return (uint32_t)qnk_random_below(&run->random, below);
}

static void toggle(struct run *run, uint32_t node)
{
    if (run->is_on[node]) {
        qnk_world_crash(run->net->world, node);
    } else {
        qnk_world_start(run->net->world, node);
    }
    run->is_on[node] = !run->is_on[node];
}

static void cut_half(struct run *run)
{
    uint32_t side = by_lot(run, 1u << run->net->setup.nodes);

    for (uint32_t a = 0; a < run->net->setup.nodes; a++) {
        for (uint32_t b = a + 1; b < run->net->setup.nodes; b++) {
            if ((side >> a & 1) != (side >> b & 1)) {
                qnk_world_link(run->net->world, a, b, false);
            }
        }
    }
}

static void mend(struct run *run)
{
    for (uint32_t a = 0; a < run->net->setup.nodes; a++) {
        for (uint32_t b = a + 1; b < run->net->setup.nodes; b++) {
            qnk_world_link(run->net->world, a, b, true);
        }
    }
}

static void pay(struct run *run, uint32_t sender)
{
    uint32_t node = by_lot(run, run->net->setup.nodes);

    if (run->is_on[node]) {
        submit(run->net, node, sender, run->sent[sender], run->sent[sender] + BATCH);
        run->sent[sender] += BATCH;
    }
}

static void act(struct run *run)
{
    uint32_t nodes = run->net->setup.nodes;

    switch (by_lot(run, 8)) {
    case 0:
    case 1:
        toggle(run, by_lot(run, nodes));
        break;
    case 2:
        cut_half(run);
        break;
    case 3:
    case 4:
        mend(run);
        break;
    default:
        pay(run, by_lot(run, SENDERS));
        break;
    }
    net_run_ms(run->net, 20 + by_lot(run, 600));
}

/* --- what must hold --- */

static void assert_nobody_lied(struct run *run)
{
    assert_int_equal(run->net->halts, 0);
    for (uint32_t node = 0; node < run->net->setup.nodes; node++) {
        const struct qnk_node_counters *counters =
            qnk_node_counters(qnk_world_node(run->net->world, node));

        assert_int_equal(counters->doubles_seen, 0);
        if (node < run->net->set->count) {
            assert_string_equal(look(run->net, node).not_signing, "");
        }
    }
}

/* What was lost with a crash is sent again, as its sender would; then all must be in, once. */
static void assert_all_paid(struct run *run)
{
    for (uint32_t sender = 0; sender < SENDERS; sender++) {
        for (uint64_t at = next_nonce(run->net, 0, sender); at < run->sent[sender]; at += 64) {
            submit(run->net, 0, sender, at,
                   at + 64 < run->sent[sender] ? at + 64 : run->sent[sender]);
        }
    }
    net_run_ms(run->net, 10000);
    for (uint32_t node = 0; node < run->net->setup.nodes; node++) {
        for (uint32_t sender = 0; sender < SENDERS; sender++) {
            uint64_t got = run->sent[(sender + SENDERS - 1) % SENDERS];

            assert_int_equal(next_nonce(run->net, node, sender), run->sent[sender]);
            assert_int_equal(balance_of(run->net, node, sender),
                             FUNDS + 7 * got - (7 + FEE) * run->sent[sender]);
        }
    }
}

/* To be compared: whatever built the program, one seed is one trace. */
static void trace_show(const struct run *run, uint64_t seed)
{
    struct qnk_hash trace;

    qnk_world_trace(run->net->world, &trace);
    fprintf(stderr, "# seed %llu: trace %02x%02x%02x%02x\n", (unsigned long long)seed,
            trace.bytes[0], trace.bytes[1], trace.bytes[2], trace.bytes[3]);
}

static void suffer(uint64_t seed)
{
    uint32_t validators = seed % 2 == 0 ? 4 : 7;
    uint32_t followers = seed % 3 == 0;
    struct run run = {.net = net_make(validators, validators + followers, seed)};
    uint64_t window;

    qnk_random_init(&run.random, seed);
    run.net->setup.jitter_us = seed % 5 == 0 ? 20000 : 2000;
    run.net->setup.maps_us = seed % 3 == 1 ? 2000000 : 20000;
    run.net->setup.loss_permille = seed % 4 == 0 ? 10 : 0;
    net_open(run.net);
    for (uint32_t i = 0; i < run.net->setup.nodes; i++) {
        toggle(&run, i);
    }
    net_run_ms(run.net, 2000); /* who has signed nothing yet when it crashes needs its operator */
    for (uint32_t i = 0; i < ACTS; i++) {
        act(&run);
    }
    mend(&run);
    for (uint32_t i = 0; i < run.net->setup.nodes; i++) {
        if (!run.is_on[i]) {
            toggle(&run, i);
        }
    }
    net_run_ms(run.net, HEAL_MS / 2);
    window = look(run.net, 0).final_window;
    net_run_ms(run.net, HEAL_MS / 2);
    assert_nobody_lied(&run);
    assert_one_chain(run.net, run.net->setup.nodes);
    for (uint32_t node = 0; node < run.net->setup.nodes; node++) {
        assert_true(look(run.net, node).final_window >= window + 10);
    }
    assert_all_paid(&run);
    trace_show(&run, seed);
    net_drop(run.net);
}

/* The power goes everywhere at once, again and again, while windows are slow to reach the disk. */
static void darken(uint64_t seed)
{
    struct run run = {.net = net_make(4, 4, seed)};
    uint64_t window;

    qnk_random_init(&run.random, seed);
    run.net->setup.jitter_us = 2000;
    run.net->setup.maps_us = 3000000;
    net_open(run.net);
    for (uint32_t i = 0; i < 4; i++) {
        toggle(&run, i);
    }
    net_run_ms(run.net, 2000);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        pay(&run, by_lot(&run, SENDERS));
        net_run_ms(run.net, 500 + by_lot(&run, 3000));
        for (uint32_t i = 0; i < 8; i++) { /* all off, all on */
            toggle(&run, i % 4);
        }
    }
    net_run_ms(run.net, HEAL_MS / 2);
    window = look(run.net, 0).final_window;
    net_run_ms(run.net, HEAL_MS / 2);
    assert_nobody_lied(&run);
    assert_one_chain(run.net, run.net->setup.nodes);
    for (uint32_t node = 0; node < 4; node++) {
        assert_true(look(run.net, node).final_window >= window + 10);
    }
    assert_all_paid(&run);
    trace_show(&run, seed);
    net_drop(run.net);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void whatever_happens_nothing_contradicts_and_all_goes_on(void **state)
{
    uint64_t first = number_of("QNET_SEED", 1);
    uint64_t count = getenv("QNET_SEED") != NULL ? 1 : number_of("QNET_SEEDS", SEEDS);

    (void)state;
    for (uint64_t seed = first; seed < first + count; seed++) {
        suffer(seed);
    }
}

static void when_all_power_goes_at_once_all_goes_on(void **state)
{
    uint64_t first = number_of("QNET_SEED", 1);
    uint64_t count = getenv("QNET_SEED") != NULL ? 1 : number_of("QNET_SEEDS", 2);

    (void)state;
    for (uint64_t seed = first; seed < first + count; seed++) {
        darken(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_all_power_goes_at_once_all_goes_on),
        cmocka_unit_test(whatever_happens_nothing_contradicts_and_all_goes_on),
    };

    if (!net_init()) {
        return 1;
    }
    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
