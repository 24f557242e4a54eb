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

static void keys_make(struct net *net, uint32_t validators)
{
    struct qnk_set_member members[NODES_MAX] = {0};

    for (uint32_t i = 0; i < NODES_MAX; i++) {
        uint8_t secret[crypto_sign_SECRETKEYBYTES];
        struct qnk_secret chain;

        memset(net->seeds[i], (int)(i + 1), 32);
        crypto_sign_seed_keypair(members[i].key.bytes, secret, net->seeds[i]);
        members[i].weight = 1;
        net->types[i] = i < validators ? QNK_NODE_SUPER : QNK_NODE_FULL;
        qnk_secret_init(&chain, net->seeds[i]);
        qnk_secret_tip(&chain, &net->tips[i]);
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

        assert_true(view.head_height > 80);
        assert_true(view.final_window >= view.head_height / WINDOW - 1);
        assert_int_equal(view.sync_target, view.final_window);
    }
    assert_int_equal(net->halts, 0);
    net_drop(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_nodes_make_blocks_and_windows_become_final),
    };

    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
