/* SPDX-License-Identifier: MIT */
#pragma once

/* sick.h: an engine that fails in use: another engine's table, wrapped, that is sound for some
 * windows and then stalls, fails, asks for too much, or lies.
 *
 * What it asks for goes through the kernel as any engine's does, so what it can break is progress.
 * A network comes back from it while its plan is on probation, and no later, so from window
 * `mute_from` on a sick engine asks for nothing that could decide a window: it never gets through
 * to the end of its probation. Before that, a liar may decide one all the same.
 *
 * A new instance in the same window begins its course again: a restart cures nothing.
 *
 * Unless a function's own comment says otherwise:
 *   units    windows; calls of step
 *   owns     the engine behind it is its maker's and outlives it
 *   threads  one
 *   cost     as the engine's, and some effects more for each call of one that lies
 *
 * Source: finality.md 12.4; issue "The SDK and the live swap", C.3.
 */

#include "kernel/base/memory.h"
#include "kernel/plugin/plugged.h"

/* What is wrong with it, once it shows. */
enum qnk_sickness {
    QNK_SICK_STALL, /* it goes on, and what it asks for comes nowhere */
    QNK_SICK_FAIL,  /* its step fails */
    QNK_SICK_FLOOD, /* it asks for more than one step may, and fails of that */
    QNK_SICK_SPIN,  /* it answers each answer with a question, and never comes to rest */
    QNK_SICK_LIE,   /* some of what it asks for is left out or changed, and more is added */
    QNK_SICKNESSES
};

/* In whose hands: of more than a network can do without, so that it must come back, or of one. */
enum qnk_whose { QNK_WHOSE_ALL, QNK_WHOSE_ENOUGH, QNK_WHOSE_ONE, QNK_WHOSE };

/* "stall" */
const char *qnk_sickness_name(uint32_t sickness);

struct qnk_sick_course {
    uint32_t sickness;  /* enum qnk_sickness */
    uint64_t from;      /* the first window in which it shows, */
    uint64_t after;     /* in the call of step after so many in windows from there on */
    uint64_t mute_from; /* from here on nothing that it asks for decides; at least `from` */
    uint64_t seed;      /* of the stream (seed, "sick", number) */
    uint64_t number;
};

struct qnk_sick;

/* NULL: over the budget. */
QN_MUST_CHECK struct qnk_sick *qnk_sick_create(struct qnk_budget *budget, struct qnk_plugged engine,
                                               const struct qnk_sick_course *course);
void qnk_sick_destroy(struct qnk_sick *sick); /* NULL is allowed */

struct qnk_plugged qnk_sick_plugged(struct qnk_sick *sick);
