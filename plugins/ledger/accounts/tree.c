/* SPDX-License-Identifier: MIT */

#include "tree.h"

#include "state.h"

void tree_init(struct tree *tree, const struct qn_host *host, struct qn_node *node)
{
    tree->host = host;
    tree->node = node;
}

void tree_clear(struct tree *tree)
{
    for (uint32_t i = 0; i < tree->chunks_count; i++) {
        memset(tree->chunks[i], 0, sizeof *tree->chunks[i]);
    }
    tree->count = 0;
    tree->stable = 0;
    tree->sum = 0;
    tree->has_root = false;
}

static int32_t order_reserve(struct tree *tree, uint32_t slots)
{
    uint32_t room = tree->order_room > 0 ? tree->order_room : CHUNK_LEAVES;

    while (room < slots) {
        room *= 2; /* at most SLOTS_MAX, which is a power of two */
    }
    if (room == tree->order_room) {
        return QN_OK;
    }

    uint32_t *order = tree->host->take(tree->node, (uint64_t)room * sizeof *order);

    if (order == NULL) {
        return QN_NO_SPACE;
    }
    if (tree->count > 0) {
        memcpy(order, tree->order, tree->count * sizeof *order);
    }
    tree->host->give(tree->node, tree->order);
    tree->order = order;
    tree->order_room = room;
    return QN_OK;
}

int32_t tree_reserve(struct tree *tree, uint32_t slots)
{
    QN_ASSERT(slots <= SLOTS_MAX);
    while ((uint64_t)tree->chunks_count * CHUNK_LEAVES < slots) {
        struct leaf_chunk *chunk = tree->host->take(tree->node, sizeof *chunk);

        if (chunk == NULL) {
            return QN_NO_SPACE;
        }
        tree->chunks[tree->chunks_count++] = chunk;
    }
    return order_reserve(tree, slots);
}

/* --- what a block touched --- */

uint32_t tree_touched_next(const struct tree *tree, uint32_t from, uint32_t end)
{
    while (from < end) {
        const struct leaf_chunk *chunk = tree->chunks[from / CHUNK_LEAVES];
        uint64_t word = chunk->touched[from % CHUNK_LEAVES / 64] >> from % 64;

        if (chunk->touched_count == 0) {
            from = (from / CHUNK_LEAVES + 1) * CHUNK_LEAVES;
        } else if (word == 0) {
            from = (from / 64 + 1) * 64;
        } else {
            from += (uint32_t)__builtin_ctzll(word);
            break;
        }
    }
    return from < end ? from : end;
}

void tree_touched_clear(struct tree *tree)
{
    for (uint32_t i = 0; i < tree->chunks_count; i++) {
        if (tree->chunks[i]->touched_count > 0) {
            memset(tree->chunks[i]->touched, 0, sizeof tree->chunks[i]->touched);
            tree->chunks[i]->touched_count = 0;
        }
    }
}

/* --- hashes --- */

static const uint8_t leaf_tag[1] = {0};
static const uint8_t inner_tag[1] = {1};

void leaf_hash(const struct qn_host *host, const uint8_t *slot, const uint8_t *next_key,
               uint8_t *hash)
{
    struct qn_span parts[2] = {{slot, SLOT_SIZE}, {next_key, QN_KEY_SIZE}};

    host->hash((struct qn_span){leaf_tag, 1}, parts, 2, hash);
}

void inner_hash(const struct qn_host *host, const uint8_t *left, const uint8_t *right,
                uint8_t *hash)
{
    struct qn_span parts[2] = {{left, QN_HASH_SIZE}, {right, QN_HASH_SIZE}};

    host->hash((struct qn_span){inner_tag, 1}, parts, 2, hash);
}

