/* SPDX-License-Identifier: MIT */

/* The core among fakes: what it does for itself, whatever plugins are like. */

#include "tests/test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/chain/beacon.h"
#include "kernel/chain/tx.h"
#include "kernel/sim/fake.h"
#include "kernel/sim/world.h"

enum {
    NODES_MAX = 8,
    WINDOW = 8,
    INTERVAL_MS = 100, /* of the fake producer */
    START_MS = 1000000,
    MEMORY = 256 << 20,
};

struct net {
    struct qnk_budget budget;
    struct qnk_world *world;
    struct qnk_world_setup setup;
    struct qnk_set *set;
    uint8_t seeds[NODES_MAX][32];
    struct qnk_hash tips[NODES_MAX];
    uint32_t types[NODES_MAX];
    uint32_t wrongs[NODES_MAX];
    struct qnk_world_plugins plugins[NODES_MAX];
    uint8_t genesis[4 + NODES_MAX * 40];
    uint32_t halts;
    uint32_t finals[NODES_MAX];
};

/* --- the net --- */

static bool make(void *ctx, uint32_t node, bool is_first, struct qnk_world_plugins *plugins)
{
    struct net *net = ctx;

    plugins->producer = qnk_fake_producer_make(&net->budget);
    plugins->ledger = qnk_fake_ledger_make(&net->budget);
    plugins->signature = qnk_fake_signature;
    if (is_first) {
        plugins->storage = qnk_fake_storage_make(&net->budget);
    }
    plugins->consensus = node < net->set->count
                             ? qnk_fake_engine_make(&net->budget, net->wrongs[node])
                             : (struct qnk_plugged){0};
    net->plugins[node] = *plugins;
    return true;
}

static void give(void *ctx, uint32_t node, bool is_last, struct qnk_world_plugins *plugins)
{
    struct net *net = ctx;

    (void)node;
    (void)net;
    if (plugins->producer.inst != NULL) {
        qnk_fake_producer_give(plugins->producer);
        qnk_fake_ledger_give(plugins->ledger);
        if (plugins->consensus.inst != NULL) {
            qnk_fake_engine_give(plugins->consensus);
        }
        plugins->producer.inst = plugins->ledger.inst = plugins->consensus.inst = NULL;
    }
    if (is_last) {
        qnk_fake_storage_give(plugins->storage);
    }
}

static void note(void *ctx, uint32_t node, const struct qnk_effect *effect)
{
    struct net *net = ctx;
    static int level = -2;

    if (level == -2) {
        const char *wanted = getenv("QNET_TEST_NOTES");

        level = wanted == NULL ? -1 : (int)strtol(wanted, NULL, 10);
    }
    if (effect->type == QNK_EFFECT_HALT) {
        net->halts++;
        fprintf(stderr, "# node %u halts: %s\n", node, effect->halt.text);
        return;
    }
    if (effect->note.what == QNK_NOTE_FINAL) {
        net->finals[node]++;
    }
    if (effect->note.what != QNK_NOTE_LOG && effect->note.what != QNK_NOTE_ROUND && level >= 4) {
        fprintf(stderr, "# %10.3f %u %s %llu %02x\n", (double)qnk_world_now(net->world) / 1e6, node,
                effect->note.what == QNK_NOTE_MICROBLOCK ? "block"
                : effect->note.what == QNK_NOTE_UNDONE   ? "undone"
                                                         : "final",
                (unsigned long long)effect->note.height, effect->note.id.bytes[0]);
    }
    if (effect->note.what == QNK_NOTE_LOG && (int)effect->note.level <= level) {
        fprintf(stderr, "# %10.3f %u %s: %s\n", (double)qnk_world_now(net->world) / 1e6, node,
                effect->note.event, effect->note.text);
    }
}

static void bind(struct qnk_binding *binding, const char *name)
{
    memcpy(binding->name, name, strlen(name));
    memcpy(binding->version, "1.0", 3);
}

static void params_set(struct qnk_params *params)
{
    params->genesis_time_ms = START_MS;
    params->window = WINDOW;
    params->interval_min_ms = 10;
    params->interval_max_ms = 1000;
    params->block_txs = 1000;
    params->block_bytes = 1 << 20;
    params->settle_blocks = 1;
    params->settle_ms = 100;
    memset(params->chain_id.bytes, 0xC1, QN_HASH_SIZE);
    bind(&params->bindings[QNK_BINDING_CONSENSUS], "fake");
    bind(&params->bindings[QNK_BINDING_PRODUCER], "fake");
    bind(&params->bindings[QNK_BINDING_LEDGER], "fake");
    params->bindings[QNK_BINDING_CONSENSUS].steps[0] = QNK_STEP_PREPARE;
    params->bindings[QNK_BINDING_CONSENSUS].steps[1] = QNK_STEP_FINAL;
    params->bindings[QNK_BINDING_CONSENSUS].steps_count = 2;
}

