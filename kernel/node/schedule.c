/* SPDX-License-Identifier: MIT */

#include "kernel/node/schedule.h"

#include <qnet/assert.h>
#include <qnet/producer.h>

#include "kernel/base/bytes.h"
#include "kernel/base/memory.h"

_Static_assert(QNK_SCHEDULE_VIEWS == QN_PRODUCER_VIEWS_MAX, "as in producer.yaml");
_Static_assert(QNK_SCHEDULE_RECENT == QN_PRODUCER_RECENT_MAX, "as in producer.yaml");

enum { WINDOWS = 6 }; /* final + 1 .. final + 3, and some that are closing */

enum { PRODUCERS = 4 }; /* that serve the windows which may be open, and the next one */

struct producer {
    uint32_t number;                    /* of the binding */
    const struct qn_producer_1 *plugin; /* NULL: a free place */
    struct qn_inst *inst;
};

struct open_window {
    uint64_t window;
    uint32_t number;
    bool is_told;        /* its producer was asked to open it */
    bool is_opened;      /* and did */
    struct qnk_set *set; /* NULL: a free place */
};

struct qnk_schedule {
    struct qnk_budget *budget;
    struct qnk_params params;
    struct producer producers[PRODUCERS];
    struct open_window windows[WINDOWS];
};

struct qnk_schedule *qnk_schedule_create(struct qnk_budget *budget, const struct qnk_params *params,
                                         struct qnk_plugged producer)
{
    struct qnk_schedule *schedule = qnk_memory_take(budget, sizeof *schedule);

    if (schedule != NULL) {
        schedule->budget = budget;
        schedule->params = *params;
        schedule->producers[0] = (struct producer){0, producer.table, producer.inst};
    }
    return schedule;
}

static struct producer *producer_find(struct qnk_schedule *schedule, uint32_t number)
{
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        struct producer *it = &schedule->producers[i];

        if (it->plugin != NULL && it->number == number) {
            return it;
        }
    }
    return NULL;
}

int32_t qnk_schedule_plug(struct qnk_schedule *schedule, uint32_t number,
                          struct qnk_plugged producer)
{
    QN_ASSERT(producer_find(schedule, number) == NULL);
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        if (schedule->producers[i].plugin == NULL) {
            schedule->producers[i] = (struct producer){number, producer.table, producer.inst};
            return QN_OK;
        }
    }
    return QN_NO_SPACE;
}

void qnk_schedule_unplug(struct qnk_schedule *schedule, uint32_t number)
{
    struct producer *producer = producer_find(schedule, number);

    if (producer != NULL) {
        *producer = (struct producer){0};
    }
    for (uint32_t i = 0; i < WINDOWS; i++) {
        if (schedule->windows[i].number == number) {
            schedule->windows[i].is_told = schedule->windows[i].is_opened = false;
        }
    }
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

static int32_t open_context(struct qnk_schedule *schedule, const struct producer *producer,
                            const struct qn_producer_context *context)
{
    uint64_t size = qn_producer_context_size(context);
    uint8_t *record = qnk_memory_take(schedule->budget, size);

    if (record == NULL) {
        return QN_NO_SPACE;
    }
    (void)qn_producer_context_write(context, record);

    int32_t status = producer->plugin->open(producer->inst, (struct qn_span){record, size});

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

/* Tells the producer of the window. */
static int32_t producer_open(struct qnk_schedule *schedule, const struct producer *producer,
                             uint64_t window, const struct qnk_macro *basis,
                             const struct qnk_hash *beacon, const struct qnk_set *set,
                             const struct qnk_control *control)
{
    uint8_t header[QNK_MACRO_SIZE];
    struct qn_producer_seat any = {.key = set->members[0].key.bytes};
    uint64_t seats_size = qn_producer_seat_size(&any) * set->count;
    uint8_t *seats = qnk_memory_take(schedule->budget, seats_size);

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
    int32_t status = open_context(schedule, producer, &context);

    qnk_memory_give(schedule->budget, seats, seats_size);
    return status;
}

int32_t qnk_schedule_open(struct qnk_schedule *schedule, uint64_t window, uint32_t number,
                          const struct qnk_macro *basis, const struct qnk_hash *beacon,
                          struct qnk_set *set, const struct qnk_control *control)
{
    const struct producer *producer = producer_find(schedule, number);
    struct open_window *place = find_place(schedule, window);
    int32_t status = producer == NULL
                         ? QN_OK
                         : producer_open(schedule, producer, window, basis, beacon, set, control);

    QN_ASSERT(place != NULL);
    if (status == QN_NO_SPACE) {
        return status;
    }
    (void)qnk_set_ref(set); /* it may be the place's own */
    qnk_set_unref(place->set);
    *place = (struct open_window){
        .window = window,
        .number = number,
        .is_told = producer != NULL,
        .is_opened = producer != NULL && status == QN_OK,
        .set = set,
    };
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
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        if (schedule->producers[i].plugin != NULL) {
            schedule->producers[i].plugin->close(schedule->producers[i].inst, window);
        }
    }
}

static const struct open_window *window_find(const struct qnk_schedule *schedule, uint64_t window)
{
    for (uint32_t i = 0; i < WINDOWS; i++) {
        if (schedule->windows[i].set != NULL && schedule->windows[i].window == window) {
            return &schedule->windows[i];
        }
    }
    return NULL;
}

static bool has_producer(const struct qnk_schedule *schedule, uint32_t number)
{
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        if (schedule->producers[i].plugin != NULL && schedule->producers[i].number == number) {
            return true;
        }
    }
    return false;
}