void state_hash(const struct qn_host *host, uint64_t pages, uint64_t slots,
                const uint8_t *head_hash, const uint8_t *tree_root, uint8_t *hash)
{
    static const uint8_t tag[] = {'q', 'n', 'e', 't', '/', 's', 't', 'a', 't', 'e'};
    uint8_t counts[16];
    struct qn_span parts[3] = {
        {counts, sizeof counts}, {head_hash, QN_HASH_SIZE}, {tree_root, QN_HASH_SIZE}};

    qn_le64_write(counts, pages);
    qn_le64_write(counts + 8, slots);
    host->hash((struct qn_span){tag, sizeof tag}, parts, 3, hash);
}

void empty_hash(const struct qn_host *host, uint8_t *hash)
{
    static const uint8_t tag[] = {'q', 'n', 'e', 't', '/', 'e', 'm', 'p', 't', 'y'};

    host->hash((struct qn_span){tag, sizeof tag}, NULL, 0, hash);
}

/* --- the order --- */

/* A new account, with the beginning of its key as a number, so that most comparisons need no
 * more. */
struct fresh {
    uint64_t first;
    uint32_t slot;
};

_Static_assert(sizeof(struct fresh) == FRESH_SIZE, "accounts.c counts with it");

static uint64_t first_of(const uint8_t *key)
{
    uint64_t first = 0;

    for (int i = 0; i < 8; i++) {
        first = first << 8 | key[i];
    }
    return first;
}

static bool is_before(const struct state *state, const struct fresh *a, const struct fresh *b)
{
    if (a->first != b->first) {
        return a->first < b->first;
    }
    return memcmp(slot_at(state, a->slot), slot_at(state, b->slot), QN_KEY_SIZE) < 0;
}

/* Sorts by merging runs of 1, 2, 4, ...; `spare` is as long. Gives where the result lies. */
static struct fresh *fresh_sort(const struct state *state, struct fresh *from, struct fresh *spare,
                                uint32_t count)
{
    for (uint64_t run = 1; run < count; run *= 2) {
        for (uint64_t start = 0; start < count; start += 2 * run) {
            uint64_t middle = start + run < count ? start + run : count;
            uint64_t end = middle + run < count ? middle + run : count;
            uint64_t i = start, j = middle;

            for (uint64_t to = start; to < end; to++) {
                bool takes_right = i == middle || (j < end && is_before(state, &from[j], &from[i]));

                spare[to] = takes_right ? from[j++] : from[i++];
            }
        }

        struct fresh *sorted = spare;

        spare = from;
        from = sorted;
    }
    return from;
}

static void link(struct tree *tree, uint32_t slot, uint32_t next)
{
    tree->chunks[slot / CHUNK_LEAVES]->next[slot % CHUNK_LEAVES] = next;
    tree_mark(tree, slot);
}

/* Takes the accounts out of the order that are not the same any more. Gives how many are left. */
static uint32_t order_cut(struct tree *tree)
{
    uint32_t left = 0;
    bool is_gap = false;

    if (tree->stable >= tree->count) {
        return tree->count;
    }
    for (uint32_t i = 0; i < tree->count; i++) {
        uint32_t slot = tree->order[i];

        if (slot >= tree->stable) {
            is_gap = true;
            continue;
        }
        if (is_gap && left > 0) {
            link(tree, tree->order[left - 1], slot);
        }
        is_gap = false;
        tree->order[left++] = slot;
    }
    if (left > 0) {
        link(tree, tree->order[left - 1], tree->order[0]);
    }
    return left;
}

