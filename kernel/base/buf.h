/* SPDX-License-Identifier: MIT */
#pragma once

/* buf.h: counted bytes, shared by whoever holds a reference: frames, bodies, records.
 *
 * A buf is written by its maker until it is handed over, and never after. It is charged to a budget
 * for as long as anyone holds it, so what is in flight is bounded by a number.
 *
 * Unless a function's own comment says otherwise:
 *   units    bytes
 *   threads  any: the count is atomic, and what is immutable needs no lock
 *   cost     constant, but buf_new allocates
 */

#include <stdatomic.h>

#include <qnet/types.h>

#include "kernel/base/memory.h"

struct qn_buf {
    _Atomic uint32_t refs; /* 1 or more while anyone may look */
    uint32_t reserved;
    uint64_t size;
    struct qnk_budget *budget;
    uint8_t data[];
};

/* One reference, contents unset. NULL: over the budget. */
QN_MUST_CHECK struct qn_buf *qnk_buf_new(struct qnk_budget *budget, uint64_t size);

/* As qnk_buf_new, with a copy of `from`. */
QN_MUST_CHECK struct qn_buf *qnk_buf_copy(struct qnk_budget *budget, struct qn_span from);

/* One reference more; gives the same buf back. NULL stays NULL. */
struct qn_buf *qnk_buf_ref(struct qn_buf *buf);

/* One reference less; the last one frees it. NULL is allowed. */
void qnk_buf_unref(struct qn_buf *buf);

static inline struct qn_span qnk_buf_span(const struct qn_buf *buf)
{
    return (struct qn_span){buf->data, buf->size};
}
