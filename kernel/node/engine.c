/* SPDX-License-Identifier: MIT */

#include "kernel/node/engine.h"

#include <qnet/assert.h>

#include "kernel/base/sink.h"

enum {
    BATCH = 256,          /* events told in one call */
    FIRST_ROOM = 64,      /* places of a new queue */
    BYTES_MAX = 64 << 20, /* of bodies that wait */
};

/* A queue of typed bodies: places of an array, bytes in a sink. */
struct queue {
    struct item {
        uint32_t type;
        uint64_t at;
        uint64_t size;
    } * items;
    uint32_t count;
    uint32_t room;
    struct qn_sink bytes;
};

struct qnk_engine {
    struct qnk_budget *budget;
    const struct qn_consensus_1 *plugin;
    struct qn_inst *inst;
    qnk_engine_handler *handler;
    void *ctx;
    int32_t status;
    bool is_held;
    bool is_running;
    uint64_t seq;
    struct queue events;
    struct queue effects;
    uint32_t events_told;
    uint32_t effects_done;
};

/* --- queues --- */

static void queue_init(struct queue *queue, struct qnk_budget *budget)
{
    *queue = (struct queue){0};
    qnk_sink_init(&queue->bytes, budget, BYTES_MAX);
}

static bool queue_grow(struct queue *queue)
{
    struct qnk_budget *budget = queue->bytes.budget;
    uint32_t room = queue->room == 0 ? FIRST_ROOM : queue->room * 2;
    struct item *items = qnk_memory_take(budget, room * sizeof *items);

    if (items == NULL) {
        return false;
    }
    if (queue->count > 0) {
        memcpy(items, queue->items, queue->count * sizeof *items);
    }
    qnk_memory_give(budget, queue->items, queue->room * sizeof *items);
    queue->items = items;
    queue->room = room;
    return true;
}

static void queue_done(struct queue *queue)
{
    qnk_memory_give(queue->bytes.budget, queue->items, queue->room * sizeof *queue->items);
    qnk_sink_done(&queue->bytes);
}

static void queue_clear(struct queue *queue)
{
    queue->count = 0;
    qnk_sink_cut(&queue->bytes, 0);
}

static uint8_t *queue_add(struct queue *queue, uint32_t type, uint64_t size)
{
    bool has_place = queue->count < queue->room || queue_grow(queue);
    uint8_t *room = has_place ? qnk_sink_room(&queue->bytes, size) : NULL;

    if (room != NULL) {
        queue->items[queue->count++] =
            (struct item){.type = type, .at = queue->bytes.size, .size = size};
        qnk_sink_commit(&queue->bytes, size);
    }
    return room;
}

static struct qn_span queue_body(const struct queue *queue, uint32_t i)
{
    return (struct qn_span){queue->bytes.data + queue->items[i].at, queue->items[i].size};
}

/* --- life --- */

struct qnk_engine *qnk_engine_create(struct qnk_budget *budget, struct qnk_plugged plugin,
                                     qnk_engine_handler *handler, void *ctx)
{
    struct qnk_engine *engine = qnk_memory_take(budget, sizeof *engine);

    if (engine == NULL) {
        return NULL;
    }
    engine->budget = budget;
    engine->plugin = plugin.table;
    engine->inst = plugin.inst;
    engine->handler = handler;
    engine->ctx = ctx;
    queue_init(&engine->events, budget);
    queue_init(&engine->effects, budget);
    return engine;
}

void qnk_engine_destroy(struct qnk_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    queue_done(&engine->events);
    queue_done(&engine->effects);
    qnk_memory_give(engine->budget, engine, sizeof *engine);
}

bool qnk_engine_is_running(const struct qnk_engine *engine)
{
    return engine->is_running;
}

int32_t qnk_engine_status(const struct qnk_engine *engine)
{
    return engine->status;
}

void qnk_engine_clear(struct qnk_engine *engine)
{
    queue_clear(&engine->events);
    queue_clear(&engine->effects);
    engine->events_told = 0;
    engine->effects_done = 0;
    engine->is_held = false;
}

/* --- telling and doing --- */

uint8_t *qnk_engine_event(struct qnk_engine *engine, uint16_t type, uint64_t size)
{
    uint8_t *room = queue_add(&engine->events, type, size);

    QN_ASSERT(room != NULL); /* what may wait is bounded by the ballot, far below the budget */
    return room;
}

static int32_t take_effect(void *ctx, uint32_t type, struct qn_span body,
                           const struct qn_slice *payload)
{
    struct qnk_engine *engine = ctx;

    (void)payload;
    uint8_t *room = engine->effects.count < QN_CONSENSUS_EFFECTS_MAX
                        ? queue_add(&engine->effects, type, body.size)
                        : NULL;

    if (room == NULL) {
        return QN_NO_SPACE;
    }
    if (body.size > 0) {
        memcpy(room, body.data, body.size);
    }
    return QN_OK;
}

/* One call of the plugin, with as many events as go into a batch. */
static void tell(struct qnk_engine *engine, uint64_t now_us)
{
    struct qn_event batch[BATCH];
    const struct qn_event *pointers[BATCH];
    struct qn_effects out = {
        .head = {.size = sizeof out, .major = 1},
        .ctx = engine,
        .push = take_effect,
    };
    uint32_t count = 0;

    while (count < BATCH && engine->events_told < engine->events.count) {
        uint32_t i = engine->events_told++;

        batch[count] = (struct qn_event){
            .size = sizeof batch[count],
            .type = (uint16_t)engine->events.items[i].type,
            .seq = ++engine->seq,
            .now_us = now_us,
            .body = queue_body(&engine->events, i),
        };
        pointers[count] = &batch[count];
        count++;
    }
    engine->status = engine->plugin->step(engine->inst, pointers, count, &out);
    if (engine->events_told == engine->events.count) {
        queue_clear(&engine->events);
        engine->events_told = 0;
    }
    if (engine->status != QN_OK) {
        queue_clear(&engine->effects);
    }
}

/* Does effects until all are done or one holds the rest back. */
static void perform(struct qnk_engine *engine)
{
    while (!engine->is_held && engine->effects_done < engine->effects.count) {
        uint32_t i = engine->effects_done++;
        struct qnk_engine_effect effect = {
            .type = engine->effects.items[i].type,
            .body = queue_body(&engine->effects, i),
        };

        engine->is_held = !engine->handler(engine->ctx, &effect);
    }
    if (engine->effects_done == engine->effects.count) {
        queue_clear(&engine->effects);
        engine->effects_done = 0;
    }
}

void qnk_engine_run(struct qnk_engine *engine, uint64_t now_us)
{
    uint32_t runs = 0;

    /* A handler may lead back here; what it queued is told by the run that is going on. */
    if (engine->is_running) {
        return;
    }
    engine->is_running = true;
    perform(engine);
    while (!engine->is_held && engine->status == QN_OK &&
           engine->events.count > engine->events_told) {
        if (++runs > QNK_ENGINE_RUNS_MAX) {
            engine->status = QN_BUG;
            break;
        }
        tell(engine, now_us);
        perform(engine);
    }
    engine->is_running = false;
}

void qnk_engine_resume(struct qnk_engine *engine, uint64_t now_us)
{
    engine->is_held = false;
    qnk_engine_run(engine, now_us);
}
