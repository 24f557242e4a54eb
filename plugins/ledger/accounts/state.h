/* SPDX-License-Identifier: MIT */
#pragma once

/* state.h: the accounts, as pages in memory, and how one is found by its key.
 *
 * Page 0 begins with the head; then come pages of 100 members of 40 bytes; then pages of 63
 * accounts, a slot of 64 bytes each. A new account takes the next slot and keeps it, and all that
 * is behind the last slot is zero, so that one state has one sequence of pages. The head, as
 * little-endian numbers of 64 bits: format 1, fee_min, account_min, issued, burnt, fees, accounts,
 * height, members; then the SHA-256 of a zero byte and all members. A slot: key 32, balance u64,
 * nonce u64, flags u32, 12 zero bytes. Flag 1: the account has sent, so its key is of prime order.
 *
 * Fees are collected in the head, in the one pool there is; no account gets them before the
 * economics do. issued = balances + burnt + fees.
 *
 * The index is a hash table from key to slot, in which nothing is looked for by walking over it.
 * As an entry is only ever taken out if it was put in last, taking out is writing zero.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   slots are numbered from 0; a key is 32 bytes
 *   owns     all memory is the host's, taken here and given back when the instance ends
 *   threads  readers together, or one that writes
 *   cost     constant; only state_reserve() and state_scratch() take memory
 *
 * Source: chain.md "Ledger accounts".
 */

#include <stdbool.h>

#include <qnet/assert.h>
#include <qnet/ledger.h>

#include "tree.h"

enum {
    PAGE_SIZE = QN_LEDGER_PAGE_SIZE,
    PAGE_SLOTS = PAGE_SIZE / SLOT_SIZE,
    MEMBER_SIZE = 40,
    PAGE_MEMBERS = 100,
    HEAD_SIZE = 9 * 8 + QN_HASH_SIZE,
    FORMAT = 1,

    CHUNK_PAGES = ACCOUNTS_CHUNK_PAGES, /* that are taken at once: a multiple of 64 */
    PAGE_CHUNKS_MAX = 1024,             /* beyond: NO_SPACE; there are never so many slots */
    INDEX_ROOM_LEAST = 2048,            /* entries */

    SLOT_FLAG_KEY_KNOWN = 1,
};

#define NO_SLOT UINT32_MAX

_Static_assert(PAGE_SLOTS *SLOT_SIZE == PAGE_SIZE, "slots fill a page");
_Static_assert((uint64_t)CHUNK_PAGES *PAGE_CHUNKS_MAX *PAGE_SLOTS > SLOTS_MAX, "pages suffice");

/* What page 0 begins with. */
struct head {
    uint64_t fee_min;
    uint64_t account_min;
    uint64_t issued;
    uint64_t burnt;
    uint64_t fees; /* collected, and nobody's yet */
    uint64_t slots;
    uint64_t height; /* of the last block */
    uint64_t members;
    uint8_t members_hash[QN_HASH_SIZE];
};

struct page_chunk {
    uint8_t pages[CHUNK_PAGES][PAGE_SIZE];
    uint64_t dirty[CHUNK_PAGES / 64]; /* changed since they were asked for */
};

struct state {
    const struct qn_host *host;
    struct qn_node *node;
    bool is_live;    /* there is a state */
    uint64_t loaded; /* pages, while it is loaded */
    struct head head;
    struct page_chunk *chunks[PAGE_CHUNKS_MAX];
    uint32_t chunks_count;
    uint64_t *index;     /* slot + 1, above it 32 bits of the key's hash; 0: free */
    uint64_t index_room; /* a power of two, at least twice the slots */
    uint64_t seeds[4];
    uint8_t *scratch; /* in which a block's changes stand side by side to be hashed */
    uint64_t scratch_size;
    struct tree tree;
};

void state_init(struct state *state, const struct qn_host *host, struct qn_node *node);

/* Forgets everything but the memory. */
void state_clear(struct state *state);

/* Room for `slots` accounts and `members`. NO_SPACE: over the limit or the host's budget; then some
 * of it may have grown, which does not show. */
QN_MUST_CHECK int32_t state_reserve(struct state *state, uint64_t slots, uint64_t members);

/* Scratch of at least `size` bytes. NO_SPACE: over the host's budget. */
QN_MUST_CHECK int32_t state_scratch(struct state *state, uint64_t size);

/* Pages of `members`; of all that `head` tells of. */
static inline uint64_t member_pages(uint64_t members)
{
    return (members + PAGE_MEMBERS - 1) / PAGE_MEMBERS;
}

static inline uint64_t pages_of(const struct head *head)
{
    return 1 + member_pages(head->members) + (head->slots + PAGE_SLOTS - 1) / PAGE_SLOTS;
}

static inline uint8_t *page_at(const struct state *state, uint64_t index)
{
    return state->chunks[index / CHUNK_PAGES]->pages[index % CHUNK_PAGES];
}

static inline uint64_t page_of_slot(const struct state *state, uint32_t slot)
{
    return 1 + member_pages(state->head.members) + slot / PAGE_SLOTS;
}

static inline uint8_t *slot_at(const struct state *state, uint32_t slot)
{
    return page_at(state, page_of_slot(state, slot)) + (uint64_t)(slot % PAGE_SLOTS) * SLOT_SIZE;
}

/* Member `index` of page 1 and on. */
static inline uint8_t *member_at(const struct state *state, uint64_t index)
{
    return page_at(state, 1 + index / PAGE_MEMBERS) + index % PAGE_MEMBERS * MEMBER_SIZE;
}

static inline void page_mark(struct state *state, uint64_t index)
{
    state->chunks[index / CHUNK_PAGES]->dirty[index % CHUNK_PAGES / 64] |= UINT64_C(1)
                                                                           << index % 64;
}

/* Page and leaf of `slot` change. */
static inline void slot_mark(struct state *state, uint32_t slot)
{
    page_mark(state, page_of_slot(state, slot));
    tree_mark(&state->tree, slot);
}

/* Writes the head into page 0. */
void head_store(struct state *state);

/* INVALID: these bytes begin no page 0. */
QN_MUST_CHECK int32_t head_decode(const uint8_t *from, struct head *head);
void head_encode(const struct head *head, uint8_t *to);

/* SHA-256 of a zero byte and page 0. */
void head_hash(const struct state *state, uint8_t *hash);

/* SHA-256 of a zero byte and the members, as they stand in the pages. */
void members_hash(const struct state *state, uint8_t *hash);

/* The index. slot_find() in steps, so that a caller may do each for many keys before the next: the
 * first two only set memory on its way. */
uint64_t key_hash(const struct state *state, const uint8_t *key);

static inline void index_prefetch(const struct state *state, uint64_t hash)
{
    __builtin_prefetch(&state->index[hash & (state->index_room - 1)]);
}

void slot_prefetch(const struct state *state, uint64_t hash);
uint32_t slot_find_hashed(const struct state *state, const uint8_t *key, uint64_t hash);

static inline uint32_t slot_find(const struct state *state, const uint8_t *key)
{
    return slot_find_hashed(state, key, key_hash(state, key));
}

/* A new account with nothing in it; it is not there, and there is room. Gives its slot. */
uint32_t slot_open(struct state *state, const uint8_t *key);

/* Takes back the last slot that was opened, and zeroes it. */
void slot_close_last(struct state *state);

/* The slots' keys go into an empty index. INVALID: one comes twice. */
QN_MUST_CHECK int32_t index_fill(struct state *state);
