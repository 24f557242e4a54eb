/* SPDX-License-Identifier: MIT */
#pragma once

/* replay.h: a node lives again through what its input log says, with the plugins that are here.
 *
 * The core is stepped with every event of the log in turn, jobs are run by the plugins as they were
 * run then (each on the state of the ledger that it saw), and after each step the effects are
 * compared with those of the log. What a plugin or the core does wrong, it does again: whoever
 * calls should do so in a process of its own, and keep the report in memory that it shares.
 *
 * One thing is not in the log: what the memory budget of the core had left when jobs took from it.
 * A node that ran short of memory, and said so, may differ from there on.
 *
 * Unless a function's own comment says otherwise:
 *   units    steps count from 1
 *   threads  one
 *   cost     that of the node's own work on one thread
 *
 * Source: scale.md 1.1, abi.md 5.
 */

#include "kernel/base/memory.h"
#include "kernel/host/inputs_read.h"
#include "kernel/plugin/plugin.h"

struct qnk_replay_setup {
    struct qnk_budget *budget;
    struct qnk_loader *loader;
    const char *folder; /* of the log, as for the reader */
    uint64_t until;     /* the last step; 0: all */
};

enum qnk_replay_result {
    QNK_REPLAY_RUNNING, /* not finished: whoever reads this of a dead process knows where it died */
    QNK_REPLAY_EQUAL,
    QNK_REPLAY_DIFFERENT, /* `step`, and the texts say how */
    QNK_REPLAY_REFUSED,   /* it cannot be replayed: `why` */
};

/* What the log says of its end. */
enum qnk_replay_end {
    QNK_REPLAY_END_ORDERLY, /* with `code` and `words`; */
    QNK_REPLAY_END_IN_STEP, /* it died in the last step, or was killed then */
    QNK_REPLAY_END_BETWEEN, /* it died or was killed outside a step, or runs still */
    QNK_REPLAY_END_STOPPED, /* recording stopped: `words` */
    QNK_REPLAY_END_DAMAGED, /* `words` say where */
    QNK_REPLAY_END_UNTIL,   /* as it was asked */
};

enum qnk_replay_where {
    QNK_REPLAY_OUTSIDE,
    QNK_REPLAY_IN_STEP,
    QNK_REPLAY_IN_JOB,
};

struct qnk_replay_report {
    uint32_t result;      /* enum qnk_replay_result */
    uint32_t end;         /* enum qnk_replay_end */
    uint32_t where;       /* enum qnk_replay_where: what runs */
    uint64_t job;         /* its kind, if it is a job */
    uint64_t step;        /* the newest one that was begun */
    uint64_t steps;       /* of the log */
    uint64_t effects;     /* that were compared */
    uint64_t jobs;        /* that were run again */
    uint64_t halted_step; /* in which the node halted itself; 0: none */
    uint64_t elapsed_us;
    uint32_t plugins_differ; /* how many are not those of the log */
    uint32_t place;          /* DIFFERENT: of the effect */
    int32_t code;            /* ORDERLY */
    struct qnk_hash hash;    /* over all effects, SHA-256 */
    char node[64], program[32];
    char plugins[800]; /* lines */
    char field[32];
    char event[QNK_TAPE_TEXT];  /* DIFFERENT, or of the step `until` */
    char then[QNK_TAPE_TEXT];   /* DIFFERENT: the effect as the log has it */
    char now[QNK_TAPE_TEXT];    /* and as it was now */
    char words[QNK_INPUTS_WHY]; /* of the end */
    char halted[QNK_NOTE_TEXT]; /* why the node halted itself */
    char why[QNK_INPUTS_WHY];   /* REFUSED */
};

/* Fills in the report as it goes. */
void qnk_replay_run(const struct qnk_replay_setup *setup, struct qnk_replay_report *report);