/* Made once: a million hashes each. */
static struct qnk_secret secrets[NODES_MAX];

static void secrets_make(void)
{
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        uint8_t seed[32];

        memset(seed, (int)(i + 1), sizeof seed);
        qnk_secret_init(&secrets[i], seed);
    }
}

static void keys_make(struct net *net, uint32_t validators)
{
    struct qnk_set_member members[NODES_MAX] = {0};

    for (uint32_t i = 0; i < NODES_MAX; i++) {
        uint8_t secret[crypto_sign_SECRETKEYBYTES];

        memset(net->seeds[i], (int)(i + 1), 32);
        crypto_sign_seed_keypair(members[i].key.bytes, secret, net->seeds[i]);
        members[i].weight = 1;
        net->types[i] = i < validators ? QNK_NODE_SUPER : QNK_NODE_FULL;
        qnk_secret_tip(&secrets[i], &net->tips[i]);
    }
    assert_int_equal(qnk_set_new(&net->budget, members, validators, &net->set), QN_OK);
    qnk_set_encode(net->set, net->genesis);
}

static struct net *net_make(uint32_t validators, uint32_t nodes, uint64_t seed)
{
    struct net *net = calloc(1, sizeof *net);

    assert_non_null(net);
    net->budget.limit = (size_t)4 << 30;
    keys_make(net, validators);
    net->setup = (struct qnk_world_setup){
        .seed = seed,
        .nodes = nodes,
        .limits = {.mempool_txs = 10000,
                   .mempool_bytes = 1 << 24,
                   .mempool_senders = 1000,
                   .memory = MEMORY,
                   .peers = 64},
        .resend_ms = 60,
        .start_us = (uint64_t)START_MS * 1000,
        .delay_us = 5000,
        .genesis = {net->genesis, qnk_set_size(net->set)},
        .seeds = (const uint8_t(*)[32])net->seeds,
        .secrets = secrets,
        .types = net->types,
        .set = net->set,
        .tips = net->tips,
        .maker = {.ctx = net, .make = make, .give = give},
        .note = note,
        .note_ctx = net,
    };
    params_set(&net->setup.params);
    return net;
}

static void net_open(struct net *net)
{
    net->world = qnk_world_create(&net->budget, &net->setup);
    assert_non_null(net->world);
}

static void net_start(struct net *net, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        qnk_world_start(net->world, i);
    }
}

static void net_run_ms(struct net *net, uint64_t ms)
{
    qnk_world_run(net->world, qnk_world_now(net->world) + ms * 1000);
}

static void net_drop(struct net *net)
{
    qnk_world_destroy(net->world);
    qnk_set_unref(net->set);
    assert_int_equal(net->budget.used, 0);
    free(net);
}

static struct qnk_node_view look(struct net *net, uint32_t node)
{
    struct qnk_node_view view = {0};

    assert_non_null(qnk_world_node(net->world, node));
    qnk_node_look(qnk_world_node(net->world, node), &view);
    return view;
}

/* --- transactions --- */

/* A TXS body with one transfer of `sender` for each nonce from..to - 1, signed. */
static uint64_t txs_make(const struct net *net, uint32_t sender, uint64_t from, uint64_t to,
                         uint8_t *out)
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES], key[32], seed[32], message[QNK_TX_MESSAGE_MAX];
    uint8_t *at = out + 4;

    memset(seed, (int)(100 + sender), sizeof seed);
    crypto_sign_seed_keypair(key, secret, seed);
    for (uint64_t nonce = from; nonce < to; nonce++) {
        uint8_t payload[40] = {1};
        struct qnk_tx tx = {
            .payload = {payload, sizeof payload},
            .from = key,
            .nonce = nonce,
            .valid_until = 4000,
            .fee = 1000,
            .kind = QNK_TX_TRANSFER,
        };
        struct qnk_tx whole;

        qnk_tx_encode(&tx, at);
        assert_int_equal(qnk_tx_decode((struct qn_span){at, QNK_TX_TRANSFER_SIZE}, &whole), QN_OK);

        uint32_t size = qnk_tx_message(&whole, &net->setup.params.chain_id, message);

        crypto_sign_detached(at + QNK_TX_TRANSFER_SIZE - QN_SIG_SIZE, NULL, message, size, secret);
        at += QNK_TX_TRANSFER_SIZE;
    }
    qn_le32_write(out, (uint32_t)(to - from));
    return (uint64_t)(at - out);
}

