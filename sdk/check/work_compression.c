/* SPDX-License-Identifier: MIT */

#include <stdlib.h>
#include <string.h>

#include <qnet/compression.h>

#include "sdk/check/work.h"

enum { BLOCK = 1 << 15, ROOM = 1 << 17 };

struct blocks {
    struct qn_check_work *work;
    const struct qn_compression_1 *slots;
    uint8_t plain[BLOCK], packed[ROOM], back[ROOM];
    uint64_t plain_size, packed_size;
};

static int32_t pack_call(void *ctx, struct qn_sink *to)
{
    struct blocks *it = ctx;

    return it->slots->pack(it->work->inst, 0, (struct qn_span){it->plain, it->plain_size}, to);
}

static int32_t unpack_call(void *ctx, struct qn_sink *to)
{
    struct blocks *it = ctx;

    return it->slots->unpack(it->work->inst, 0, (struct qn_span){it->packed, it->packed_size},
                             it->plain_size, to);
}

/* Bytes that can be packed more or less. */
static void block_make(struct blocks *it)
{
    uint8_t noise = (uint8_t)qn_check_work_draw(it->work, 256);

    it->plain_size = qn_check_work_draw(it->work, BLOCK);
    qn_check_work_fill(it->work, it->plain, it->plain_size);
    for (uint64_t i = 0; i < it->plain_size; i++) {
        it->plain[i] &= noise;
    }
}

/* False: it starved. */
static bool pack(struct blocks *it)
{
    struct qn_sink to = {.data = it->packed};

    block_make(it);
    to.cap = it->slots->bound(it->work->inst, it->plain_size);
    QN_CHECK(to.cap <= ROOM);
    if (!qn_check_work_ok(it->work, qn_check_work_sink(it->work, pack_call, it, &to))) {
        return false;
    }
    it->packed_size = to.size;
    return true;
}

static struct blocks *blocks_make(struct qn_check_work *work)
{
    struct blocks *it = calloc(1, sizeof *it);

    QN_CHECK(it != NULL);
    it->work = work;
    it->slots = (const void *)work->given->plugin->slots;
    return it;
}

static void compression_work(struct qn_check_work *work)
{
    struct blocks *it = blocks_make(work);

    for (uint32_t i = 0; i < work->rounds && pack(it); i++) {
        struct qn_sink to = {.data = it->back, .cap = it->plain_size};

        qn_check_work_bytes(work, it->packed, it->packed_size);
        if (!qn_check_work_ok(work, qn_check_work_sink(work, unpack_call, it, &to))) {
            break;
        }
        QN_CHECK(to.size == it->plain_size && memcmp(it->back, it->plain, to.size) == 0);
    }
    free(it);
}

static void compression_hostile(struct qn_check_work *work)
{
    struct blocks *it = blocks_make(work);

    for (uint32_t i = 0; i < work->rounds && pack(it); i++) {
        struct qn_sink to = {.data = it->back, .cap = ROOM};
        int32_t status;

        it->packed_size = qn_check_work_spoil(work, it->packed, it->packed_size);
        it->plain_size =
            qn_check_work_draw(work, 3) == 0 ? qn_check_work_draw(work, ROOM) : it->plain_size;
        status = unpack_call(it, &to);
        qn_check_work_may(work, status,
                          QN_CHECK_MAY(QN_OK) | QN_CHECK_MAY(QN_INVALID) |
                              QN_CHECK_MAY(QN_NO_SPACE));
        QN_CHECK(to.size == (status == QN_OK ? it->plain_size : 0));
    }
    free(it);
}

const struct qn_check_worker qn_check_work_compression = {
    .kind = "compression",
    .work = compression_work,
    .hostile = compression_hostile,
};
