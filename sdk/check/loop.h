/* SPDX-License-Identifier: MIT */
#pragma once

/* loop.h: drives instances of edge kinds, as the kernel's loop would.
 *
 * It offers qnet.watch/1 and qnet.shared/1 to the nodes that joined, and pumps an instance when a
 * descriptor of its own is ready, when it was woken, when its timer is due, or when its last pump
 * said AGAIN; never else, so that a plugin which forgets to ask is found out. Between turns it
 * sleeps in poll().
 *
 * Unless a function's own comment says otherwise:
 *   units    milliseconds
 *   owns     the loop is the case's own; nodes and contexts live until they leave
 *   threads  the case's own; wake() comes from any
 *   errors   what a plugin does wrong fails the case
 */

#include "sdk/check/check.h"

/* Instances of one loop. Beyond: the case fails. Why: each turn looks at all of them. */
#define QN_CHECK_LOOP_MEMBERS_MAX 64

struct qn_check_loop;

struct qn_check_loop *qn_check_loop_create(void);

/* All have left, and no memory is shared any more. */
void qn_check_loop_destroy(struct qn_check_loop *loop);

/* From now on pump(`context`) is called when the node's instance asked for it; AGAIN asks by
 * itself. Join before the instance is created, and leave after it is destroyed. */
void qn_check_loop_join(struct qn_check_loop *loop, struct qn_node *node,
                        int32_t (*pump)(void *context), void *context);
void qn_check_loop_leave(struct qn_check_loop *loop, struct qn_node *node);

/* Waits until something is ready, at most `wait_ms`, and pumps once whoever it concerns. False:
 * nothing was ready. */
bool qn_check_loop_turn(struct qn_check_loop *loop, uint32_t wait_ms);

/* Microseconds that never fall, from some moment on. */
uint64_t qn_check_loop_now_us(void);
