/* SPDX-License-Identifier: MIT */

/* work_transport.c: what a transport does without a far side. Links are the contract's matter. */

#include <stdlib.h>
#include <string.h>

#include <qnet/transport.h>

#include "sdk/check/work.h"

enum { ROOM = 1 << 16, ADDRESS = 300, PUMP_BUDGET = 16 };

struct edge {
    struct qn_check_work *work;
    const struct qn_transport_1 *slots;
};

static int32_t stats_call(void *ctx, struct qn_sink *to)
{
    struct edge *it = ctx;

    return it->slots->stats(it->work->inst, 0, to);
}

static void transport_work(struct qn_check_work *work)
{
    struct edge it = {work, (const void *)work->given->plugin->slots};
    struct qn_effects out = {.push = qn_check_effect_drop};
    uint8_t *room = malloc(ROOM);

    QN_CHECK(room != NULL);
    for (uint32_t i = 0; i < work->rounds; i++) {
        struct qn_sink to = {.data = room, .cap = ROOM};

        if (!qn_check_work_ok(work, qn_check_work_sink(work, stats_call, &it, &to))) {
            break;
        }
        qn_check_work_may(work, it.slots->pump(work->inst, PUMP_BUDGET, &out),
                          QN_CHECK_MAY(QN_OK) | QN_CHECK_MAY(QN_AGAIN));
    }
    free(room);
}

/* Addresses of noise, and links that there are not. */
static void transport_hostile(struct qn_check_work *work)
{
    struct edge it = {work, (const void *)work->given->plugin->slots};
    uint8_t address[ADDRESS];
    const uint32_t bad = QN_CHECK_MAY(QN_INVALID) | QN_CHECK_MAY(QN_DENIED);
    const uint32_t none = QN_CHECK_MAY(QN_NOT_FOUND);

    for (uint32_t i = 0; i < work->rounds; i++) {
        struct qn_span span = {address, qn_check_work_draw(work, ADDRESS)};
        uint64_t link = UINT64_MAX - qn_check_work_draw(work, 1000);
        uint32_t accepted = 0;
        struct qn_slice frame = {.data = address, .size = 1};

        qn_check_work_fill(work, address, sizeof address);
        if (i % 3 == 0 && span.size > 6) {
            memcpy(address, "tcp://", 6);
        }
        qn_check_work_may(work, it.slots->dial(work->inst, 1 + i, span), bad);
        qn_check_work_may(work, it.slots->listen(work->inst, 1 + i, span), bad);
        qn_check_work_may(work, it.slots->unlisten(work->inst, link), none);
        qn_check_work_may(work, it.slots->credit(work->inst, link, 1000), none);
        qn_check_work_may(work, it.slots->send(work->inst, link, &frame, 1, &accepted), none);
        QN_CHECK(accepted == 0);
    }
}

const struct qn_check_worker qn_check_work_transport = {
    .kind = "transport",
    .work = transport_work,
    .hostile = transport_hostile,
};
