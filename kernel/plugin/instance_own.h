/* SPDX-License-Identifier: MIT */
#pragma once

/* instance_own.h: what an instance holds, for the files of this folder. */

#include "kernel/plugin/guard_own.h"
#include "kernel/plugin/host.h"

struct qnk_instance {
    struct qnk_instance *next; /* of those that linger */
    struct qnk_plugin *plugin;
    struct qn_inst *inst;      /* the plugin's own */
    _Atomic uint32_t life;     /* enum qnk_life */
    struct qnk_guarded *guard; /* NULL: off */
    struct qn_node node;
};
