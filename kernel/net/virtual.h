/* SPDX-License-Identifier: MIT */
#pragma once

/* virtual.h: a spec carried out in a world of kernel/sim: one process, a virtual clock, minutes in
 * seconds. The same spec and seed give the same event hash on every machine.
 *
 * Transport and storage of a spec do not apply; a process that is stopped is a machine whose power
 * goes. What is sampled and done happens at full TICKs. Ways take 1 to 2 ms at least.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the story is the caller's; all else is given back on return
 *   threads  one
 *   errors   `why` says in words what is wrong; that an oracle is broken is the story's matter
 *
 * Source: operations.md 13, scale.md 1.
 */

#include "kernel/net/story.h"
#include "kernel/sim/cast.h"

enum { QNK_VIRTUAL_TICK_MS = 50 };

struct qnk_virtual_setup {
    struct qnk_budget *budget;
    struct qnk_loader *loader;
    struct qnk_spec *spec; /* the story's */
    struct qnk_story *story;
    /* For each node's chain at the end: where it is written; NULL: nowhere. */
    FILE *(*export_open)(void *ctx, uint32_t node);
    void *ctx;
};

QN_MUST_CHECK int32_t qnk_virtual_run(const struct qnk_virtual_setup *setup,
                                      char why[QNK_CAST_WHY]);
