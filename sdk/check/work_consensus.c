/* SPDX-License-Identifier: MIT */

/* work_consensus.c: an engine lives through windows that were recorded among other engines of its
 * kind, some of them liars. Each round is told as another window. */

#include <stdlib.h>
#include <string.h>

#include <qnet/consensus.h>

#include "sdk/check/consensus_world.h"
#include "sdk/check/work.h"

enum {
    UNTIL_MS = 600000,
    ROOM = 1 << 16,
    BATCH_MAX = 64,
    LEAP_US = 1 << 30,
    WINDOWS = 4, /* that are recorded; rounds go through them again and again */
};

struct tape {
    struct qn_check_work *work;
    const struct qn_consensus_1 *slots;
    struct world *world;
    uint64_t round;
    uint64_t seq, now_us;
    bool leaps; /* in time */
    uint8_t saved[QN_CONSENSUS_SAVED_MAX];
    uint64_t saved_size; /* what open brings instead of its own; 0: its own */
    uint32_t what;
    uint8_t room[ROOM];
};

/* Records a window of four to seven members at node 0. */
static void tape_record(struct tape *tape, uint64_t seed)
{
    struct world_plan plan = {.seed = seed, .nodes = 4 + (uint32_t)(seed % 4), .is_recorded = true};

    for (uint32_t i = 0; i < plan.nodes; i++) {
        plan.candidates[i] = 1;
        plan.candidates_ms[i] = (uint32_t)(seed * 37 + i * 211) % 3000;
    }
    plan.delay_ms = 500;
    plan.roles[plan.nodes - 1] =
        seed % 2 == 0 && !tape->world->is_lockless ? WORLD_EQUIVOCATOR : WORLD_HONEST;
    tape->world->record_count = 0;
    tape->world->wanted_size = 0;
    world_begin(tape->world, &plan);
    world_run(tape->world, UNTIL_MS);
    QN_CHECK(tape->world->record_count > 0);
}

static void number_add(uint8_t *at, uint64_t what)
{
    qn_le64_write(at, qn_le64_read(at) + what);
}

/* Every event begins with its window; heights lie at places that the record encoding fixes. */
static void event_move(const struct tape *tape, struct world_message *event)
{
    uint64_t heights = tape->round * WORLD_WINDOW;

    number_add(event->bytes, tape->round);
    switch (event->type) {
    case QN_CONSENSUS_EVENT_OPEN:
        number_add(event->bytes + 8 + 1 + 4, heights);
        number_add(event->bytes + 8 + 1 + 4 + 8, heights);
        break;
    case QN_CONSENSUS_EVENT_CANDIDATE:
        number_add(event->bytes + 8 + QN_HASH_SIZE, heights);
        break;
    case QN_CONSENSUS_EVENT_HEAD:
        number_add(event->bytes + 8, heights);
        break;
    default:
        break;
    }
}

/* open() as after a restart, with what somebody left on the disk. */
static void event_save(const struct tape *tape, struct world_message *event)
{
    struct qn_consensus_event_open open;
    uint8_t bytes[WORLD_BODY + QN_CONSENSUS_SAVED_MAX];

    if (event->type != QN_CONSENSUS_EVENT_OPEN || tape->saved_size == 0) {
        return;
    }
    QN_CHECK(qn_consensus_event_open_read((struct qn_span){event->bytes, event->size}, &open) ==
             QN_OK);
    open.saved = (struct qn_span){tape->saved, tape->saved_size};
    if (qn_consensus_event_open_size(&open) <= WORLD_BODY) {
        event->size = (uint32_t)(qn_consensus_event_open_write(&open, bytes) - bytes);
        memcpy(event->bytes, bytes, event->size);
    }
}

static int32_t effect_push(void *ctx, uint32_t type, struct qn_span body,
                           const struct qn_slice *payload)
{
    struct tape *tape = ctx;

    QN_CHECK(payload == NULL);
    qn_check_work_u64(tape->work, type);
    qn_check_work_bytes(tape->work, body.data, body.size);
    return QN_OK;
}

