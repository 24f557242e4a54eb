/* SPDX-License-Identifier: MIT */
#pragma once

/* shrink.h: of the harms that a failing run suffered, a set that still makes it fail and of which
 * none can be left out.
 *
 * Delta debugging: halves, quarters and so on of the harms are run alone, and all without them,
 * each run in a process of its own. A run that breaks another oracle counts as another failure.
 *
 * Unless a function's own comment says otherwise:
 *   threads  one; it forks
 *   cost     at most QNK_SHRINK_RUNS runs
 *
 * Source: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002.
 */

#include "kernel/sim/campaign.h"

enum { QNK_SHRINK_RUNS = 1000 };

struct qnk_shrunk {
    struct qnk_verdict verdict; /* of the whole run; good: there is nothing to shrink */
    uint32_t before, after;     /* harms */
    uint32_t runs;
    bool is_whole; /* none of `numbers` can be left out; false: QNK_SHRINK_RUNS came before */
    uint32_t numbers[QNK_PLAN_HARMS_MAX]; /* `after` of them, ascending */
};

/* `setup` is as for a campaign; `ran` is told of each run, and may be NULL. */
QN_MUST_CHECK int32_t qnk_shrink(const struct qnk_campaign_setup *setup, uint64_t seed,
                                 void (*ran)(void *ctx, uint32_t runs, uint32_t left), void *ctx,
                                 struct qnk_shrunk *shrunk);
