/* SPDX-License-Identifier: MIT */
#pragma once

/* trace.h: the kind's work done once in this process, and the hash of all answers printed: for
 * comparing processes.
 */

#include "kernel/check/subject.h"

/* Under this name --case --here runs it. */
#define QNK_TRACE_NAME "trace"

void qnk_trace_print(struct qnk_subject *subject);