/* Tells events `from` up to `end`. False: it starved. */
static bool events_tell(struct tape *tape, uint32_t from, uint32_t end)
{
    static struct world_message messages[BATCH_MAX];
    struct qn_event events[BATCH_MAX];
    const struct qn_event *batch[BATCH_MAX];
    struct qn_effects out = {
        .head = {.size = sizeof out, .major = 1}, .ctx = tape, .push = effect_push};

    memset(events, 0, sizeof events);
    for (uint32_t i = 0; i < end - from; i++) {
        messages[i] = tape->world->record[from + i];
        event_move(tape, &messages[i]);
        event_save(tape, &messages[i]);
        tape->now_us += tape->leaps ? qn_check_work_draw(tape->work, LEAP_US) : 1000;
        events[i] = (struct qn_event){
            .size = sizeof events[i],
            .type = messages[i].type,
            .seq = ++tape->seq,
            .now_us = tape->now_us,
            .body = {messages[i].bytes, messages[i].size},
        };
        batch[i] = &events[i];
    }
    return qn_check_work_ok(tape->work,
                            tape->slots->step(tape->work->inst, batch, end - from, &out));
}

static int32_t query_call(void *ctx, struct qn_sink *to)
{
    struct tape *tape = ctx;

    return tape->slots->query(tape->work->inst, tape->what, (struct qn_span){NULL, 0}, to);
}

/* Status and dump may be asked at any time. */
static void queries_ask(struct tape *tape)
{
    for (tape->what = 0; tape->what < 4; tape->what++) {
        struct qn_sink to = {.data = tape->room, .cap = ROOM};

        qn_check_work_may(tape->work, qn_check_work_sink(tape->work, query_call, tape, &to),
                          QN_CHECK_MAY(QN_OK) | QN_CHECK_MAY(QN_UNSUPPORTED) |
                              (tape->work->may_starve ? QN_CHECK_MAY(QN_NO_SPACE) : 0));
        qn_check_work_bytes(tape->work, tape->room, to.size);
    }
}

static bool window_tell(struct tape *tape)
{
    uint32_t limit =
        tape->work->batch != 0 && tape->work->batch < BATCH_MAX ? tape->work->batch : BATCH_MAX;
    uint32_t count = tape->world->record_count;

    for (uint32_t at = 0; at < count; at += limit) {
        if (!events_tell(tape, at, at + limit < count ? at + limit : count)) {
            return false;
        }
    }
    return true;
}

static struct tape *tape_make(struct qn_check_work *work)
{
    struct tape *tape = calloc(1, sizeof *tape);

    QN_CHECK(tape != NULL);
    tape->work = work;
    tape->slots = (const void *)work->given->plugin->slots;
    tape->world = world_create(work->given);
    return tape;
}

static void tape_end(struct tape *tape)
{
    world_destroy(tape->world);
    free(tape);
}

static void windows_live(struct qn_check_work *work, bool is_hostile)
{
    struct tape *tape = tape_make(work);
    uint64_t seed = work->seed % 1000 + 1;

    tape->leaps = is_hostile;
    for (uint32_t i = 0; i < work->rounds; i++) {
        tape_record(tape, seed + i % WINDOWS);
        if (is_hostile) {
            tape->saved_size = qn_check_work_draw(work, 600);
            qn_check_work_fill(work, tape->saved, tape->saved_size);
        }
        tape->round = i;
        if (!window_tell(tape)) {
            break;
        }
        queries_ask(tape);
    }
    tape_end(tape);
}

static void consensus_work(struct qn_check_work *work)
{
    windows_live(work, false);
}

/* The kernel encodes events itself: what may be anything is what lay on the disk, and the time. */
static void consensus_hostile(struct qn_check_work *work)
{
    windows_live(work, true);
}

const struct qn_check_worker qn_check_work_consensus = {
    .kind = "consensus",
    .work = consensus_work,
    .hostile = consensus_hostile,
};
