/* SPDX-License-Identifier: MIT */

#include "kernel/node/schedule.h"

#include <qnet/assert.h>
#include <qnet/producer.h>

#include "kernel/base/bytes.h"
#include "kernel/base/memory.h"

_Static_assert(QNK_SCHEDULE_VIEWS == QN_PRODUCER_VIEWS_MAX, "as in producer.yaml");
_Static_assert(QNK_SCHEDULE_RECENT == QN_PRODUCER_RECENT_MAX, "as in producer.yaml");

enum { WINDOWS = 6 }; /* final + 1 .. final + 3, and some that are closing */

struct open_window {
    uint64_t window;
    struct qnk_set *set; /* NULL: a free place */
};

struct qnk_schedule {
    struct qnk_budget *budget;
    struct qnk_params params;
    const struct qn_producer_1 *plugin;
    struct qn_inst *inst;
    struct open_window windows[WINDOWS];
};

struct qnk_schedule *qnk_schedule_create(struct qnk_budget *budget, const struct qnk_params *params,
                                         struct qnk_plugged producer)
{
    struct qnk_schedule *schedule = qnk_memory_take(budget, sizeof *schedule);

    if (schedule != NULL) {
        schedule->budget = budget;
        schedule->params = *params;
        schedule->plugin = producer.table;
        schedule->inst = producer.inst;
    }
    return schedule;
}

void qnk_schedule_destroy(struct qnk_schedule *schedule)
{
    if (schedule == NULL) {
        return;
    }
    for (uint32_t i = 0; i < WINDOWS; i++) {
        qnk_set_unref(schedule->windows[i].set);
    }
    qnk_memory_give(schedule->budget, schedule, sizeof *schedule);
}

static uint32_t missed_of(const struct qnk_control_member *member)
{
    uint32_t count = 0;

    for (uint32_t bits = member->missed; bits != 0; bits &= bits - 1) {
        count++;
    }
    return count;
}

/* The seats of a set as the plugin sees them, encoded one after another. */
static void write_seats(const struct qnk_set *set, const struct qnk_control *control, uint8_t *to)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct qnk_control_member *member = &control->members[i];
        uint32_t missed = missed_of(member);
        struct qn_producer_seat seat = {
            .key = set->members[i].key.bytes,
            .weight = set->members[i].weight,
            .produced = member->turns - missed,
            .missed = missed,
            .excluded = member->excluded != 0,
        };

        to = qn_producer_seat_write(&seat, to);
    }
}

static int32_t open_context(struct qnk_schedule *schedule,
                            const struct qn_producer_context *context)
{
    uint64_t size = qn_producer_context_size(context);
    uint8_t *record = qnk_memory_take(schedule->budget, size);

    if (record == NULL) {
        return QN_NO_SPACE;
    }
    (void)qn_producer_context_write(context, record);

    int32_t status = schedule->plugin->open(schedule->inst, (struct qn_span){record, size});

    qnk_memory_give(schedule->budget, record, size);
    return status;
}

static struct open_window *find_place(struct qnk_schedule *schedule, uint64_t window)
{
    struct open_window *free = NULL;

    for (uint32_t i = 0; i < WINDOWS; i++) {
        struct open_window *place = &schedule->windows[i];

        if (place->set != NULL && place->window == window) {
            return place;
        }
        if (place->set == NULL) {
            free = place;
        }
    }
    return free;
}

int32_t qnk_schedule_open(struct qnk_schedule *schedule, uint64_t window,
                          const struct qnk_macro *basis, const struct qnk_hash *beacon,
                          struct qnk_set *set, const struct qnk_control *control)
{
    uint8_t header[QNK_MACRO_SIZE];
    struct qn_producer_seat any = {.key = set->members[0].key.bytes};
    uint64_t seats_size = qn_producer_seat_size(&any) * set->count;
    uint8_t *seats = qnk_memory_take(schedule->budget, seats_size);
    struct open_window *place = find_place(schedule, window);

    QN_ASSERT(place != NULL);
    if (seats == NULL) {
        return QN_NO_SPACE;
    }
    if (basis != NULL) {
        qnk_macro_encode(basis, header);
    }
    write_seats(set, control, seats);

    struct qn_producer_context context = {
        .window = window,
        .first = qnk_window_last(window - 1, schedule->params.window) + 1,
        .last = qnk_window_last(window, schedule->params.window),
        .basis = {header, basis == NULL ? 0 : sizeof header},
        .beacon = beacon->bytes,
        .seats = {seats, seats_size},
        .seats_count = set->count,
    };
    int32_t status = open_context(schedule, &context);

    qnk_memory_give(schedule->budget, seats, seats_size);
    if (status == QN_OK) {
        qnk_set_unref(place->set);
        *place = (struct open_window){.window = window, .set = qnk_set_ref(set)};
    }
    return status;
}

