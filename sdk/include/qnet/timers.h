/* SPDX-License-Identifier: MIT */
#pragma once

/* timers.h: the timers of the own round: which run, and which are due. For engines with rounds; no
 * part of the ABI, as nothing here crosses it.
 *
 * A timer's number names its round, so that one of a round that is over means nothing any more.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   `own` is the own round; a timer is below QN_TIMERS_MAX
 *   units    milliseconds
 *   threads  one at a time
 *   cost     one effect at most; allocates nothing
 */

#include <stdbool.h>

#include <qnet/consensus.h>
#include <qnet/window.h>

/* Of one round. Why: a bit each, and three of the 32 of a number. */
enum { QN_TIMERS_BITS = 3, QN_TIMERS_MAX = 1 << QN_TIMERS_BITS };

struct qn_timers {
    uint32_t running, fired; /* a bit for each timer */
};

static inline uint32_t qn_timers_number(uint32_t own, uint32_t timer)
{
    QN_ASSERT(timer < QN_TIMERS_MAX);
    return own << QN_TIMERS_BITS | timer;
}

static inline bool qn_timers_has_fired(const struct qn_timers *timers, uint32_t timer)
{
    return (timers->fired >> timer & 1) != 0;
}

/* Whether it runs, or has fired. */
static inline bool qn_timers_has_started(const struct qn_timers *timers, uint32_t timer)
{
    return ((timers->running | timers->fired) >> timer & 1) != 0;
}

/* Begins a timer, or begins it anew. */
static inline void qn_timers_start(struct qn_timers *timers, struct qn_window *window, uint32_t own,
                                   uint32_t timer, uint64_t delay_ms)
{
    qn_window_timer(window, qn_timers_number(own, timer), delay_ms);
    timers->running |= UINT32_C(1) << timer;
    timers->fired &= ~(UINT32_C(1) << timer);
}

/* The round is over. Cost: an effect for each that runs. */
static inline void qn_timers_cancel(struct qn_timers *timers, struct qn_window *window,
                                    uint32_t own)
{
    for (uint32_t i = 0; i < QN_TIMERS_MAX; i++) {
        if ((timers->running >> i & 1) != 0) {
            qn_window_cancel(window, qn_timers_number(own, i));
        }
    }
    timers->running = timers->fired = 0;
}

/* What the event says. */
static inline void qn_timers_due(struct qn_timers *timers, uint32_t own, uint32_t number)
{
    uint32_t bit = UINT32_C(1) << (number & (QN_TIMERS_MAX - 1));

    if (number >> QN_TIMERS_BITS == (own << QN_TIMERS_BITS) >> QN_TIMERS_BITS) {
        timers->fired |= timers->running & bit;
        timers->running &= ~bit;
    }
}
