/* SPDX-License-Identifier: MIT */
#pragma once

/* swaps.h: operators who swap: one has its node propose a plan, the others say that they are ready
 * as soon as they see it on their node's head, unless their machine has no file of it.
 *
 * They look at their nodes every TICK_US; who was off, or whose word was lost on the way, says it
 * again. In a world without a swap nothing happens.
 *
 * Unless a function's own comment says otherwise:
 *   units    as in plan.h
 *   owns     world and cast are borrowed; the swaps must outlive the world's run
 *   threads  one
 */

#include "kernel/sim/cast.h"
#include "kernel/sim/plan.h"

struct qnk_swaps;

/* `cast` NULL: nothing can be swapped to. NULL: no memory. */
QN_MUST_CHECK struct qnk_swaps *qnk_swaps_create(struct qnk_budget *budget, struct qnk_world *world,
                                                 struct qnk_cast *cast);
void qnk_swaps_destroy(struct qnk_swaps *swaps); /* NULL is allowed */

/* `maker` plans what `lot` says, for a first window that it says too; `without` has no file of it
 * from now on, unless it is the maker. */
void qnk_swaps_begin(struct qnk_swaps *swaps, uint32_t maker, uint32_t without, uint64_t lot);

/* What was begun last is to an engine that is sick: `harm` is a QNK_HARM_SICK. */
void qnk_swaps_sicken(struct qnk_swaps *swaps, const struct qnk_harm *harm);

/* `without` has what it lacked. */
void qnk_swaps_end(struct qnk_swaps *swaps, uint32_t without);
