/* SPDX-License-Identifier: MIT */

/* Whole networks with the plugins that ship: what the pages promise of four validators. */

#include "tests/test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <qnet/ledger.h>

#include "kernel/base/sink.h"
#include "kernel/chain/tx.h"
#include "kernel/sim/stage.h"
#include "kernel/sim/world.h"
#include "plugins/consensus/commit-reveal/commit-reveal.manifest.h"
#include "plugins/ledger/accounts/accounts.manifest.h"
#include "plugins/producer/round-robin/round-robin.manifest.h"

enum {
    NODES_MAX = 8,
    WINDOW = 10,
    START_MS = 1000000,
    MEMORY = 256 << 20,
    SENDERS = 8,
    FUNDS = 1000000000,
    FEE = 1000,
};

struct net {
    struct qnk_budget budget;
    struct qnk_world *world;
    struct qnk_world_setup setup;
    struct qnk_set *set;
    uint8_t seeds[NODES_MAX][32];
    struct qnk_hash tips[NODES_MAX];
    uint32_t types[NODES_MAX];
    struct qnk_player *players[NODES_MAX][5];
    struct qnk_hash senders[SENDERS];
    uint8_t sender_secrets[SENDERS][crypto_sign_SECRETKEYBYTES];
    uint8_t genesis[4096];
    uint32_t halts;
};

/* Mapped once for all nets. */
static const struct qn_plugin *producer, *consensus, *ledger, *signature, *storage;

/* Much as the simulator's column in finality.md 7.3. */
static uint8_t producer_config[128], consensus_config[128];
static uint64_t producer_config_size, consensus_config_size;

static void configs_make(void)
{
    uint8_t intervals[32];
    struct round_robin_config pace = {
        .turn = 3,
        .intervals = {intervals, sizeof intervals},
        .intervals_count = 4,
        .net_budget = 20 << 20,
    };
    struct commit_reveal_config times = {
        .commit = 600,
        .commit_min = 100,
        .reveal = 300,
        .seal = 300,
        .propose = 120,
        .propose_step = 50,
        .base = 100,
        .step = 50,
    };

    for (uint32_t i = 0; i < 4; i++) {
        qn_le64_write(intervals + i * 8, 80u >> i);
    }
    producer_config_size = round_robin_config_size(&pace);
    consensus_config_size = commit_reveal_config_size(&times);
    assert_true(producer_config_size <= sizeof producer_config);
    assert_true(consensus_config_size <= sizeof consensus_config);
    (void)round_robin_config_write(&pace, producer_config);
    (void)commit_reveal_config_write(&times, consensus_config);
}

/* --- the net --- */

static struct qnk_plugged play(struct net *net, struct qnk_player **player,
                               const struct qn_plugin *plugin, struct qn_span config)
{
    *player = qnk_player_make(&net->budget, plugin, config);
    assert_non_null(*player);
    return qnk_player_plugged(*player);
}

static bool make(void *ctx, uint32_t node, bool is_first, struct qnk_world_plugins *plugins)
{
    struct net *net = ctx;
    struct qnk_player **players = net->players[node];
    struct qn_span none = {NULL, 0};

    plugins->producer =
        play(net, &players[0], producer, (struct qn_span){producer_config, producer_config_size});
    plugins->ledger = play(net, &players[1], ledger, accounts_config_default());
    plugins->signature = play(net, &players[2], signature, none);
    plugins->consensus = (struct qnk_plugged){0};
    if (node < net->set->count) {
        plugins->consensus = play(net, &players[3], consensus,
                                  (struct qn_span){consensus_config, consensus_config_size});
    }
    if (is_first) {
        plugins->storage = play(net, &players[4], storage, none);
    }
    return true;
}

