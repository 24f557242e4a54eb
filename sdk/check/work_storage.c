/* SPDX-License-Identifier: MIT */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <qnet/storage.h>

#include "sdk/check/work.h"

enum { MAP = 1, LOG = 2, PUT = 1, ERASE_RANGE = 3, KEYS = 24, VALUE = 200, ROOM = 1 << 16 };

struct store {
    struct qn_check_work *work;
    const struct qn_storage_1 *slots;
    uint32_t map, log;
    uint64_t place;
    uint8_t keys[KEYS][8];
    uint8_t values[KEYS][VALUE];
    struct qn_storage_address addresses[KEYS];
    struct qn_storage_found found[KEYS];
    struct qn_storage_range range;
    uint8_t room[ROOM];
};

static struct qn_span span_of(const char *text)
{
    return (struct qn_span){(const uint8_t *)text, strlen(text)};
}

static int32_t get_call(void *ctx, struct qn_sink *to)
{
    struct store *it = ctx;

    return it->slots->get(it->work->inst, 0, 0, it->addresses, KEYS, it->found, to);
}

static int32_t scan_call(void *ctx, struct qn_sink *to)
{
    struct store *it = ctx;

    return it->slots->scan(it->work->inst, 0, 0, &it->range, 1000, ROOM, to);
}

static int32_t read_call(void *ctx, struct qn_sink *to)
{
    struct store *it = ctx;

    return it->slots->read(it->work->inst, 0, it->log, it->place, ROOM, to);
}

/* A sink that is filled, and hashed. False: it starved. */
static bool sink_ask(struct store *it, int32_t (*call)(void *ctx, struct qn_sink *))
{
    struct qn_sink to = {.data = it->room, .cap = ROOM};

    if (!qn_check_work_ok(it->work, qn_check_work_sink(it->work, call, it, &to))) {
        return false;
    }
    qn_check_work_bytes(it->work, it->room, to.size);
    return true;
}

static int32_t batch_write(struct store *it, const struct qn_storage_op *ops, uint32_t count)
{
    int32_t status;

    do {
        status = it->slots->write(it->work->inst, 0, ops, count, 0);
    } while (status == QN_BUSY);
    return status;
}

/* Puts in batches, as many as one call may have. */
static bool values_put(struct store *it)
{
    uint32_t batch = it->work->batch != 0 ? it->work->batch : KEYS;

    for (uint32_t at = 0; at < KEYS; at += batch) {
        struct qn_storage_op ops[KEYS];
        uint32_t count = batch < KEYS - at ? batch : KEYS - at;

        for (uint32_t i = 0; i < count; i++) {
            uint64_t size = qn_check_work_draw(it->work, VALUE);

            qn_check_work_fill(it->work, it->keys[at + i], sizeof it->keys[0]);
            qn_check_work_fill(it->work, it->values[at + i], size);
            ops[i] = (struct qn_storage_op){.what = PUT,
                                            .space = it->map,
                                            .key = {it->keys[at + i], sizeof it->keys[0]},
                                            .value = {it->values[at + i], size}};
            it->addresses[at + i] =
                (struct qn_storage_address){.key = ops[i].key, .space = it->map};
        }
        if (!qn_check_work_ok(it->work, batch_write(it, ops, count))) {
            return false;
        }
    }
    return true;
}

static bool appends(struct store *it)
{
    struct qn_span records[3];
    uint64_t places[3] = {0};

    for (uint32_t i = 0; i < 3; i++) {
        records[i] = (struct qn_span){it->values[i], VALUE};
    }
    if (!qn_check_work_ok(it->work,
                          it->slots->append(it->work->inst, 0, it->log, records, 3, 0, places))) {
        return false;
    }
    QN_CHECK(places[0] < places[1] && places[1] < places[2]);
    it->place = places[0];
    return true;
}

