/* SPDX-License-Identifier: MIT */

#include "kernel/node/tree.h"

#include <qnet/assert.h>

#include "kernel/base/index.h"
#include "kernel/node/seen.h"

struct qnk_tree {
    struct qnk_budget *budget;
    struct qnk_index *ids; /* block id -> place in `blocks` */
    struct qnk_seen *bad;
    struct qnk_block *blocks; /* all there may ever be */
    struct qnk_block *free;   /* linked by `sibling` */
    struct qnk_block *root;
    uint32_t capacity;
    uint32_t count;                       /* without the root */
    uint64_t shares[QNK_SET_MEMBERS_MAX]; /* qnk_tree_crowd: bytes by producer */
};

/* --- life --- */

struct qnk_tree *qnk_tree_create(struct qnk_budget *budget, uint32_t window, uint64_t seed)
{
    struct qnk_tree *tree = qnk_memory_take(budget, sizeof *tree);

    if (tree == NULL) {
        return NULL;
    }
    tree->budget = budget;
    tree->capacity = 1 + window * QNK_TREE_WINDOWS * QNK_TREE_BRANCHES;
    tree->ids = qnk_index_create(budget, tree->capacity, seed);
    tree->bad = qnk_seen_create(budget, QNK_TREE_BAD_MAX, seed + 1);
    tree->blocks = qnk_memory_take(budget, tree->capacity * sizeof *tree->blocks);
    if (tree->ids == NULL || tree->bad == NULL || tree->blocks == NULL) {
        qnk_tree_destroy(tree);
        return NULL;
    }
    for (uint32_t i = tree->capacity; i-- > 0;) {
        tree->blocks[i].sibling = tree->free;
        tree->free = &tree->blocks[i];
    }
    return tree;
}

static void pages_done(struct qnk_budget *budget, struct qnk_page_set *pages)
{
    qnk_memory_give(budget, pages->indexes, pages->count * sizeof *pages->indexes);
    qnk_buf_unref(pages->bytes);
    *pages = (struct qnk_page_set){0};
}

void qnk_window_end_destroy(struct qnk_budget *budget, struct qnk_window_end *end)
{
    if (end == NULL) {
        return;
    }
    qnk_set_unref(end->members);
    pages_done(budget, &end->pages);
    qnk_memory_give(budget, end, sizeof *end);
}

/* Gives back what a block holds, and its place. It has no links any more. */
static void block_give(struct qnk_tree *tree, struct qnk_block *block)
{
    qnk_buf_unref(block->body);
    qnk_buf_unref(block->ids);
    qnk_buf_unref(block->undo);
    qnk_control_unref(block->control);
    qnk_window_end_destroy(tree->budget, block->end);
    qnk_memory_give(tree->budget, block->known, sizeof *block->known);
    qnk_memory_give(tree->budget, block->parts, block->parts_size);
    (void)qnk_index_erase(tree->ids, &block->id);
    *block = (struct qnk_block){.sibling = tree->free};
    tree->free = block;
}

static struct qnk_block *block_take(struct qnk_tree *tree)
{
    struct qnk_block *block = tree->free;

    if (block != NULL) {
        tree->free = block->sibling;
        *block = (struct qnk_block){0};
    }
    return block;
}

/* --- walking, without recursion --- */

/* The block after `at` in the order parents first, within what stands on `top`. */
static struct qnk_block *next_of(struct qnk_block *at, const struct qnk_block *top, bool skip)
{
    if (!skip && at->child != NULL) {
        return at->child;
    }
    while (at != top && at->sibling == NULL) {
        at = at->parent;
    }
    return at == top ? NULL : at->sibling;
}

void qnk_tree_walk(const struct qnk_tree *tree, bool (*visit)(void *ctx, struct qnk_block *block),
                   void *ctx)
{
    if (tree->root == NULL) {
        return;
    }
    for (struct qnk_block *at = next_of(tree->root, tree->root, false); at != NULL;
         at = next_of(at, tree->root, false)) {
        if (!visit(ctx, at)) {
            return;
        }
    }
}

/* Frees `top` and all that stands on it. Leaves are freed first, so links stay good. */
static void subtree_give(struct qnk_tree *tree, struct qnk_block *top)
{
    struct qnk_block *at = top;

    for (;;) {
        while (at->child != NULL) {
            at = at->child;
        }

        struct qnk_block *parent = at->parent;
        bool was_top = at == top;
        struct qnk_block *sibling = at->sibling;

        block_give(tree, at);
        tree->count--;
        if (was_top) {
            return;
        }
        parent->child = sibling;
        at = parent;
    }
}

