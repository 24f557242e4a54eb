/* SPDX-License-Identifier: MIT */
#pragma once

/* guard_own.h: the guard of one instance, for the files of this folder. */

#include "kernel/plugin/guard.h"
#include "kernel/plugin/instance.h"

struct qnk_guard;

/* A guard for an instance that was created. NULL: over the budget. */
QN_MUST_CHECK struct qnk_guard *qnk_guarded_create(struct qnk_instance *instance,
                                                   enum qnk_guard_depth depth);
void qnk_guarded_destroy(struct qnk_guard *guard);
