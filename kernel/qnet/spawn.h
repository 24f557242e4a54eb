/* SPDX-License-Identifier: MIT */
#pragma once

/* spawn.h: a node's daemon as a process of its own, in a session that Ctrl-C does not reach: who
 * started it asks it to stop, in its own order.
 *
 *   owns     texts are borrowed until the call returns; `log` is closed in any case
 *   threads  the loop's
 *   errors   are said on stderr
 */

#include <stdbool.h>
#include <uv.h>

struct qnk_spawn {
    const char *folder;  /* of its node.yaml */
    const char *plugins; /* a folder; NULL: what this program looks into first, if there is any */
    const char *runtime; /* the folder of sockets; empty: as it is for this program */
    int log;             /* what it says goes here, as a file descriptor */
};

/* False: it does not run. */
bool qnk_spawn(const struct qnk_spawn *spawn, uv_loop_t *loop, uv_exit_cb ended,
               uv_process_t *process);
