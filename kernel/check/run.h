/* SPDX-License-Identifier: MIT */
#pragma once

/* run.h: the conformance kit as a whole: which cases, in which order, and what came out.
 *
 * Levels come one after another. A plugin that the loader would refuse is not asked anything
 * further, so that what is flagged is what is wrong and not what follows from it; nor is a
 * contract's case that failed plainly tried again under a guard.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a result's texts are valid during the call that gives it
 *   threads  one
 *
 * Source: abi.md 11.
 */

#include <stdbool.h>
#include <stdint.h>

#include "kernel/check/case.h"
#include "kernel/check/child.h"

#define QNK_CHECK_LEVELS 9 /* L0..L8 */

struct qnk_check_options {
    const char *path;
    const char *self;   /* this program's file */
    const char *listen; /* may be NULL, as `nowhere` */
    const char *nowhere;
    const char *keys; /* a file of the plugin's config; may be NULL */
    const char *only; /* a rule, or a case's name; NULL: all */
    uint32_t level_first;
    uint32_t level_last;
    uint64_t seed;
    uint32_t limit_s; /* processor time of one case */
    uint32_t fuzz_s;  /* go on with other seeds for so long */
    bool is_fast;
    bool is_here; /* in this process, for debuggers: needs `only` */
};

struct qnk_check_result {
    const struct qnk_case *of;
    const struct qnk_child_end *end;
    uint64_t seed;
};

struct qnk_check_counts {
    uint32_t passed;
    uint32_t failed;
    uint32_t skipped;
    char kind[QN_PLUGIN_NAME_MAX + 1]; /* of the plugin, "" if it cannot be read */
    char name[QN_PLUGIN_NAME_MAX + 1];
};

/* Runs the cases and gives each result as it comes. False: no folder for them can be made. */
bool qnk_check_run(const struct qnk_check_options *options,
                   void (*take)(void *ctx, const struct qnk_check_result *result), void *ctx,
                   struct qnk_check_counts *counts);
