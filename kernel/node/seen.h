/* SPDX-License-Identifier: MIT */
#pragma once

/* seen.h: the last so many names that passed by, so that repeats cost nothing. The oldest is
 * forgotten when a new one needs its place.
 *
 * Unless a function's own comment says otherwise:
 *   threads  one at a time
 *   cost     constant; allocates in create() only
 */

#include <stdbool.h>

#include "kernel/base/index.h"

struct qnk_seen;

/* NULL: over the budget. */
QN_MUST_CHECK struct qnk_seen *qnk_seen_create(struct qnk_budget *budget, uint32_t names_max,
                                               uint64_t seed);
void qnk_seen_destroy(struct qnk_seen *seen);

bool qnk_seen_has(const struct qnk_seen *seen, const struct qnk_hash *name);

/* Whether `name` is new; it is remembered from now on. */
bool qnk_seen_add(struct qnk_seen *seen, const struct qnk_hash *name);

/* Forgets `name`, so that it may come again. */
void qnk_seen_drop(struct qnk_seen *seen, const struct qnk_hash *name);
