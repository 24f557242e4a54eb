/* SPDX-License-Identifier: MIT */

#include "tests/sim/promises.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/net.h"

static void four_nodes_make_blocks_and_windows_become_final(void **state)
{
    struct net *net = net_make(4, 4, 1);

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 10000);
    for (uint32_t i = 0; i < 4; i++) {
        struct qnk_node_view view = look(net, i);

        assert_true(view.head_height >= 85);
        assert_true(view.final_window >= view.head_height / WINDOW - 1);
    }
    assert_agreement(net);
    net_drop(net);
}

static void one_node_alone_is_a_network(void **state)
{
    struct net *net = net_make(1, 1, 1);

    (void)state;
    net_open(net);
    net_start(net, 0, 1);
    net_run_ms(net, 5000);
    assert_true(look(net, 0).final_window >= 4);
    assert_agreement(net);
    net_drop(net);
}

static void a_transfer_gets_in_exactly_once(void **state)
{
    struct net *net = net_make(4, 4, 2);
    uint64_t head = 0;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 500);
    for (uint32_t node = 0; node < 4; node++) {
        submit(net, node, node, 0, 40);
        submit(net, (node + 1) % 4, node, 0, 40); /* the same again elsewhere */
    }
    net_run_ms(net, 1000);
    for (uint32_t node = 0; node < 4; node++) {
        submit(net, node, node, 40, 60);
        submit(net, node, node, 0, 10); /* long since in */
    }
    net_run_ms(net, 5000);
    for (uint32_t node = 0; node < 4; node++) {
        for (uint32_t sender = 0; sender < 4; sender++) {
            assert_int_equal(next_nonce(net, node, sender), 60);
        }
        head = look(net, node).tx_total;
        assert_true(head >= 4 * 60); /* and the kernel's own */
        assert_int_equal(look(net, node).mempool.txs, 0);
    }
    assert_agreement(net);
    net_drop(net);
}

static void a_crashed_node_comes_back_from_its_storage(void **state)
{
    struct net *net = net_make(4, 4, 3);
    uint64_t window;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    submit(net, 0, 1, 0, 30);
    net_run_ms(net, 3000);
    window = look(net, 2).final_window;
    assert_true(window >= 2);
    qnk_world_crash(net->world, 2);
    net_run_ms(net, 4000);
    assert_true(look(net, 0).final_window > window + 2);
    qnk_world_start(net->world, 2);
    assert_true(look(net, 2).final_window >= window);
    net_run_ms(net, 4000);
    assert_true(look(net, 2).final_window + 1 >= look(net, 0).final_window);
    assert_true(look(net, 2).is_signing);
    assert_int_equal(next_nonce(net, 2, 1), 30);

    /* It votes again: with another one gone, its vote is needed. */
    qnk_world_crash(net->world, 0);
    window = look(net, 2).final_window;
    net_run_ms(net, 4000);
    assert_all_final(net, 1, 4, window + 2);
    net_drop(net);
}

static void all_crash_at_once_and_go_on(void **state)
{
    struct net *net = net_make(4, 4, 4);
    uint64_t window;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    submit(net, 0, 1, 0, 30);
    net_run_ms(net, 3333);
    window = look(net, 0).final_window;
    for (uint32_t i = 0; i < 4; i++) {
        qnk_world_crash(net->world, i);
    }
    net_run_ms(net, 1000);
    net_start(net, 0, 4);
    net_run_ms(net, 5000);
    assert_all_final(net, 0, 4, window + 3);
    assert_int_equal(next_nonce(net, 3, 1), 30);
    net_drop(net);
}

static void a_node_that_restarts_often_stays_honest(void **state)
{
    struct net *net = net_make(4, 4, 5);

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    for (uint32_t i = 0; i < 25; i++) {
        net_run_ms(net, 137 + 41 * (i % 7));
        qnk_world_crash(net->world, i % 4);
        net_run_ms(net, 3 + 50 * (i % 3));
        qnk_world_start(net->world, i % 4);
    }
    net_run_ms(net, 5000);
    assert_all_final(net, 0, 4, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(look(net, i).is_signing); /* nobody saw its key abused */
        assert_int_equal(qnk_node_counters(qnk_world_node(net->world, i))->doubles_seen, 0);
    }
    net_drop(net);
}

