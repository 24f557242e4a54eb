/* SPDX-License-Identifier: MIT */
#pragma once

/* merkle.h: the one tree. Leaf SHA-256(0x00 || x), inner SHA-256(0x01 || l || r), an odd node is
 * promoted unchanged, the empty tree is H("qnet/empty", "").
 *
 * Functions take leaves that are hashed already (qnk_hash_leaf), since a transaction's id is its
 * leaf. The shape is that of RFC 6962: the left part of n leaves is the largest power of two below
 * n, so a tree that grows needs to keep one node per power of two.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   indexes start at 0; a path runs from the leaf's sibling up to the root's child
 *   owns     everything is the caller's
 *   threads  any: nothing is kept between calls
 *   cost     about one hash per leaf; allocates nothing
 *
 * Source: RFC 9162 section 2.1; for the shape RFC 6962 section 2.1.
 */

#include <stdbool.h>

#include "kernel/base/hash.h"

enum { QNK_MERKLE_PATH_MAX = 32 }; /* nodes in a path: trees have at most 2^32 leaves */

struct qnk_merkle_path {
    uint32_t count;
    struct qnk_hash nodes[QNK_MERKLE_PATH_MAX];
};

/* The root of `count` leaves, which are overwritten. */
void qnk_merkle_fold(struct qnk_hash *leaves, uint32_t count, struct qnk_hash *root);

/* The path of leaf `index` and the root; the leaves are overwritten. */
void qnk_merkle_prove(struct qnk_hash *leaves, uint32_t count, uint32_t index,
                      struct qnk_merkle_path *path, struct qnk_hash *root);

/* Whether `path` proves that `leaf` is number `index` of `count` under `root`. The path may come
 * from a stranger. */
bool qnk_merkle_check(const struct qnk_hash *leaf, uint32_t index, uint32_t count,
                      const struct qnk_merkle_path *path, const struct qnk_hash *root);

/* A tree that only grows, such as the history of macroblocks: the roots of its full parts. */
struct qnk_frontier {
    uint64_t count;
    struct qnk_hash peaks[64]; /* peaks[i] is set if bit i of count is */
};

void qnk_frontier_add(struct qnk_frontier *frontier, const struct qnk_hash *leaf);
void qnk_frontier_root(const struct qnk_frontier *frontier, struct qnk_hash *root);
