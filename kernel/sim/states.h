/* SPDX-License-Identifier: MIT */
#pragma once

/* states.h: a ledger behind a memory of its states: what a block makes of a state is executed once
 * in a process, and all nodes get the outcome (level L1).
 *
 * A node's instance is a seat: it sits at a position in a tree of states. A position is a state and
 * the way to it: its parent is what the latest undo() leads back to. apply() with a block that was
 * executed from there before moves the seat on, and gives digest, effects and undo as they were
 * then. Else one of a few real instances is brought there, over the positions between, by undo()
 * and apply(), and executes. check(), read_pages(), query() and whatever else reads a state ask a
 * real instance that is brought to it, so their answers are never old. Trees begin at genesis(),
 * and at load_pages() with pages that no position is known to have.
 *
 * A seat answers as an instance of its own would, for any ledger that keeps the kind's contract:
 * a state is a function of its pages, undo() is exact, digest and undo tell what a block did. Of
 * changed pages each seat knows which its own calls touched, as the real instance said when it did
 * the same. An executed block that comes out otherwise when it is done again is QN_BUG. What cannot
 * be seen from here is a ledger whose instances differ from one another: level L0 sees that.
 *
 * What no seat can come back to is forgotten: positions KEPT_WINDOWS below the lowest seat (a node
 * undoes nothing final, and is never so far ahead of that), and all when the last seat is given
 * back.
 *
 * Unless a function's own comment says otherwise:
 *   owns     seats are the caller's until they are given back, before the states end
 *   threads  one
 *   cost     of a block that is known: its encoding, and a comparison with that
 *   errors   without memory the process ends; a real instance that says NO_SPACE is believed
 */

#include <stdbool.h>

#include "kernel/base/memory.h"
#include "kernel/plugin/plugged.h"

/* Where real instances come from. */
struct qnk_states_maker {
    void *ctx;
    bool (*make)(void *ctx, struct qnk_plugged *ledger, void **handle);
    void (*give)(void *ctx, void *handle);
};

struct qnk_states;

struct qnk_states *qnk_states_create(struct qnk_budget *budget,
                                     const struct qnk_states_maker *maker);
void qnk_states_destroy(struct qnk_states *states); /* NULL is allowed */

/* An instance without a state. */
struct qnk_plugged qnk_states_take(struct qnk_states *states);
void qnk_states_give(struct qnk_states *states, struct qnk_plugged seat);

/* What was asked of all seats, and done for it. */
struct qnk_states_counts {
    uint64_t applied;   /* blocks, by seats */
    uint64_t executed;  /* blocks, by real instances */
    uint64_t undone;    /* blocks, by real instances */
    uint64_t positions; /* that are known now */
    uint64_t reals;     /* instances that there are now */
};

void qnk_states_count(const struct qnk_states *states, struct qnk_states_counts *counts);
