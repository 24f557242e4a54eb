/* SPDX-License-Identifier: MIT */
#pragma once

/* tree.h: an ordered map whose older versions stay readable.
 *
 * A change never touches a node: it makes new ones along one path, and shares the rest. So a copy
 * of the root is a frozen view, and a batch that fails is undone by dropping its root. Nodes and
 * items are counted; the tree is balanced by height (AVL).
 *
 * Unless a function's own comment says otherwise:
 *   shapes   keys 1..255 bytes, ordered by memcmp, a prefix first
 *   owns     a tree owns its root: copy it with memory_tree_share(), end it with _drop()
 *   threads  changes, shares and drops of one pool never overlap anything; reads may overlap reads
 *   cost     logarithmic; a change takes memory from the host, a read does not
 *   errors   the tree is as it was
 *
 * Source: Adelson-Velsky and Landis 1962; path copying, Driscoll et al. 1989.
 */

#include <stdbool.h>

#include <qnet/storage.h>

/* No tree of 2^32 nodes is higher than 1.44 * 32; more nodes do not fit the instance's memory. */
enum { MEMORY_TREE_HEIGHT_MAX = 48 };

struct tree_item {
    uint32_t refs;
    uint32_t key_size;
    uint64_t value_size;
    uint8_t bytes[]; /* key, value */
};

struct tree_node {
    struct tree_node *child[2]; /* below, above */
    struct tree_item *item;
    uint32_t refs;
    uint32_t height;
};

struct tree {
    struct tree_node *root; /* NULL: empty */
    uint64_t keys;
    uint64_t bytes; /* of keys and values */
};

/* Where nodes come from. */
struct tree_pool {
    const struct qn_host *host;
    struct qn_node *node;
    struct tree_node *free; /* through child[0] */
    uint64_t free_count;
};

/* false: the host has no memory. */
bool memory_tree_put(struct tree_pool *pool, struct tree *tree, struct qn_span key,
                     struct qn_span value);
bool memory_tree_erase(struct tree_pool *pool, struct tree *tree, struct qn_span key);

/* NULL: there is none. The item lives as long as some tree that holds it. */
const struct tree_item *memory_tree_find(const struct tree *tree, struct qn_span key);

struct tree memory_tree_share(const struct tree *tree);
void memory_tree_drop(struct tree_pool *pool, struct tree *tree);

/* Goes through a tree that does not change meanwhile. */
struct tree_cursor {
    const struct tree_node *stack[MEMORY_TREE_HEIGHT_MAX];
    uint32_t depth;
    uint32_t forward; /* the child that comes after its node */
};

/* Upwards from the first key that is not below `bound`, or downwards from the last key below it.
 * An empty bound is the end where the way begins. */
void memory_tree_seek(const struct tree *tree, struct qn_span bound, bool is_down,
                      struct tree_cursor *cursor);

/* The item that the cursor is at, which goes on to the next one; NULL: at the end. */
const struct tree_item *memory_tree_next(struct tree_cursor *cursor);

int memory_key_compare(struct qn_span a, struct qn_span b);
struct qn_span memory_item_key(const struct tree_item *item);
struct qn_span memory_item_value(const struct tree_item *item);
