/* SPDX-License-Identifier: MIT */
#pragma once

/* pace.h: the pace that a producer plugin may answer pace() with, and that the shipped ones do.
 *
 * Four classes of interval, each at most the one before. The class follows the load that the chain
 * itself states: the median backlog of the 7 blocks before, so that three of them may lie. It moves
 * one class at a time, and not before it was seen for 5 blocks. The two fast classes are used only
 * while bodies as large as the last 8 fit the budget of the net. A later rank waits half an
 * interval, and at least as long as a block needs to arrive.
 *
 * Written by hand. A plugin that wants another pace writes its own.
 *
 * Unless a function's own comment says otherwise:
 *   units    milliseconds; bytes per second
 *   threads  any
 *   cost     a few dozen steps; allocates nothing
 *
 * A pure function of the chain: what it gives may be hashed and signed.
 * Source: the design's finality.md, section 3.2
 */

#include <qnet/producer.h>

enum {
    QN_PACE_CLASSES = 4,
    QN_PACE_BACKLOGS = 7,           /* blocks whose backlogs have a median */
    QN_PACE_BODIES = 8,             /* blocks whose body sizes have a mean */
    QN_PACE_CALM = 5,               /* blocks that a class lasts at least */
    QN_PACE_BUDGETED = 2,           /* first class that must stay within the net's budget */
    QN_PACE_BACKUP_MIN_MS = 300,    /* a block must have had the time to arrive */
    QN_PACE_INTERVAL_MAX = 1 << 20, /* ms; so that no product below overflows */
};

/* Most bytes per second that a budget may state, for the same reason. */
#define QN_PACE_BUDGET_MAX (UINT64_C(1) << 40)

struct qn_pace {
    uint64_t net_budget;
    uint32_t intervals_ms[QN_PACE_CLASSES];
};

/* From the config keys `intervals`, a list of durations, and `net_budget`. Gives INVALID unless
 * intervals are four, none longer than the one before, and the budget is at most its maximum. */
QN_MUST_CHECK static inline int32_t qn_pace_read(struct qn_span intervals, uint32_t intervals_count,
                                                 uint64_t net_budget, struct qn_pace *pace)
{
    struct qn_reader in = qn_reader_over(intervals);
    struct qn_pace it;

    if (intervals_count != QN_PACE_CLASSES || net_budget > QN_PACE_BUDGET_MAX) {
        return QN_INVALID;
    }
    for (uint32_t i = 0; i < QN_PACE_CLASSES; i++) {
        uint64_t interval_ms = qn_reader_u64(&in);

        if (interval_ms == 0 || interval_ms > QN_PACE_INTERVAL_MAX ||
            (i > 0 && interval_ms > it.intervals_ms[i - 1])) {
            return QN_INVALID;
        }
        it.intervals_ms[i] = (uint32_t)interval_ms;
    }
    it.net_budget = net_budget;
    *pace = it;
    return QN_OK;
}

/* Of the last BACKLOGS blocks; those before the first had none. */
static inline uint32_t qn_pace_backlog(const struct qn_producer_recent *recent, uint32_t count)
{
    uint32_t sorted[QN_PACE_BACKLOGS] = {0};

    for (uint32_t i = 0; i < QN_PACE_BACKLOGS && i < count; i++) {
        uint32_t at = QN_PACE_BACKLOGS - 1;

        /* The zeroes lie in front and make room as values come in. */
        for (uint32_t j = 0; j < at; j++) {
            if (sorted[j + 1] >= recent[i].backlog) {
                at = j;
                break;
            }
            sorted[j] = sorted[j + 1];
        }
        sorted[at] = recent[i].backlog;
    }
    return sorted[QN_PACE_BACKLOGS / 2];
}

/* Whether bodies as large as those of the last BODIES blocks fit the net at this class. */
static inline int qn_pace_is_in_budget(const struct qn_pace *pace,
                                       const struct qn_producer_recent *recent, uint32_t count,
                                       uint32_t interval_class)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < QN_PACE_BODIES && i < count; i++) {
        sum += recent[i].body_size;
    }
    return sum * 1000 <= pace->net_budget * pace->intervals_ms[interval_class] * QN_PACE_BODIES;
}

/* The class that the load asks for. */
static inline uint32_t qn_pace_wanted(const struct qn_pace *pace,
                                      const struct qn_producer_recent *recent, uint32_t count)
{
    /* Backlogs from which the next class follows. */
    static const uint32_t thresholds[QN_PACE_CLASSES - 1] = {100, 1000, 5000};
    uint32_t backlog = qn_pace_backlog(recent, count);
    uint32_t wanted = 0;

    while (wanted < QN_PACE_CLASSES - 1 && backlog > thresholds[wanted]) {
        wanted++;
    }
    while (wanted >= QN_PACE_BUDGETED && !qn_pace_is_in_budget(pace, recent, count, wanted)) {
        wanted--;
    }
    return wanted;
}

/* Whether the present class has lasted long enough to be left. */
static inline int qn_pace_is_calm(const struct qn_producer_recent *recent, uint32_t count)
{
    for (uint32_t i = 1; i < QN_PACE_CALM && i < count; i++) {
        if (recent[i].interval_class != recent[0].interval_class) {
            return 0;
        }
    }
    return count >= QN_PACE_CALM;
}

/* The class that follows on this chain, its interval, and the delay of each later rank. */
static inline void qn_pace_next(const struct qn_pace *pace, const struct qn_producer_recent *recent,
                                uint32_t recent_count, uint8_t *interval_class,
                                uint32_t *interval_ms, uint32_t *backup_ms)
{
    uint32_t now = 0;

    if (recent_count > 0) {
        uint32_t wanted = qn_pace_wanted(pace, recent, recent_count);

        now = recent[0].interval_class < QN_PACE_CLASSES ? recent[0].interval_class
                                                         : QN_PACE_CLASSES - 1;
        if (qn_pace_is_calm(recent, recent_count) && wanted != now) {
            now = wanted > now ? now + 1 : now - 1;
        }
    }

    uint32_t half_ms = pace->intervals_ms[now] / 2;
    uint32_t least_ms = QN_PACE_BACKUP_MIN_MS;

    *interval_class = (uint8_t)now;
    *interval_ms = pace->intervals_ms[now];
    *backup_ms = half_ms > least_ms ? half_ms : least_ms;
}
