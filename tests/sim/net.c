/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include "tests/sim/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <qnet/ledger.h>

#include "kernel/base/sink.h"
#include "kernel/chain/tx.h"
#include "plugins/consensus/commit-reveal/commit-reveal.manifest.h"
#include "plugins/ledger/accounts/accounts.manifest.h"
#include "plugins/producer/round-robin/round-robin.manifest.h"

/* Mapped once for all nets. */
static const struct qn_plugin *producer, *consensus, *ledger, *signature, *storage;

/* As the columns of finality.md 7.3 say. */
static uint8_t producer_config[128], consensus_config[128];
static uint64_t producer_config_size, consensus_config_size;

void net_times(bool are_real)
{
    uint8_t intervals[32];
    struct round_robin_config pace = {
        .turn = are_real ? 30 : 3,
        .intervals = {intervals, sizeof intervals},
        .intervals_count = 4,
        .net_budget = 20 << 20,
    };
    struct commit_reveal_config quick = {
        .commit = 600,
        .commit_min = 100,
        .reveal = 300,
        .seal = 300,
        .propose = 120,
        .propose_step = 50,
        .base = 100,
        .step = 50,
    };
    struct commit_reveal_config real = {
        .commit = 60000,
        .commit_min = 4000,
        .reveal = 30000,
        .seal = 30000,
        .propose = 6000,
        .propose_step = 2000,
        .base = 4000,
        .step = 1000,
    };
    struct commit_reveal_config *times = are_real ? &real : &quick;

    for (uint32_t i = 0; i < 4; i++) {
        qn_le64_write(intervals + i * 8, (are_real ? 2000u : 80u) >> i);
    }
    producer_config_size = round_robin_config_size(&pace);
    consensus_config_size = commit_reveal_config_size(times);
    assert_true(producer_config_size <= sizeof producer_config);
    assert_true(consensus_config_size <= sizeof consensus_config);
    (void)round_robin_config_write(&pace, producer_config);
    (void)commit_reveal_config_write(times, consensus_config);
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
    if (net->types[node] == QNK_NODE_SUPER) {
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

struct net *net_make(uint32_t validators, uint32_t nodes, uint64_t seed)
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

void net_open(struct net *net)
{
    net->world = qnk_world_create(&net->budget, &net->setup);
    assert_non_null(net->world);
}

void net_start(struct net *net, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        qnk_world_start(net->world, i);
    }
}

void net_run_ms(struct net *net, uint64_t ms)
{
    qnk_world_run(net->world, qnk_world_now(net->world) + ms * 1000);
}

void net_drop(struct net *net)
{
    qnk_world_destroy(net->world);
    qnk_set_unref(net->set);
    assert_int_equal(net->budget.used, 0);
    free(net);
}

struct qnk_node_view look(struct net *net, uint32_t node)
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

void submit(struct net *net, uint32_t node, uint32_t sender, uint64_t from, uint64_t to)
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

uint64_t next_nonce(struct net *net, uint32_t node, uint32_t sender)
{
    uint64_t nonce;

    (void)slot_of(net, node, sender, &nonce);
    return nonce;
}

uint64_t balance_of(struct net *net, uint32_t node, uint32_t sender)
{
    uint64_t nonce;

    return slot_of(net, node, sender, &nonce);
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

bool net_init(void)
{
    if (sodium_init() < 0 || !plugins_map()) {
        return false;
    }
    net_times(false);
    secrets_make();
    return true;
}
