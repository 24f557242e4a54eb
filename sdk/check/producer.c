/* SPDX-License-Identifier: MIT */

#include "sdk/check/producer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    INSTS = 32, /* at once; those of cases that failed stay until the end */
    ASKS = QN_PRODUCER_ASKS_MAX,
    VIEWS = QN_PRODUCER_VIEWS_MAX,
    RECENT = QN_PRODUCER_RECENT_MAX,
    LONG = 500000,      /* heights of a window in which shares of turns can be counted */
    CLASSES = 4,        /* of pace */
    CALM = 5,           /* blocks that a class lasts at least */
    BUSY = 1000000,     /* the highest backlog that a header states */
    CONTEXT_FIXED = 24, /* bytes before the basis: window, first, last */
    BASIS = 328,
};

struct qn_check_producer {
    struct qn_check_given given;
    const struct qn_producer_1 *slots;
    struct qn_inst *insts[INSTS]; /* NULL: a free place */
    struct qn_node *nodes[INSTS];
    struct qn_producer_ask asks[ASKS];
    uint32_t members[ASKS];
};

/* --- the subject --- */

struct qn_check_producer *qn_check_producer_start(const struct qn_check_given *given)
{
    struct qn_check_producer *it = calloc(1, sizeof *it);

    QN_CHECK(it != NULL);
    it->given = *given;
    it->slots = (const void *)given->plugin->slots;
    return it;
}

void qn_check_producer_stop(struct qn_check_producer *it)
{
    for (uint32_t i = 0; i < INSTS; i++) {
        if (it->insts[i] != NULL) { /* its case failed */
            qn_check_producer_end(it, it->insts[i]);
        }
    }
    free(it);
}

struct qn_inst *qn_check_producer_inst(struct qn_check_producer *it)
{
    uint32_t place = 0;

    while (it->insts[place] != NULL) {
        place++;
        QN_CHECK(place < INSTS);
    }
    it->nodes[place] = qn_check_node_create(it->given.memory);
    it->insts[place] = qn_check_inst_create(&it->given, it->nodes[place]);
    return it->insts[place];
}

void qn_check_producer_end(struct qn_check_producer *it, struct qn_inst *inst)
{
    uint32_t place = 0;

    while (it->insts[place] != inst) {
        place++;
        QN_CHECK(place < INSTS);
    }
    qn_check_inst_destroy(&it->given, inst);
    qn_check_node_destroy(it->nodes[place]);
    it->insts[place] = NULL;
}

struct qn_span qn_check_producer_context(const struct qn_check_window *window)
{
    static const uint8_t basis[BASIS] = {1};
    uint8_t beacon[QN_HASH_SIZE] = {2};
    uint8_t key[QN_KEY_SIZE] = {3};
    struct qn_producer_seat seat = {.key = key};
    uint64_t seats_size = qn_producer_seat_size(&seat) * window->count;
    uint8_t *seats = malloc(seats_size + 1);
    struct qn_producer_context it = {
        .window = window->window,
        .first = window->first,
        .last = window->last,
        .basis = {basis, sizeof basis},
        .beacon = beacon,
        .seats = {seats, seats_size},
        .seats_count = window->count,
    };
    uint8_t *to = seats;

    QN_CHECK(seats != NULL);
    for (uint32_t i = 0; i < window->count; i++) {
        qn_le32_write(key, i);
        seat.weight = window->weights[i];
        seat.excluded = window->excluded != NULL && window->excluded[i] != 0;
        to = qn_producer_seat_write(&seat, to);
    }

    uint64_t size = qn_producer_context_size(&it);
    uint8_t *bytes = malloc(size);

    QN_CHECK(bytes != NULL);
    (void)qn_producer_context_write(&it, bytes);
    free(seats);
    return (struct qn_span){bytes, size};
}