static void submit(struct net *net, uint32_t node, uint32_t sender, uint64_t from, uint64_t to)
{
    static uint8_t body[4 + 64 * QNK_TX_TRANSFER_SIZE];

    assert_true(to - from <= 64);
    qnk_world_submit(net->world, node,
                     (struct qn_span){body, txs_make(net, sender, from, to, body)});
}

static uint64_t next_nonce(const struct net *net, uint32_t node, uint32_t sender)
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES], key[32], seed[32];

    memset(seed, (int)(100 + sender), sizeof seed);
    crypto_sign_seed_keypair(key, secret, seed);
    return qnk_fake_ledger_next(net->plugins[node].ledger, key[0]);
}

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

/* The power goes between any two writes of a node, and it comes back: it loses no turn for ever. */
static void cut_and_start(struct net *net, uint32_t node, uint32_t writes)
{
    qnk_world_cut(net->world, node, writes);
    for (uint32_t i = 0; i < 100 && !qnk_world_is_cut(net->world, node); i++) {
        net_run_ms(net, 20);
    }
    assert_true(qnk_world_is_cut(net->world, node));
    qnk_world_crash(net->world, node);
    net_run_ms(net, 10);
    qnk_world_start(net->world, node);
}

static void a_network_of_one_survives_a_power_cut_between_any_two_writes(void **state)
{
    (void)state;
    for (uint32_t writes = 0; writes < 24; writes++) {
        struct net *net = net_make(1, 1, 100 + writes);
        uint64_t window;

        net_open(net);
        net_start(net, 0, 1);
        submit(net, 0, 1, 0, 30);
        net_run_ms(net, 1500);
        cut_and_start(net, 0, writes);
        window = look(net, 0).final_window;
        submit(net, 0, 1, 30, 40);
        net_run_ms(net, 3000);
        assert_all_final(net, 0, 1, window + 3);
        assert_true(look(net, 0).is_signing);
        assert_int_equal(qnk_node_counters(qnk_world_node(net->world, 0))->sign_refused[1], 0);
        assert_int_equal(next_nonce(net, 0, 1), 40);
        net_drop(net);
    }
}

static void one_of_four_survives_a_power_cut_between_any_two_writes(void **state)
{
    (void)state;
    for (uint32_t writes = 0; writes < 24; writes++) {
        struct net *net = net_make(4, 4, 200 + writes);

        net_open(net);
        net_start(net, 0, 4);
        submit(net, 0, 1, 0, 30);
        net_run_ms(net, 1500);
        for (uint32_t node = 0; node < 4; node++) {
            cut_and_start(net, node, writes);
            net_run_ms(net, 1000);
        }
        net_run_ms(net, 2000);
        assert_all_final(net, 0, 4, 4);
        for (uint32_t node = 0; node < 4; node++) {
            const struct qnk_node_counters *counters =
                qnk_node_counters(qnk_world_node(net->world, node));

            assert_true(look(net, node).is_signing);
            assert_int_equal(counters->sign_refused[1], 0);
            assert_int_equal(counters->doubles_seen, 0);
        }
        net_drop(net);
    }
}

