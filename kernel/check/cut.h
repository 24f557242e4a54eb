/* SPDX-License-Identifier: MIT */
#pragma once

/* cut.h: what a process wrote to the files of a folder, until it was ended before one of these
 * calls; and what of that a power failure takes back.
 *
 * Counted are calls that change files, names or sizes, or flush. What was written to a file and not
 * flushed since, by fsync(), fdatasync(), a synchronous descriptor or call, is remembered as it was
 * before. Lenient where the system shows no more: names and sizes are never lost, stores to mapped
 * memory are kept, and msync(), sync() and syncfs() flush everything.
 *
 * Unless a function's own comment says otherwise:
 *   threads  one; one run at a time
 */

#include <stdbool.h>
#include <stdint.h>

#include "kernel/check/traced.h"

#define QNK_CUT_FILES_MAX  64   /* written to in one run: what is written to more is not lost */
#define QNK_CUT_WRITES_MAX 8192 /* unflushed at once: likewise */

enum qnk_cut_loss {
    QNK_CUT_LOSES_NOTHING, /* the process ended, the system goes on */
    QNK_CUT_LOSES_ALL,     /* that was not flushed */
    QNK_CUT_LOSES_SOME,    /* of its sectors, by lot */
};

struct qnk_cut {
    const char *folder; /* absolute */
    uint64_t at;        /* the call before which the process ends, from 1; 0: it goes on */
    /* After the run: */
    uint64_t calls;
    const char *call; /* the last one */
    bool is_blind;    /* it writes in a way that cannot be seen */
};

/* Runs `run` in a process of its own. */
enum qnk_traced_end qnk_cut_run(struct qnk_cut *it, void (*run)(void *ctx), void *ctx, int *status);

/* After a run: the power fails. */
void qnk_cut_lose(enum qnk_cut_loss loss, uint64_t seed);
