/* SPDX-License-Identifier: MIT */
#pragma once

/* watch.h: extension qnet.watch/1 on the loop: descriptors, wakes and a timer of one instance, all
 * of which lead to one call.
 *
 * Unless a function's own comment says otherwise:
 *   units    microseconds; the loop's timers are in milliseconds, so delays are rounded up
 *   threads  the loop's
 *   cost     constant; a new descriptor allocates
 *
 * Source: abi.md 6, qnet/plugin.h.
 */

#include <stdbool.h>

#include "kernel/base/memory.h"
#include "kernel/plugin/instance.h"

enum { QNK_WATCH_FDS_MAX = 64 };

struct qnk_watch;
struct uv_loop_s;

/* `due` is called when something is ready. QN_NO_SPACE: no memory or no handles. */
QN_MUST_CHECK int32_t qnk_watch_create(struct qnk_budget *budget, struct uv_loop_s *loop,
                                       void (*due)(void *ctx), void *ctx, struct qnk_watch **watch);

/* After the instance has ended. `closed` is called once the loop has let go of it. */
void qnk_watch_destroy(struct qnk_watch *watch, void (*closed)(void *ctx), void *ctx);

/* Sets the three members of qnet.watch/1 and their context. */
void qnk_watch_hook(struct qnk_watch *watch, struct qnk_instance_hooks *hooks);

/* `due` follows soon. Any thread. */
void qnk_watch_again(struct qnk_watch *watch);