static void give(void *ctx, uint32_t node, bool is_last, struct qnk_world_plugins *plugins)
{
    struct net *net = ctx;

    (void)plugins;
    for (uint32_t i = 0; i < (is_last ? 5 : 4); i++) {
        qnk_player_give(net->players[node][i]);
        net->players[node][i] = NULL;
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

static void bindings_set(struct qnk_params *params)
{
    struct qnk_binding *engine = &params->bindings[QNK_BINDING_CONSENSUS];
    struct qnk_binding *pacer = &params->bindings[QNK_BINDING_PRODUCER];
    static const uint16_t steps[] = {QNK_STEP_COMMIT, QNK_STEP_PREPARE, QNK_STEP_FINAL,
                                     QNK_STEP_PROPOSE};

    bind(engine, "commit-reveal");
    bind(pacer, "round-robin");
    bind(&params->bindings[QNK_BINDING_LEDGER], "accounts");
    engine->steps_count = 4;
    memcpy(engine->steps, steps, sizeof steps);
    engine->config_size = (uint32_t)consensus_config_size;
    memcpy(engine->config, consensus_config, consensus_config_size);
    pacer->config_size = (uint32_t)producer_config_size;
    memcpy(pacer->config, producer_config, producer_config_size);
}

static void params_set(struct qnk_params *params)
{
    params->genesis_time_ms = START_MS;
    params->window = WINDOW;
    params->interval_min_ms = 10;
    params->interval_max_ms = 1000;
    params->block_txs = 5000;
    params->block_bytes = 1 << 20;
    params->settle_blocks = 1;
    params->settle_ms = 100;
    memset(params->chain_id.bytes, 0xC1, QN_HASH_SIZE);
    bindings_set(params);
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
}

/* The ledger's first state: the members, and senders with funds. */
static uint64_t genesis_make(struct net *net)
{
    uint64_t size = qnk_set_size(net->set);
    uint8_t *at = net->genesis + size;

    qnk_set_encode(net->set, net->genesis);
    at = qn_writer_u32(at, SENDERS);
    for (uint32_t i = 0; i < SENDERS; i++) {
        uint8_t seed[32];

        memset(seed, (int)(100 + i), sizeof seed);
        crypto_sign_seed_keypair(net->senders[i].bytes, net->sender_secrets[i], seed);
        at = qn_writer_fixed(at, net->senders[i].bytes, QN_HASH_SIZE);
        at = qn_writer_u64(at, FUNDS);
    }
    at = qn_writer_u64(at, FEE);
    at = qn_writer_u64(at, 1); /* an account's least */
    return (uint64_t)(at - net->genesis);
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
        .genesis = {net->genesis, genesis_make(net)},
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

/* A TXS body with one transfer to the next sender for each nonce from..to - 1, signed. */
static uint64_t txs_make(const struct net *net, uint32_t sender, uint64_t from, uint64_t to,
                         uint8_t *out)
{
    uint8_t message[QNK_TX_MESSAGE_MAX];
    uint8_t *at = out + 4;

    for (uint64_t nonce = from; nonce < to; nonce++) {
        struct qnk_transfer transfer = {.to = net->senders[(sender + 1) % SENDERS], .amount = 7};
        uint8_t payload[40];
        struct qnk_tx tx = {
            .payload = {payload, sizeof payload},
            .from = net->senders[sender].bytes,
            .nonce = nonce,
            .valid_until = 4000,
            .fee = FEE,
            .kind = QNK_TX_TRANSFER,
        };
        struct qnk_tx whole;

        qnk_transfer_encode(&transfer, payload);
        qnk_tx_encode(&tx, at);
        assert_int_equal(qnk_tx_decode((struct qn_span){at, QNK_TX_TRANSFER_SIZE}, &whole), QN_OK);

        uint32_t size = qnk_tx_message(&whole, &net->setup.params.chain_id, message);

        crypto_sign_detached(at + QNK_TX_TRANSFER_SIZE - QN_SIG_SIZE, NULL, message, size,
                             net->sender_secrets[sender]);
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

/* A sender's slot at a node: balance and nonce. */
static uint64_t slot_of(struct net *net, uint32_t node, uint32_t sender, uint64_t *nonce)
{
    struct qnk_plugged at = qnk_player_plugged(net->players[node][1]);
    const struct qn_ledger_1 *slots = at.table;
    struct qn_span key = {net->senders[sender].bytes, QN_HASH_SIZE};
    struct qn_sink answer;
    uint64_t balance;

    qnk_sink_init(&answer, &net->budget, 4096);
    assert_int_equal(slots->query(at.inst, 0, 1, key, &answer), QN_OK);
    balance = qn_le64_read(answer.data + 32);
    *nonce = qn_le64_read(answer.data + 40);
    qnk_sink_done(&answer);
    return balance;
}

static uint64_t next_nonce(struct net *net, uint32_t node, uint32_t sender)
{
    uint64_t nonce;

    (void)slot_of(net, node, sender, &nonce);
    return nonce;
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

static bool plugins_map(void)
{
    const char *root = getenv("top_builddir");

    root = root == NULL ? "." : root;
    producer = qnk_stage_map(root, "producer", "round-robin");
    consensus = qnk_stage_map(root, "consensus", "commit-reveal");
    ledger = qnk_stage_map(root, "ledger", "accounts");
    signature = qnk_stage_map(root, "signature", "sodium");
    storage = qnk_stage_map(root, "storage", "memory");
    return producer != NULL && consensus != NULL && ledger != NULL && signature != NULL &&
           storage != NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
        cmocka_unit_test(halves_of_a_partition_wait_for_each_other),
        cmocka_unit_test(links_that_break_all_the_time_only_cost_time),
        cmocka_unit_test(equal_seeds_give_equal_traces),
    };

    if (sodium_init() < 0 || !plugins_map()) {
        return 1;
    }
    configs_make();
    secrets_make();
    cmocka_set_test_filter(getenv("QNET_TEST_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