/* The plugin sees the record in a block of just its size. */
static int32_t open_bytes(struct qn_check_producer *it, struct qn_inst *inst, struct qn_span from)
{
    uint8_t *copy = malloc(from.size + 1);

    QN_CHECK(copy != NULL);
    memcpy(copy + 1, from.data, from.size);

    int32_t status = it->slots->open(inst, (struct qn_span){copy + 1, from.size});

    free(copy);
    return status;
}

int32_t qn_check_producer_open(struct qn_check_producer *it, struct qn_inst *inst,
                               const struct qn_check_window *window)
{
    struct qn_span context = qn_check_producer_context(window);
    int32_t status = open_bytes(it, inst, context);

    free((void *)(uintptr_t)context.data);
    return status;
}

uint32_t qn_check_producer_turn(struct qn_check_producer *it, struct qn_inst *inst, uint64_t height,
                                uint32_t view)
{
    struct qn_producer_ask ask = {.height = height, .view = view};
    uint32_t member = UINT32_MAX;

    QN_CHECK(it->slots->turns(inst, &ask, 1, &member) == QN_OK);
    return member;
}

/* Asks all views of heights from `first` on, as many as go into one call. */
static uint32_t ask_all(struct qn_check_producer *it, struct qn_inst *inst, uint64_t first)
{
    for (uint32_t i = 0; i < ASKS; i++) {
        it->asks[i] = (struct qn_producer_ask){.height = first + i / VIEWS, .view = i % VIEWS};
    }
    memset(it->members, 0xFF, sizeof it->members);
    QN_CHECK(it->slots->turns(inst, it->asks, ASKS, it->members) == QN_OK);
    return ASKS;
}

static struct qn_check_window window_of(uint64_t number, const uint64_t *weights, uint32_t count)
{
    return (struct qn_check_window){
        .window = number,
        .first = (number - 1) * 90 + 1,
        .last = number * 90,
        .weights = weights,
        .count = count,
    };
}

/* --- turns --- */

static const uint64_t seven[] = {1, 2, 3, 4, 5, 6, 7};

/* What else was opened, closed or asked before makes no difference. */
void qn_check_producer_pure_in_its_arguments(void **subject)
{
    static const uint64_t other[] = {9, 1, 1};
    struct qn_check_producer *it = *subject;
    struct qn_inst *fresh = qn_check_producer_inst(it);
    struct qn_inst *used = qn_check_producer_inst(it);
    struct qn_check_window window = window_of(5, seven, 7);
    struct qn_check_window same = window_of(5, other, 3);

    QN_CHECK(qn_check_producer_open(it, fresh, &window) == QN_OK);
    for (uint64_t number = 1; number <= 4; number++) {
        struct qn_check_window before = window_of(number, other, 3);

        QN_CHECK(qn_check_producer_open(it, used, &before) == QN_OK);
    }
    QN_CHECK(qn_check_producer_open(it, used, &same) == QN_OK);
    (void)qn_check_producer_turn(it, used, 1, 3);
    it->slots->close(used, 3);
    QN_CHECK(qn_check_producer_open(it, used, &window) == QN_OK);

    uint32_t count = ask_all(it, fresh, window.first);

    for (uint32_t i = count; i > 0; i--) {
        const struct qn_producer_ask *ask = &it->asks[i - 1];

        QN_CHECK(qn_check_producer_turn(it, used, ask->height, ask->view) == it->members[i - 1]);
    }
    qn_check_producer_end(it, fresh);
    qn_check_producer_end(it, used);
}

/* How often each member is the primary of the heights 1..LONG. */
static void count_turns(struct qn_check_producer *it, struct qn_inst *inst, uint64_t *counts,
                        uint32_t members_count)
{
    for (uint64_t height = 1; height <= LONG; height += ASKS) {
        uint32_t count = LONG - height + 1 < ASKS ? (uint32_t)(LONG - height + 1) : ASKS;

        for (uint32_t i = 0; i < count; i++) {
            it->asks[i] = (struct qn_producer_ask){.height = height + i};
        }
        QN_CHECK(it->slots->turns(inst, it->asks, count, it->members) == QN_OK);
        for (uint32_t i = 0; i < count; i++) {
            QN_CHECK(it->members[i] < members_count);
            counts[it->members[i]]++;
        }
    }
}

