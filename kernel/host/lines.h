/* SPDX-License-Identifier: MIT */
#pragma once

/* lines.h: the last lines of the log, kept for whoever asks after the fact.
 *
 * Lines are numbered from 1 on; a ring holds the newest LINES_MAX.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the ring owns copies
 *   threads  any: a lock is held for one copy
 */

#include <pthread.h>

#include <qnet/types.h>

enum { QNK_LINES_MAX = 512, QNK_LINES_SIZE = 1024, QNK_LINES_PART = 65 };

struct qnk_line {
    uint64_t number; /* 0: none */
    char part[QNK_LINES_PART];
    char text[QNK_LINES_SIZE]; /* without its end; a longer line is cut */
};

struct qnk_lines {
    pthread_mutex_t lock;
    uint64_t last;           /* number of the newest; 0: none */
    void (*more)(void *ctx); /* called after each, from its thread; NULL: nobody */
    void *more_ctx;
    char *kept; /* where they are written, too; NULL: nowhere */
    uint64_t kept_room, kept_size;
    struct qnk_line ring[QNK_LINES_MAX];
};

void qnk_lines_init(struct qnk_lines *lines);
void qnk_lines_done(struct qnk_lines *lines);

/* Sets who is told; after it returns nobody else is. */
void qnk_lines_watch(struct qnk_lines *lines, void (*more)(void *ctx), void *ctx);

/* From here on lines are written as text to `room` bytes at `to`, too, which are zeros: the newest
 * that fit, in order, and zeros after them. NULL ends it. */
void qnk_lines_keep(struct qnk_lines *lines, char *to, uint64_t room);

/* A qnk_log_heard, with the lines as its ctx. */
void qnk_lines_add(void *lines, const char *part, struct qn_span line);

/* The number of the newest line. */
uint64_t qnk_lines_last(struct qnk_lines *lines);

/* The first line kept with a number of at least `number`. QN_NOT_FOUND: there is none yet. */
QN_MUST_CHECK int32_t qnk_lines_get(struct qnk_lines *lines, uint64_t number,
                                    struct qnk_line *line);
