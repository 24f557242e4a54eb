/* SPDX-License-Identifier: MIT */

#include "pages.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* The format: all integers little-endian, as on the machines that this runs on. */
enum {
    PAGE_HEAD = 16, /* number 8, pad 2, flags 2, lower 2, upper 2; or pages 4 instead of these */
    NODE_HEAD = 8,  /* low 2, high 2, flags 2, key size 2 */
    DB_SIZE = 48, /* pad 4, flags 2, depth 2, branches, leaves, overflows, entries, root: 8 each */
    META_DBS = PAGE_HEAD + 24, /* behind magic, version, address and size of the map */
    META_LAST = META_DBS + 2 * DB_SIZE,
    META_TXN = META_LAST + 8,
    METAS = 2,
    BRANCH = 1,
    LEAF = 2,
    OVERFLOW = 4,
    BIG = 1,     /* flags of a node: its value is on overflow pages */
    SUBTREE = 2, /* its value is the description of a tree */
    DEPTH_MAX = 32,
    PAGE_MIN = 512,
    PAGE_MAX = 65536,
    FORMAT = 1,
};

#define MAGIC   UINT32_C(0xBEEFC0DE)
#define NO_ROOT UINT64_MAX

struct key {
    const uint8_t *data;
    uint32_t size;
};

struct tree {
    uint32_t flags, depth;
    uint64_t branches, leaves, overflows, entries, root;
};

enum kind { NAMED, NAMES, FREE };

struct walk {
    const uint8_t *file;
    uint64_t size; /* of the file */
    uint32_t page_size;
    uint64_t count; /* pages that there are */
    uint8_t *used;  /* a bit for each */
    struct lmdb_pages_found *found;
    /* Of the tree that is walked. */
    enum kind kind;
    struct tree seen;  /* what was counted */
    struct key last;   /* the key before */
    bool is_separator; /* `last` is one: the next key may equal it */
    bool has_last;
};

static bool damaged(struct walk *it, uint64_t page, const char *why)
{
    *it->found = (struct lmdb_pages_found){page, why};
    return false;
}

static const uint8_t *page_at(const struct walk *it, uint64_t page)
{
    return it->file + page * it->page_size;
}

/* Marks pages as in use; each may be so once. */
static bool use(struct walk *it, uint64_t page, uint64_t count)
{
    if (page < METAS || page >= it->count || count > it->count - page) {
        return damaged(it, page, "is named and is not in the file");
    }
    for (uint64_t i = page; i < page + count; i++) {
        if ((it->used[i / 8] >> (i % 8) & 1) != 0) {
            return damaged(it, i, "is in use twice");
        }
        it->used[i / 8] |= (uint8_t)(1 << (i % 8));
    }
    return true;
}

/* --- nodes --- */

struct node {
    uint32_t low_high; /* size of the value, or the lower part of a page's number */
    uint32_t flags;
    struct key key;
    const uint8_t *value;
    uint32_t size; /* on the page, with its head and key */
};

static uint32_t nodes_of(const uint8_t *page)
{
    return (uint32_t)(qn_le16_read(page + 12) - PAGE_HEAD) / 2;
}

/* The bounds of a page's parts, so that all that is read of it lies in it. */
static bool page_bounds(struct walk *it, uint64_t number, bool is_leaf)
{
    const uint8_t *page = page_at(it, number);
    uint32_t lower = qn_le16_read(page + 12);
    uint32_t upper = qn_le16_read(page + 14);

    if (qn_le64_read(page) != number) {
        return damaged(it, number, "has another number");
    }
    if (qn_le16_read(page + 10) != (is_leaf ? LEAF : BRANCH)) {
        return damaged(it, number, "is of another type");
    }
    if (lower < PAGE_HEAD || lower % 2 != 0 || lower > upper || upper > it->page_size ||
        nodes_of(page) == 0) {
        return damaged(it, number, "has impossible bounds");
    }
    return true;
}