void qnk_tree_destroy(struct qnk_tree *tree)
{
    if (tree == NULL) {
        return;
    }
    if (tree->root != NULL) {
        tree->count++;
        subtree_give(tree, tree->root);
    }
    if (tree->ids != NULL) {
        qnk_index_destroy(tree->ids);
    }
    qnk_seen_destroy(tree->bad);
    qnk_memory_give(tree->budget, tree->blocks, tree->capacity * sizeof *tree->blocks);
    qnk_memory_give(tree->budget, tree, sizeof *tree);
}

/* --- adding and finding --- */

void qnk_tree_root_set(struct qnk_tree *tree, const struct qnk_micro *header,
                       const struct qnk_hash *id, struct qnk_control *control, uint64_t tx_total)
{
    QN_ASSERT(tree->count == 0);
    if (tree->root != NULL) {
        block_give(tree, tree->root);
    }
    tree->root = block_take(tree);
    tree->root->header = *header;
    tree->root->id = *id;
    tree->root->state = QNK_BLOCK_READY;
    tree->root->executed = tree->root->stored = tree->root->announced = true;
    tree->root->control = qnk_control_ref(control);
    tree->root->tx_total = tx_total;
    qnk_index_put(tree->ids, id, (uint32_t)(tree->root - tree->blocks));
}

struct qnk_block *qnk_tree_root(const struct qnk_tree *tree)
{
    return tree->root;
}

uint32_t qnk_tree_count(const struct qnk_tree *tree)
{
    return tree->count;
}

struct qnk_block *qnk_tree_find(const struct qnk_tree *tree, const struct qnk_hash *id)
{
    uint32_t place = qnk_index_find(tree->ids, id);

    return place == QNK_INDEX_NONE ? NULL : &tree->blocks[place];
}

bool qnk_tree_is_bad(const struct qnk_tree *tree, const struct qnk_hash *id)
{
    return qnk_seen_has(tree->bad, id);
}

/* How many blocks of this producer there are at this height, on whatever parent. */
static uint32_t twins_count(const struct qnk_tree *tree, const struct qnk_micro *header)
{
    uint32_t count = 0;

    for (const struct qnk_block *at = tree->root; at != NULL;
         at = next_of((struct qnk_block *)(uintptr_t)at, tree->root, false)) {
        count += at->header.height == header->height && at->header.producer == header->producer;
    }
    return count;
}

struct qnk_block *qnk_tree_twin(const struct qnk_block *block)
{
    if (block->parent == NULL) {
        return NULL;
    }
    for (struct qnk_block *at = block->parent->child; at != NULL; at = at->sibling) {
        if (at != block && at->header.producer == block->header.producer) {
            return at;
        }
    }
    return NULL;
}

/* --- making room --- */

/* Whether something stands on this block or goes on with it. */
static bool is_held(const struct qnk_block *block)
{
    return block->undo != NULL || block->known != NULL || block->working || block->storing ||
           block->is_foreign;
}

/* How many blocks go with `top`; 0: one of them is held. */
static uint32_t prunable_size(struct qnk_block *top)
{
    uint32_t size = 0;

    for (struct qnk_block *at = top; at != NULL; at = next_of(at, top, false)) {
        if (is_held(at)) {
            return 0;
        }
        size++;
    }
    return size;
}

static void prune(struct qnk_tree *tree, struct qnk_block *top)
{
    struct qnk_block **link = &top->parent->child;

    while (*link != top) {
        link = &(*link)->sibling;
    }
    *link = top->sibling;
    subtree_give(tree, top);
}

/* One of this producer's blocks at this height gives way: that on which least stands. If a liar
 * shows each node other blocks, all must be able to take the one that others built on. */
static bool twins_give_way(struct qnk_tree *tree, const struct qnk_micro *header)
{
    struct qnk_block *least = NULL;
    uint32_t least_size = UINT32_MAX;

    if (twins_count(tree, header) < QNK_TREE_TWINS_MAX) {
        return true;
    }
    for (struct qnk_block *at = tree->root; at != NULL; at = next_of(at, tree->root, false)) {
        if (at->header.height == header->height && at->header.producer == header->producer) {
            uint32_t size = prunable_size(at);

            if (size > 0 && size < least_size) {
                least = at;
                least_size = size;
            }
        }
    }
    if (least != NULL) {
        prune(tree, least);
    }
    return least != NULL;
}

/* In a full tree the lowest block gives way on which nothing stands. */
static void lowest_gives_way(struct qnk_tree *tree, const struct qnk_block *parent)
{
    struct qnk_block *lowest = NULL;

    for (struct qnk_block *at = next_of(tree->root, tree->root, false); at != NULL;
         at = next_of(at, tree->root, false)) {
        if (at != parent && at->child == NULL && !is_held(at) &&
            (lowest == NULL || at->header.height < lowest->header.height)) {
            lowest = at;
        }
    }
    if (lowest != NULL) {
        prune(tree, lowest);
    }
}

