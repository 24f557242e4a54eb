/* SPDX-License-Identifier: MIT */
#pragma once

/* schedule.h: the windows that a producer has a schedule for, and who has a seat in each. For
 * producers; no part of the ABI, as nothing here crosses it.
 *
 * Who makes blocks when is the plugin's own: what it keeps of a window for that lies in an array of
 * its own, at the window's place. What is refused changes nothing.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   a place is below QN_PRODUCER_WINDOWS_MAX; a seat is below its window's count
 *   units    weights as in the set, 2^53 together at most; heights
 *   threads  one at a time
 *   cost     linear in the windows; allocates nothing
 */

#include <stdbool.h>

#include <qnet/producer.h>

/* W of a chain, the design's finality.md; more is refused. */
#define QN_SCHEDULE_WEIGHT_MAX (UINT64_C(1) << 53)

struct qn_schedule_window {
    uint64_t number; /* 0: a free place */
    uint64_t first, last;
    uint32_t count; /* of seats: members that are not excluded, in the set's order */
    uint8_t reserved_1[4];
    uint64_t sums[QN_PRODUCER_MEMBERS_MAX];    /* of the weights up to each seat */
    uint16_t members[QN_PRODUCER_MEMBERS_MAX]; /* whose seat it is: an index in the set */
};

struct qn_schedule {
    struct qn_schedule_window windows[QN_PRODUCER_WINDOWS_MAX];
};

/* The weight of all who are not excluded. 0: none, or more than there can be. */
static inline uint64_t qn_schedule_weigh(const struct qn_producer_context *context)
{
    struct qn_span rest = context->seats;
    uint64_t total = 0;

    for (uint32_t i = 0; i < context->seats_count; i++) {
        struct qn_producer_seat seat;

        qn_producer_seat_next(&rest, &seat);
        if (seat.excluded != 0) {
            continue;
        }
        if (seat.weight > QN_SCHEDULE_WEIGHT_MAX - total) {
            return 0;
        }
        total += seat.weight;
    }
    return total;
}

static inline void qn_schedule_lay(struct qn_schedule_window *window,
                                   const struct qn_producer_context *context)
{
    struct qn_span rest = context->seats;
    uint64_t sum = 0;

    window->number = context->window;
    window->first = context->first;
    window->last = context->last;
    window->count = 0;
    for (uint32_t i = 0; i < context->seats_count; i++) {
        struct qn_producer_seat seat;

        qn_producer_seat_next(&rest, &seat);
        if (seat.excluded == 0) {
            sum += seat.weight;
            window->sums[window->count] = sum;
            window->members[window->count] = (uint16_t)i;
            window->count++;
        }
    }
}

/* Takes the context of open(), in place of what the same window had before, and gives its place.
 * INVALID: it is not its record, names no window, height or weight, or has heights of another
 * window. NO_SPACE: as many are open as may be. Cost: linear in the members, too. */
QN_MUST_CHECK static inline int32_t qn_schedule_open(struct qn_schedule *schedule,
                                                     const struct qn_producer_context *context,
                                                     uint32_t *place)
{
    uint32_t found = QN_PRODUCER_WINDOWS_MAX;

    if (context->window == 0 || context->first == 0 || context->first > context->last) {
        return QN_INVALID;
    }
    for (uint32_t i = QN_PRODUCER_WINDOWS_MAX; i-- > 0;) {
        const struct qn_schedule_window *it = &schedule->windows[i];

        if (it->number != 0 && it->number != context->window && it->first <= context->last &&
            context->first <= it->last) {
            return QN_INVALID;
        }
        found = it->number == 0 ? i : found;
    }
    for (uint32_t i = 0; i < QN_PRODUCER_WINDOWS_MAX; i++) {
        found = schedule->windows[i].number == context->window ? i : found;
    }
    if (qn_schedule_weigh(context) == 0) {
        return QN_INVALID;
    }
    if (found == QN_PRODUCER_WINDOWS_MAX) {
        return QN_NO_SPACE;
    }
    qn_schedule_lay(&schedule->windows[found], context);
    *place = found;
    return QN_OK;
}

/* Forgets the windows up to this one. */
static inline void qn_schedule_close(struct qn_schedule *schedule, uint64_t window)
{
    for (uint32_t i = 0; i < QN_PRODUCER_WINDOWS_MAX; i++) {
        if (schedule->windows[i].number <= window) {
            schedule->windows[i].number = 0;
        }
    }
}

/* The place of the window that a height is of. QN_PRODUCER_WINDOWS_MAX: none is open. */
static inline uint32_t qn_schedule_find(const struct qn_schedule *schedule, uint64_t height)
{
    uint32_t i = 0;

    while (i < QN_PRODUCER_WINDOWS_MAX &&
           (schedule->windows[i].number == 0 || height < schedule->windows[i].first ||
            height > schedule->windows[i].last)) {
        i++;
    }
    return i;
}

/* Whether all asks are of open windows: turns() answers all or none. */
static inline bool qn_schedule_has(const struct qn_schedule *schedule,
                                   const struct qn_producer_ask *asks, uint32_t asks_count)
{
    for (uint32_t i = 0; i < asks_count; i++) {
        if (qn_schedule_find(schedule, asks[i].height) == QN_PRODUCER_WINDOWS_MAX) {
            return false;
        }
    }
    return true;
}

static inline uint64_t qn_schedule_weight_of(const struct qn_schedule_window *window, uint32_t seat)
{
    return window->sums[seat] - (seat > 0 ? window->sums[seat - 1] : 0);
}

/* The seat on whose part of the sums, each shifted down, `target` falls: the first whose sum is
 * above it. Cost: the logarithm of the seats. */
static inline uint32_t qn_schedule_seat(const struct qn_schedule_window *window, uint64_t target,
                                        uint32_t shift)
{
    uint32_t low = 0, high = window->count - 1;

    QN_ASSERT(window->sums[high] >> shift > target);
    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (window->sums[middle] >> shift > target) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}
