/* SPDX-License-Identifier: MIT */
#pragma once

/* guarded.h: the plugin behind the full guard, as it runs in `qnet dev --guard full`, for the
 * contract's cases: these bring a host and sinks of their own, so each instance gets a kernel's
 * instance around it that is nothing but the guard's.
 *
 * Unless a function's own comment says otherwise:
 *   owns     one table for the process; instances are freed with the process
 *   threads  as the plugin's own slots
 */

#include "kernel/check/subject.h"

#define QNK_GUARDED_INSTANCES_MAX 256 /* of one case; more: create() is NO_SPACE */

/* The subject's plugin, loaded, behind the guard. */
const struct qn_plugin *qnk_guarded_plugin(const struct qnk_subject *subject);

/* The rule of the guard that was broken last, QN-GRD-NNN and where; "" if none was. */
const char *qnk_guarded_words(void);