struct qnk_block *qnk_tree_add(struct qnk_tree *tree, struct qnk_block *parent,
                               const struct qnk_micro *header, const struct qnk_hash *id)
{
    QN_ASSERT(header->height == parent->header.height + 1);
    QN_ASSERT(qnk_tree_find(tree, id) == NULL);
    if (!twins_give_way(tree, header)) {
        return NULL;
    }
    if (tree->free == NULL) {
        lowest_gives_way(tree, parent);
    }

    struct qnk_block *block = block_take(tree);

    if (block == NULL) {
        return NULL;
    }
    block->header = *header;
    block->id = *id;
    block->parent = parent;
    block->sibling = parent->child;
    block->state = parent->state == QNK_BLOCK_BAD ? QNK_BLOCK_BAD : QNK_BLOCK_HEADER;
    parent->child = block;
    tree->count++;
    qnk_index_put(tree->ids, id, (uint32_t)(block - tree->blocks));

    struct qnk_block *twin = qnk_tree_twin(block);

    if (twin != NULL) {
        twin->twin = block->twin = true;
    }
    return block;
}

void qnk_tree_bad(struct qnk_tree *tree, struct qnk_block *block)
{
    QN_ASSERT(block != tree->root);
    for (struct qnk_block *at = block; at != NULL; at = next_of(at, block, false)) {
        at->state = QNK_BLOCK_BAD;
        (void)qnk_seen_add(tree->bad, &at->id);
    }
}

/* --- choosing --- */

static uint64_t score_of(const struct qnk_block *block)
{
    uint64_t score = 1;

    if (block->twin) {
        return 0;
    }
    if (block->header.view < QNK_SCORE_PRIMARY - 1) {
        score = QNK_SCORE_PRIMARY - block->header.view;
    }
    if (block->late) {
        score = score > QNK_SCORE_LATE ? score - QNK_SCORE_LATE : 1;
    }
    return score;
}

/* The children of their last common block from which two chains differ. Neither stands on the
 * other. */
static bool has_smaller_id(struct qnk_block *a, struct qnk_block *b)
{
    while (a->header.height > b->header.height) {
        a = a->parent;
    }
    while (b->header.height > a->header.height) {
        b = b->parent;
    }
    while (a->parent != b->parent) {
        a = a->parent;
        b = b->parent;
    }
    return memcmp(a->id.bytes, b->id.bytes, QN_HASH_SIZE) < 0;
}

static bool is_better(struct qnk_block *a, struct qnk_block *b)
{
    if (a->total != b->total) {
        return a->total > b->total;
    }
    /* Of two blocks on one chain the later one: it differs by blocks that score nothing. */
    if (qnk_tree_ancestor(a, b->header.height) == b) {
        return true;
    }
    if (qnk_tree_ancestor(b, a->header.height) == a) {
        return false;
    }
    return has_smaller_id(a, b);
}

static struct qnk_block *best_above(struct qnk_block *base)
{
    struct qnk_block *best = base;
    struct qnk_block *at = next_of(base, base, false);

    while (at != NULL) {
        bool is_ready = at->state == QNK_BLOCK_READY;

        if (is_ready) {
            at->total = at->parent->total + score_of(at);
            if (is_better(at, best)) {
                best = at;
            }
        }
        at = next_of(at, base, !is_ready);
    }
    return best;
}

struct qnk_block *qnk_tree_best(const struct qnk_tree *tree)
{
    return best_above(tree->root);
}

bool qnk_tree_is_ready(const struct qnk_tree *tree, const struct qnk_block *block)
{
    while (block != tree->root && block->state == QNK_BLOCK_READY) {
        block = block->parent;
    }
    return block == tree->root;
}

struct qnk_block *qnk_tree_best_above(const struct qnk_tree *tree, struct qnk_block *base)
{
    return qnk_tree_is_ready(tree, base) ? best_above(base) : NULL;
}

struct qnk_block *qnk_tree_ancestor(struct qnk_block *block, uint64_t height)
{
    while (block != NULL && block->header.height > height) {
        block = block->parent;
    }
    return block != NULL && block->header.height == height ? block : NULL;
}

struct qnk_block *qnk_tree_fork(struct qnk_block *a, struct qnk_block *b)
{
    while (a != b) {
        if (a->header.height >= b->header.height) {
            a = a->parent;
        } else {
            b = b->parent;
        }
    }
    return a;
}

struct qnk_block *qnk_tree_find_end(const struct qnk_tree *tree, const struct qnk_hash *digest)
{
    for (struct qnk_block *at = tree->root; at != NULL; at = next_of(at, tree->root, false)) {
        if (at->end != NULL && qnk_hash_equal(&at->end->digest, digest)) {
            return at;
        }
    }
    return NULL;
}

