/* SPDX-License-Identifier: MIT */
#pragma once

/* campaign.h: many seeds on the cores of one machine.
 *
 * Seeds are run in batches, each in a process that was forked for it, so that what breaks one run
 * cannot bend the next: a worker that crashes, fails an assertion or hangs is a failed seed with
 * its number (oracle "P0"), and the rest of its batch goes to another. Results come as they are
 * made, in no order.
 *
 * Unless a function's own comment says otherwise:
 *   units    milliseconds of real time
 *   owns     setup and what it points to are the caller's until qnk_campaign returns
 *   threads  one; the caller has no others, because it forks
 *   errors   QN_IO: no pipe or process could be made; QN_CANCELLED: it was stopped
 */

#include <signal.h>

#include "kernel/sim/run.h"

enum { QNK_CAMPAIGN_JOBS_MAX = 256, QNK_CAMPAIGN_BATCH = 16 };

struct qnk_campaign_setup {
    struct qnk_budget *budget;
    struct qnk_cast *cast;
    struct qnk_plan_setup plan; /* but for its seed */
    const uint32_t *only;       /* numbers of the harms that come; NULL: all */
    uint32_t only_count;
    uint64_t first, last; /* seeds */
    uint32_t jobs;
    uint32_t limit_ms;                 /* for one seed, then it counts as hanging */
    bool is_twice;                     /* each seed twice: other traces are a violation (D1) */
    const volatile sig_atomic_t *stop; /* once it is not 0 what runs is given up; NULL: never */
    const uint8_t *done;    /* bitmap of seeds from `first` on that need not be run; NULL: none */
    uint64_t step_us;       /* as of a run */
    qnk_run_opened *opened; /* of each run; may be NULL */
    void *opened_ctx;
    void *ctx;
    void (*came)(void *ctx, const struct qnk_verdict *verdict);
    void (*ticked)(void *ctx); /* a few times a second; may be NULL */
};

/* Runs all seeds; returns when the last verdict came. */
QN_MUST_CHECK int32_t qnk_campaign(const struct qnk_campaign_setup *setup);

/* One seed in this process. `teller` may be NULL. */
void qnk_campaign_seed(const struct qnk_campaign_setup *setup, uint64_t seed,
                       const struct qnk_teller *teller, struct qnk_verdict *verdict);
