/* SPDX-License-Identifier: MIT */

#include <stdlib.h>
#include <string.h>

#include <qnet/service.h>

#include "sdk/check/work.h"

enum { ROOM = 1 << 20, REQUEST = 512, EVENTS = 8, BODY = 64, PUMP_BUDGET = 16 };

struct asking {
    struct qn_check_work *work;
    const struct qn_service_1 *slots;
    uint8_t *room;
    uint8_t request[REQUEST];
    uint64_t request_size;
    uint32_t route;
};

static int32_t serve_call(void *ctx, struct qn_sink *to)
{
    struct asking *it = ctx;

    return it->slots->serve(it->work->inst, 0, it->route,
                            (struct qn_span){it->request, it->request_size}, to);
}

static int32_t health_call(void *ctx, struct qn_sink *to)
{
    struct asking *it = ctx;

    return it->slots->health(it->work->inst, to);
}

/* The statuses of serve(), with what starving adds. */
static uint32_t serve_may(const struct qn_check_work *work)
{
    return QN_CHECK_MAY(QN_OK) | QN_CHECK_MAY(QN_INVALID) | QN_CHECK_MAY(QN_NOT_FOUND) |
           QN_CHECK_MAY(QN_DENIED) | QN_CHECK_MAY(QN_AGAIN) |
           (work->may_starve ? QN_CHECK_MAY(QN_NO_SPACE) : 0);
}

static void serve(struct asking *it)
{
    struct qn_sink to = {.data = it->room, .cap = ROOM};

    qn_check_work_may(it->work, qn_check_work_sink(it->work, serve_call, it, &to),
                      serve_may(it->work));
    qn_check_work_bytes(it->work, it->room, to.size);
}

/* health() is a list of (name text, ok flag, text). */
static void health(struct asking *it)
{
    struct qn_sink to = {.data = it->room, .cap = ROOM};
    struct qn_reader in;
    uint32_t count;

    if (!qn_check_work_ok(it->work, qn_check_work_sink(it->work, health_call, it, &to))) {
        return;
    }
    in = qn_reader_over((struct qn_span){it->room, to.size});
    count = qn_reader_u32(&in);
    for (uint32_t i = 0; i < count && i < REQUEST; i++) {
        (void)qn_reader_text(&in, REQUEST);
        (void)qn_reader_flag(&in);
        (void)qn_reader_text(&in, REQUEST);
    }
    QN_CHECK(qn_reader_is_done(&in));
    qn_check_work_bytes(it->work, it->room, to.size);
}

/* Macroblocks in order, as many as one call may take. */
static void deliver(struct asking *it, uint64_t *seq)
{
    uint8_t bodies[EVENTS][BODY];
    struct qn_event events[EVENTS];
    const struct qn_event *batch[EVENTS];
    uint8_t digest[QN_HASH_SIZE];
    uint32_t count = it->work->batch != 0 && it->work->batch < EVENTS ? it->work->batch : EVENTS;
    uint32_t accepted = 0;
    int32_t status;

    memset(events, 0, sizeof events);
    qn_check_work_fill(it->work, digest, sizeof digest);
    for (uint32_t i = 0; i < count; i++) {
        struct qn_service_event_macroblock body = {
            .window = *seq + i, .digest = digest, .height = 10 * (*seq + i)};

        events[i] = (struct qn_event){
            .size = sizeof events[i],
            .type = QN_SERVICE_EVENT_MACROBLOCK,
            .seq = *seq + i,
            .now_us = 1000 * (*seq + i),
            .body = {bodies[i], qn_service_event_macroblock_size(&body)},
        };
        (void)qn_service_event_macroblock_write(&body, bodies[i]);
        batch[i] = &events[i];
    }
    status = it->slots->deliver(it->work->inst, 0, batch, count, &accepted);
    qn_check_work_may(it->work, status,
                      QN_CHECK_MAY(QN_OK) | QN_CHECK_MAY(QN_AGAIN) | QN_CHECK_MAY(QN_IO) |
                          (it->work->may_starve ? QN_CHECK_MAY(QN_NO_SPACE) : 0));
    QN_CHECK(accepted <= count);
    QN_CHECK(status != QN_OK || accepted == count);
    *seq += accepted;
    QN_CHECK(it->slots->cursor(it->work->inst) <= *seq);
}

static struct asking asking_make(struct qn_check_work *work)
{
    struct asking it = {.work = work, .slots = (const void *)work->given->plugin->slots};

    it.room = malloc(ROOM);
    QN_CHECK(it.room != NULL);
    return it;
}

static void service_work(struct qn_check_work *work)
{
    struct asking it = asking_make(work);
    uint64_t seq = it.slots->cursor(work->inst) + 1; /* where delivery resumes */

    for (uint32_t i = 0; i < work->rounds; i++) {
        deliver(&it, &seq);
        for (uint32_t j = 0; j < work->ids_count; j++) {
            it.route = work->ids[j];
            it.request_size = 0;
            serve(&it);
        }
        qn_check_work_may(work, it.slots->pump(work->inst, PUMP_BUDGET),
                          QN_CHECK_MAY(QN_OK) | QN_CHECK_MAY(QN_AGAIN));
        health(&it);
    }
    free(it.room);
}

/* Requests of noise at routes that there are and that there are not. */
static void service_hostile(struct qn_check_work *work)
{
    struct asking it = asking_make(work);
    uint8_t *huge = calloc(1, QN_SERVICE_REQUEST_MAX);
    struct qn_sink to = {.data = it.room, .cap = ROOM};

    QN_CHECK(huge != NULL);
    for (uint32_t i = 0; i < work->rounds; i++) {
        it.route = work->ids_count > 0 ? work->ids[i % work->ids_count] : 1;
        it.request_size = qn_check_work_draw(work, REQUEST);
        qn_check_work_fill(work, it.request, it.request_size);
        serve(&it);
        it.route = (uint32_t)qn_check_work_draw(work, UINT32_MAX);
        serve(&it);
    }
    it.route = work->ids_count > 0 ? work->ids[0] : 1;
    qn_check_work_may(work,
                      it.slots->serve(work->inst, 0, it.route,
                                      (struct qn_span){huge, QN_SERVICE_REQUEST_MAX}, &to),
                      serve_may(work));
    free(huge);
    free(it.room);
}

const struct qn_check_worker qn_check_work_service = {
    .kind = "service",
    .work = service_work,
    .hostile = service_hostile,
};
