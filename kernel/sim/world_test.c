/* SPDX-License-Identifier: MIT */

/* Whole networks with the plugins that ship: what the pages promise of four validators. */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/net.h"

/* --- what always holds --- */

/* All that are on agree on every window that two of them call final, and none halted. */
static void assert_agreement(struct net *net)
{
    struct qnk_node_view first = {0};

    for (uint32_t i = 0; i < net->setup.nodes; i++) {
        struct qnk_node_view view;

        if (qnk_world_node(net->world, i) == NULL) {
            continue;
        }
        view = look(net, i);
        if (first.members > 0 && first.final_window == view.final_window) {
            assert_memory_equal(&first.final, &view.final, sizeof view.final);
        }
        first = view;
    }
    assert_int_equal(net->halts, 0);
}

static void assert_all_final(struct net *net, uint32_t from, uint32_t to, uint64_t window)
{
    for (uint32_t i = from; i < to; i++) {
        assert_true(look(net, i).final_window >= window);
    }
    assert_agreement(net);
}

/* --- cases --- */

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

static void members_show_their_links_and_the_beacon_moves(void **state)
{
    struct net *net = net_make(4, 4, 16);
    const struct qnk_control *control;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 10000);
    control = qnk_node_control(qnk_world_node(net->world, 0));
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(control->members[i].share_window + 3 > look(net, 0).final_window);
        assert_false(qnk_hash_equal(&control->members[i].share, &net->tips[i]));
    }
    net_drop(net);
}

static void a_member_that_is_absent_loses_its_turns_until_it_rejoins(void **state)
{
    struct net *net = net_make(4, 4, 17);

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 3000);
    qnk_world_crash(net->world, 3);
    net_run_ms(net, 60000);
    assert_int_equal(qnk_node_control(qnk_world_node(net->world, 0))->members[3].excluded,
                     QNK_EXCLUDED_ABSENT);
    qnk_world_start(net->world, 3);
    net_run_ms(net, 40000);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(qnk_node_control(qnk_world_node(net->world, i))->members[3].excluded, 0);
    }
    assert_true(qnk_node_counters(qnk_world_node(net->world, 3))->blocks_made > 10);
    assert_agreement(net);
    net_drop(net);
}

/* A vote of member 3 in the open window that its own node has not signed. */
static void say_vote(struct net *net, uint32_t to, int digest)
{
    uint8_t public[32], secret[64], message[QNK_VOTE_MESSAGE_SIZE], body[4 + QNK_VOTE_WIRE_SIZE];
    uint8_t engine[QNK_ENGINE_RECORD_MAX];
    uint32_t size = qnk_engine_record(&net->setup.params.bindings[QNK_BINDING_CONSENSUS], engine);
    struct qnk_vote vote = {
        .step = QNK_STEP_FINAL,
        .window = look(net, to).final_window + 1,
        .round = 3,
        .vr = -1,
        .member = 3,
    };

    vote.digest.bytes[0] = (uint8_t)digest;
    qnk_vote_binding(&net->set->hash, (struct qn_span){engine, size}, &vote.binding);
    qnk_vote_message(&vote, &net->setup.params.chain_id, message);
    crypto_sign_seed_keypair(public, secret, net->seeds[3]);
    crypto_sign_detached(vote.signature, NULL, message, sizeof message, secret);
    qn_le32_write(body, 1);
    qnk_vote_encode(&vote, body + 4);
    qnk_world_say(net->world, 1, to, QNK_LANE_CONSENSUS, QNK_WIRE_VOTES,
                  (struct qn_span){body, sizeof body});
}

static void two_votes_of_one_member_are_evidence_on_the_chain(void **state)
{
    struct net *net = net_make(4, 4, 18);
    uint64_t window;

    (void)state;
    net_open(net);
    net_start(net, 0, 3); /* member 3 lies, its node is not even on */
    net_run_ms(net, 4000);
    say_vote(net, 0, 1);
    say_vote(net, 0, 2);
    window = look(net, 0).final_window;
    net_run_ms(net, 10000);
    assert_true(look(net, 0).final_window > window + 3);
    for (uint32_t i = 0; i < 3; i++) {
        const struct qnk_control *control = qnk_node_control(qnk_world_node(net->world, i));

        assert_int_equal(control->evidence_count, 1);
        assert_true(control->evidence[0].window <= window + 3);
        assert_true((control->members[3].excluded & QNK_EXCLUDED_OFFENCE) != 0);
    }
    assert_agreement(net);
    net_drop(net);
}

/* Each node's peers seem to say a mangled thing before every right one. */
static void mangled_messages_stop_nobody(void **state)
{
    (void)state;
    for (uint64_t seed = 30; seed < 33; seed++) {
        struct net *net = net_make(4, 5, seed);
        uint64_t faults = 0;

        net->setup.mangle_permille = 1000;
        net_open(net);
        net_start(net, 0, 5);
        for (uint32_t i = 0; i < 10; i++) {
            submit(net, i % 5, i, 0, 20);
            net_run_ms(net, 1500);
        }
        qnk_world_crash(net->world, 1);
        net_run_ms(net, 4000);
        qnk_world_start(net->world, 1);
        net_run_ms(net, 20000);
        for (uint32_t i = 0; i < 5; i++) {
            assert_true(look(net, i).final_window >= 6);
            for (uint32_t fault = 0; fault < QNK_FAULTS; fault++) {
                faults += qnk_node_counters(qnk_world_node(net->world, i))->faults[fault];
            }
        }
        assert_true(faults > 100); /* they were noticed */
        assert_agreement(net);
        net_drop(net);
    }
}

