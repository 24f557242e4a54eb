/* SPDX-License-Identifier: MIT */

/* Votes that were due while they could not be signed: they come late, and nobody waits for ever. */

#include "tests/test.h"

#include <stdlib.h>

#include "kernel/node/core.h"
#include "tests/sim/net.h"

enum { VALIDATORS = 4, WEAK = 2 };

/* Two of four are no quorum: what they cannot sign all wait for. */
typedef void weaken(struct net *net, uint32_t node, bool is_weak);

static void hold(struct net *net, uint32_t node, bool is_weak)
{
    qnk_world_control(net->world, node, is_weak ? QNK_CONTROL_HOLD : QNK_CONTROL_UNHOLD);
}

/* All places for what is to be signed are taken. */
static void crowd(struct net *net, uint32_t node, bool is_weak)
{
    struct qnk_signing_slot *signs = qnk_world_node(net->world, node)->signs;
    const uint64_t none = UINT64_MAX;

    for (uint32_t i = 0; i < QNK_SIGNS_MAX; i++) {
        if (is_weak && signs[i].token == 0) {
            signs[i].token = none;
        } else if (!is_weak && signs[i].token == none) {
            signs[i].token = 0;
        }
    }
}

/* There is no memory for anything. */
static void starve(struct net *net, uint32_t node, bool is_weak)
{
    static size_t limits[NODES_MAX];
    struct qnk_budget *budget = &qnk_world_node(net->world, node)->budget;

    if (is_weak) {
        limits[node] = budget->limit;
    }
    budget->limit = is_weak ? budget->used : limits[node];
}

static void weak_for_a_while(uint32_t moment, uint64_t ms, weaken *change)
{
    struct net *net = net_make(VALIDATORS, VALIDATORS, 71 + moment);
    uint64_t window;

    net_open(net);
    net_start(net, 0, VALIDATORS);
    net_run_ms(net, 2000 + moment * 43);
    for (uint32_t i = 0; i < WEAK; i++) {
        change(net, i, true);
    }
    net_run_ms(net, ms);
    for (uint32_t i = 0; i < WEAK; i++) {
        change(net, i, false);
    }
    net_run_ms(net, 3000);
    window = look(net, VALIDATORS - 1).final_window;
    net_run_ms(net, 6000);
    assert_true(look(net, VALIDATORS - 1).final_window > window + 1);
    assert_agreement(net);
    net_drop(net);
}

static void at_each_moment(uint32_t moments, uint64_t ms, weaken *change)
{
    for (uint32_t moment = 0; moment < moments; moment++) {
        net_times(false);
        weak_for_a_while(moment, ms, change);
        net_bft();
        weak_for_a_while(moment, ms, change);
    }
}

static void what_was_due_on_hold_is_signed_afterwards(void **state)
{
    (void)state;
    at_each_moment(4, 5000, hold);
}

static void what_was_due_without_room_is_signed_afterwards(void **state)
{
    (void)state;
    at_each_moment(1, 4000, crowd);
}

static void what_was_due_without_memory_is_signed_afterwards(void **state)
{
    (void)state;
    at_each_moment(1, 3000, starve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_due_on_hold_is_signed_afterwards),
        cmocka_unit_test(what_was_due_without_room_is_signed_afterwards),
        cmocka_unit_test(what_was_due_without_memory_is_signed_afterwards),
    };

    if (!net_init()) {
        return 1;
    }
    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
