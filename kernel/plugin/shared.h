/* SPDX-License-Identifier: MIT */
#pragma once

/* shared.h: memory that instances of one process share under a name (extension qnet.shared/1).
 *
 * Names are apart by plugin: instances of one plugin meet, those of two never do.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the registry owns the memory, and frees it when the last one leaves
 *   threads  any: a lock is held
 */

#include <qnet/types.h>

#include "kernel/base/memory.h"

struct qnk_shared;

/* One for a process; its budget bounds all that is shared. NULL: over the budget. */
QN_MUST_CHECK struct qnk_shared *qnk_shared_create(struct qnk_budget *budget);

/* After all have left. */
void qnk_shared_destroy(struct qnk_shared *shared);

/* The memory called `name` among those of `owner`, zeroed if this is the first to join, aligned to
 * 64. NULL: another size is in use, or over the budget. */
QN_MUST_CHECK void *qnk_shared_join(struct qnk_shared *shared, const char *owner,
                                    struct qn_span name, uint64_t size);

/* Takes back what join() gave, which was joined and not left before. */
void qnk_shared_leave(struct qnk_shared *shared, void *memory);