/* Empty again, so that the work may be repeated without growing. */
static bool erase(struct store *it)
{
    static const uint8_t first[] = {0};
    static const uint8_t end[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    struct qn_storage_op op = {.what = ERASE_RANGE,
                               .space = it->map,
                               .key = {first, sizeof first},
                               .value = {end, sizeof end}};
    uint64_t left = 0;

    if (!qn_check_work_ok(it->work, batch_write(it, &op, 1)) ||
        !qn_check_work_ok(it->work,
                          it->slots->trim(it->work->inst, 0, it->log, it->place + VALUE * 3))) {
        return false;
    }
    qn_check_work_may(it->work, it->slots->maintain(it->work->inst, 0, 100, &left),
                      QN_CHECK_MAY(QN_OK) | QN_CHECK_MAY(QN_AGAIN) |
                          (it->work->may_starve ? QN_CHECK_MAY(QN_NO_SPACE) : 0));
    return true;
}

static bool spaces_open(struct store *it)
{
    return qn_check_work_ok(it->work,
                            it->slots->space(it->work->inst, span_of("kit_map"), MAP, &it->map)) &&
           qn_check_work_ok(it->work,
                            it->slots->space(it->work->inst, span_of("kit_log"), LOG, &it->log));
}

static struct store *store_make(struct qn_check_work *work)
{
    struct store *it = calloc(1, sizeof *it);

    QN_CHECK(it != NULL);
    it->work = work;
    it->slots = (const void *)work->given->plugin->slots;
    return it;
}

static void storage_work(struct qn_check_work *work)
{
    struct store *it = store_make(work);
    bool goes_on = spaces_open(it);

    it->range = (struct qn_storage_range){.space = it->map};
    for (uint32_t i = 0; i < work->rounds && goes_on; i++) {
        goes_on = values_put(it) && sink_ask(it, get_call) && sink_ask(it, scan_call) &&
                  appends(it) && sink_ask(it, read_call) && erase(it);
    }
    free(it);
}

/* Keys, names, spaces and places that there are not. */
static void storage_hostile(struct qn_check_work *work)
{
    struct store *it = store_make(work);
    uint8_t noise[300];
    uint32_t space;

    QN_CHECK(spaces_open(it));
    for (uint32_t i = 0; i < work->rounds; i++) {
        struct qn_sink to = {.data = it->room, .cap = ROOM};
        struct qn_storage_op op = {.what = (uint32_t)qn_check_work_draw(work, 9),
                                   .space = it->map + (uint32_t)qn_check_work_draw(work, 99),
                                   .key = {noise, qn_check_work_draw(work, 300)},
                                   .value = {noise, qn_check_work_draw(work, 300)}};

        qn_check_work_fill(work, noise, sizeof noise);
        noise[0] |= 0x80; /* no name begins so */
        qn_check_work_may(
            work, it->slots->space(work->inst, (struct qn_span){noise, i % 80}, 1 + i % 3, &space),
            QN_CHECK_MAY(QN_INVALID));
        qn_check_work_may(work, batch_write(it, &op, 1),
                          QN_CHECK_MAY(QN_OK) | QN_CHECK_MAY(QN_INVALID));
        it->range = (struct qn_storage_range){.space = op.space, .from = op.key, .flags = i % 4};
        it->range.from.size %= QN_STORAGE_KEY_MAX + 1;
        qn_check_work_may(work, scan_call(it, &to),
                          QN_CHECK_MAY(QN_OK) | QN_CHECK_MAY(QN_INVALID) | QN_CHECK_MAY(QN_AGAIN));
        to.size = 0;
        it->place = qn_check_work_draw(work, UINT64_MAX);
        qn_check_work_may(work, read_call(it, &to),
                          QN_CHECK_MAY(QN_OK) | QN_CHECK_MAY(QN_NOT_FOUND));
        qn_check_work_may(work, it->slots->release(work->inst, 0, it->place | 1),
                          QN_CHECK_MAY(QN_NOT_FOUND));
    }
    free(it);
}

const struct qn_check_worker qn_check_work_storage = {
    .kind = "storage",
    .work = storage_work,
    .hostile = storage_hostile,
};