/* At each moment of a block's making: after its writes, before and after its signature. */
static void a_crash_at_any_moment_around_a_signature_costs_no_turn(void **state)
{
    struct net *net = net_make(1, 1, 300);

    (void)state;
    net_open(net);
    net_start(net, 0, 1);
    net_run_ms(net, 1000);
    for (uint32_t i = 0; i < 400; i++) {
        uint64_t head;

        qnk_world_run(net->world, qnk_world_now(net->world) + 150000 + i * 250);
        head = look(net, 0).head_height;
        qnk_world_crash(net->world, 0);
        qnk_world_start(net->world, 0);
        net_run_ms(net, 250);
        assert_true(look(net, 0).head_height > head);
    }
    assert_int_equal(qnk_node_counters(qnk_world_node(net->world, 0))->doubles_seen, 0);
    assert_agreement(net);
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
    net_run_ms(net, 12000);
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
    net_run_ms(net, 6000);
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
    fprintf(stderr, "# seed %llu: trace %02x%02x%02x%02x\n", (unsigned long long)seed,
            trace.bytes[0], trace.bytes[1], trace.bytes[2], trace.bytes[3]);
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

/* --- engines that ask for what no engine should --- */

static void assert_guarded(struct net *net, uint32_t wrongs)
{
    for (uint32_t i = 0; i < 4; i++) {
        const struct qnk_fake_engine_counts *counts =
            qnk_fake_engine_counts(net->plugins[i].consensus);

        assert_int_equal(counts->doubles, 0);
        assert_int_equal(counts->wrongs_signed, 0);
        assert_int_equal(qnk_node_counters(qnk_world_node(net->world, i))->doubles_seen, 0);
        if (wrongs != QNK_WRONG_BYTES && wrongs != QNK_WRONG_CERTIFY &&
            wrongs != QNK_WRONG_WINDOW) {
            assert_true(counts->refused + counts->signed_other > 0);
        }
    }
}

static void no_wrong_wish_of_an_engine_is_signed(void **state)
{
    (void)state;
    for (uint32_t wrong = 1; wrong <= QNK_WRONG_CERTIFY; wrong *= 2) {
        struct net *net = net_make(4, 4, 20 + wrong);

        for (uint32_t i = 0; i < 4; i++) {
            net->wrongs[i] = wrong; /* all of them at once */
        }
        net_open(net);
        net_start(net, 0, 4);
        net_run_ms(net, 6000);
        assert_guarded(net, wrong);
        assert_agreement(net);
        net_drop(net);
    }
}

static void wrong_engines_that_crash_are_guarded_by_the_log(void **state)
{
    struct net *net = net_make(4, 4, 21);

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        net->wrongs[i] = 2 * QNK_WRONG_CERTIFY - 1; /* everything wrong */
    }
    net_open(net);
    net_start(net, 0, 4);
    for (uint32_t i = 0; i < 20; i++) {
        net_run_ms(net, 211 + 37 * (i % 5));
        qnk_world_crash(net->world, i % 4);
        qnk_world_start(net->world, i % 4);
    }
    net_run_ms(net, 3000);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(qnk_node_counters(qnk_world_node(net->world, i))->doubles_seen, 0);
        assert_true(look(net, i).is_signing);
    }
    assert_agreement(net);
    net_drop(net);
}

static void one_wrong_engine_of_four_stops_nobody(void **state)
{
    struct net *net = net_make(4, 4, 22);

    (void)state;
    net->wrongs[2] = 2 * QNK_WRONG_CERTIFY - 1;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 6000);
    assert_all_final(net, 0, 4, 5);
    net_drop(net);
}

/* --- a ledger that computes something else --- */

static void a_node_with_another_ledger_stops_alone(void **state)
{
    struct net *net = net_make(4, 4, 23);

    (void)state;
    net_open(net);
    net_start(net, 0, 4);
    net_run_ms(net, 2000);
    qnk_fake_ledger_spoil(net->plugins[3].ledger);
    net_run_ms(net, 10000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(look(net, i).final_window >= 6);
    }
    assert_null(qnk_world_node(net->world, 3)); /* it knows that it is wrong */
    assert_int_equal(net->halts, 1);
    net_drop(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_nodes_make_blocks_and_windows_become_final),
        cmocka_unit_test(one_node_alone_is_a_network),
        cmocka_unit_test(a_transfer_gets_in_exactly_once),
        cmocka_unit_test(a_crashed_node_comes_back_from_its_storage),
        cmocka_unit_test(all_crash_at_once_and_go_on),
        cmocka_unit_test(a_network_of_one_survives_a_power_cut_between_any_two_writes),
        cmocka_unit_test(one_of_four_survives_a_power_cut_between_any_two_writes),
        cmocka_unit_test(a_crash_at_any_moment_around_a_signature_costs_no_turn),
        cmocka_unit_test(a_node_that_restarts_often_stays_honest),
        cmocka_unit_test(without_a_quorum_production_slows_and_pauses_until_one_returns),
        cmocka_unit_test(at_lag_two_a_windows_second_half_holds_no_transactions),
        cmocka_unit_test(a_node_that_joins_late_syncs_and_votes),
        cmocka_unit_test(full_nodes_follow_without_a_vote),
        cmocka_unit_test(a_light_node_follows_the_macroblocks),
        cmocka_unit_test(a_cut_node_catches_up_when_its_links_are_mended),
        cmocka_unit_test(links_that_break_all_the_time_only_cost_time),
        cmocka_unit_test(equal_seeds_give_equal_traces),
        cmocka_unit_test(no_wrong_wish_of_an_engine_is_signed),
        cmocka_unit_test(wrong_engines_that_crash_are_guarded_by_the_log),
        cmocka_unit_test(one_wrong_engine_of_four_stops_nobody),
        cmocka_unit_test(a_node_with_another_ledger_stops_alone),
    };

    if (sodium_init() < 0) {
        return 1;
    }
    secrets_make();
    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
