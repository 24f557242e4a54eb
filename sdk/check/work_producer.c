/* SPDX-License-Identifier: MIT */

#include <stdlib.h>
#include <string.h>

#include <qnet/producer.h>

#include "sdk/check/work.h"

enum { SEATS = 9, BLOCKS = 90, RECENTS = 12, CONTEXT = 1024 };

struct schedule {
    struct qn_check_work *work;
    const struct qn_producer_1 *slots;
    uint8_t context[CONTEXT];
    uint64_t context_size;
    struct qn_producer_ask asks[BLOCKS];
    uint32_t members[BLOCKS];
};

static uint8_t *seat_write(struct qn_check_work *work, uint8_t *to, uint32_t excluded)
{
    qn_check_work_fill(work, to, QN_KEY_SIZE);
    to = qn_writer_u64(to + QN_KEY_SIZE, 1 + qn_check_work_draw(work, 50));
    to = qn_writer_u32(to, (uint32_t)qn_check_work_draw(work, 100));
    to = qn_writer_u32(to, (uint32_t)qn_check_work_draw(work, 100));
    to = qn_writer_u32(to, excluded);
    return qn_writer_u32(to, 0);
}

/* A window in record encoding, as <qnet/producer.h> says. */
static void context_make(struct schedule *it, uint64_t window)
{
    uint8_t *to = qn_writer_u64(it->context, window);

    to = qn_writer_u64(to, (window - 1) * BLOCKS + 1);
    to = qn_writer_u64(to, window * BLOCKS);
    to = qn_writer_u32(to, 0);
    qn_check_work_fill(it->work, to, QN_HASH_SIZE);
    to = qn_writer_u32(to + QN_HASH_SIZE, SEATS);
    for (uint32_t i = 0; i < SEATS; i++) {
        to = seat_write(it->work, to, i % 4 == 3);
    }
    it->context_size = (uint64_t)(to - it->context);
    QN_CHECK(it->context_size <= CONTEXT);
}

/* Every height of the window at some rank, in calls of the batch's size. */
static bool turns_ask(struct schedule *it, uint64_t window)
{
    uint32_t batch = it->work->batch != 0 ? it->work->batch : BLOCKS;

    for (uint32_t i = 0; i < BLOCKS; i++) {
        it->asks[i] = (struct qn_producer_ask){
            .height = (window - 1) * BLOCKS + 1 + i,
            .view = (uint32_t)qn_check_work_draw(it->work, QN_PRODUCER_VIEWS_MAX),
        };
    }
    for (uint32_t at = 0; at < BLOCKS; at += batch) {
        uint32_t count = batch < BLOCKS - at ? batch : BLOCKS - at;

        if (!qn_check_work_ok(it->work, it->slots->turns(it->work->inst, it->asks + at, count,
                                                         it->members + at))) {
            return false;
        }
    }
    for (uint32_t i = 0; i < BLOCKS; i++) {
        QN_CHECK(it->members[i] < SEATS);
        qn_check_work_u64(it->work, it->members[i]);
    }
    return true;
}

static bool pace_ask(struct schedule *it)
{
    struct qn_producer_recent recent[RECENTS];
    uint32_t count = (uint32_t)qn_check_work_draw(it->work, RECENTS + 1);
    uint8_t class = 0;
    uint32_t interval_ms = 0, backup_ms = 0;

    memset(recent, 0, sizeof recent);
    for (uint32_t i = 0; i < count; i++) {
        recent[i] = (struct qn_producer_recent){
            .height = 1000 - i,
            .time_ms = UINT64_C(1000000) - i * 1000,
            .backlog = (uint32_t)qn_check_work_draw(it->work, 9000),
            .body_size = (uint32_t)qn_check_work_draw(it->work, 1 << 20),
            .interval_class = (uint32_t)qn_check_work_draw(it->work, 4),
        };
    }
    if (!qn_check_work_ok(it->work, it->slots->pace(it->work->inst, recent, count, &class,
                                                    &interval_ms, &backup_ms))) {
        return false;
    }
    qn_check_work_u64(it->work, class);
    qn_check_work_u64(it->work, interval_ms);
    qn_check_work_u64(it->work, backup_ms);
    return true;
}

static struct schedule *schedule_make(struct qn_check_work *work)
{
    struct schedule *it = calloc(1, sizeof *it);

    QN_CHECK(it != NULL);
    it->work = work;
    it->slots = (const void *)work->given->plugin->slots;
    return it;
}

static void producer_work(struct qn_check_work *work)
{
    struct schedule *it = schedule_make(work);

    for (uint64_t window = 1; window <= work->rounds; window++) {
        context_make(it, window);
        if (!qn_check_work_ok(
                work,
                it->slots->open(work->inst, (struct qn_span){it->context, it->context_size})) ||
            !turns_ask(it, window) || !pace_ask(it)) {
            break;
        }
        if (window > 2) {
            it->slots->close(work->inst, window - 2);
        }
    }
    it->slots->close(work->inst, work->rounds);
    free(it);
}

/* Contexts of every sort; after each the instance still opens a good one. */
static void producer_hostile(struct qn_check_work *work)
{
    struct schedule *it = schedule_make(work);
    const uint32_t may = QN_CHECK_MAY(QN_OK) | QN_CHECK_MAY(QN_INVALID) | QN_CHECK_MAY(QN_NO_SPACE);

    for (uint64_t window = 1; window <= work->rounds; window++) {
        context_make(it, window);

        uint64_t size = qn_check_work_spoil(work, it->context, it->context_size);

        qn_check_work_may(work, it->slots->open(work->inst, (struct qn_span){it->context, size}),
                          may);
        qn_check_work_may(work, it->slots->open(work->inst, (struct qn_span){NULL, 0}), may);
        it->slots->close(work->inst, UINT64_MAX);
        context_make(it, window);
        QN_CHECK(it->slots->open(work->inst, (struct qn_span){it->context, it->context_size}) ==
                 QN_OK);
        it->asks[0] = (struct qn_producer_ask){.height = UINT64_MAX - window};
        qn_check_work_may(work, it->slots->turns(work->inst, it->asks, 1, it->members),
                          QN_CHECK_MAY(QN_NOT_FOUND));
        it->slots->close(work->inst, window);
    }
    free(it);
}

const struct qn_check_worker qn_check_work_producer = {
    .kind = "producer",
    .work = producer_work,
    .hostile = producer_hostile,
};