static void without_a_quorum_production_slows_and_pauses_until_one_returns(void **state)
{
    struct net *net = net_make(4, 4, 6);
    struct qnk_node_view paused;
    uint64_t window;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 2000);
    window = look(net, 0).final_window;
    qnk_world_crash(net->world, 2);
    qnk_world_crash(net->world, 3);
    net_run_ms(net, 20000);
    paused = look(net, 0);
    assert_true(paused.final_window <= window + 1);
    assert_int_equal(paused.head_height, (paused.final_window + 3) * WINDOW);
    assert_int_equal(paused.phase, QNK_PHASE_PAUSED);
    submit(net, 0, 1, 0, 30);
    net_run_ms(net, 5000);
    assert_int_equal(look(net, 0).head_height, paused.head_height); /* it stays so */
    assert_int_equal(look(net, 1).head_height, paused.head_height);
    qnk_world_start(net->world, 2);
    net_run_ms(net, 15000);
    assert_all_final(net, 0, 3, paused.final_window + 5);
    assert_int_equal(next_nonce(net, 2, 1), 30);
    net_drop(net);
}

static void at_lag_two_a_windows_second_half_holds_no_transactions(void **state)
{
    struct net *net = net_make(4, 4, 7);
    uint64_t base;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 2000);
    qnk_world_crash(net->world, 2);
    qnk_world_crash(net->world, 3);
    base = look(net, 0).final_window;
    for (uint32_t i = 0; i < 60; i++) { /* a few transactions all the time */
        submit(net, 0, 1, i, i + 1);
        net_run_ms(net, 100);
    }
    net_run_ms(net, 20000);
    base = look(net, 0).final_window;
    for (uint64_t height = (base + 2) * WINDOW + 1; height <= (base + 3) * WINDOW; height++) {
        struct qnk_block_view block;

        assert_true(qnk_node_block_at(qnk_world_node(net->world, 0), height, &block));
        assert_int_equal(block.header->flags, 2);
        if ((height - 1) % WINDOW >= WINDOW / 2) {
            assert_int_equal(block.header->tx_count, 0);
        } else {
            assert_true(block.header->tx_count <= net->setup.params.block_txs / 4);
        }
    }
    net_drop(net);
}

static void a_node_that_joins_late_syncs_and_votes(void **state)
{
    struct net *net = net_make(4, 4, 8);
    uint64_t window;

    (void)state;
    net_open(net);
    net_start(net, 0, 3);
    submit(net, 0, 1, 0, 50);
    net_run_ms(net, 20000);
    window = look(net, 0).final_window;
    assert_true(window >= 8);
    qnk_world_start(net->world, 3);
    net_run_ms(net, 6000);
    assert_true(look(net, 3).final_window >= window);
    assert_true(look(net, 3).final_window + 1 >= look(net, 0).final_window);
    assert_int_equal(next_nonce(net, 3, 1), 50);
    assert_agreement(net);

    /* A key without a record signs only when its operator says so. */
    assert_false(look(net, 3).is_signing);
    for (uint32_t i = 0; i < 30; i++) { /* nor later when he says it again and again */
        qnk_world_control(net->world, 3, QNK_CONTROL_RESUME);
        net_run_ms(net, 300);
    }
    assert_true(look(net, 3).is_signing);
    qnk_world_crash(net->world, 0);
    window = look(net, 3).final_window;
    net_run_ms(net, 9000);
    assert_all_final(net, 1, 4, window + 2);
    net_drop(net);
}

static void full_nodes_follow_without_a_vote(void **state)
{
    struct net *net = net_make(4, 6, 9);

    (void)state;
    net_open(net);
    net_start(net, 0, 5);
    submit(net, 4, 1, 0, 20); /* and take transactions */
    net_run_ms(net, 5000);
    qnk_world_start(net->world, 5); /* one of them late */
    net_run_ms(net, 5000);
    for (uint32_t i = 4; i < 6; i++) {
        struct qnk_node_view view = look(net, i);

        assert_true(view.final_window + 1 >= look(net, 0).final_window);
        assert_false(view.is_signing);
        assert_int_equal(view.member, UINT32_MAX);
        assert_int_equal(next_nonce(net, i, 1), 20);
    }
    assert_agreement(net);
    net_drop(net);
}

