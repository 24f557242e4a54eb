/* SPDX-License-Identifier: MIT */
#pragma once

/* node_file.h: the node file, qnet.node/v1: what concerns this machine alone.
 *
 * Unless a member's own comment says otherwise:
 *   units    milliseconds, bytes
 *   shapes   paths are the operator's, made relative to the node file's folder
 *   owns     all of it lies in the config that it belongs to
 *
 * Source: operations.md 4, chain.md "Mempool" and "Peers".
 */

#include <stdbool.h>

#include <qnet/types.h>

#include "kernel/base/hash.h"
#include "kernel/base/log.h"
#include "kernel/config/part.h"

#define QNK_NODE_PEERS_MAX 512 /* that a file names; more: out of range */

enum qnk_node_kind { QNK_NODE_KIND_LIGHT, QNK_NODE_KIND_FULL, QNK_NODE_KIND_SUPER };
enum qnk_trust_policy { QNK_TRUST_ENFORCE, QNK_TRUST_WARN, QNK_TRUST_OFF };
enum qnk_guard_depth { QNK_GUARD_CLASS, QNK_GUARD_FULL, QNK_GUARD_OFF };

/* `log.format` in a file; auto is what qnk_log_format_for() says. */
enum qnk_log_choice {
    QNK_LOG_CHOICE_AUTO,
    QNK_LOG_CHOICE_TEXT,
    QNK_LOG_CHOICE_LOGFMT,
    QNK_LOG_CHOICE_JSON,
};

/* Whether a plan that is on the chain has this node's word. */
enum qnk_swap_accept { QNK_SWAP_ACCEPT_ASK, QNK_SWAP_ACCEPT_PREPARED, QNK_SWAP_ACCEPT_NEVER };

struct qnk_node_peer {
    struct qnk_hash key;
    const char *address;
};

struct qnk_node_log_part {
    const char *name;
    enum qnk_log_level level;
};

struct qnk_node_file {
    const char *network; /* path of the network file */
    const char *name;
    enum qnk_node_kind kind;
    const char *data;          /* folder; "": the usual one */
    const char *key_node;      /* file, or "credential:NAME" */
    const char *key_validator; /* the same; "": none */
    const struct qnk_node_peer *peers;
    uint32_t peers_count;
    const struct qnk_config_plugin *transport;
    const struct qnk_config_plugin *storage;
    const struct qnk_config_plugin *compression;
    const struct qnk_config_plugin *signature;
    const struct qnk_config_plugin *services;
    uint32_t services_count;
    enum qnk_log_level log_level;
    enum qnk_log_choice log_format;
    const struct qnk_node_log_part *log_parts; /* with a level of their own */
    uint32_t log_parts_count;
    enum qnk_trust_policy trust;
    const char *lock_file;  /* of plugins */
    const char *trust_file; /* whose signatures of them count; "": none are asked for */
    enum qnk_guard_depth guard;
    enum qnk_swap_accept swap_accept;
    uint32_t mempool_txs;
    uint64_t mempool_bytes;
    uint32_t mempool_senders;
    uint32_t peers_max;
    uint32_t peers_per_address;
    uint64_t peer_bytes_per_second;
    uint32_t peer_requests_per_second;
    uint64_t memory;  /* that the whole node may take */
    uint32_t workers; /* threads; 0: one for each processor */
    uint32_t resend_ms;
    bool index_txs;
    bool index_accounts;
    bool input_log;
    uint64_t input_log_size;
};

extern const struct qnk_config_schema qnk_node_schema;

/* Reads a part in which nothing is at fault, and finds what contradicts itself: a super node
 * without a validator key, a peer that comes twice; and warns of what has no effect. With
 * `asks_files` also key files that are missing or that others can read. `tree` is the file's, for
 * places. `node` may be used only if nothing was found. */
void qnk_node_check(struct qnk_checker *checker, const struct qnk_config_part *part,
                    const struct qnk_tree *tree, bool asks_files, struct qnk_node_file *node);
