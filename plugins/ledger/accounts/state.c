/* SPDX-License-Identifier: MIT */

#include "state.h"

__extension__ typedef unsigned __int128 wide;

/* splitmix64. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators". */
static uint64_t mix(uint64_t *seed)
{
    uint64_t it = *seed += UINT64_C(0x9e3779b97f4a7c15);

    it = (it ^ it >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    it = (it ^ it >> 27) * UINT64_C(0x94d049bb133111eb);
    return it ^ it >> 31;
}

/* Anyone may open accounts under any 32 bytes, so the table must not be one that a stranger can
 * work out. Where the host placed the instance is all the chance that there is here; it decides
 * how fast a key is found, and nothing else. */
void state_init(struct state *state, const struct qn_host *host, struct qn_node *node)
{
    uint64_t seed = (uint64_t)(uintptr_t)state;

    state->host = host;
    state->node = node;
    for (int i = 0; i < 4; i++) {
        state->seeds[i] = mix(&seed);
    }
    tree_init(&state->tree, host, node);
}

void state_clear(struct state *state)
{
    for (uint32_t i = 0; i < state->chunks_count; i++) {
        memset(state->chunks[i], 0, sizeof *state->chunks[i]);
    }
    if (state->index != NULL) {
        memset(state->index, 0, state->index_room * sizeof *state->index);
    }
    memset(&state->head, 0, sizeof state->head);
    state->is_live = false;
    state->loaded = 0;
    tree_clear(&state->tree);
}

/* --- room --- */

static int32_t pages_reserve(struct state *state, uint64_t pages)
{
    while ((uint64_t)state->chunks_count * CHUNK_PAGES < pages) {
        struct page_chunk *chunk = NULL;

        if (state->chunks_count < PAGE_CHUNKS_MAX) {
            chunk = state->host->take(state->node, sizeof *chunk);
        }
        if (chunk == NULL) {
            return QN_NO_SPACE;
        }
        state->chunks[state->chunks_count++] = chunk;
    }
    return QN_OK;
}

static void index_put(struct state *state, uint64_t hash, uint32_t slot)
{
    uint64_t at = hash & (state->index_room - 1);

    while (state->index[at] != 0) {
        at = (at + 1) & (state->index_room - 1);
    }
    state->index[at] = (hash & UINT64_C(0xffffffff00000000)) | (slot + UINT64_C(1));
}

/* The slots go into the larger table in their order, so that the last one still went in last. */
static int32_t index_reserve(struct state *state, uint64_t slots)
{
    uint64_t room = state->index_room > 0 ? state->index_room : INDEX_ROOM_LEAST;

    while (room < 2 * slots) {
        room *= 2;
    }
    if (room == state->index_room) {
        return QN_OK;
    }

    uint64_t *index = state->host->take(state->node, room * sizeof *index);

    if (index == NULL) {
        return QN_NO_SPACE;
    }
    state->host->give(state->node, state->index);
    state->index = index;
    state->index_room = room;
    for (uint32_t slot = 0; state->is_live && slot < state->head.slots; slot++) {
        index_put(state, key_hash(state, slot_at(state, slot)), slot);
    }
    return QN_OK;
}

int32_t state_reserve(struct state *state, uint64_t slots, uint64_t members)
{
    struct head head = {.slots = slots, .members = members};
    int32_t status = slots <= SLOTS_MAX ? QN_OK : QN_NO_SPACE;

    if (status == QN_OK) {
        status = pages_reserve(state, pages_of(&head));
    }
    if (status == QN_OK) {
        status = tree_reserve(&state->tree, (uint32_t)slots);
    }
    return status == QN_OK ? index_reserve(state, slots) : status;
}

int32_t state_scratch(struct state *state, uint64_t size)
{
    if (size <= state->scratch_size) {
        return QN_OK;
    }

    uint8_t *scratch = state->host->take(state->node, size);

    if (scratch == NULL) {
        return QN_NO_SPACE;
    }
    state->host->give(state->node, state->scratch);
    state->scratch = scratch;
    state->scratch_size = size;
    return QN_OK;
}

/* --- the head --- */

void head_encode(const struct head *head, uint8_t *to)
{
    to = qn_writer_u64(to, FORMAT);
    to = qn_writer_u64(to, head->fee_min);
    to = qn_writer_u64(to, head->account_min);
    to = qn_writer_u64(to, head->issued);
    to = qn_writer_u64(to, head->burnt);
    to = qn_writer_u64(to, head->fees);
    to = qn_writer_u64(to, head->slots);
    to = qn_writer_u64(to, head->height);
    to = qn_writer_u64(to, head->members);
    (void)qn_writer_fixed(to, head->members_hash, QN_HASH_SIZE);
}

int32_t head_decode(const uint8_t *from, struct head *head)
{
    struct qn_reader in = qn_reader_over((struct qn_span){from, HEAD_SIZE});
    uint64_t format = qn_reader_u64(&in);
    struct head it = {.fee_min = qn_reader_u64(&in)};

    it.account_min = qn_reader_u64(&in);
    it.issued = qn_reader_u64(&in);
    it.burnt = qn_reader_u64(&in);
    it.fees = qn_reader_u64(&in);
    it.slots = qn_reader_u64(&in);
    it.height = qn_reader_u64(&in);
    it.members = qn_reader_u64(&in);
    memcpy(it.members_hash, from + HEAD_SIZE - QN_HASH_SIZE, QN_HASH_SIZE);
    if (format != FORMAT || it.slots > SLOTS_MAX || it.members < 1 ||
        it.members > QN_LEDGER_MEMBERS_MAX || it.burnt > it.issued ||
        it.fees > it.issued - it.burnt) {
        return QN_INVALID;
    }
    *head = it;
    return QN_OK;
}

void head_store(struct state *state)
{
    head_encode(&state->head, page_at(state, 0));
    page_mark(state, 0);
}

static const uint8_t leaf_tag[1] = {0};

void head_hash(const struct state *state, uint8_t *hash)
{
    struct qn_span page = {page_at(state, 0), PAGE_SIZE};

    state->host->hash((struct qn_span){leaf_tag, 1}, &page, 1, hash);
}

void members_hash(const struct state *state, uint8_t *hash)
{
    struct qn_span parts[(QN_LEDGER_MEMBERS_MAX + PAGE_MEMBERS - 1) / PAGE_MEMBERS];
    uint32_t count = 0;

    for (uint64_t at = 0; at < state->head.members; at += PAGE_MEMBERS) {
        uint64_t left = state->head.members - at;

        parts[count].data = member_at(state, at);
        parts[count++].size = (left < PAGE_MEMBERS ? left : PAGE_MEMBERS) * MEMBER_SIZE;
    }
    state->host->hash((struct qn_span){leaf_tag, 1}, parts, count, hash);
}

/* --- the index --- */

static uint64_t fold(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Source: the multiply and fold of wyhash, over the four words of a key. */
uint64_t key_hash(const struct state *state, const uint8_t *key)
{
    return fold(qn_le64_read(key) ^ state->seeds[0], qn_le64_read(key + 8) ^ state->seeds[1]) ^
           fold(qn_le64_read(key + 16) ^ state->seeds[2], qn_le64_read(key + 24) ^ state->seeds[3]);
}

void slot_prefetch(const struct state *state, uint64_t hash)
{
    uint64_t entry = state->index[hash & (state->index_room - 1)];

    if (entry >> 32 == hash >> 32 && entry != 0) {
        __builtin_prefetch(slot_at(state, (uint32_t)entry - 1), 1);
    }
}

uint32_t slot_find_hashed(const struct state *state, const uint8_t *key, uint64_t hash)
{
    uint64_t mask = state->index_room - 1;
    uint64_t at = hash & mask;

    for (uint64_t entry; (entry = state->index[at]) != 0; at = (at + 1) & mask) {
        if (entry >> 32 == hash >> 32) {
            uint32_t slot = (uint32_t)entry - 1;

            if (memcmp(slot_at(state, slot), key, QN_KEY_SIZE) == 0) {
                return slot;
            }
        }
    }
    return NO_SLOT;
}

uint32_t slot_open(struct state *state, const uint8_t *key)
{
    uint32_t slot = (uint32_t)state->head.slots;

    QN_ASSERT(slot < SLOTS_MAX && 2 * (uint64_t)slot < state->index_room);
    state->head.slots++;
    memcpy(slot_at(state, slot), key, QN_KEY_SIZE);
    index_put(state, key_hash(state, key), slot);
    return slot;
}

void slot_close_last(struct state *state)
{
    uint32_t slot = (uint32_t)state->head.slots - 1;
    uint8_t *bytes = slot_at(state, slot);
    uint64_t at = key_hash(state, bytes) & (state->index_room - 1);

    while ((uint32_t)state->index[at] != slot + 1) {
        QN_ASSERT(state->index[at] != 0);
        at = (at + 1) & (state->index_room - 1);
    }
    state->index[at] = 0;
    slot_mark(state, slot);
    memset(bytes, 0, SLOT_SIZE);
    state->head.slots = slot;
}

int32_t index_fill(struct state *state)
{
    for (uint32_t slot = 0; slot < state->head.slots; slot++) {
        const uint8_t *key = slot_at(state, slot);
        uint64_t hash = key_hash(state, key);

        if (slot_find_hashed(state, key, hash) != NO_SLOT) {
            return QN_INVALID;
        }
        index_put(state, hash, slot);
    }
    return QN_OK;
}
