/* SPDX-License-Identifier: MIT */
#pragma once

/* net.h: a network under test: a world of nodes with the plugins of a cast (cast.h), funded
 * senders, and what cases ask of them. Whatever goes wrong in here fails the case.
 *
 * QNET_TEST_NOTES=0..4 in the environment shows what nodes say: 0 errors, 3 all, 4 blocks too.
 *
 * Unless a function's own comment says otherwise:
 *   units    nodes are numbered from 0, the validators first; senders from 0
 *   threads  one
 */

#include <sodium.h>
#include <stdbool.h>

#include "kernel/sim/stage.h"
#include "kernel/sim/world.h"

enum {
    NODES_MAX = 10,
    WINDOW = 10,
    START_MS = 1000000,
    MEMORY = 256 << 20,
    SENDERS = 40,
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
    struct qnk_world_plugins plugins[NODES_MAX]; /* while a node is on */
    struct qnk_player *players[NODES_MAX][5];    /* shipped.c's */
    uint32_t wrongs[NODES_MAX];                  /* what fake engines ask for besides: fake.h */
    struct qnk_hash senders[SENDERS];
    uint8_t sender_secrets[SENDERS][crypto_sign_SECRETKEYBYTES];
    uint8_t genesis[4096];
    uint32_t halts;
};

/* Once for the program; the plugins that ship are those of the build tree at $top_builddir. False:
 * one lacks. */
bool net_init(void);

/* Whether nets that are made from now on have the times of production or quick ones (shipped.c). */
void net_times(bool are_real);

/* Nets that are made from now on agree by bft, with quick times, until net_times() (shipped.c). */
void net_bft(void);

/* `nodes` of which the first `validators` vote and the rest follow. Change its setup, then open. */
struct net *net_make(uint32_t validators, uint32_t nodes, uint64_t seed);
void net_open(struct net *net);
void net_drop(struct net *net);

/* Switches on the nodes from..to - 1. */
void net_start(struct net *net, uint32_t from, uint32_t to);
void net_run_ms(struct net *net, uint64_t ms);

/* The node must be on. */
struct qnk_node_view look(struct net *net, uint32_t node);

/* A TXS body of transfers of 7 to the next sender, of each nonce from..to - 1; its size. */
uint64_t txs_make(const struct net *net, uint32_t sender, uint64_t from, uint64_t to, uint8_t *out);

/* Gives them to a node; at most 64. */
void submit(struct net *net, uint32_t node, uint32_t sender, uint64_t from, uint64_t to);

/* What the node's ledger, which may be ahead of what is final, has of a sender. */
uint64_t next_nonce(struct net *net, uint32_t node, uint32_t sender);
uint64_t balance_of(struct net *net, uint32_t node, uint32_t sender); /* shipped.c */

/* A signature with a member's key, whatever its guard would say. */
void sign_as(const struct net *net, uint32_t member, const uint8_t *message, uint64_t size,
             uint8_t signature[QN_SIG_SIZE]);

/* A frame to one of the first three nodes, as if from the next of them. */
void say_frame(struct net *net, uint32_t to, uint8_t lane, uint8_t type, const uint8_t *body,
               uint64_t size);

/* All that are on agree on every window that two of them call final, and none halted. */
void assert_agreement(struct net *net);

/* The nodes from..to - 1 are final at least up to `window`, and all agree. */
void assert_all_final(struct net *net, uint32_t from, uint32_t to, uint64_t window);

/* Every window that is final and durable at two of the first `nodes`, which are on, is the same at
 * both. */
void assert_one_chain(struct net *net, uint32_t nodes);
