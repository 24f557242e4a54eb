/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/sink.h"
#include "kernel/chain/tx.h"
#include "tests/sim/cast.h"

/* --- the net --- */

static bool make(void *ctx, uint32_t node, bool is_first, struct qnk_world_plugins *plugins)
{
    struct net *net = ctx;
    bool is_made = cast_make(net, node, is_first, plugins);

    net->plugins[node] = *plugins;
    return is_made;
}

static void give(void *ctx, uint32_t node, bool is_last, struct qnk_world_plugins *plugins)
{
    cast_give(ctx, node, is_last, plugins);
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
    cast_bind(params);
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
    for (uint32_t i = 0; i < SENDERS; i++) {
        uint8_t seed[32];

        memset(seed, (int)(100 + i), sizeof seed);
        crypto_sign_seed_keypair(net->senders[i].bytes, net->sender_secrets[i], seed);
    }
    assert_int_equal(qnk_set_new(&net->budget, members, validators, &net->set), QN_OK);
}

/* The ledger's first state; its size. */
static uint64_t genesis_make(struct net *net)
{
    uint64_t size = qnk_set_size(net->set);

    qnk_set_encode(net->set, net->genesis);
    return size + cast_genesis(net, net->genesis + size);
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

uint64_t txs_make(const struct net *net, uint32_t sender, uint64_t from, uint64_t to, uint8_t *out)
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

bool net_init(void)
{
    if (sodium_init() < 0 || !cast_init()) {
        return false;
    }
    secrets_make();
    return true;
}

/* --- what always holds --- */

void sign_as(const struct net *net, uint32_t member, const uint8_t *message, uint64_t size,
             uint8_t signature[QN_SIG_SIZE])
{
    uint8_t public[32], secret[crypto_sign_SECRETKEYBYTES];

    crypto_sign_seed_keypair(public, secret, net->seeds[member]);
    crypto_sign_detached(signature, NULL, message, size, secret);
}

void say_frame(struct net *net, uint32_t to, uint8_t lane, uint8_t type, const uint8_t *body,
               uint64_t size)
{
    qnk_world_say(net->world, (to + 1) % 3, to, lane, type, (struct qn_span){body, size});
}

void assert_agreement(struct net *net)
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

void assert_all_final(struct net *net, uint32_t from, uint32_t to, uint64_t window)
{
    for (uint32_t i = from; i < to; i++) {
        assert_true(look(net, i).final_window >= window);
    }
    assert_agreement(net);
}

static void macro_read(struct net *net, uint32_t node, uint64_t window, uint8_t to[QNK_MACRO_SIZE])
{
    struct qn_sink out;

    qnk_sink_init(&out, &net->budget, 1 << 20);
    assert_int_equal(qnk_store_macro(qnk_world_store(net->world, node), 0, window, &out), QN_OK);
    memcpy(to, out.data, QNK_MACRO_SIZE);
    qnk_sink_done(&out);
}

/* The last final window that has reached the disk. */
static uint64_t stored_window(struct net *net, uint32_t node)
{
    struct qnk_store_final final;

    assert_int_equal(qnk_store_final(qnk_world_store(net->world, node), 0, &final), QN_OK);
    return final.window;
}

void assert_one_chain(struct net *net, uint32_t nodes)
{
    for (uint32_t node = 1; node < nodes; node++) {
        uint64_t last = stored_window(net, 0);
        uint64_t own = stored_window(net, node);

        last = own < last ? own : last;
        for (uint64_t window = 1; window <= last; window++) {
            uint8_t first[QNK_MACRO_SIZE], second[QNK_MACRO_SIZE];

            macro_read(net, 0, window, first);
            macro_read(net, node, window, second);
            assert_memory_equal(first, second, QNK_MACRO_SIZE);
        }
    }
}