struct qnk_block *qnk_tree_find_known(const struct qnk_tree *tree, const struct qnk_hash *digest)
{
    for (struct qnk_block *at = tree->root; at != NULL; at = next_of(at, tree->root, false)) {
        if (at->known != NULL && qnk_hash_equal(&at->known->digest, digest)) {
            return at;
        }
    }
    return NULL;
}

struct qnk_block *qnk_tree_find_unknown(const struct qnk_tree *tree, uint64_t height)
{
    for (struct qnk_block *at = tree->root; at != NULL; at = next_of(at, tree->root, false)) {
        if (at->header.height == height && at->known == NULL && qnk_tree_is_ready(tree, at)) {
            return at;
        }
    }
    return NULL;
}

void qnk_tree_know(struct qnk_tree *tree, struct qnk_block *block, const struct qnk_window_end *end)
{
    if (block->known == NULL) {
        block->known = qnk_memory_take(tree->budget, sizeof *block->known);
    }
    if (block->known != NULL) {
        *block->known = (struct qnk_known_end){.macro = end->macro, .digest = end->digest};
    }
}

/* --- what bodies may hold --- */

static bool is_aside(const struct qnk_block *block, struct qnk_block *best)
{
    bool is_on_best = block->state == QNK_BLOCK_READY && best != NULL &&
                      qnk_tree_ancestor(best, block->header.height) == block;

    return block->body != NULL && block->header.body_size > 0 && !block->executed && !block->own &&
           !block->is_restored && !is_on_best;
}

/* Bytes of all bodies aside. `best` NULL: as if there were no best chain. */
static uint64_t aside_size(const struct qnk_tree *tree, const struct qnk_block *coming,
                           struct qnk_block *best)
{
    uint64_t size = 0;

    for (struct qnk_block *at = next_of(tree->root, tree->root, false); at != NULL;
         at = next_of(at, tree->root, false)) {
        size += at == coming || is_aside(at, best) ? at->header.body_size : 0;
    }
    return size;
}

static bool may_give_way(const struct qnk_block *block, const struct qnk_block *coming,
                         struct qnk_block *best)
{
    return block == coming || (is_aside(block, best) && !is_held(block));
}

static uint32_t count_subtree(struct qnk_block *top)
{
    uint32_t count = 0;

    for (struct qnk_block *at = top; at != NULL; at = next_of(at, top, false)) {
        count++;
    }
    return count;
}

static bool gives_way_before(const struct qnk_tree *tree, struct qnk_block *a, struct qnk_block *b)
{
    uint64_t a_share = tree->shares[a->header.producer];
    uint64_t b_share = tree->shares[b->header.producer];

    if (a_share != b_share) {
        return a_share > b_share;
    }

    uint32_t a_count = count_subtree(a);
    uint32_t b_count = count_subtree(b);

    return a_count != b_count ? a_count < b_count : a->arrival_us < b->arrival_us;
}

struct qnk_block *qnk_tree_crowd(struct qnk_tree *tree, struct qnk_block *coming)
{
    struct qnk_block *least = coming;
    struct qnk_block *best;

    if (aside_size(tree, coming, NULL) <= QNK_TREE_BODIES_MAX) {
        return NULL; /* nearly always, and the best chain need not be known for it */
    }
    best = qnk_tree_best(tree);
    if (aside_size(tree, coming, best) <= QNK_TREE_BODIES_MAX) {
        return NULL;
    }
    memset(tree->shares, 0, sizeof tree->shares);
    for (struct qnk_block *at = next_of(tree->root, tree->root, false); at != NULL;
         at = next_of(at, tree->root, false)) {
        if (may_give_way(at, coming, best)) {
            QN_ASSERT(at->header.producer < QNK_SET_MEMBERS_MAX);
            tree->shares[at->header.producer] += at->header.body_size;
        }
    }
    for (struct qnk_block *at = next_of(tree->root, tree->root, false); at != NULL;
         at = next_of(at, tree->root, false)) {
        if (may_give_way(at, coming, best) && gives_way_before(tree, at, least)) {
            least = at;
        }
    }
    return least;
}

/* --- finality --- */

void qnk_tree_finalize(struct qnk_tree *tree, struct qnk_block *block)
{
    QN_ASSERT(block != tree->root);

    /* Take the block's own part out, free all the rest, and put it in as the tree. */
    struct qnk_block *parent = block->parent;
    struct qnk_block **link = &parent->child;

    while (*link != block) {
        link = &(*link)->sibling;
    }
    *link = block->sibling;
    block->parent = block->sibling = NULL;
    subtree_give(tree, tree->root); /* counts the old root off, which stands for the new one */
    tree->root = block;
    block->total = 0;
    block->twin = false;
}
