/* SPDX-License-Identifier: MIT */

/* shipped.c: the plugins that ship play. */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include <qnet/ledger.h>

#include "kernel/base/sink.h"
#include "plugins/consensus/bft/bft.manifest.h"
#include "plugins/consensus/commit-reveal/commit-reveal.manifest.h"
#include "plugins/ledger/accounts/accounts.manifest.h"
#include "plugins/producer/round-robin/round-robin.manifest.h"
#include "tests/sim/cast.h"

/* Mapped once for all nets. */
static const struct qn_plugin *producer, *commit_reveal, *bft, *ledger, *signature, *storage;
static const struct qn_plugin *consensus; /* one of the two */

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
    consensus = commit_reveal;
    producer_config_size = round_robin_config_size(&pace);
    consensus_config_size = commit_reveal_config_size(times);
    assert_true(producer_config_size <= sizeof producer_config);
    assert_true(consensus_config_size <= sizeof consensus_config);
    (void)round_robin_config_write(&pace, producer_config);
    (void)commit_reveal_config_write(times, consensus_config);
}

void net_bft(void)
{
    struct bft_config quick = {.delta = 100, .round = 400, .round_step = 100, .round_max = 2000};

    consensus = bft;
    consensus_config_size = bft_config_size(&quick);
    assert_true(consensus_config_size <= sizeof consensus_config);
    (void)bft_config_write(&quick, consensus_config);
}

static struct qnk_plugged play(struct net *net, struct qnk_player **player,
                               const struct qn_plugin *plugin, struct qn_span config)
{
    *player = qnk_player_make(&net->budget, plugin, config);
    assert_non_null(*player);
    return qnk_player_plugged(*player);
}

bool cast_make(struct net *net, uint32_t node, bool is_first, struct qnk_world_plugins *plugins)
{
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

void cast_give(struct net *net, uint32_t node, bool is_last, struct qnk_world_plugins *plugins)
{
    (void)plugins;
    for (uint32_t i = 0; i < (is_last ? 5 : 4); i++) {
        qnk_player_give(net->players[node][i]);
        net->players[node][i] = NULL;
    }
}

struct qnk_player *cast_engine(struct net *net)
{
    struct qnk_player *player;

    (void)play(net, &player, consensus, (struct qn_span){consensus_config, consensus_config_size});
    return player;
}

static void bind(struct qnk_binding *binding, const char *name)
{
    memcpy(binding->name, name, strlen(name));
    memcpy(binding->version, "1.0", 3);
}

void cast_bind(struct qnk_params *params)
{
    struct qnk_binding *engine = &params->bindings[QNK_BINDING_CONSENSUS];
    struct qnk_binding *pacer = &params->bindings[QNK_BINDING_PRODUCER];
    static const uint16_t steps[2][4] = {
        {QNK_STEP_COMMIT, QNK_STEP_PREPARE, QNK_STEP_FINAL, QNK_STEP_PROPOSE},
        {QNK_STEP_PREPARE, QNK_STEP_FINAL, 3 /* time-out */, QNK_STEP_PROPOSE},
    };

    bind(engine, consensus == bft ? "bft" : "commit-reveal");
    bind(pacer, "round-robin");
    bind(&params->bindings[QNK_BINDING_LEDGER], "accounts");
    engine->steps_count = 4;
    memcpy(engine->steps, steps[consensus == bft], sizeof steps[0]);
    engine->config_size = (uint32_t)consensus_config_size;
    memcpy(engine->config, consensus_config, consensus_config_size);
    pacer->config_size = (uint32_t)producer_config_size;
    memcpy(pacer->config, producer_config, producer_config_size);
}

/* Funds of all senders, the fee and an account's least. */
uint64_t cast_genesis(const struct net *net, uint8_t *to)
{
    uint8_t *at = qn_writer_u32(to, SENDERS);

    for (uint32_t i = 0; i < SENDERS; i++) {
        at = qn_writer_fixed(at, net->senders[i].bytes, QN_HASH_SIZE);
        at = qn_writer_u64(at, FUNDS);
    }
    at = qn_writer_u64(at, FEE);
    at = qn_writer_u64(at, 1);
    return (uint64_t)(at - to);
}

/* A sender's slot at a node: balance and nonce. */
static uint64_t slot_of(struct net *net, uint32_t node, uint32_t sender, uint64_t *nonce)
{
    struct qnk_plugged at = net->plugins[node].ledger;
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
    commit_reveal = qnk_stage_map(root, "consensus", "commit-reveal");
    bft = qnk_stage_map(root, "consensus", "bft");
    ledger = qnk_stage_map(root, "ledger", "accounts");
    signature = qnk_stage_map(root, "signature", "sodium");
    storage = qnk_stage_map(root, "storage", "memory");
    return producer != NULL && commit_reveal != NULL && bft != NULL && ledger != NULL &&
           signature != NULL && storage != NULL;
}

bool cast_init(void)
{
    if (!plugins_map()) {
        return false;
    }
    net_times(false);
    return true;
}