/* Chance may order them, so a fifth more or less is fair. */
void qn_check_producer_everyone_gets_turns_by_weight(void **subject)
{
    struct qn_check_producer *it = *subject;
    struct qn_inst *inst = qn_check_producer_inst(it);
    struct qn_check_window window = {1, 1, LONG, seven, NULL, 7};
    uint64_t counts[7] = {0};

    QN_CHECK(qn_check_producer_open(it, inst, &window) == QN_OK);
    count_turns(it, inst, counts, 7);
    for (uint32_t i = 0; i < 7; i++) {
        uint64_t fair = LONG * seven[i] / 28;

        QN_CHECK(counts[i] >= fair - fair / 5);
        QN_CHECK(counts[i] <= fair + fair / 5);
    }
    qn_check_producer_end(it, inst);
}

/* Whoever is down, somebody of the VIEWS ranks is not. */
static void ranks_reach(struct qn_check_producer *it, const struct qn_check_window *window)
{
    struct qn_inst *inst = qn_check_producer_inst(it);

    QN_CHECK(qn_check_producer_open(it, inst, window) == QN_OK);
    for (uint64_t height = window->first; height <= window->last; height++) {
        uint64_t seen = 0;

        for (uint32_t view = 0; view < VIEWS; view++) {
            uint32_t member = qn_check_producer_turn(it, inst, height, view);

            QN_CHECK(member < window->count);
            seen |= UINT64_C(1) << member;
        }
        for (uint32_t i = 0; i < window->count; i++) {
            bool is_out = window->excluded != NULL && window->excluded[i] != 0;

            QN_CHECK((seen >> i & 1) == !is_out);
        }
    }
    qn_check_producer_end(it, inst);
}

void qn_check_producer_ranks_reach_every_member(void **subject)
{
    uint64_t forty[40];
    struct qn_check_window small = window_of(2, seven, 7);
    struct qn_check_window large = window_of(3, forty, 40);
    struct qn_check_window alone = window_of(4, seven, 1);

    for (uint32_t i = 0; i < 40; i++) {
        forty[i] = 1000 + i % 3;
    }
    ranks_reach(*subject, &small);
    ranks_reach(*subject, &large);
    ranks_reach(*subject, &alone);
}

void qn_check_producer_excluded_are_left_out(void **subject)
{
    static const uint8_t three[] = {1, 0, 0, 1, 0, 0, 1};
    static const uint8_t all_but_one[] = {1, 1, 1, 1, 0, 1, 1};
    struct qn_check_window window = window_of(2, seven, 7);

    window.excluded = three;
    ranks_reach(*subject, &window);
    window.excluded = all_but_one;
    ranks_reach(*subject, &window);
}

/* --- pace --- */

struct pace {
    uint8_t class;
    uint32_t interval_ms;
    uint32_t backup_ms;
};

static struct pace pace_after(struct qn_check_producer *it, struct qn_inst *inst,
                              const struct qn_producer_recent *recent, uint32_t count)
{
    struct pace pace = {0xFF, 0, 0}, again = {0xFF, 0, 0};

    QN_CHECK(it->slots->pace(inst, recent, count, &pace.class, &pace.interval_ms,
                             &pace.backup_ms) == QN_OK);
    QN_CHECK(it->slots->pace(inst, recent, count, &again.class, &again.interval_ms,
                             &again.backup_ms) == QN_OK);
    QN_CHECK(pace.class == again.class);
    QN_CHECK(pace.interval_ms == again.interval_ms);
    QN_CHECK(pace.backup_ms == again.backup_ms);
    return pace;
}

/* A chain of one header after another, as pace() sees it. */
struct chain {
    struct qn_producer_recent recent[RECENT];
    uint32_t count;
    uint64_t height;
    uint64_t time_ms;
};

