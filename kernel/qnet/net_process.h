/* SPDX-License-Identifier: MIT */
#pragma once

/* net_process.h: a spec carried out by real qnetd on this machine: a process for each node, on Unix
 * sockets, killed, stopped, cut off and paid through as the timeline says.
 *
 * Nodes lie in nodes/NAME of the run's folder, their sockets in a folder of their own with a short
 * name. What is seen comes through admin sockets: a status each LOOK, blocks one by one; nodes say
 * how long ago it was, as they share one clock. A partition is a ban by both sides.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the story is the caller's; no process and no socket is left on return
 *   threads  one
 *   errors   false after words on stderr; that a node died by itself is told in the story
 *
 * Source: operations.md 13.
 */

#include "kernel/net/artifacts.h"

struct qnk_process_setup {
    struct qnk_spec *spec;
    struct qnk_story *story;
    const struct qnk_artifacts *artifacts;
    bool stays_up; /* no timeline: it runs until it is interrupted */
    /* When all is over and exported, while all still run; they stay up then, until an interrupt
     * that changes nothing of what was seen. NULL: they end. */
    void (*over)(void *ctx);
    void *ctx;
};

bool qnk_process_run(const struct qnk_process_setup *setup);
