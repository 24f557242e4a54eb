/* SPDX-License-Identifier: MIT */
#pragma once

/* judge.h: whether what must hold did, by the story alone.
 *
 * `that` holds at some sample within its limit, counted from each node's start. `always` holds at
 * each sample of a node that is on and ready, from its `from` on, but for the time of the events of
 * `except` and a grace after them. Two assertions are made whatever the spec says: that the run
 * came to its end, and of a virtual network that no oracle was broken.
 *
 * Unless a function's own comment says otherwise:
 *   owns     results are plain data
 *   threads  one
 */

#include "kernel/net/story.h"

enum { QNK_JUDGE_MAX = QNK_SPEC_ASSERTS_MAX + 2, QNK_JUDGE_WORDS = 240 };

struct qnk_result {
    const char *id;
    const char *text; /* what should hold */
    bool is_good;
    char words[QNK_JUDGE_WORDS]; /* how it was: the worst, or why not */
};

struct qnk_verdicts {
    struct qnk_result results[QNK_JUDGE_MAX];
    uint32_t count, failed;
};

/* `run` starts a program of an assertion and gives its exit code, -1: it could not. */
typedef int qnk_judge_run(void *ctx, const char *command);

void qnk_judge(const struct qnk_story *story, qnk_judge_run *run, void *ctx,
               struct qnk_verdicts *verdicts);