/* The next block at the pace that follows, with this backlog and body. */
static struct pace chain_grow(struct qn_check_producer *it, struct qn_inst *inst,
                              struct chain *chain, uint32_t backlog, uint32_t body_size)
{
    struct pace pace = pace_after(it, inst, chain->recent, chain->count);

    memmove(chain->recent + 1, chain->recent, (RECENT - 1) * sizeof chain->recent[0]);
    chain->time_ms += pace.interval_ms;
    chain->recent[0] = (struct qn_producer_recent){
        .height = ++chain->height,
        .time_ms = chain->time_ms,
        .backlog = backlog,
        .body_size = body_size,
        .interval_class = pace.class,
    };
    chain->count += chain->count < RECENT;
    return pace;
}

/* Each class has one interval, and a higher class no longer one. */
void qn_check_producer_pace_is_bounded(void **subject)
{
    struct qn_check_producer *it = *subject;
    struct qn_inst *inst = qn_check_producer_inst(it);
    uint32_t intervals_ms[CLASSES] = {0};
    uint64_t seed = 11;

    QN_CHECK(pace_after(it, inst, NULL, 0).interval_ms > 0);
    for (uint32_t run = 0; run < 2000; run++) {
        struct qn_producer_recent recent[RECENT];
        uint32_t count = 1 + (uint32_t)(qn_check_random(&seed) % RECENT);
        uint32_t class = (uint32_t)(qn_check_random(&seed) % CLASSES);

        for (uint32_t i = 0; i < count; i++) {
            uint64_t chance = qn_check_random(&seed);

            recent[i] = (struct qn_producer_recent){
                .height = 1000 - i,
                .time_ms = 1000000 - 10 * i,
                .backlog = chance % 3 == 0 ? UINT32_MAX : (uint32_t)(chance >> 32) % 10000,
                .body_size = chance % 5 == 0 ? UINT32_MAX : (uint32_t)(chance >> 16) % 100000,
                .interval_class = chance % 7 == 0 ? (uint32_t)(chance >> 8) % CLASSES : class,
            };
        }

        struct pace pace = pace_after(it, inst, recent, count);

        QN_CHECK(pace.class < CLASSES);
        QN_CHECK(pace.interval_ms > 0 && pace.backup_ms > 0);
        QN_CHECK(pace.class + 1u >= recent[0].interval_class);
        QN_CHECK(pace.class <= recent[0].interval_class + 1u);
        QN_CHECK(intervals_ms[pace.class] == 0 || intervals_ms[pace.class] == pace.interval_ms);
        intervals_ms[pace.class] = pace.interval_ms;
    }
    for (uint32_t i = 1; i < CLASSES; i++) {
        QN_CHECK(intervals_ms[i] <= intervals_ms[i - 1] || intervals_ms[i - 1] == 0);
    }
    qn_check_producer_end(it, inst);
}

/* Grows `blocks` blocks whose backlog is below `backlog`; asserts that classes change by one and
 * last CALM blocks. Gives how often they changed. */
static uint32_t chain_run(struct qn_check_producer *it, struct qn_inst *inst, struct chain *chain,
                          uint32_t blocks, uint32_t backlog, bool is_random)
{
    uint64_t seed = 5;
    uint32_t changes = 0, since = 0;

    for (uint32_t i = 0; i < blocks; i++) {
        uint32_t before = chain->count > 0 ? chain->recent[0].interval_class : 0;
        uint32_t now_backlog = is_random ? (uint32_t)(qn_check_random(&seed) % backlog) : backlog;
        struct pace pace = chain_grow(it, inst, chain, now_backlog, 1000);

        since++;
        if (pace.class != before) {
            QN_CHECK(pace.class == before + 1 || pace.class + 1u == before);
            QN_CHECK(changes == 0 || since >= CALM);
            changes++;
            since = 0;
        }
    }
    return changes;
}

