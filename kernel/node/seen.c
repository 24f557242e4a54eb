/* SPDX-License-Identifier: MIT */

#include "kernel/node/seen.h"

#include <qnet/assert.h>

struct qnk_seen {
    struct qnk_budget *budget;
    struct qnk_index *index;
    struct qnk_hash *ring; /* in order of arrival; a zero name is a place that was dropped */
    uint32_t capacity;
    uint32_t next; /* the place that is written next, and the oldest */
};

struct qnk_seen *qnk_seen_create(struct qnk_budget *budget, uint32_t names_max, uint64_t seed)
{
    struct qnk_seen *seen = qnk_memory_take(budget, sizeof *seen);

    QN_ASSERT(names_max > 0);
    if (seen == NULL) {
        return NULL;
    }
    seen->budget = budget;
    seen->capacity = names_max;
    seen->index = qnk_index_create(budget, names_max, seed);
    seen->ring = qnk_memory_take(budget, names_max * sizeof *seen->ring);
    if (seen->index == NULL || seen->ring == NULL) {
        qnk_seen_destroy(seen);
        return NULL;
    }
    return seen;
}

void qnk_seen_destroy(struct qnk_seen *seen)
{
    if (seen == NULL) {
        return;
    }
    if (seen->index != NULL) {
        qnk_index_destroy(seen->index);
    }
    qnk_memory_give(seen->budget, seen->ring, seen->capacity * sizeof *seen->ring);
    qnk_memory_give(seen->budget, seen, sizeof *seen);
}

bool qnk_seen_has(const struct qnk_seen *seen, const struct qnk_hash *name)
{
    return qnk_index_find(seen->index, name) != QNK_INDEX_NONE;
}

bool qnk_seen_add(struct qnk_seen *seen, const struct qnk_hash *name)
{
    if (qnk_seen_has(seen, name)) {
        return false;
    }

    struct qnk_hash *place = &seen->ring[seen->next];

    /* A name may stand twice in the ring, dropped and added again: only its live place counts. */
    if (qnk_index_find(seen->index, place) == seen->next) {
        (void)qnk_index_erase(seen->index, place);
    }
    *place = *name;
    qnk_index_put(seen->index, name, seen->next);
    seen->next = (seen->next + 1) % seen->capacity;
    return true;
}

void qnk_seen_drop(struct qnk_seen *seen, const struct qnk_hash *name)
{
    (void)qnk_index_erase(seen->index, name);
}
