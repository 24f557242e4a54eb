/* SPDX-License-Identifier: MIT */
#pragma once

/* rehearsal.h: a plan of a swap carried out in a virtual network before it is in a real one: with
 * the network's own rules, from what serves now to what shall, under faults.
 *
 * It begins from a copy of what is final on a live node (kernel/node/copy.h) or, without one, at a
 * genesis of its own. In a copy the members are played by stand-ins (standin.h), all of them: set,
 * weights, control record, ledger, numbers of windows and eras are the live ones. A plan that is
 * open there is cancelled first.
 *
 * The network makes two windows final, takes the plan, is ready, and goes on until WINDOWS of the
 * new plugin are final on every node. Meanwhile senders pay, frames get lost and mangled, one node
 * loses its power just before the first window and comes back in it. It is good if all of that
 * comes to its end in time, on one chain, and where the new plugin has a portable state, what it
 * exports at the end is taken by a fresh instance and has the same hash there.
 *
 * Unless a function's own comment says otherwise:
 *   units    microseconds of virtual time
 *   threads  one
 *   errors   what does not hold is `is_good` false and `words`
 *
 * Source: abi.md 7 "Preflight"; operations.md 15.
 */

#include "kernel/sim/cast.h"

enum {
    QNK_REHEARSAL_WINDOWS = 3,
    QNK_REHEARSAL_WORDS = 240,
    QNK_REHEARSAL_NODES_MAX = 16, /* of a set with more members no copy is played */
};

struct qnk_rehearsal_setup {
    struct qnk_budget *budget;
    struct qnk_cast *cast;            /* of the network's own files, all of its nodes validators */
    struct qnk_plugin *plugin;        /* that the plan names */
    const struct qnk_swap_plan *plan; /* `first`, share and probation are the rehearsal's own */
    uint64_t seed;
    struct qnk_loader *loader; /* for what else the copy binds */
    struct qn_span copy;       /* of the network that the cast stands in for; empty: genesis */
};

struct qnk_rehearsal {
    bool is_good;
    char words[QNK_REHEARSAL_WORDS];
    uint64_t begun;   /* the window that was final at the start */
    uint64_t first;   /* window of the new plugin */
    uint64_t final;   /* window, on every node */
    uint64_t gap_us;  /* the longest time between two final windows from the plan on */
    uint64_t calm_us; /* the longest before */
};

void qnk_rehearse(const struct qnk_rehearsal_setup *setup, struct qnk_rehearsal *rehearsal);
