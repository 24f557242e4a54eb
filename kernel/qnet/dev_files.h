/* SPDX-License-Identifier: MIT */
#pragma once

/* dev_files.h: the folder of a dev network: one network file, a folder for each node, and keys of
 * funded accounts.
 *
 *     network.yaml         the rules, made once: a later start goes on with that chain
 *     keys/N.key           the first accounts, 0 to 9, for people
 *     keys/seed            from which all accounts' keys come
 *     NAME/                v1.. validators, f1.. full, l1.. light nodes
 *         node.yaml        written at every start
 *         node.key validator.key
 *         data/ log.K      K counts starts
 *
 * Unless a function's own comment says otherwise:
 *   threads  one
 *   errors   false after words on stderr
 */

#include <stdbool.h>
#include <stdint.h>

#include "kernel/base/hash.h"
#include "kernel/qnet/dev_plugins.h"

enum {
    QNK_DEV_NODES_MAX = 64,
    QNK_DEV_ACCOUNTS = 1000,
    QNK_DEV_KEYS = 10, /* of them have a file */
    QNK_DEV_PATH = 400,
};

enum qnk_dev_type { QNK_DEV_SUPER, QNK_DEV_FULL, QNK_DEV_LIGHT };

struct qnk_dev_node {
    char name[25];
    enum qnk_dev_type type;
    char folder[QNK_DEV_PATH];
    char runtime[QNK_DEV_PATH];           /* of the sockets */
    struct qnk_hash key;                  /* of its links */
    const struct qnk_dev_plugin *plugins; /* its own; NULL: those of the network */
};

struct qnk_dev {
    char folder[QNK_DEV_PATH];
    char runtime[QNK_DEV_PATH]; /* XDG_RUNTIME_DIR of the nodes; "": this process's */
    struct qnk_dev_plugin plugins[QNK_DEV_KINDS];
    const char *guard;
    bool has_input_log;
    const char *rules; /* the network file without genesis; NULL: those of `qnet dev` */
    const char *more;  /* lines of every node file, at its end; NULL: none */
    uint32_t window;
    uint32_t count;
    struct qnk_dev_node nodes[QNK_DEV_NODES_MAX];
    uint8_t seed[32]; /* of the accounts */
    int lock;         /* descriptor; -1: none */
};

/* Takes the folder (`given`, or NULL for the usual one) for this process; with `is_fresh` what lies
 * there goes first. */
bool qnk_dev_open(struct qnk_dev *dev, const char *given, bool is_fresh);

/* Makes or reads what lies in the folder, and writes the node files. */
bool qnk_dev_prepare(struct qnk_dev *dev, uint32_t supers, uint32_t fulls, uint32_t lights);

/* The same for nodes that were added one by one. */
bool qnk_dev_add(struct qnk_dev *dev, enum qnk_dev_type type, const char *name);
bool qnk_dev_make(struct qnk_dev *dev);

/* The Ed25519 seed of account `index`. */
void qnk_dev_account(const struct qnk_dev *dev, uint32_t index, uint8_t seed[32]);
