/* SPDX-License-Identifier: MIT */
#pragma once

/* index.h: from a 32-byte name to a place in the caller's array, in constant time and memory.
 *
 * The table is made once, for as many names as its owner's own limit allows, and never grows: so a
 * stranger can neither fill memory nor cause a pause. Names are hashes or keys that strangers may
 * choose, hence the seed. Nothing walks over an index, as its order means nothing.
 *
 * Unless a function's own comment says otherwise:
 *   owns     names are copied
 *   threads  one at a time
 *   cost     constant; allocates in create() only
 */

#include <qnet/types.h>

#include "kernel/base/hash.h"
#include "kernel/base/memory.h"

/* What find() answers for a name that is not there; no place may have this value. */
#define QNK_INDEX_NONE UINT32_MAX

struct qnk_index;

/* For at most `names_max` names. NULL: over the budget. */
QN_MUST_CHECK struct qnk_index *qnk_index_create(struct qnk_budget *budget, uint32_t names_max,
                                                 uint64_t seed);
void qnk_index_destroy(struct qnk_index *index);

uint32_t qnk_index_count(const struct qnk_index *index);

/* The place of `name`, or QNK_INDEX_NONE. */
uint32_t qnk_index_find(const struct qnk_index *index, const struct qnk_hash *name);

/* `name` must not be there, and fewer than names_max must be. */
void qnk_index_put(struct qnk_index *index, const struct qnk_hash *name, uint32_t place);

/* Forgets `name`, and gives its place; QNK_INDEX_NONE if it was not there. */
uint32_t qnk_index_erase(struct qnk_index *index, const struct qnk_hash *name);
