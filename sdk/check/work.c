/* SPDX-License-Identifier: MIT */

#include "sdk/check/work.h"

#include <string.h>

enum { SQUEEZES_MAX = 24 }; /* sizes that are tried of one sink */

static const struct qn_check_worker *const workers[] = {
    &qn_check_work_compression, &qn_check_work_consensus, &qn_check_work_ledger,
    &qn_check_work_producer,    &qn_check_work_service,   &qn_check_work_signature,
    &qn_check_work_storage,     &qn_check_work_transport,
};

const struct qn_check_worker *qn_check_worker_find(const char *kind)
{
    for (size_t i = 0; i < sizeof workers / sizeof *workers; i++) {
        if (strcmp(workers[i]->kind, kind) == 0) {
            return workers[i];
        }
    }
    return NULL;
}

void qn_check_work_bytes(struct qn_check_work *work, const void *bytes, uint64_t size)
{
    qn_check_work_u64(work, size);
    qn_check_sha256_add(&work->hash, (struct qn_span){bytes, size});
}

void qn_check_work_u64(struct qn_check_work *work, uint64_t value)
{
    uint8_t bytes[8];

    qn_le64_write(bytes, value);
    qn_check_sha256_add(&work->hash, (struct qn_span){bytes, sizeof bytes});
}

uint64_t qn_check_work_draw(struct qn_check_work *work, uint64_t limit)
{
    return (qn_check_random(&work->seed) >> 16) % limit;
}

void qn_check_work_fill(struct qn_check_work *work, uint8_t *to, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        to[i] = (uint8_t)(qn_check_random(&work->seed) >> 40);
    }
}

bool qn_check_work_ok(struct qn_check_work *work, int32_t status)
{
    work->calls++;
    if (status == QN_NO_SPACE && work->may_starve) {
        work->has_starved = true;
        return false;
    }
    QN_CHECK(status == QN_OK);
    return true;
}

void qn_check_work_may(struct qn_check_work *work, int32_t status, uint32_t allowed)
{
    work->calls++;
    QN_CHECK(status >= 0 && status < QN_STATUS_COUNT);
    QN_CHECK((allowed >> status & 1) != 0);
    qn_check_work_u64(work, (uint64_t)status);
}

static void squeeze_to(int32_t (*call)(void *ctx, struct qn_sink *), void *ctx, uint8_t *data,
                       uint64_t cap)
{
    struct qn_sink small = {.data = data, .cap = cap};
    int32_t status = call(ctx, &small);

    QN_CHECK(status == QN_NO_SPACE || status == QN_AGAIN);
}

/* Caps from 0 to one below what it needs: each, or some of them when these are many. */
static void squeeze(int32_t (*call)(void *ctx, struct qn_sink *), void *ctx, uint8_t *data,
                    uint64_t size)
{
    for (uint64_t cap = 0; cap < size; cap += size / SQUEEZES_MAX + 1) {
        squeeze_to(call, ctx, data, cap);
    }
    squeeze_to(call, ctx, data, size - 1);
}

int32_t qn_check_work_sink(struct qn_check_work *work, int32_t (*call)(void *ctx, struct qn_sink *),
                           void *ctx, struct qn_sink *to)
{
    int32_t status = call(ctx, to);

    if (status == QN_OK && work->squeezes && to->size > 0) {
        squeeze(call, ctx, to->data, to->size);
        to->size = 0;
        to->room = 0;
        status = call(ctx, to);
        QN_CHECK(status == QN_OK);
    }
    return status;
}

int32_t qn_check_effect_drop(void *ctx, uint32_t type, struct qn_span body,
                             const struct qn_slice *payload)
{
    (void)ctx;
    (void)type;
    (void)body;
    (void)payload;
    return QN_OK;
}

uint64_t qn_check_work_spoil(struct qn_check_work *work, uint8_t *bytes, uint64_t size)
{
    switch (qn_check_work_draw(work, 4)) {
    case 0: /* cut */
        return size > 0 ? qn_check_work_draw(work, size) : 0;
    case 1: /* a bit */
        if (size > 0) {
            uint64_t bit = qn_check_work_draw(work, size * 8);

            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        return size;
    case 2: /* a number that says too much */
        if (size >= 4) {
            qn_le32_write(bytes + qn_check_work_draw(work, size - 3), UINT32_MAX);
        }
        return size;
    default: /* noise */
        qn_check_work_fill(work, bytes, size);
        return size;
    }
}