void qn_check_producer_pace_has_hysteresis(void **subject)
{
    struct qn_check_producer *it = *subject;
    struct qn_inst *inst = qn_check_producer_inst(it);
    struct chain chain = {0};

    (void)chain_run(it, inst, &chain, 500, 20000, true);
    for (uint32_t backlog = 0; backlog <= BUSY; backlog = backlog * 3 + 50) {
        (void)chain_run(it, inst, &chain, 60, backlog, false);
        QN_CHECK(chain_run(it, inst, &chain, 60, backlog, false) == 0);
    }

    uint32_t busy_ms = chain_grow(it, inst, &chain, 0, 0).interval_ms;

    (void)chain_run(it, inst, &chain, 60, 0, false);
    QN_CHECK(chain_grow(it, inst, &chain, 0, 0).interval_ms >= busy_ms);
    qn_check_producer_end(it, inst);
}

/* --- windows --- */

/* Whether turns() finds the height; if not, it must not have written. */
static bool is_found(struct qn_check_producer *it, struct qn_inst *inst, uint64_t good,
                     uint64_t height)
{
    struct qn_producer_ask asks[2] = {{.height = good}, {.height = height}};
    uint32_t members[2] = {77777, 77777};
    int32_t status = it->slots->turns(inst, asks, 2, members);

    QN_CHECK(status == QN_OK || status == QN_NOT_FOUND);
    QN_CHECK(status == QN_OK || (members[0] == 77777 && members[1] == 77777));
    return status == QN_OK;
}

static void windows_reach_their_limit(struct qn_check_producer *it, struct qn_inst *inst)
{
    for (uint64_t number = 2; number <= QN_PRODUCER_WINDOWS_MAX; number++) {
        struct qn_check_window window = window_of(number, seven, 7);

        QN_CHECK(!is_found(it, inst, 1, window.first));
        QN_CHECK(qn_check_producer_open(it, inst, &window) == QN_OK);
        QN_CHECK(is_found(it, inst, window.first, window.last));
    }

    struct qn_check_window over = window_of(QN_PRODUCER_WINDOWS_MAX + 1, seven, 7);

    QN_CHECK(qn_check_producer_open(it, inst, &over) == QN_NO_SPACE);
    it->slots->close(inst, 1);
    QN_CHECK(!is_found(it, inst, 91, 90));
    QN_CHECK(qn_check_producer_open(it, inst, &over) == QN_OK);
    QN_CHECK(is_found(it, inst, 91, over.last));
}

void qn_check_producer_windows_open_and_close(void **subject)
{
    static const uint8_t but_first[] = {0, 1, 1, 1, 1, 1, 1};
    struct qn_check_producer *it = *subject;
    struct qn_inst *inst = qn_check_producer_inst(it);
    struct qn_check_window first = window_of(1, seven, 7);
    struct qn_check_window replaced = first;

    replaced.excluded = but_first;
    QN_CHECK(!is_found(it, inst, 1, 1));
    QN_CHECK(qn_check_producer_open(it, inst, &first) == QN_OK);
    QN_CHECK(is_found(it, inst, 1, 90));
    QN_CHECK(!is_found(it, inst, 1, 91));
    QN_CHECK(!is_found(it, inst, 1, 0));
    QN_CHECK(qn_check_producer_open(it, inst, &replaced) == QN_OK);
    for (uint32_t view = 0; view < VIEWS; view++) {
        QN_CHECK(qn_check_producer_turn(it, inst, 60, view) == 0);
    }
    windows_reach_their_limit(it, inst);
    it->slots->close(inst, 1000);
    QN_CHECK(!is_found(it, inst, 91, 91));
    qn_check_producer_end(it, inst);
}

/* One that must be refused, and leaves the window that is open as it was. */
static void refused(struct qn_check_producer *it, struct qn_inst *inst, struct qn_span context)
{
    uint32_t before = qn_check_producer_turn(it, inst, 100, 1);

    QN_CHECK(open_bytes(it, inst, context) == QN_INVALID);
    QN_CHECK(qn_check_producer_turn(it, inst, 100, 1) == before);
}

static void refused_window(struct qn_check_producer *it, struct qn_inst *inst,
                           const struct qn_check_window *window)
{
    struct qn_span context = qn_check_producer_context(window);

    refused(it, inst, context);
    free((void *)(uintptr_t)context.data);
}

