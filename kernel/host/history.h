/* SPDX-License-Identifier: MIT */
#pragma once

/* history.h: what became of a node's plugins while it ran, kept in DATA/swaps: each step of each
 * exchange is a line, one JSON object.
 *
 *     {"swap":3,"time_ms":1767225600000,"step":"committed","kind":"compression",...}
 *
 * Steps of an exchange: begun, made, proven, frozen, committed, ended; or aborted, after any of
 * them. Besides: available (a plugin that the operator named, `qnet plugin load`), dropped (an
 * exchange whose node file has changed since, or whose plugin is refused at a start), and what the
 * network does, which has no number.
 *
 * A line that a power cut tore is cut off when the file is opened; one that is damaged, or has no
 * step, or a number that none can follow, is passed over and counted. `committed` is the one line
 * on which anything depends, and is durable before the new plugin is called.
 *
 * Unless a function's own comment says otherwise:
 *   owns     JSON that is given out is borrowed until the next call
 *   threads  the loop's
 *   cost     open() reads the file; add() writes a line, and flushes it if it shall be durable
 *   errors   QN_IO: as the system says; QN_NO_SPACE: the file is full: a restart shortens it
 */

#include <jansson.h>
#include <stdbool.h>

#include <qnet/types.h>

#include "kernel/base/memory.h"

enum {
    QNK_HISTORY_PATH = 420,
    QNK_HISTORY_MAX = 1 << 20,  /* bytes of the file */
    QNK_HISTORY_KEEP = 1 << 18, /* a longer one is shortened when it is opened */
    QNK_HISTORY_LINES = 256,    /* to so many lines, and those on which something depends */
    QNK_HISTORY_LINE = 4096,    /* bytes of a line */
};

struct qnk_history {
    char path[QNK_HISTORY_PATH];
    int fd; /* -1: not open */
    uint64_t size;
    uint64_t last;    /* number of the last exchange */
    uint32_t damaged; /* lines that were passed over */
    json_t *lines;    /* oldest first */
};

/* Of the data folder. The budget is for the time of the call. */
QN_MUST_CHECK int32_t qnk_history_open(struct qnk_history *log, struct qnk_budget *budget,
                                       const char *folder);
void qnk_history_close(struct qnk_history *log); /* also of one that is not open */

/* Appends a line; the object is taken over, whatever comes of it. */
QN_MUST_CHECK int32_t qnk_history_add(struct qnk_history *log, json_t *line, bool is_durable);

/* The `committed` line of the exchange that is in force for a kind, or NULL: the node file is. */
const json_t *qnk_history_in_force(const struct qnk_history *log, const char *kind);

/* The newest file that was made available under this kind and name, or NULL. */
const char *qnk_history_available(const struct qnk_history *log, const char *kind,
                                  const char *name);
