/* SPDX-License-Identifier: MIT */

#include "tree.h"

#include <string.h>

#include <qnet/assert.h>

enum {
    SLAB_NODES = 256,                              /* taken from the host at once */
    CHANGE_NODES = MEMORY_TREE_HEIGHT_MAX * 3 + 2, /* that one change may make */
};

/* The way from the root to a place in the tree. */
struct path {
    struct tree_node *at[MEMORY_TREE_HEIGHT_MAX];
    uint8_t side[MEMORY_TREE_HEIGHT_MAX]; /* the child that the way takes */
    uint32_t depth;
};

/* --- items --- */

int memory_key_compare(struct qn_span a, struct qn_span b)
{
    uint64_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;

    if (order != 0) {
        return order;
    }
    return a.size < b.size ? -1 : a.size > b.size;
}

struct qn_span memory_item_key(const struct tree_item *item)
{
    return (struct qn_span){item->bytes, item->key_size};
}

struct qn_span memory_item_value(const struct tree_item *item)
{
    return (struct qn_span){item->bytes + item->key_size, item->value_size};
}

static struct tree_item *item_new(struct tree_pool *pool, struct qn_span key, struct qn_span value)
{
    struct tree_item *item = pool->host->take(pool->node, sizeof *item + key.size + value.size);

    if (item == NULL) {
        return NULL;
    }
    item->refs = 1;
    item->key_size = (uint32_t)key.size;
    item->value_size = value.size;
    memcpy(item->bytes, key.data, key.size);
    if (value.size > 0) {
        memcpy(item->bytes + key.size, value.data, value.size);
    }
    return item;
}

static struct tree_item *item_ref(struct tree_item *item)
{
    item->refs++;
    return item;
}

static void item_unref(struct tree_pool *pool, struct tree_item *item)
{
    QN_ASSERT(item->refs > 0);
    if (--item->refs == 0) {
        pool->host->give(pool->node, item);
    }
}

static uint64_t item_bytes(const struct tree_item *item)
{
    return item->key_size + item->value_size;
}

/* --- nodes --- */

static void node_free(struct tree_pool *pool, struct tree_node *node)
{
    node->child[0] = pool->free;
    pool->free = node;
    pool->free_count++;
}

/* Makes sure that a change cannot run out of nodes half-way. */
static bool pool_reserve(struct tree_pool *pool)
{
    _Static_assert(SLAB_NODES >= CHANGE_NODES, "one slab is enough for any change");
    if (pool->free_count >= CHANGE_NODES) {
        return true;
    }

    struct tree_node *slab = pool->host->take(pool->node, SLAB_NODES * sizeof *slab);

    if (slab == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < SLAB_NODES; i++) {
        node_free(pool, &slab[i]);
    }
    return true;
}

static uint32_t height_of(const struct tree_node *node)
{
    return node == NULL ? 0 : node->height;
}

static struct tree_node *node_ref(struct tree_node *node)
{
    if (node != NULL) {
        node->refs++;
    }
    return node;
}

/* Nodes wait on a stack: of every visited one at most one child, and both of the last. */
static void node_unref(struct tree_pool *pool, struct tree_node *node)
{
    struct tree_node *stack[MEMORY_TREE_HEIGHT_MAX + 1];
    uint32_t depth = 0;

    if (node != NULL) {
        stack[depth++] = node;
    }
    while (depth > 0) {
        struct tree_node *at = stack[--depth];

        QN_ASSERT(at->refs > 0);
        if (--at->refs > 0) {
            continue;
        }
        for (uint32_t side = 0; side < 2; side++) {
            if (at->child[side] != NULL) {
                QN_ASSERT(depth <= MEMORY_TREE_HEIGHT_MAX);
                stack[depth++] = at->child[side];
            }
        }
        item_unref(pool, at->item);
        node_free(pool, at);
    }
}

/* A node over `near` on `side` and `far` on the other; it takes over all three references. */
static struct tree_node *node_make(struct tree_pool *pool, uint32_t side, struct tree_node *near,
                                   struct tree_item *item, struct tree_node *far)
{
    struct tree_node *node = pool->free;
    uint32_t low = height_of(near), high = height_of(far);

    QN_ASSERT(node != NULL);
    pool->free = node->child[0];
    pool->free_count--;
    node->child[side] = near;
    node->child[!side] = far;
    node->item = item;
    node->refs = 1;
    node->height = 1 + (low > high ? low : high);
    QN_ASSERT(node->height <= MEMORY_TREE_HEIGHT_MAX);
    return node;
}

/* As node_make(), when `near` is by two higher than `far`. */
static struct tree_node *node_rotate(struct tree_pool *pool, uint32_t side, struct tree_node *near,
                                     struct tree_item *item, struct tree_node *far)
{
    struct tree_node *outer = near->child[side], *inner = near->child[!side];
    struct tree_node *top;

    if (height_of(outer) >= height_of(inner)) {
        struct tree_node *low = node_make(pool, side, node_ref(inner), item, far);

        top = node_make(pool, side, node_ref(outer), item_ref(near->item), low);
    } else {
        struct tree_node *first = node_make(pool, side, node_ref(outer), item_ref(near->item),
                                            node_ref(inner->child[side]));
        struct tree_node *last = node_make(pool, side, node_ref(inner->child[!side]), item, far);

        top = node_make(pool, side, first, item_ref(inner->item), last);
    }
    node_unref(pool, near);
    return top;
}

