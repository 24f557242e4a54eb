/* SPDX-License-Identifier: MIT */
#pragma once

/* setup.h: what a node is told once, when it is created: the network's parameters, which are the
 * same everywhere and part of the chain id, and this node's own.
 *
 * Unless a member's own comment says otherwise:
 *   units    milliseconds, bytes, nano
 *   owns     everything is copied by qnk_node_create but the plugins, which must outlive the node
 *   threads  whoever creates the node
 */

#include <stdbool.h>

#include "kernel/chain/control.h"
#include "kernel/chain/set.h"
#include "kernel/plugin/plugged.h"

enum qnk_node_type { QNK_NODE_LIGHT = 1, QNK_NODE_FULL = 2, QNK_NODE_SUPER = 3 };

/* Source: finality.md 7.3, chain.md "Limits". */
struct qnk_params {
    struct qnk_hash chain_id; /* also the id of genesis and the digest of window 0 */
    uint64_t genesis_time_ms;
    uint32_t window; /* n: microblocks of a window, at least 8 */
    uint32_t interval_min_ms;
    uint32_t interval_max_ms;
    uint32_t block_txs;     /* transactions of a microblock */
    uint32_t block_bytes;   /* of its body, plain */
    uint32_t settle_blocks; /* descendants after which a window's last block counts as settled */
    uint32_t settle_ms;     /* time after which it does */
    struct qnk_swap_rules swap;
    struct qnk_binding bindings[QNK_CONTROL_BINDINGS]; /* of genesis */
};

struct qnk_limits {
    uint32_t mempool_txs;
    uint64_t mempool_bytes;
    uint32_t mempool_senders;
    uint64_t memory; /* all that the core may take */
    uint32_t peers;  /* more are refused by the host */
};

struct qnk_setup {
    struct qnk_params params;
    struct qnk_limits limits;
    uint32_t type; /* enum qnk_node_type */
    uint32_t resend_ms;
    uint64_t seed;      /* of hash tables and of choices among peers: any number */
    bool has_validator; /* whether `validator` is a key that this node may sign with */
    struct qnk_hash validator;
    const struct qnk_set *genesis_set; /* ref'd */
    const struct qnk_hash *tips;       /* beacon tip of each member of the genesis set */
    struct qnk_plugged producer;
    struct qnk_plugged consensus; /* table NULL: this node does not vote */
};
