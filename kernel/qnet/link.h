/* SPDX-License-Identifier: MIT */
#pragma once

/* link.h: an admin socket asked from an event loop: many calls under way, and a node that may die
 * and come back.
 *
 * A link connects by itself and again after a loss; calls that were under way are then answered
 * with NULL.
 *
 * Unless a function's own comment says otherwise:
 *   owns     answers are borrowed until the callback returns; parameters are taken over
 *   threads  the loop's
 */

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "kernel/base/sink.h"

enum { QNK_LINK_CALLS_MAX = 256 };

/* `answer` NULL: refused, or the link was lost. */
typedef void qnk_link_answered(void *ctx, uint64_t tag, const json_t *answer);

struct qnk_link_call {
    uint64_t id; /* 0: free */
    uint64_t tag;
    qnk_link_answered *answered;
    void *ctx;
};

struct qnk_link {
    uv_loop_t *loop;
    uv_pipe_t pipe;
    uv_connect_t connecting;
    uv_timer_t timer; /* of the next try */
    struct qn_sink input;
    struct qnk_link_call calls[QNK_LINK_CALLS_MAX];
    uint64_t last_id;
    uint32_t calls_count;
    uint32_t handles; /* open: pipe and timer */
    bool is_up;
    bool is_stopping;
    char path[108];
    char room[65536];
};

void qnk_link_start(struct qnk_link *link, uv_loop_t *loop, const char *path);
void qnk_link_stop(struct qnk_link *link); /* the loop has to run on until it let go */

/* False: the link is down, or too many calls are under way; `answered` is not called. */
bool qnk_link_ask(struct qnk_link *link, const char *method, json_t *params,
                  qnk_link_answered *answered, void *ctx, uint64_t tag);
