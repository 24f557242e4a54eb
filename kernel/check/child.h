/* SPDX-License-Identifier: MIT */
#pragma once

/* child.h: one case in a process of its own, so that a crash, a hang or an over-use is an answer.
 *
 * The child gets a process group, no input, and a file for all that it prints. It is ended when it
 * used too much processor time, or took too long: a busy machine must not fail a case, so the
 * second limit is several times the first.
 *
 * Unless a function's own comment says otherwise:
 *   units    bytes, seconds
 *   threads  one; the caller has no other threads
 */

#include <stdbool.h>
#include <stdint.h>

#include "kernel/check/verdict.h"

#define QNK_CHILD_WALL_FACTOR 6 /* seconds on the clock for each of the processor's */

enum qnk_child_state {
    QNK_CHILD_PASSED,
    QNK_CHILD_FAILED,
    QNK_CHILD_SKIPPED,
};

struct qnk_child_limits {
    uint32_t cpu_s;
    uint64_t memory; /* private memory; 0: no limit */
};

struct qnk_child_end {
    enum qnk_child_state state;
    char words[QNK_VERDICT_WORDS_MAX]; /* one line of printable ASCII */
    uint64_t took_ms;
};

/* Runs `run` in a child and waits for its end. */
void qnk_child_run(const struct qnk_child_limits *limits, void (*run)(void *ctx), void *ctx,
                   struct qnk_child_end *end);

/* Whether a sanitizer keeps books of all memory: then limits of address space, and counts of pages,
 * say nothing. */
bool qnk_child_has_shadow(void);

/* A file for what a process prints, of zeros; what comes after its first MiB is refused to whoever
 * prints it. -1: there is no memory for it. */
int qnk_child_output(void);

/* In a child: bytes that it printed so far. */
uint64_t qnk_child_printed(void);

/* In a child: how many entries the system shows in a folder of this process: "task", "fd". Fails
 * the case if no descriptor is left to look with, and skips it if there is no such folder. */
uint64_t qnk_child_count(const char *what);