bool qnk_schedule_wants(const struct qnk_schedule *schedule, uint64_t window)
{
    const struct open_window *open = window_find(schedule, window);

    return open == NULL || (!open->is_told && has_producer(schedule, open->number));
}

bool qnk_schedule_is_held(const struct qnk_schedule *schedule, uint64_t window)
{
    const struct open_window *open = window_find(schedule, window);

    return open != NULL && !open->is_told;
}

struct qnk_set *qnk_schedule_set(const struct qnk_schedule *schedule, uint64_t window)
{
    const struct open_window *open = window_find(schedule, window);

    return open == NULL ? NULL : open->set;
}

/* --- turns --- */

static const struct open_window *window_at(const struct qnk_schedule *schedule, uint64_t height)
{
    return window_find(schedule, qnk_window_of(height, schedule->params.window));
}

/* Asks the window's producer. QN_NOT_FOUND: it is not here. */
static int32_t ask(struct qnk_schedule *schedule, const struct open_window *open,
                   const struct qn_producer_ask *asks, uint32_t count, uint32_t *answers)
{
    const struct producer *producer = open->is_told ? producer_find(schedule, open->number) : NULL;

    if (producer == NULL) {
        return QN_NOT_FOUND;
    }
    return open->is_opened ? producer->plugin->turns(producer->inst, asks, count, answers) : QN_BUG;
}

/* The kernel's own rotation. */
static uint32_t rotate(const struct qnk_set *set, uint64_t height, uint32_t view)
{
    return (uint32_t)((height + view) % set->count);
}

int32_t qnk_schedule_turn(struct qnk_schedule *schedule, uint64_t height, uint32_t view,
                          uint32_t *member)
{
    const struct open_window *open = window_at(schedule, height);
    struct qn_producer_ask what = {.height = height, .view = view};
    uint32_t answer;

    if (open == NULL) {
        return QN_NOT_FOUND;
    }
    if (view >= QNK_SCHEDULE_VIEWS) {
        *member = rotate(open->set, height, view);
        return QN_OK;
    }

    int32_t status = ask(schedule, open, &what, 1, &answer);

    if (status == QN_OK && answer >= open->set->count) {
        return QN_BUG;
    }
    if (status == QN_OK) {
        *member = answer;
    }
    return status;
}

int32_t qnk_schedule_primary(struct qnk_schedule *schedule, uint64_t height, uint32_t *member)
{
    int32_t status = qnk_schedule_turn(schedule, height, 0, member);

    if (status == QN_OK ||
        qnk_schedule_is_held(schedule, qnk_window_of(height, schedule->params.window))) {
        return status;
    }
    if (window_at(schedule, height) == NULL) {
        return QN_NOT_FOUND;
    }
    *member = QNK_SET_NOBODY;
    return QN_OK;
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
    const struct open_window *open = window_at(schedule, height);
    struct qn_producer_ask asks[QNK_SCHEDULE_VIEWS];
    uint32_t answers[QNK_SCHEDULE_VIEWS];

    if (open == NULL) {
        return QN_NOT_FOUND;
    }
    QN_ASSERT(member < open->set->count);
    for (uint32_t i = 0; i < QNK_SCHEDULE_VIEWS; i++) {
        asks[i] = (struct qn_producer_ask){.height = height, .view = i};
    }

    int32_t status = ask(schedule, open, asks, QNK_SCHEDULE_VIEWS, answers);
    uint32_t rank = status == QN_OK ? 0 : QNK_SCHEDULE_VIEWS;

    if (status == QN_NOT_FOUND) {
        return status;
    }
    while (rank < QNK_SCHEDULE_VIEWS && answers[rank] != member) {
        rank++;
    }
    *view = rank < QNK_SCHEDULE_VIEWS ? rank : rotation_rank(open->set, height, member);
    return QN_OK;
}

int32_t qnk_schedule_last_rank(const struct qnk_schedule *schedule, uint64_t height,
                               uint32_t member, uint32_t *view)
{
    const struct open_window *open = window_at(schedule, height);

    if (open == NULL || !open->is_told) {
        return QN_NOT_FOUND;
    }
    *view = rotation_rank(open->set, height, member);
    return QN_OK;
}

/* --- pace --- */

int32_t qnk_schedule_pace(struct qnk_schedule *schedule, uint64_t height,
                          const struct qnk_micro *const *recent, uint32_t count,
                          struct qnk_pace *pace)
{
    const struct open_window *open = window_at(schedule, height);
    const struct producer *producer =
        open != NULL && open->is_told ? producer_find(schedule, open->number) : NULL;
    struct qn_producer_recent headers[QNK_SCHEDULE_RECENT];
    struct qnk_pace answer;

    QN_ASSERT(count <= QNK_SCHEDULE_RECENT);
    if (producer == NULL) {
        return QN_NOT_FOUND;
    }
    for (uint32_t i = 0; i < count; i++) {
        headers[i] = (struct qn_producer_recent){
            .height = recent[i]->height,
            .time_ms = recent[i]->time_ms,
            .backlog = recent[i]->backlog,
            .body_size = recent[i]->body_size,
            .interval_class = recent[i]->class,
        };
    }

    int32_t status = producer->plugin->pace(producer->inst, headers, count, &answer.class,
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
