/* SPDX-License-Identifier: MIT */

#include "kernel/chain/merkle.h"

#include <qnet/assert.h>

#include "kernel/chain/tags.h"

static void empty_root(struct qnk_hash *root)
{
    qnk_hash_tagged(QNK_TAG_EMPTY, NULL, 0, root);
}

/* One level up, in place; an odd node at the end is promoted. Gives the nodes that are left. */
static uint32_t level_fold(struct qnk_hash *nodes, uint32_t count)
{
    uint32_t pairs = count / 2;

    for (uint32_t i = 0; i < pairs; i++) {
        qnk_hash_node(&nodes[2 * i], &nodes[2 * i + 1], &nodes[i]);
    }
    if (count % 2 != 0) {
        nodes[pairs] = nodes[count - 1];
    }
    return pairs + count % 2;
}

void qnk_merkle_fold(struct qnk_hash *leaves, uint32_t count, struct qnk_hash *root)
{
    if (count == 0) {
        empty_root(root);
        return;
    }
    while (count > 1) {
        count = level_fold(leaves, count);
    }
    *root = leaves[0];
}

void qnk_merkle_prove(struct qnk_hash *leaves, uint32_t count, uint32_t index,
                      struct qnk_merkle_path *path, struct qnk_hash *root)
{
    QN_ASSERT(index < count);
    path->count = 0;
    for (; count > 1; index /= 2) {
        uint32_t sibling = index ^ 1u;

        if (sibling < count) {
            QN_ASSERT(path->count < QNK_MERKLE_PATH_MAX);
            path->nodes[path->count++] = leaves[sibling];
        }
        count = level_fold(leaves, count);
    }
    *root = leaves[0];
}

/* Source: RFC 9162, section 2.1.3.2. */
bool qnk_merkle_check(const struct qnk_hash *leaf, uint32_t index, uint32_t count,
                      const struct qnk_merkle_path *path, const struct qnk_hash *root)
{
    struct qnk_hash at = *leaf;
    uint32_t last = count - 1;

    if (index >= count || path->count > QNK_MERKLE_PATH_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < path->count; i++) {
        if (last == 0) {
            return false;
        }
        if (index % 2 != 0 || index == last) {
            qnk_hash_node(&path->nodes[i], &at, &at);
            while (index % 2 == 0 && index != 0) { /* levels at which it was promoted */
                index /= 2;
                last /= 2;
            }
        } else {
            qnk_hash_node(&at, &path->nodes[i], &at);
        }
        index /= 2;
        last /= 2;
    }
    return last == 0 && qnk_hash_equal(&at, root);
}

void qnk_frontier_add(struct qnk_frontier *frontier, const struct qnk_hash *leaf)
{
    struct qnk_hash carry = *leaf;
    uint32_t level = 0;

    QN_ASSERT(frontier->count < UINT64_MAX);
    for (; (frontier->count >> level & 1) != 0; level++) {
        qnk_hash_node(&frontier->peaks[level], &carry, &carry);
    }
    frontier->peaks[level] = carry;
    frontier->count++;
}

void qnk_frontier_root(const struct qnk_frontier *frontier, struct qnk_hash *root)
{
    bool has_any = false;

    empty_root(root);
    for (uint32_t level = 0; level < 64; level++) {
        if ((frontier->count >> level & 1) == 0) {
            continue;
        }
        if (has_any) {
            qnk_hash_node(&frontier->peaks[level], root, root);
        } else {
            *root = frontier->peaks[level];
        }
        has_any = true;
    }
}
