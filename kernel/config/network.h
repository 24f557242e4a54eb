/* SPDX-License-Identifier: MIT */
#pragma once

/* network.h: the network file, qnet.network/v1: the rules that are the same bytes on every node.
 *
 * Its canonical form is hashed into the chain id, so nodes with other rules cannot talk to each
 * other by mistake. How a file is written does not matter to it: order of keys, units, comments,
 * and keys that are left out and would have had the same value.
 *
 * Unless a member's own comment says otherwise:
 *   units    milliseconds, bytes, nano-QNC
 *   owns     all of it lies in the config that it belongs to
 *
 * Source: operations.md 4, finality.md 7.3, chain.md "Limits".
 */

#include <qnet/types.h>

#include "kernel/base/hash.h"
#include "kernel/config/part.h"

#define QNK_NETWORK_VALIDATORS_MAX 200  /* that vote directly; more: refused */
#define QNK_NETWORK_WINDOW_MAX     2048 /* blocks; a sign guard holds twice as many */
#define QNK_NETWORK_WEIGHT_MAX     (UINT64_C(1) << 53) /* of all together; more: refused */

struct qnk_network_validator {
    struct qnk_hash key;
    uint64_t weight; /* 1 or more */
    const char *name;
    struct qnk_hash tip; /* of its beacon's hash chain */
};

struct qnk_network_balance {
    struct qnk_hash account;
    uint64_t amount;
};

struct qnk_network {
    const char *name;
    uint32_t window; /* microblocks of a window, 8 to QNK_NETWORK_WINDOW_MAX */
    uint32_t interval_min_ms;
    uint32_t interval_max_ms;
    uint32_t block_bytes; /* of a microblock's body, plain */
    uint32_t block_txs;
    const struct qnk_config_plugin *producer;
    const struct qnk_config_plugin *consensus;
    const struct qnk_config_plugin *ledger;
    const char *signature_rule;
    uint32_t settle_blocks;
    uint32_t settle_ms;
    /* Of plans for live swaps: finality.md 7.3. */
    uint32_t swap_notice;    /* windows */
    uint32_t swap_probation; /* windows */
    uint32_t swap_ready;     /* percent of the weight, and a quorum always */
    uint32_t swap_dead_ms;
    uint32_t swap_dead_later_ms;
    bool swap_lockless;
    uint64_t fee_min;
    uint64_t account_min;
    uint64_t genesis_time_ms;
    const struct qnk_network_validator *validators; /* as in the file */
    uint32_t validators_count;
    const struct qnk_network_balance *balances; /* as in the file */
    uint32_t balances_count;
    /* The record encoding of all values in the order of the schema, defaults filled in, a plugin's
     * part as its name, version and config record: what chain_id is the hash of. */
    struct qn_span canonical;
    /* What the ledger's first state is made from: list of (key, weight), list of (account, amount),
     * fee_min, account_min, in record encoding. */
    struct qn_span ledger_genesis;
};

extern const struct qnk_config_schema qnk_network_schema;

/* Reads a part in which nothing is at fault, and finds what no single key can be blamed for:
 * members or accounts that come twice, sums that are too large, amounts that no account may hold.
 * `tree` is the file's, for places. `network` may be used only if nothing was found. */
void qnk_network_check(struct qnk_checker *checker, const struct qnk_config_part *part,
                       const struct qnk_tree *tree, struct qnk_network *network);
