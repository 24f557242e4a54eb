/* SPDX-License-Identifier: MIT */
#pragma once

/* harm.h: what the harms of a plan do to a world: each begins and ends, several at once add up, and
 * when the last one on a thing ends it is as it was.
 *
 * It is also the operators' hand: a node whose disk was full starts again when there is room, one
 * whose disk is rotten starts with an empty one, and one that lost its sign record is told to
 * resume (docs/OPERATING.md). Operators also make plans for swaps (swaps.h).
 *
 * Unless a function's own comment says otherwise:
 *   units    as in plan.h
 *   owns     world, oracle and cast are borrowed
 *   threads  one
 *   errors   no memory: NULL from create, nothing else fails
 */

#include "kernel/sim/cast.h"
#include "kernel/sim/liar.h"
#include "kernel/sim/oracle.h"
#include "kernel/sim/plan.h"

struct qnk_harms;

struct qnk_harms_setup {
    struct qnk_budget *budget;
    struct qnk_world *world;
    struct qnk_oracle *oracle;
    struct qnk_cast *cast; /* has the plugins of swaps; NULL: there are none */
    uint32_t nodes;        /* machines, twins too */
};

/* What must be known before the world is made: of harms that last all the time. */
void qnk_harms_world(const struct qnk_plan *plan, struct qnk_world_setup *setup);

QN_MUST_CHECK struct qnk_harms *qnk_harms_create(const struct qnk_harms_setup *setup);
void qnk_harms_destroy(struct qnk_harms *harms);

void qnk_harms_begin(struct qnk_harms *harms, const struct qnk_harm *harm);
void qnk_harms_end(struct qnk_harms *harms, const struct qnk_harm *harm);

/* Whether a node has power as far as harms go. */
bool qnk_harms_is_on(const struct qnk_harms *harms, uint32_t node);

/* Switches nodes off and on for other reasons; off twice needs on twice. */
void qnk_harms_off(struct qnk_harms *harms, uint32_t node);
void qnk_harms_on(struct qnk_harms *harms, uint32_t node);

/* The operator looks after a node: one that stopped starts again, on an empty disk if its own is
 * rotten; one that asks for it may sign again. */
void qnk_harms_tend(struct qnk_harms *harms, uint32_t node);
