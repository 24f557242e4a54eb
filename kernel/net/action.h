/* SPDX-License-Identifier: MIT */
#pragma once

/* action.h: what can be done to a network while it runs, and which provider can do it: the words
 * after `do:` of a spec and after `qnet net do`.
 *
 * Unless a function's own comment says otherwise:
 *   threads  any: a table
 *
 * Source: operations.md 13.
 */

#include <stdbool.h>
#include <stdint.h>

enum qnk_provider { QNK_PROVIDER_VIRTUAL, QNK_PROVIDER_PROCESS, QNK_PROVIDERS };

extern const char *const qnk_provider_names[QNK_PROVIDERS];

enum qnk_action {
    QNK_ACTION_KILL,      /* a node's power goes; it comes back after `restart_after` */
    QNK_ACTION_PAUSE,     /* a node does nothing for a while and does not know it */
    QNK_ACTION_RESTART,   /* it is stopped and started */
    QNK_ACTION_START,     /* one that is off */
    QNK_ACTION_PARTITION, /* nothing between groups */
    QNK_ACTION_ISOLATE,   /* nothing between one and all others */
    QNK_ACTION_SWAP,      /* a plan for another plugin of a network kind, and every node's ready */
    QNK_ACTION_INSTALL,   /* a plugin that a node lacked is there now, and loaded */
    QNK_ACTION_LOSS,      /* links break now and then */
    QNK_ACTION_DUPLICATE, /* frames come twice */
    QNK_ACTION_REORDER,
    QNK_ACTION_SPIKE,  /* frames come late, with all behind them */
    QNK_ACTION_MANGLE, /* mangled copies come too */
    QNK_ACTION_NARROW, /* bandwidth is a part of what it was */
    QNK_ACTION_CPU,    /* a machine is slower */
    QNK_ACTION_DISK_SLOW,
    QNK_ACTION_DISK_FULL,
    QNK_ACTION_DISK_FAIL,
    QNK_ACTION_POWER_CUT, /* in the midst of writes */
    QNK_ACTION_CLOCK,     /* a machine's clock is ahead */
    QNK_ACTION_LIE,       /* a member lies from then on */
    QNK_ACTIONS
};

/* What an action takes, beside `at` and `id`. */
enum qnk_takes {
    QNK_TAKES_NODE = 1,
    QNK_TAKES_FOR = 2,
    QNK_TAKES_GROUPS = 4,
    QNK_TAKES_PLAN = 8,
    QNK_TAKES_RATE = 16,
    QNK_TAKES_BY = 32,
    QNK_TAKES_OFFSET = 64,
    QNK_TAKES_LIE = 128,
    QNK_TAKES_AGAIN = 256, /* restart_after */
    QNK_TAKES_SET = 512,   /* keys of the node file */
};

struct qnk_action_row {
    const char *name;
    uint32_t takes;     /* of enum qnk_takes: these must be given, but for AGAIN, BY and SET */
    uint32_t providers; /* bits of enum qnk_provider */
};

extern const struct qnk_action_row qnk_actions[QNK_ACTIONS];

bool qnk_action_can(enum qnk_action action, enum qnk_provider provider);