static bool node_read(struct walk *it, uint64_t number, uint32_t i, bool is_leaf, struct node *node)
{
    const uint8_t *page = page_at(it, number);
    uint32_t at = qn_le16_read(page + PAGE_HEAD + 2 * i);
    uint32_t upper = qn_le16_read(page + 14);
    uint64_t value = 0;

    if (at < upper || at % 2 != 0 || at + NODE_HEAD > it->page_size) {
        return damaged(it, number, "has a node outside of it");
    }
    *node = (struct node){
        .low_high = qn_le16_read(page + at) | (uint32_t)qn_le16_read(page + at + 2) << 16,
        .flags = qn_le16_read(page + at + 4),
        .key = {page + at + NODE_HEAD, qn_le16_read(page + at + 6)},
    };
    if (is_leaf) {
        value = (node->flags & BIG) != 0 ? sizeof(uint64_t) : node->low_high;
    }
    value += NODE_HEAD + node->key.size;
    if (value > it->page_size - at) {
        return damaged(it, number, "has a node that does not fit in");
    }
    node->value = node->key.data + node->key.size;
    node->size = (uint32_t)(value + (value & 1));
    return true;
}

/* All nodes of a page lie side by side up to its end. */
static bool nodes_fill(struct walk *it, uint64_t number, bool is_leaf)
{
    const uint8_t *page = page_at(it, number);
    uint64_t sum = 0;

    for (uint32_t i = 0; i < nodes_of(page); i++) {
        struct node node;

        if (!node_read(it, number, i, is_leaf, &node)) {
            return false;
        }
        sum += node.size;
    }
    return sum == it->page_size - qn_le16_read(page + 14) ||
           damaged(it, number, "has nodes that overlap");
}

/* --- keys --- */

