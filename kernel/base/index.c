/* SPDX-License-Identifier: MIT */

/* index.c: open addressing with linear probing. An erased entry is filled by moving later ones back
 * (backward shift), so there are no gravestones and a search never grows longer with age. */

#include "kernel/base/index.h"

#include <sodium.h>
#include <string.h>

#include <qnet/assert.h>

/* Zeroed memory is an empty table, so a large one costs no memory before it is used. */
struct entry {
    struct qnk_hash name;
    uint32_t mark; /* place + 1; 0: empty */
};

_Static_assert((uint32_t)0 - 1 == QNK_INDEX_NONE, "an empty mark reads as no place");

struct qnk_index {
    struct qnk_budget *budget;
    uint32_t names_max;
    uint32_t count;
    uint32_t mask; /* entries - 1; entries are a power of two and at least twice names_max */
    uint8_t key[crypto_shorthash_KEYBYTES];
    struct entry entries[];
};

static size_t index_size(uint32_t mask)
{
    return sizeof(struct qnk_index) + ((size_t)mask + 1) * sizeof(struct entry);
}

struct qnk_index *qnk_index_create(struct qnk_budget *budget, uint32_t names_max, uint64_t seed)
{
    uint32_t mask = 1;

    QN_ASSERT(names_max <= UINT32_MAX / 4);
    while (mask + 1 < 2 * names_max) {
        mask = 2 * mask + 1;
    }

    struct qnk_index *index = qnk_memory_take(budget, index_size(mask));

    if (index == NULL) {
        return NULL;
    }
    index->budget = budget;
    index->names_max = names_max;
    index->mask = mask;
    qn_le64_write(index->key, seed);
    qn_le64_write(index->key + 8, ~seed);
    return index;
}

void qnk_index_destroy(struct qnk_index *index)
{
    if (index != NULL) {
        qnk_memory_give(index->budget, index, index_size(index->mask));
    }
}

uint32_t qnk_index_count(const struct qnk_index *index)
{
    return index->count;
}

/* Where `name` is looked for first. SipHash, as whoever knows no seed cannot make names that meet
 * in one entry. */
static uint32_t home(const struct qnk_index *index, const struct qnk_hash *name)
{
    uint8_t short_hash[crypto_shorthash_BYTES];

    (void)crypto_shorthash(short_hash, name->bytes, QN_HASH_SIZE, index->key);
    return qn_le32_read(short_hash) & index->mask;
}

/* The entry of `name`, or the empty one where it would go: there is one, as half of them are. */
static uint32_t seek(const struct qnk_index *index, const struct qnk_hash *name)
{
    uint32_t at = home(index, name);

    while (index->entries[at].mark != 0 && !qnk_hash_equal(&index->entries[at].name, name)) {
        at = (at + 1) & index->mask;
    }
    return at;
}

uint32_t qnk_index_find(const struct qnk_index *index, const struct qnk_hash *name)
{
    return index->entries[seek(index, name)].mark - 1; /* 0 becomes QNK_INDEX_NONE */
}

void qnk_index_put(struct qnk_index *index, const struct qnk_hash *name, uint32_t place)
{
    uint32_t at = seek(index, name);

    QN_ASSERT(place != QNK_INDEX_NONE);
    QN_ASSERT(index->count < index->names_max);
    QN_ASSERT(index->entries[at].mark == 0);
    index->entries[at] = (struct entry){.name = *name, .mark = place + 1};
    index->count++;
}

/* Fills the gap at `gap` with the next entry that may stand there, and so on with the gap that this
 * one leaves, up to an empty entry. */
static void close_gap(struct qnk_index *index, uint32_t gap)
{
    uint32_t at = gap;

    for (;;) {
        at = (at + 1) & index->mask;
        if (index->entries[at].mark == 0) {
            break;
        }

        uint32_t from_home = (at - home(index, &index->entries[at].name)) & index->mask;

        if (from_home >= ((at - gap) & index->mask)) {
            index->entries[gap] = index->entries[at];
            gap = at;
        }
    }
    index->entries[gap].mark = 0;
}

uint32_t qnk_index_erase(struct qnk_index *index, const struct qnk_hash *name)
{
    uint32_t at = seek(index, name);
    uint32_t place = index->entries[at].mark - 1;

    if (place == QNK_INDEX_NONE) {
        return QNK_INDEX_NONE;
    }
    QN_ASSERT(index->count > 0);
    index->count--;
    close_gap(index, at);
    return place;
}
