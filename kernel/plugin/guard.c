/* SPDX-License-Identifier: MIT */

#include "kernel/plugin/guard_own.h"

struct qnk_guard *qnk_guarded_create(struct qnk_instance *instance, enum qnk_guard_depth depth)
{
    (void)instance;
    (void)depth;
    return NULL;
}

void qnk_guarded_destroy(struct qnk_guard *guard)
{
    (void)guard;
}

void qnk_guard_thread(uint32_t classes)
{
    (void)classes;
}