/* As node_make(), and balanced: the heights differ by two at most. */
static struct tree_node *node_join(struct tree_pool *pool, uint32_t side, struct tree_node *near,
                                   struct tree_item *item, struct tree_node *far)
{
    uint32_t low = height_of(near), high = height_of(far);

    QN_ASSERT(low <= high + 2);
    QN_ASSERT(high <= low + 2);
    if (low == high + 2) {
        return node_rotate(pool, side, near, item, far);
    }
    if (high == low + 2) {
        return node_rotate(pool, !side, far, item, near);
    }
    return node_make(pool, side, near, item, far);
}

/* --- paths --- */

static void path_push(struct path *path, struct tree_node *node, uint32_t side)
{
    QN_ASSERT(path->depth < MEMORY_TREE_HEIGHT_MAX);
    path->at[path->depth] = node;
    path->side[path->depth] = (uint8_t)side;
    path->depth++;
}

/* The node of `key`, or NULL where it would be. The path ends above it. */
static struct tree_node *path_find(struct tree_node *root, struct qn_span key, struct path *path)
{
    struct tree_node *at = root;

    path->depth = 0;
    while (at != NULL) {
        int order = memory_key_compare(key, memory_item_key(at->item));

        if (order == 0) {
            return at;
        }
        path_push(path, at, order > 0);
        at = at->child[order > 0];
    }
    return NULL;
}

/* The tree with `child` at the end of the path, which it takes over. At depth `swapped` the new
 * node holds `item` instead of its own. */
static struct tree_node *path_rebuild(struct tree_pool *pool, const struct path *path,
                                      struct tree_node *child, uint32_t swapped,
                                      struct tree_item *item)
{
    for (uint32_t i = path->depth; i-- > 0;) {
        struct tree_node *old = path->at[i];
        struct tree_node *far = node_ref(old->child[!path->side[i]]);

        child =
            node_join(pool, path->side[i], child, item_ref(i == swapped ? item : old->item), far);
    }
    return child;
}

static void root_set(struct tree_pool *pool, struct tree *tree, struct tree_node *root)
{
    struct tree_node *old = tree->root;

    tree->root = root;
    node_unref(pool, old);
}

/* --- the map --- */

bool memory_tree_put(struct tree_pool *pool, struct tree *tree, struct qn_span key,
                     struct qn_span value)
{
    struct path path;
    struct tree_node *old = path_find(tree->root, key, &path);
    struct tree_item *item = pool_reserve(pool) ? item_new(pool, key, value) : NULL;
    struct tree_node *node;

    if (item == NULL) {
        return false;
    }
    if (old != NULL) {
        tree->bytes -= item_bytes(old->item);
        node = node_make(pool, 0, node_ref(old->child[0]), item, node_ref(old->child[1]));
    } else {
        tree->keys++;
        node = node_make(pool, 0, NULL, item, NULL);
    }
    tree->bytes += item_bytes(item);
    root_set(pool, tree, path_rebuild(pool, &path, node, path.depth, NULL));
    return true;
}

bool memory_tree_erase(struct tree_pool *pool, struct tree *tree, struct qn_span key)
{
    struct path path;
    struct tree_node *old = path_find(tree->root, key, &path);
    struct tree_node *last = old;
    uint32_t swapped = path.depth;

    if (old == NULL) {
        return true;
    }
    if (!pool_reserve(pool)) {
        return false;
    }
    if (old->child[0] != NULL && old->child[1] != NULL) {
        /* The next key moves here, and its own node, which has nothing below, goes. */
        path_push(&path, old, 1);
        last = old->child[1];
        while (last->child[0] != NULL) {
            path_push(&path, last, 0);
            last = last->child[0];
        }
    }
    tree->keys--;
    tree->bytes -= item_bytes(old->item);
    root_set(pool, tree,
             path_rebuild(pool, &path, node_ref(last->child[last->child[0] == NULL]), swapped,
                          last->item));
    return true;
}

const struct tree_item *memory_tree_find(const struct tree *tree, struct qn_span key)
{
    struct path path;
    const struct tree_node *node = path_find(tree->root, key, &path);

    return node == NULL ? NULL : node->item;
}

struct tree memory_tree_share(const struct tree *tree)
{
    node_ref(tree->root);
    return *tree;
}

void memory_tree_drop(struct tree_pool *pool, struct tree *tree)
{
    node_unref(pool, tree->root);
    *tree = (struct tree){0};
}

/* --- going through --- */

static void cursor_push(struct tree_cursor *cursor, const struct tree_node *node)
{
    QN_ASSERT(cursor->depth < MEMORY_TREE_HEIGHT_MAX);
    cursor->stack[cursor->depth++] = node;
}

void memory_tree_seek(const struct tree *tree, struct qn_span bound, bool is_down,
                      struct tree_cursor *cursor)
{
    const struct tree_node *at = tree->root;

    cursor->depth = 0;
    cursor->forward = !is_down;
    while (at != NULL) {
        bool is_above =
            bound.size == 0 ? !is_down : memory_key_compare(memory_item_key(at->item), bound) >= 0;

        if (is_above != is_down) {
            cursor_push(cursor, at);
        }
        at = at->child[!is_above];
    }
}

const struct tree_item *memory_tree_next(struct tree_cursor *cursor)
{
    if (cursor->depth == 0) {
        return NULL;
    }

    const struct tree_node *node = cursor->stack[--cursor->depth];
    const struct tree_node *at = node->child[cursor->forward];

    for (; at != NULL; at = at->child[!cursor->forward]) {
        cursor_push(cursor, at);
    }
    return node->item;
}
