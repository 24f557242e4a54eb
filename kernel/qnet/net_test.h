/* SPDX-License-Identifier: MIT */
#pragma once

/* net_test.h: one run of a spec from beginning to end, with its folder and its verdict.
 *
 * Unless a function's own comment says otherwise:
 *   threads  one
 *   errors   words on stderr, and the exit code
 */

#include "kernel/net/artifacts.h"

struct qnk_call;

struct qnk_net_run {
    struct qnk_spec *spec;
    const struct qnk_spec_variant *variant; /* NULL: none */
    uint64_t seed;
    const char *runs;    /* folder in which the run's is made */
    const char *command; /* that repeats it */
    FILE *told;          /* NULL: nothing is told */
    bool stays_up;       /* of processes: no timeline, until it is interrupted */
    bool lingers;        /* the same, but after the timeline and the verdict */
    bool is_judged;
    uint64_t start_ms;
    /* When it was judged and all is written, before nodes that linger end; NULL: nothing. */
    void (*judged)(struct qnk_net_run *run);
    const struct qnk_call *call; /* of whoever is told so */
    struct qnk_artifacts artifacts;
    struct qnk_story story;
    struct qnk_verdicts verdicts;
};

/* QNK_CLI_OK: it ran and was judged, whatever the verdict. Done is owed then. */
int qnk_net_run(struct qnk_net_run *run);
void qnk_net_run_done(struct qnk_net_run *run);