static void a_light_node_follows_the_macroblocks(void **state)
{
    struct net *net = net_make(4, 6, 15);
    struct qnk_node_view view;
    uint64_t window;

    (void)state;
    net->types[4] = net->types[5] = QNK_NODE_LIGHT;
    net_open(net);
    net_start(net, 0, 5);
    net_run_ms(net, 2000);
    submit(net, 4, 1, 0, 20); /* its peers check what its clients send */
    net_run_ms(net, 4000);
    qnk_world_start(net->world, 5); /* one of them late */
    net_run_ms(net, 3000);
    qnk_world_crash(net->world, 4);
    net_run_ms(net, 2000);
    qnk_world_start(net->world, 4); /* and one that comes back */
    window = look(net, 4).final_window;
    assert_true(window >= 6);
    net_run_ms(net, 3000);
    for (uint32_t i = 4; i < 6; i++) {
        view = look(net, i);
        assert_true(view.final_window + 1 >= look(net, 0).final_window);
        assert_true(view.final_window > window);
        assert_int_equal(view.head_height, view.final_window * WINDOW);
        assert_true(view.tx_total >= 20);
    }
    assert_int_equal(next_nonce(net, 0, 1), 20);
    assert_agreement(net);
    net_drop(net);
}

static void a_cut_node_catches_up_when_its_links_are_mended(void **state)
{
    struct net *net = net_make(4, 4, 10);
    uint64_t window;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 2000);
    for (uint32_t i = 0; i < 3; i++) {
        qnk_world_link(net->world, i, 3, false);
    }
    net_run_ms(net, 15000);
    window = look(net, 0).final_window;
    assert_true(look(net, 3).final_window + 4 < window);
    for (uint32_t i = 0; i < 3; i++) {
        qnk_world_link(net->world, i, 3, true);
    }
    net_run_ms(net, 5000);
    assert_true(look(net, 3).final_window + 1 >= look(net, 0).final_window);
    assert_all_final(net, 0, 4, window + 2);
    net_drop(net);
}

static void links_that_break_all_the_time_only_cost_time(void **state)
{
    struct net *net = net_make(4, 4, 12);

    (void)state;
    net->setup.loss_permille = 20;
    net_open(net);
    net_start(net, 0, 4);
    submit(net, 0, 1, 0, 30);
    net_run_ms(net, 30000);
    assert_all_final(net, 0, 4, 5);
    net_drop(net);
}

static struct qnk_hash trace_of(uint64_t seed)
{
    struct net *net = net_make(4, 5, seed);
    struct qnk_hash trace;

    net->setup.loss_permille = 5;
    net_open(net);
    net_start(net, 0, 5);
    submit(net, 0, 1, 0, 30);
    net_run_ms(net, 2000);
    qnk_world_crash(net->world, 1);
    net_run_ms(net, 1000);
    qnk_world_start(net->world, 1);
    net_run_ms(net, 2000);
    qnk_world_trace(net->world, &trace);
    net_drop(net);
    return trace;
}

static void equal_seeds_give_equal_traces(void **state)
{
    struct qnk_hash first = trace_of(13);
    struct qnk_hash again = trace_of(13);
    struct qnk_hash other = trace_of(14);

    (void)state;
    assert_memory_equal(&first, &again, sizeof first);
    assert_memory_not_equal(&first, &other, sizeof first);
}

int promises_run(const struct CMUnitTest *more, uint32_t count)
{
    static const struct CMUnitTest promises[] = {
        cmocka_unit_test(four_nodes_make_blocks_and_windows_become_final),
        cmocka_unit_test(one_node_alone_is_a_network),
        cmocka_unit_test(a_transfer_gets_in_exactly_once),
        cmocka_unit_test(a_crashed_node_comes_back_from_its_storage),
        cmocka_unit_test(all_crash_at_once_and_go_on),
        cmocka_unit_test(a_node_that_restarts_often_stays_honest),
        cmocka_unit_test(without_a_quorum_production_slows_and_pauses_until_one_returns),
        cmocka_unit_test(at_lag_two_a_windows_second_half_holds_no_transactions),
        cmocka_unit_test(a_node_that_joins_late_syncs_and_votes),
        cmocka_unit_test(full_nodes_follow_without_a_vote),
        cmocka_unit_test(a_light_node_follows_the_macroblocks),
        cmocka_unit_test(a_cut_node_catches_up_when_its_links_are_mended),
        cmocka_unit_test(links_that_break_all_the_time_only_cost_time),
        cmocka_unit_test(equal_seeds_give_equal_traces),
    };
    enum { PROMISES = sizeof promises / sizeof *promises };
    struct CMUnitTest all[PROMISES + PROMISES_MORE_MAX] = {0}; /* empty places are passed over */

    assert_true(count <= PROMISES_MORE_MAX);
    if (!net_init()) {
        return 1;
    }
    memcpy(all, promises, sizeof promises);
    memcpy(all + PROMISES, more, count * sizeof *more);
    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return cmocka_run_group_tests(all, NULL, NULL);
}