static int compare(const struct key *a, const struct key *b)
{
    uint32_t size = a->size < b->size ? a->size : b->size;
    int order = size == 0 ? 0 : memcmp(a->data, b->data, size);

    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

/* Keys of free lists are integers, and few. */
static bool key_follows(struct walk *it, uint64_t page, const struct key *key, bool is_separator)
{
    int order;

    if (it->kind == FREE) {
        return key->size == sizeof(uint64_t) || damaged(it, page, "has a key of another size");
    }
    if (key->size == 0 || key->size > QN_STORAGE_KEY_MAX) {
        return damaged(it, page, "has a key of an impossible size");
    }
    order = it->has_last ? compare(&it->last, key) : -1;
    if (order > 0 || (order == 0 && !it->is_separator)) {
        return damaged(it, page, "has keys that are not in order");
    }
    it->last = *key;
    it->has_last = true;
    it->is_separator = is_separator;
    return true;
}

/* --- values --- */

static bool overflow_check(struct walk *it, uint64_t page, const struct node *node,
                           const uint8_t **value)
{
    uint64_t first = qn_le64_read(node->value);
    uint64_t count = (PAGE_HEAD + (uint64_t)node->low_high + it->page_size - 1) / it->page_size;

    if (!use(it, first, count)) {
        return damaged(it, page, "has a value outside of the file, or one that is in use twice");
    }
    if (qn_le64_read(page_at(it, first)) != first ||
        qn_le16_read(page_at(it, first) + 10) != OVERFLOW ||
        qn_le32_read(page_at(it, first) + 12) != count) {
        return damaged(it, first, "has another number, type or size");
    }
    it->seen.overflows += count;
    *value = page_at(it, first) + PAGE_HEAD;
    return true;
}

/* A list of free pages: how many, then their numbers. */
static bool free_check(struct walk *it, uint64_t page, const uint8_t *value, uint32_t size)
{
    uint64_t count = size < sizeof(uint64_t) ? UINT64_MAX : qn_le64_read(value);

    if (count > it->count || size != (count + 1) * sizeof(uint64_t)) {
        return damaged(it, page, "has a list of free pages of another size");
    }
    for (uint64_t i = 1; i <= count; i++) {
        if (!use(it, qn_le64_read(value + 8 * i), 1)) {
            return damaged(it, page, "calls pages free that are in use, or not in the file");
        }
    }
    return true;
}

static struct tree tree_read(const uint8_t *db)
{
    return (struct tree){
        .flags = qn_le16_read(db + 4),
        .depth = qn_le16_read(db + 6),
        .branches = qn_le64_read(db + 8),
        .leaves = qn_le64_read(db + 16),
        .overflows = qn_le64_read(db + 24),
        .entries = qn_le64_read(db + 32),
        .root = qn_le64_read(db + 40),
    };
}

static bool leaf_value_check(struct walk *it, uint64_t page, const struct node *node)
{
    const uint8_t *value = node->value;

    switch (it->kind) {
    case NAMES:
        return (node->flags == SUBTREE && node->low_high == DB_SIZE) ||
               damaged(it, page, "has something else than maps");
    case NAMED:
    case FREE:
        if ((node->flags & ~(uint32_t)BIG) != 0) {
            return damaged(it, page, "has a node of another type");
        }
        if (node->flags == BIG && !overflow_check(it, page, node, &value)) {
            return false;
        }
        break;
    }
    return it->kind != FREE || free_check(it, page, value, node->low_high);
}

/* --- trees --- */

static bool leaf_check(struct walk *it, uint64_t page)
{
    it->seen.leaves++;
    for (uint32_t i = 0; i < nodes_of(page_at(it, page)); i++) {
        struct node node;

        if (!node_read(it, page, i, true, &node) || !key_follows(it, page, &node.key, false) ||
            !leaf_value_check(it, page, &node)) {
            return false;
        }
        it->seen.entries++;
    }
    return true;
}

static bool page_enter(struct walk *it, uint64_t from, uint64_t page, bool is_leaf)
{
    if (!use(it, page, 1)) {
        return damaged(it, from, "leads to a page that is in use twice, or not in the file");
    }
    return page_bounds(it, page, is_leaf) && nodes_fill(it, page, is_leaf);
}

/* From the root down, from left to right; the leaves lie all equally deep. */
static bool tree_walk(struct walk *it, const struct tree *tree, uint64_t from)
{
    uint64_t pages[DEPTH_MAX];
    uint32_t next[DEPTH_MAX] = {0};
    uint32_t level = 0;

    if (tree->root == NO_ROOT) {
        return true;
    }
    if (tree->depth == 0 || tree->depth > DEPTH_MAX) {
        return damaged(it, from, "has a tree of an impossible depth");
    }
    pages[0] = tree->root;
    if (!page_enter(it, from, tree->root, tree->depth == 1)) {
        return false;
    }
    for (;;) {
        struct node node;
        uint64_t child;

        if (level + 1 == tree->depth) {
            if (!leaf_check(it, pages[level])) {
                return false;
            }
        } else if (next[level] < nodes_of(page_at(it, pages[level]))) {
            if (!node_read(it, pages[level], next[level], false, &node) ||
                (next[level] > 0 && !key_follows(it, pages[level], &node.key, true))) {
                return false;
            }
            child = node.low_high | (uint64_t)node.flags << 32;
            next[level]++;
            if (!page_enter(it, pages[level], child, level + 2 == tree->depth)) {
                return false;
            }
            level++;
            pages[level] = child;
            next[level] = 0;
            continue;
        } else {
            it->seen.branches++;
        }
        if (level == 0) {
            return true;
        }
        level--;
    }
}

static bool tree_check(struct walk *it, const struct tree *tree, enum kind kind, uint64_t from)
{
    it->kind = kind;
    it->seen = (struct tree){0};
    it->has_last = false;
    it->is_separator = false;
    if (!tree_walk(it, tree, from)) {
        return false;
    }
    return (it->seen.branches == tree->branches && it->seen.leaves == tree->leaves &&
            it->seen.overflows == tree->overflows && it->seen.entries == tree->entries) ||
           damaged(it, from, "counts other pages or entries than there are");
}

/* The trees whose descriptions are the values of this one, which was checked. */
static bool names_check(struct walk *it, const struct tree *names)
{
    uint64_t page = names->root;

    if (page == NO_ROOT) {
        return true;
    }
    if (names->depth != 1) {
        return damaged(it, page, "holds more maps than there can be");
    }
    for (uint32_t i = 0; i < nodes_of(page_at(it, page)); i++) {
        struct node node;
        struct tree tree;

        if (!node_read(it, page, i, true, &node)) {
            return false;
        }
        tree = tree_read(node.value);
        if (tree.flags != 0) {
            return damaged(it, page, "has a map of another type");
        }
        if (!tree_check(it, &tree, NAMED, page)) {
            return false;
        }
    }
    return true;
}

/* --- the file --- */

static const uint8_t *meta_find(const struct walk *it, uint64_t txn, uint32_t page_size)
{
    for (uint64_t i = 0; i < METAS; i++) {
        const uint8_t *meta = it->file + i * page_size;

        if (meta + META_TXN + 8 <= it->file + it->size && qn_le32_read(meta + PAGE_HEAD) == MAGIC &&
            qn_le32_read(meta + PAGE_HEAD + 4) == FORMAT && qn_le64_read(meta + META_TXN) == txn) {
            return meta;
        }
    }
    return NULL;
}

static bool file_check(struct walk *it, const uint8_t *meta)
{
    struct tree freed = tree_read(meta + META_DBS);
    struct tree names = tree_read(meta + META_DBS + DB_SIZE);
    uint64_t page = (uint64_t)(meta - it->file) / it->page_size;

    return tree_check(it, &names, NAMES, page) && names_check(it, &names) &&
           tree_check(it, &freed, FREE, page);
}

static int32_t mapped_check(const struct qn_host *host, struct qn_node *node, struct walk *it,
                            uint64_t txn)
{
    const uint8_t *meta;
    uint64_t bits;
    bool is_good;

    it->page_size = qn_le32_read(it->file + META_DBS);
    if (it->page_size < PAGE_MIN || it->page_size > PAGE_MAX ||
        (it->page_size & (it->page_size - 1)) != 0 ||
        (meta = meta_find(it, txn, it->page_size)) == NULL) {
        *it->found = (struct lmdb_pages_found){0, "is no head of a map file"};
        return QN_CORRUPT;
    }
    it->count = qn_le64_read(meta + META_LAST) + 1;
    if (it->count < METAS || it->count > it->size / it->page_size) {
        *it->found = (struct lmdb_pages_found){0, "names more pages than the file has"};
        return QN_CORRUPT;
    }
    bits = it->count / 8 + 1;
    it->used = host->take(node, bits);
    if (it->used == NULL) {
        return QN_NO_SPACE;
    }
    is_good = file_check(it, meta);
    host->give(node, it->used);
    return is_good ? QN_OK : QN_CORRUPT;
}

int32_t lmdb_pages_check(const struct qn_host *host, struct qn_node *node, int fd, uint64_t txn,
                         struct lmdb_pages_found *found)
{
    struct walk it = {.found = found};
    struct stat stat_of;
    void *file;
    int32_t status;

    if (fstat(fd, &stat_of) != 0) {
        return QN_IO;
    }
    it.size = (uint64_t)stat_of.st_size;
    if (txn == 0 || it.size < METAS * PAGE_MIN) {
        return QN_OK; /* nothing was ever written */
    }
    file = mmap(NULL, it.size, PROT_READ, MAP_SHARED, fd, 0);
    if (file == MAP_FAILED) {
        return QN_IO;
    }
    it.file = file;
    status = mapped_check(host, node, &it, txn);
    (void)munmap(file, it.size);
    return status;
}
