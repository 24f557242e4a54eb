/* SPDX-License-Identifier: MIT */
#pragma once

/* run.h: one plan carried out on one cast: the world is made, harmed, paid into and watched, and
 * what must hold is looked at all the time. One plan is one run with one trace.
 *
 * The end of a run: in safety mode when the time of harm is over; in liveness mode a core of the
 * network is then healed, and the run goes on until the core was final three windows further and
 * holds every payment, or the bound for that is over, which is a violation (V1, V2).
 *
 * The longest step is held to a bound, too, of this machine's processor time (R1): only that one
 * violation may not come again when the seed is repeated.
 *
 * Unless a function's own comment says otherwise:
 *   units    microseconds of virtual time since the run began
 *   owns     nothing: all is given back when qnk_run returns
 *   threads  one
 *   errors   a violation is a verdict; what the process has no memory for is an assertion, and the
 *            campaign, whose workers are processes, makes that a failed seed
 *
 * Source: scale.md 1.6, 1.7; finality.md 14.2.
 */

#include "kernel/sim/cast.h"
#include "kernel/sim/liar.h"
#include "kernel/sim/oracle.h"
#include "kernel/sim/plan.h"

enum {
    QNK_VERDICT_WORDS = 200,
    QNK_RUN_STEP_MS = 1000, /* of processor time, of one step: more breaks R1 */
};

struct qnk_verdict {
    uint64_t seed;
    bool is_good;
    /* Of the first violation. */
    char oracle[8]; /* "S1"; "" if all is good */
    uint64_t at_us;
    uint32_t node;
    char words[QNK_VERDICT_WORDS];
    /* Of the whole run. */
    struct qnk_hash trace;
    uint64_t events;
    uint64_t length_us;
    uint64_t heights, windows; /* the highest head, the newest final window */
    uint64_t txs;              /* final, of payments */
    uint32_t harms;            /* that came, */
    uint32_t came[QNK_HARMS];  /* and of each kind */
    uint64_t told[QNK_LIES];   /* how often each lie was */
    uint64_t met[QNK_FAULTS];  /* faults that honest nodes found in what peers said, */
    uint64_t seen, proven;     /* and contradictions that they saw, and that are on the chain */
    uint64_t step_max_us;      /* processor time of the longest step: a figure, not of the seed */
    uint64_t final_p50_us, final_p99_us; /* from a window's last block to final, over all nodes */
    uint64_t checked[QNK_ORACLES];       /* how often each oracle was looked at */
    uint64_t sent_bytes;                 /* by a node, on average */
    uint64_t resident_bytes; /* of the process, at most, by nodes: a figure, not of the seed */
    uint64_t core_bytes;     /* that the core of a node took, on average, at the end */
};

/* Hears what happens, in order; either may be NULL. `node` UINT32_MAX: of no node. */
struct qnk_teller {
    void *ctx;
    uint32_t level; /* of log notes that are told: 0 errors .. 3 all */
    void (*tell)(void *ctx, uint64_t at_us, uint32_t node, const char *what, const char *text);
    /* Every event of every node, before its step. */
    void (*event)(void *ctx, uint64_t at_us, uint32_t node, const struct qnk_event *event);
};

/* Called when a run's world was made and nobody is on yet: a test adds what watches it. */
typedef void qnk_run_opened(void *ctx, struct qnk_world *world);

struct qnk_run_setup {
    struct qnk_budget *budget;
    struct qnk_cast *cast;
    const struct qnk_plan *plan;
    const struct qnk_teller *teller; /* NULL: nobody listens */
    qnk_run_opened *opened;          /* may be NULL */
    void *opened_ctx;
    uint64_t step_us; /* instead of QNK_RUN_STEP_MS; 0: that */
};

/* The time of a window in which every block is late: what bounds are multiples of. */
uint64_t qnk_run_pace(const struct qnk_cast *cast);

void qnk_run(const struct qnk_run_setup *setup, struct qnk_verdict *verdict);
