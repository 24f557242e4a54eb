/* SPDX-License-Identifier: MIT */

#include "kernel/base/buf.h"

#include <string.h>

#include <qnet/assert.h>

struct qn_buf *qnk_buf_new(struct qnk_budget *budget, uint64_t size)
{
    if (size > SIZE_MAX - sizeof(struct qn_buf)) {
        return NULL;
    }

    struct qn_buf *buf = qnk_memory_take(budget, sizeof *buf + size);

    if (buf == NULL) {
        return NULL;
    }
    atomic_init(&buf->refs, 1);
    buf->size = size;
    buf->budget = budget;
    return buf;
}

struct qn_buf *qnk_buf_copy(struct qnk_budget *budget, struct qn_span from)
{
    struct qn_buf *buf = qnk_buf_new(budget, from.size);

    if (buf != NULL && from.size > 0) {
        memcpy(buf->data, from.data, from.size);
    }
    return buf;
}

struct qn_buf *qnk_buf_ref(struct qn_buf *buf)
{
    if (buf != NULL) {
        uint32_t refs = atomic_fetch_add_explicit(&buf->refs, 1, memory_order_relaxed);

        QN_ASSERT(refs > 0);
        QN_ASSERT(refs < UINT32_MAX);
    }
    return buf;
}

void qnk_buf_unref(struct qn_buf *buf)
{
    if (buf == NULL) {
        return;
    }

    /* Whoever frees must see all that the others did before they let go. */
    uint32_t refs = atomic_fetch_sub_explicit(&buf->refs, 1, memory_order_acq_rel);

    QN_ASSERT(refs > 0);
    if (refs == 1) {
        qnk_memory_give(buf->budget, buf, sizeof *buf + buf->size);
    }
}
