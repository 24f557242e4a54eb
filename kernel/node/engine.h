/* SPDX-License-Identifier: MIT */
#pragma once

/* engine.h: the consensus plugin behind two queues: events that wait to be told, and effects that
 * wait to be done.
 *
 * Events are collected and told in one batch. The engine's effects are done one after another by
 * the core's handler, which may queue further events; they are told when the effects are done. A
 * handler that cannot go on (an effect must be durable first) holds the rest back until resume().
 *
 * Unless a function's own comment says otherwise:
 *   threads  the core's
 *   errors   an engine that fails, or never comes to rest, is stopped for good: QN_BUG or what
 *            it said
 */

#include <stdbool.h>

#include <qnet/consensus.h>

#include "kernel/base/memory.h"
#include "kernel/node/setup.h"

enum { QNK_ENGINE_RUNS_MAX = 4096 }; /* steps until an engine must have come to rest */

struct qnk_engine;

struct qnk_engine_effect {
    uint32_t type;
    struct qn_span body;
};

/* Does one effect. False: hold back what follows until qnk_engine_resume. */
typedef bool qnk_engine_handler(void *ctx, const struct qnk_engine_effect *effect);

/* NULL: over the budget. */
QN_MUST_CHECK struct qnk_engine *qnk_engine_create(struct qnk_budget *budget,
                                                   struct qnk_plugged plugin,
                                                   qnk_engine_handler *handler, void *ctx);
void qnk_engine_destroy(struct qnk_engine *engine);

/* Room for an event's body of `size` bytes at the end of the queue, which the caller fills. */
uint8_t *qnk_engine_event(struct qnk_engine *engine, uint16_t type, uint64_t size);

/* Tells what waits and does what follows, until the engine is at rest or held back. */
void qnk_engine_run(struct qnk_engine *engine, uint64_t now_us);

/* Goes on with effects that were held back. */
void qnk_engine_resume(struct qnk_engine *engine, uint64_t now_us);

/* Drops events and effects that wait: the window they are about is over. */
void qnk_engine_clear(struct qnk_engine *engine);

/* Whether it is in the midst of a run: then it must not be destroyed. */
bool qnk_engine_is_running(const struct qnk_engine *engine);

/* QN_OK while it works; else why it was stopped. */
int32_t qnk_engine_status(const struct qnk_engine *engine);
