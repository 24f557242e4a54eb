/* SPDX-License-Identifier: MIT */
#pragma once

/* tree.h: what the state root commits to, as of the last root.
 *
 * The leaf of an account is SHA-256(0x00, its slot, the key of the account that follows it when all
 * are sorted by key; the last is followed by the first). So one leaf proves that an account is
 * there, and one leaf proves of every key between two neighbours that it is not. The order is
 * worked out from the keys when a root is asked for; it stands in no page. The tree is that of
 * chain.md over the slots in their own order, an odd node promoted.
 *
 *   state root = H("qnet/state", pages u64, slots u64, hash of page 0, root of the tree)
 *
 * A block marks the slots that it changes; a root rehashes them, in ascending order, with the nodes
 * above. Slots are kept as they were at the last root, and the sum of their balances with them: so
 * proofs do not change while blocks are executed, and conservation is checked on the very bytes
 * that are committed to.
 *
 * Unless a function's own comment says otherwise:
 *   owns     memory is the host's, taken here and given back when the instance ends
 *   threads  readers together, or one that writes
 *   cost     a root: about 3 hashes per changed account, and one walk over the order if accounts
 *            were opened; else constant
 *
 * Source: chain.md "Ledger accounts"; the neighbour's key in the leaf: as in indexed Merkle trees.
 */

#include <stdbool.h>

#include <qnet/ledger.h>

/* What is taken at once; a harness, which clears all of it for each input, makes do with less. */
#ifndef ACCOUNTS_CHUNK_LEVELS
#define ACCOUNTS_CHUNK_LEVELS 15   /* of the tree: 5 MiB */
#define ACCOUNTS_CHUNK_PAGES  1024 /* 4 MiB */
#endif

enum {
    SLOT_SIZE = 64,
    SLOT_BALANCE = 32, /* offsets in a slot */
    SLOT_NONCE = 40,
    SLOT_FLAGS = 48,
    SLOT_RESERVED = 52,

    CHUNK_LEVELS = ACCOUNTS_CHUNK_LEVELS, /* over the leaves that are taken at once: 6 or more */
    CHUNK_LEAVES = 1 << CHUNK_LEVELS,
    TOP_LEVELS = 9, /* of the tree above */
    TREE_CHUNKS_MAX = 1 << TOP_LEVELS,
    SLOTS_MAX = CHUNK_LEAVES * TREE_CHUNKS_MAX, /* a transfer that would open one more is poor */
    FRESH_SIZE = 16, /* of a new account, while it is sorted into the order: twice this */
    PATH_MAX = 32,   /* nodes of a path */
};

struct state;

/* A part of the tree, with what is known of its slots. Node 1 is its root, the children of node i
 * are 2i and 2i + 1; a node over no slot at all is not there. */
struct leaf_chunk {
    uint8_t nodes[2 * CHUNK_LEAVES][QN_HASH_SIZE];
    uint8_t kept[CHUNK_LEAVES][SLOT_SIZE]; /* slots as of the last root; zero: there was none */
    uint32_t next[CHUNK_LEAVES];           /* slot that follows by key, as of the last root */
    uint64_t changed[CHUNK_LEAVES / 64];   /* slots since the last root */
    uint64_t touched[CHUNK_LEAVES / 64];   /* slots, by the block in hand */
    uint32_t touched_count;
    bool is_changed;
};

struct tree {
    const struct qn_host *host;
    struct qn_node *node;
    struct leaf_chunk *chunks[TREE_CHUNKS_MAX];
    uint32_t chunks_count;
    uint8_t top[2 * TREE_CHUNKS_MAX][QN_HASH_SIZE]; /* over the chunks' roots */
    uint32_t *order;                                /* slots by key, as of the last root */
    uint32_t order_room;
    uint32_t count;  /* slots at the last root */
    uint32_t stable; /* the first of them that are the same accounts ever since */
    uint64_t sum;    /* balances at the last root */
    bool has_root;
    uint64_t pages; /* all at the last root */
    uint8_t head_hash[QN_HASH_SIZE];
};

void tree_init(struct tree *tree, const struct qn_host *host, struct qn_node *node);
void tree_clear(struct tree *tree);
QN_MUST_CHECK int32_t tree_reserve(struct tree *tree, uint32_t slots);

static inline void tree_mark(struct tree *tree, uint32_t slot)
{
    struct leaf_chunk *chunk = tree->chunks[slot / CHUNK_LEAVES];

    chunk->changed[slot % CHUNK_LEAVES / 64] |= UINT64_C(1) << slot % 64;
    chunk->is_changed = true;
}

/* Marks `slot` as touched by the block in hand; false: it was already. */
static inline bool tree_touch(struct tree *tree, uint32_t slot)
{
    struct leaf_chunk *chunk = tree->chunks[slot / CHUNK_LEAVES];
    uint64_t *word = &chunk->touched[slot % CHUNK_LEAVES / 64];
    uint64_t bit = UINT64_C(1) << slot % 64;

    if ((*word & bit) != 0) {
        return false;
    }
    *word |= bit;
    chunk->touched_count++;
    return true;
}

/* The next slot that is touched, from `from` on, below `end`; `end`: there is none. */
uint32_t tree_touched_next(const struct tree *tree, uint32_t from, uint32_t end);
void tree_touched_clear(struct tree *tree);

/* The accounts from `slots` on were taken back. */
static inline void tree_cut(struct tree *tree, uint32_t slots)
{
    tree->stable = slots < tree->stable ? slots : tree->stable;
}

/* Brings all up to the state of now and gives its root. CORRUPT: the amounts are not conserved.
 * NO_SPACE: no room to sort new accounts. */
QN_MUST_CHECK int32_t tree_root(struct state *state, uint8_t *root);

/* Of the last root: the slot's leaf as a proof tells it, and its path. */
const uint8_t *tree_kept(const struct tree *tree, uint32_t slot);
const uint8_t *tree_next_key(const struct tree *tree, uint32_t slot);
uint32_t tree_path(struct tree *tree, uint32_t slot, uint8_t path[PATH_MAX][QN_HASH_SIZE]);

/* The last slot in order whose key is not above `key`, else the very last. There is one. */
uint32_t tree_floor(const struct tree *tree, const uint8_t *key);

/* The hashes, for whoever checks. */
void leaf_hash(const struct qn_host *host, const uint8_t *slot, const uint8_t *next_key,
               uint8_t *hash);
void inner_hash(const struct qn_host *host, const uint8_t *left, const uint8_t *right,
                uint8_t *hash);
void state_hash(const struct qn_host *host, uint64_t pages, uint64_t slots,
                const uint8_t *head_hash, const uint8_t *tree_root, uint8_t *hash);
void empty_hash(const struct qn_host *host, uint8_t *hash);