void qnk_schedule_close(struct qnk_schedule *schedule, uint64_t window)
{
    for (uint32_t i = 0; i < WINDOWS; i++) {
        if (schedule->windows[i].set != NULL && schedule->windows[i].window <= window) {
            qnk_set_unref(schedule->windows[i].set);
            schedule->windows[i] = (struct open_window){0};
        }
    }
    schedule->plugin->close(schedule->inst, window);
}

struct qnk_set *qnk_schedule_set(const struct qnk_schedule *schedule, uint64_t window)
{
    for (uint32_t i = 0; i < WINDOWS; i++) {
        if (schedule->windows[i].set != NULL && schedule->windows[i].window == window) {
            return schedule->windows[i].set;
        }
    }
    return NULL;
}

/* --- turns --- */

static struct qnk_set *set_at(const struct qnk_schedule *schedule, uint64_t height)
{
    return qnk_schedule_set(schedule, qnk_window_of(height, schedule->params.window));
}

/* The kernel's own rotation. */
static uint32_t rotate(const struct qnk_set *set, uint64_t height, uint32_t view)
{
    return (uint32_t)((height + view) % set->count);
}

int32_t qnk_schedule_turn(struct qnk_schedule *schedule, uint64_t height, uint32_t view,
                          uint32_t *member)
{
    const struct qnk_set *set = set_at(schedule, height);
    struct qn_producer_ask ask = {.height = height, .view = view};
    uint32_t answer;

    if (set == NULL) {
        return QN_NOT_FOUND;
    }
    if (view >= QNK_SCHEDULE_VIEWS) {
        *member = rotate(set, height, view);
        return QN_OK;
    }

    int32_t status = schedule->plugin->turns(schedule->inst, &ask, 1, &answer);

    if (status == QN_OK && answer >= set->count) {
        return QN_BUG;
    }
    if (status == QN_OK) {
        *member = answer;
    }
    return status;
}

/* The first of the kernel's ranks that is the member's. */
static uint32_t rotation_rank(const struct qnk_set *set, uint64_t height, uint32_t member)
{
    uint32_t view = QNK_SCHEDULE_VIEWS;

    while (rotate(set, height, view) != member) {
        view++;
    }
    return view;
}

int32_t qnk_schedule_rank(struct qnk_schedule *schedule, uint64_t height, uint32_t member,
                          uint32_t *view)
{
    const struct qnk_set *set = set_at(schedule, height);
    struct qn_producer_ask asks[QNK_SCHEDULE_VIEWS];
    uint32_t answers[QNK_SCHEDULE_VIEWS];

    if (set == NULL) {
        return QN_NOT_FOUND;
    }
    QN_ASSERT(member < set->count);
    for (uint32_t i = 0; i < QNK_SCHEDULE_VIEWS; i++) {
        asks[i] = (struct qn_producer_ask){.height = height, .view = i};
    }

    int32_t status = schedule->plugin->turns(schedule->inst, asks, QNK_SCHEDULE_VIEWS, answers);
    uint32_t rank = 0;

    if (status != QN_OK) {
        return status;
    }
    while (rank < QNK_SCHEDULE_VIEWS && answers[rank] != member) {
        rank++;
    }
    *view = rank < QNK_SCHEDULE_VIEWS ? rank : rotation_rank(set, height, member);
    return QN_OK;
}

/* --- pace --- */

int32_t qnk_schedule_pace(struct qnk_schedule *schedule, const struct qnk_micro *const *recent,
                          uint32_t count, struct qnk_pace *pace)
{
    struct qn_producer_recent headers[QNK_SCHEDULE_RECENT];
    struct qnk_pace answer;

    QN_ASSERT(count <= QNK_SCHEDULE_RECENT);
    for (uint32_t i = 0; i < count; i++) {
        headers[i] = (struct qn_producer_recent){
            .height = recent[i]->height,
            .time_ms = recent[i]->time_ms,
            .backlog = recent[i]->backlog,
            .body_size = recent[i]->body_size,
            .interval_class = recent[i]->class,
        };
    }

    int32_t status = schedule->plugin->pace(schedule->inst, headers, count, &answer.class,
                                            &answer.interval_ms, &answer.backup_ms);

    if (status != QN_OK) {
        return status;
    }
    if (answer.class > QNK_MICRO_CLASS_MAX || answer.backup_ms == 0 ||
        answer.interval_ms < schedule->params.interval_min_ms ||
        answer.interval_ms > schedule->params.interval_max_ms) {
        return QN_BUG;
    }
    *pace = answer;
    return QN_OK;
}

struct qnk_pace qnk_pace_of(const struct qnk_params *params, const struct qnk_pace *pace,
                            uint32_t view)
{
    if (view < QNK_SCHEDULE_VIEWS) {
        return *pace;
    }
    return (struct qnk_pace){
        .class = 0,
        .interval_ms = params->interval_max_ms,
        .backup_ms = QNK_SCHEDULE_BACKUP_MS,
    };
}