/* Of the first `count` in order, how many are before `fresh`. */
static uint32_t order_place(const struct state *state, uint32_t count, const struct fresh *fresh)
{
    const uint8_t *key = slot_at(state, fresh->slot);
    uint32_t low = 0, high = count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (memcmp(slot_at(state, state->tree.order[middle]), key, QN_KEY_SIZE) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Puts `fresh`, sorted, into the order, from the last one on, so that each entry moves once. Of two
 * new neighbours the second links the one before both, and the first then links itself between. */
static void order_merge(struct state *state, uint32_t old, const struct fresh *fresh,
                        uint32_t fresh_count)
{
    struct tree *tree = &state->tree;
    uint32_t count = old + fresh_count;

    for (uint32_t i = fresh_count; i > 0; i--) {
        uint32_t place = order_place(state, old, &fresh[i - 1]);

        memmove(tree->order + place + i, tree->order + place, (old - place) * sizeof *tree->order);
        tree->order[place + i - 1] = fresh[i - 1].slot;
        if (place + i < count) {
            link(tree, fresh[i - 1].slot, tree->order[place + i]);
        }
        if (place > 0) {
            link(tree, tree->order[place - 1], fresh[i - 1].slot);
        }
        old = place;
    }
    link(tree, tree->order[count - 1], tree->order[0]);
}

static int32_t order_update(struct state *state)
{
    struct tree *tree = &state->tree;
    uint32_t slots = (uint32_t)state->head.slots;
    uint32_t stable = tree->stable;
    uint32_t fresh_count = slots - stable;
    struct fresh *fresh = NULL;

    QN_ASSERT(stable <= slots);
    if (fresh_count > 0) {
        fresh = state->host->take(state->node, 2 * (uint64_t)fresh_count * sizeof *fresh);
        if (fresh == NULL) {
            return QN_NO_SPACE;
        }
        for (uint32_t i = 0; i < fresh_count; i++) {
            fresh[i].slot = stable + i;
            fresh[i].first = first_of(slot_at(state, stable + i));
        }
    }

    uint32_t left = order_cut(tree);

    QN_ASSERT(left == stable);
    if (fresh_count > 0) {
        order_merge(state, left, fresh_sort(state, fresh, fresh + fresh_count, fresh_count),
                    fresh_count);
    }
    state->host->give(state->node, fresh);
    tree->count = tree->stable = slots;
    return QN_OK;
}

/* --- the root --- */

/* Node `index` of the level `level` above the leaves. */
static uint8_t *node_at(struct tree *tree, uint32_t level, uint32_t index)
{
    if (level > CHUNK_LEVELS) {
        return tree->top[((uint32_t)TREE_CHUNKS_MAX >> (level - CHUNK_LEVELS)) + index];
    }

    struct leaf_chunk *chunk = tree->chunks[index >> (CHUNK_LEVELS - level)];
    uint32_t width = (uint32_t)CHUNK_LEAVES >> level;

    return chunk->nodes[width + (index & (width - 1))];
}

/* Works out one inner node from those below, as far as there are slots under them. */
static void node_update(struct tree *tree, uint32_t level, uint32_t index)
{
    uint64_t left = (2 * (uint64_t)index) << (level - 1);
    uint64_t right = (2 * (uint64_t)index + 1) << (level - 1);
    uint8_t *node;

    if (left >= tree->count) {
        return;
    }
    node = node_at(tree, level, index);
    if (right >= tree->count) {
        memcpy(node, node_at(tree, level - 1, 2 * index), QN_HASH_SIZE);
    } else {
        inner_hash(tree->host, node_at(tree, level - 1, 2 * index),
                   node_at(tree, level - 1, 2 * index + 1), node);
    }
}

static void leaf_update(struct state *state, uint32_t slot)
{
    struct tree *tree = &state->tree;
    struct leaf_chunk *chunk = tree->chunks[slot / CHUNK_LEAVES];
    uint8_t *kept = chunk->kept[slot % CHUNK_LEAVES];

    tree->sum -= qn_le64_read(kept + SLOT_BALANCE);
    if (slot >= tree->count) {
        memset(kept, 0, SLOT_SIZE);
        return;
    }
    memcpy(kept, slot_at(state, slot), SLOT_SIZE);
    tree->sum += qn_le64_read(kept + SLOT_BALANCE);
    leaf_hash(tree->host, kept, slot_at(state, chunk->next[slot % CHUNK_LEAVES]),
              node_at(tree, 0, slot));
}

static void leaves_update(struct state *state, uint32_t chunk)
{
    const uint64_t *changed = state->tree.chunks[chunk]->changed;

    for (uint32_t i = 0; i < CHUNK_LEAVES / 64; i++) {
        for (uint64_t word = changed[i]; word != 0; word &= word - 1) {
            leaf_update(state, chunk * CHUNK_LEAVES + i * 64 + (uint32_t)__builtin_ctzll(word));
        }
    }
}

/* Works out the nodes of a chunk above what changed, level by level: a bit for each node of the
 * level below becomes one for each pair, in place. */
static void chunk_update(struct tree *tree, uint32_t chunk)
{
    uint64_t *changed = tree->chunks[chunk]->changed;

    for (uint32_t level = 1; level <= CHUNK_LEVELS; level++) {
        uint32_t width = (uint32_t)CHUNK_LEAVES >> level;
        uint32_t words = width >= 32 ? width / 32 : 1; /* of the level below */

        for (uint32_t i = 0; i < words; i++) {
            uint64_t word = changed[i];

            changed[i] = 0;
            while (word != 0) {
                uint32_t pair = i * 32 + (uint32_t)__builtin_ctzll(word) / 2;

                node_update(tree, level, chunk * width + pair);
                changed[pair / 64] |= UINT64_C(1) << pair % 64;
                word &= ~(UINT64_C(3) << pair % 32 * 2);
            }
        }
    }
    changed[0] = 0;
    tree->chunks[chunk]->is_changed = false;
}

static void top_update(struct tree *tree)
{
    for (uint32_t level = CHUNK_LEVELS + 1; level <= CHUNK_LEVELS + TOP_LEVELS; level++) {
        for (uint32_t i = 0; (uint64_t)i << level < tree->count; i++) {
            node_update(tree, level, i);
        }
    }
}

static void state_root(const struct tree *tree, uint8_t *root)
{
    uint8_t empty[QN_HASH_SIZE];

    empty_hash(tree->host, empty);
    state_hash(tree->host, tree->pages, tree->count, tree->head_hash,
               tree->count > 0 ? tree->top[1] : empty, root);
}

int32_t tree_root(struct state *state, uint8_t *root)
{
    struct tree *tree = &state->tree;
    const struct head *head = &state->head;
    int32_t status = order_update(state);

    if (status != QN_OK) {
        return status;
    }
    for (uint32_t i = 0; i < tree->chunks_count; i++) {
        if (tree->chunks[i]->is_changed) {
            leaves_update(state, i);
            chunk_update(tree, i);
        }
    }
    top_update(tree);
    tree->pages = pages_of(head);
    head_hash(state, tree->head_hash);
    tree->has_root = true;
    if (tree->sum > head->issued || head->issued - tree->sum < head->burnt ||
        head->issued - tree->sum - head->burnt != head->fees) {
        return QN_CORRUPT;
    }
    state_root(tree, root);
    return QN_OK;
}

/* --- as of the last root --- */

const uint8_t *tree_kept(const struct tree *tree, uint32_t slot)
{
    return tree->chunks[slot / CHUNK_LEAVES]->kept[slot % CHUNK_LEAVES];
}

const uint8_t *tree_next_key(const struct tree *tree, uint32_t slot)
{
    return tree_kept(tree, tree->chunks[slot / CHUNK_LEAVES]->next[slot % CHUNK_LEAVES]);
}

uint32_t tree_path(struct tree *tree, uint32_t slot, uint8_t path[PATH_MAX][QN_HASH_SIZE])
{
    uint32_t size = 0;
    uint32_t level = 0;

    QN_ASSERT(slot < tree->count);
    for (uint32_t count = tree->count; count > 1; count = (count + 1) / 2) {
        uint32_t sibling = (slot >> level) ^ 1;

        if (sibling < count) {
            memcpy(path[size++], node_at(tree, level, sibling), QN_HASH_SIZE);
        }
        level++;
    }
    return size;
}

uint32_t tree_floor(const struct tree *tree, const uint8_t *key)
{
    uint32_t low = 0, high = tree->count;

    QN_ASSERT(tree->count > 0);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (memcmp(tree_kept(tree, tree->order[middle]), key, QN_KEY_SIZE) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return tree->order[low > 0 ? low - 1 : tree->count - 1];
}
