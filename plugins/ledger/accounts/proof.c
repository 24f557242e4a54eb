/* SPDX-License-Identifier: MIT */

#include "proof.h"

enum {
    PROOF_HEAD_SIZE = 8 + 8 + QN_HASH_SIZE + 4,
    LEAF_HEAD_SIZE = 8 + SLOT_SIZE + QN_KEY_SIZE + 4,
};

static int32_t leaf_put(struct state *state, const uint8_t *key, struct qn_sink *proof)
{
    struct tree *tree = &state->tree;
    uint8_t path[PATH_MAX][QN_HASH_SIZE];
    uint32_t slot = tree_floor(tree, key);
    uint32_t count = tree_path(tree, slot, path);
    uint64_t size = LEAF_HEAD_SIZE + (uint64_t)count * QN_HASH_SIZE;
    uint8_t *to = state->host->sink_room(proof, size);

    if (to == NULL) {
        return QN_NO_SPACE;
    }
    to = qn_writer_u64(to, slot);
    to = qn_writer_fixed(to, tree_kept(tree, slot), SLOT_SIZE);
    to = qn_writer_fixed(to, tree_next_key(tree, slot), QN_KEY_SIZE);
    to = qn_writer_u32(to, count);
    (void)qn_writer_fixed(to, path[0], (uint64_t)count * QN_HASH_SIZE);
    state->host->sink_commit(proof, size);
    return QN_OK;
}

int32_t proof_make(struct state *state, const uint8_t *keys, uint32_t count, struct qn_sink *proof)
{
    const struct tree *tree = &state->tree;
    uint32_t leaves = tree->count > 0 ? count : 0;
    uint8_t *to = state->host->sink_room(proof, PROOF_HEAD_SIZE);
    int32_t status = QN_OK;

    QN_ASSERT(tree->has_root);
    if (to == NULL) {
        return QN_NO_SPACE;
    }
    to = qn_writer_u64(to, tree->pages);
    to = qn_writer_u64(to, tree->count);
    to = qn_writer_fixed(to, tree->head_hash, QN_HASH_SIZE);
    (void)qn_writer_u32(to, leaves);
    state->host->sink_commit(proof, PROOF_HEAD_SIZE);
    for (uint32_t i = 0; status == QN_OK && i < leaves; i++) {
        status = leaf_put(state, keys + (uint64_t)i * QN_KEY_SIZE, proof);
    }
    return status;
}

/* A proof and one of its leaves, as they claim to be. */
struct claim {
    uint64_t pages, slots;
    const uint8_t *head_hash;
    uint64_t index;
    const uint8_t *slot, *next_key, *path;
    uint32_t path_count;
};

/* Whether the leaf speaks of `key`: is it, or is followed by a key behind it. The last leaf is
 * followed by the first, and a leaf alone by itself. */
static bool is_about(const struct claim *it, const uint8_t *key)
{
    bool is_above = memcmp(key, it->slot, QN_KEY_SIZE) > 0;
    bool is_below_next = memcmp(key, it->next_key, QN_KEY_SIZE) < 0;

    if (memcmp(key, it->slot, QN_KEY_SIZE) == 0) {
        return true;
    }
    if (memcmp(it->slot, it->next_key, QN_KEY_SIZE) < 0) {
        return is_above && is_below_next;
    }
    return is_above || is_below_next;
}

/* The root of the tree that the path leads to. False: no path of this place. */
static bool path_follow(const struct qn_host *host, const struct claim *it, uint8_t *hash)
{
    uint64_t index = it->index;
    uint32_t used = 0;

    if (it->slots > SLOTS_MAX || index >= it->slots) {
        return false;
    }
    leaf_hash(host, it->slot, it->next_key, hash);
    for (uint64_t count = it->slots; count > 1; count = (count + 1) / 2, index /= 2) {
        const uint8_t *node = it->path + (uint64_t)used * QN_HASH_SIZE;

        if ((index ^ 1) >= count) {
            continue;
        }
        if (used++ == it->path_count) {
            return false;
        }
        inner_hash(host, index % 2 == 0 ? hash : node, index % 2 == 0 ? node : hash, hash);
    }
    return used == it->path_count;
}

static bool is_under(const struct qn_host *host, const struct claim *it, const uint8_t *tree_root,
                     const uint8_t *root)
{
    uint8_t hash[QN_HASH_SIZE];

    state_hash(host, it->pages, it->slots, it->head_hash, tree_root, hash);
    return memcmp(hash, root, QN_HASH_SIZE) == 0;
}

static void leaf_take(struct qn_reader *in, struct claim *it)
{
    it->index = qn_reader_u64(in);
    it->slot = qn_reader_fixed(in, SLOT_SIZE);
    it->next_key = qn_reader_fixed(in, QN_KEY_SIZE);
    it->path_count = qn_reader_count(in, PATH_MAX);
    it->path = qn_reader_fixed(in, (uint64_t)it->path_count * QN_HASH_SIZE);
}

int32_t proof_check(const struct qn_host *host, const uint8_t *root, const uint8_t *key,
                    struct qn_span proof, const uint8_t **slot)
{
    struct qn_reader in = qn_reader_over(proof);
    struct claim it = {.pages = qn_reader_u64(&in)}, found = {.slot = NULL};
    uint8_t hash[QN_HASH_SIZE];

    it.slots = qn_reader_u64(&in);
    it.head_hash = qn_reader_fixed(&in, QN_HASH_SIZE);

    uint32_t leaves = qn_reader_count(&in, QN_LEDGER_KEYS_MAX);

    for (uint32_t i = 0; i < leaves && in.at != NULL; i++) {
        leaf_take(&in, &it);
        if (in.at != NULL && found.slot == NULL && is_about(&it, key)) {
            found = it;
        }
    }
    if (!qn_reader_is_done(&in)) {
        return QN_INVALID;
    }
    if (it.slots == 0) {
        empty_hash(host, hash);
        return leaves == 0 && is_under(host, &it, hash, root) ? QN_NOT_FOUND : QN_INVALID;
    }
    if (found.slot == NULL || !path_follow(host, &found, hash) ||
        !is_under(host, &found, hash, root)) {
        return QN_INVALID;
    }
    if (memcmp(found.slot, key, QN_KEY_SIZE) != 0) {
        return QN_NOT_FOUND;
    }
    *slot = found.slot;
    return QN_OK;
}