static void hostile_values(struct qn_check_producer *it, struct qn_inst *inst)
{
    static const uint8_t everyone[] = {1, 1, 1, 1, 1, 1, 1};
    static const uint64_t overflow[] = {UINT64_MAX, 2, 5};
    static const uint64_t nothing[7] = {0};
    struct qn_check_window window = window_of(2, seven, 7);
    struct qn_check_window backwards = window;

    backwards.first = window.last + 1;
    refused_window(it, inst, &backwards);
    window.excluded = everyone;
    refused_window(it, inst, &window);
    window.excluded = NULL;
    window.count = 0;
    refused_window(it, inst, &window);
    window.count = 3;
    window.weights = overflow;
    refused_window(it, inst, &window);
    window.weights = nothing;
    refused_window(it, inst, &window);
}

void qn_check_producer_hostile_contexts(void **subject)
{
    struct qn_check_producer *it = *subject;
    struct qn_inst *inst = qn_check_producer_inst(it);
    struct qn_check_window window = window_of(2, seven, 7);
    struct qn_span whole = qn_check_producer_context(&window);
    uint8_t *bytes = malloc(whole.size + 1);

    QN_CHECK(bytes != NULL);
    QN_CHECK(open_bytes(it, inst, whole) == QN_OK);
    for (uint64_t size = 0; size < whole.size; size++) {
        refused(it, inst, (struct qn_span){whole.data, size});
    }
    memcpy(bytes, whole.data, whole.size);
    bytes[whole.size] = 0;
    refused(it, inst, (struct qn_span){bytes, whole.size + 1});
    memset(bytes + CONTEXT_FIXED, 0xFF, 4);
    refused(it, inst, (struct qn_span){bytes, whole.size});
    hostile_values(it, inst);
    free(bytes);
    free((void *)(uintptr_t)whole.data);
    qn_check_producer_end(it, inst);
}

void qn_check_producer_overlaps(struct qn_check_producer *it)
{
    static const uint64_t weights[] = {1, 1};
    struct qn_inst *inst = qn_check_producer_inst(it);
    struct qn_check_window window = {2, 91, 180, weights, NULL, 2};

    QN_CHECK(qn_check_producer_open(it, inst, &window) == QN_OK);
    window.window = 3;
    QN_CHECK(qn_check_producer_open(it, inst, &window) == QN_INVALID);
    window.first = 180;
    window.last = 270;
    QN_CHECK(qn_check_producer_open(it, inst, &window) == QN_INVALID);
    window.first = 181;
    QN_CHECK(qn_check_producer_open(it, inst, &window) == QN_OK);
    qn_check_producer_end(it, inst);
}

static int32_t create_with(const struct qn_check_given *given,
                           uint8_t *(*write)(struct qn_span, uint32_t, uint8_t *),
                           const uint64_t *intervals_ms, uint32_t count)
{
    uint8_t items[8 * 8], config[QN_CHECK_CONFIG_MAX];
    struct qn_check_given it = *given;

    for (uint32_t i = 0; i < count; i++) {
        qn_le64_write(items + 8 * (size_t)i, intervals_ms[i]);
    }
    it.config.data = config;
    it.config.size =
        (uint64_t)(write((struct qn_span){items, 8 * (uint64_t)count}, count, config) - config);
    return qn_check_create(&it);
}

void qn_check_producer_intervals(const struct qn_check_given *given,
                                 uint8_t *(*write)(struct qn_span, uint32_t, uint8_t *))
{
    static const uint64_t right[] = {1000, 1000, 500, 250, 100};
    static const uint64_t rising[] = {1000, 2000, 500, 250};

    QN_CHECK(create_with(given, write, right, 4) == QN_OK);
    QN_CHECK(create_with(given, write, right, 3) == QN_INVALID);
    QN_CHECK(create_with(given, write, right, 5) == QN_INVALID);
    QN_CHECK(create_with(given, write, rising, 4) == QN_INVALID);
}