static void large_bodies_travel_in_parts(void **state)
{
    struct net *net = net_make(4, 4, 24);
    uint32_t largest = 0;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 2000);
    for (uint32_t sender = 0; sender < SENDERS; sender++) {
        submit(net, 0, sender, 0, 64);
    }
    net_run_ms(net, 8000);
    for (uint32_t sender = 0; sender < SENDERS; sender++) {
        assert_int_equal(next_nonce(net, 3, sender), 64);
    }
    for (uint64_t height = 1; height <= look(net, 3).final_height; height++) {
        struct qnk_micro header;
        uint64_t place;

        assert_int_equal(
            qnk_store_header(qnk_world_store(net->world, 3), 0, height, &header, &place), QN_OK);
        largest = header.body_size > largest ? header.body_size : largest;
    }
    assert_true(largest > QNK_WIRE_PART_SIZE);
    assert_agreement(net);
    net_drop(net);
}

/* Windows of 90 blocks, two seconds apart, with the limits of production. */
static void the_times_of_production_keep_their_promise(void **state)
{
    struct net *net;
    uint64_t ended_ms;

    (void)state;
    net_times(true);
    net = net_make(4, 4, 25);
    net->setup.params.window = 90;
    net->setup.params.interval_max_ms = 4000;
    net->setup.params.settle_ms = 10000;
    net->setup.params.settle_blocks = 3;
    net->setup.resend_ms = 2000;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 600000);
    assert_true(look(net, 0).final_window >= 3);
    ended_ms = look(net, 0).final_time_us / 1000 - 3 * 90 * 2000 - START_MS;
    assert_true(look(net, 0).final_window > 3 || ended_ms < 5000); /* all answer: at once */

    qnk_world_crash(net->world, 3);
    net_run_ms(net, 600000);
    assert_true(look(net, 0).final_window >= 5); /* one is silent: a few seconds more */
    assert_int_equal(look(net, 0).lag, 0);
    assert_agreement(net);
    net_drop(net);
    net_times(false);
}

/* Two nodes with the key of member 3, one on each side of a cut. */
static void twins_cannot_split_the_chain(void **state)
{
    struct net *net = net_make(4, 5, 26);
    static const uint8_t sides[] = {0, 0, 1, 0, 1};
    uint64_t window;

    (void)state;
    memcpy(net->seeds[4], net->seeds[3], sizeof net->seeds[4]);
    net->types[4] = QNK_NODE_SUPER;
    net_open(net);
    for (uint32_t a = 0; a < 5; a++) {
        for (uint32_t b = a + 1; b < 5; b++) {
            if (sides[a] != sides[b]) {
                qnk_world_link(net->world, a, b, false);
            }
        }
    }
    net_start(net, 0, 5);
    net_run_ms(net, 10000);
    window = look(net, 0).final_window;
    assert_true(window >= 3);
    assert_int_equal(look(net, 2).final_window, 0); /* two of four */
    for (uint32_t a = 0; a < 5; a++) {
        for (uint32_t b = a + 1; b < 5; b++) {
            qnk_world_link(net->world, a, b, true);
        }
    }
    net_run_ms(net, 20000);
    assert_true(look(net, 0).final_window > window + 3);
    for (uint32_t i = 1; i < 5; i++) {
        assert_true(look(net, i).final_window + 1 >= look(net, 0).final_window);
    }
    assert_agreement(net);
    net_drop(net);
}

static void a_key_that_signs_elsewhere_falls_silent_here(void **state)
{
    struct net *net = net_make(4, 4, 19);

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 4000);
    assert_true(look(net, 3).is_signing);
    say_vote(net, 3, 1);
    net_run_ms(net, 1000);
    assert_false(look(net, 3).is_signing);
    net_run_ms(net, 9000);
    assert_true(look(net, 0).final_window > 5); /* the others go on */
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
    qnk_world_control(net->world, 3, QNK_CONTROL_RESUME);
    net_run_ms(net, 9000);
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

static void halves_of_a_partition_wait_for_each_other(void **state)
{
    struct net *net = net_make(4, 4, 11);
    uint64_t window;

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 2050);
    for (uint32_t i = 0; i < 2; i++) {
        qnk_world_link(net->world, i, 2, false);
        qnk_world_link(net->world, i, 3, false);
    }
    submit(net, 0, 1, 0, 20);
    submit(net, 2, 2, 0, 20);
    net_run_ms(net, 20000);
    window = look(net, 0).final_window;
    assert_agreement(net);
    for (uint32_t i = 0; i < 2; i++) {
        qnk_world_link(net->world, i, 2, true);
        qnk_world_link(net->world, i, 3, true);
    }
    net_run_ms(net, 20000);
    assert_all_final(net, 0, 4, window + 5);
    assert_int_equal(next_nonce(net, 0, 1), 20);
    assert_int_equal(next_nonce(net, 0, 2), 20); /* nothing was lost with a branch */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_nodes_make_blocks_and_windows_become_final),
        cmocka_unit_test(members_show_their_links_and_the_beacon_moves),
        cmocka_unit_test(a_member_that_is_absent_loses_its_turns_until_it_rejoins),
        cmocka_unit_test(two_votes_of_one_member_are_evidence_on_the_chain),
        cmocka_unit_test(mangled_messages_stop_nobody),
        cmocka_unit_test(large_bodies_travel_in_parts),
        cmocka_unit_test(the_times_of_production_keep_their_promise),
        cmocka_unit_test(twins_cannot_split_the_chain),
        cmocka_unit_test(a_key_that_signs_elsewhere_falls_silent_here),
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
        cmocka_unit_test(halves_of_a_partition_wait_for_each_other),
        cmocka_unit_test(links_that_break_all_the_time_only_cost_time),
        cmocka_unit_test(equal_seeds_give_equal_traces),
    };

    if (!net_init()) {
        return 1;
    }
    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
