/* SPDX-License-Identifier: MIT */

#include "kernel/net/action.h"

enum { VIRTUAL = 1 << QNK_PROVIDER_VIRTUAL, BOTH = VIRTUAL | 1 << QNK_PROVIDER_PROCESS };

const char *const qnk_provider_names[QNK_PROVIDERS] = {"virtual", "process"};

const struct qnk_action_row qnk_actions[QNK_ACTIONS] = {
    [QNK_ACTION_KILL] = {"kill", QNK_TAKES_NODE | QNK_TAKES_AGAIN, BOTH},
    [QNK_ACTION_PAUSE] = {"pause", QNK_TAKES_NODE | QNK_TAKES_FOR, BOTH},
    [QNK_ACTION_RESTART] = {"restart", QNK_TAKES_NODE | QNK_TAKES_SET, BOTH},
    [QNK_ACTION_START] = {"start", QNK_TAKES_NODE, BOTH},
    [QNK_ACTION_PARTITION] = {"partition", QNK_TAKES_GROUPS | QNK_TAKES_FOR, BOTH},
    [QNK_ACTION_ISOLATE] = {"isolate", QNK_TAKES_NODE | QNK_TAKES_FOR, BOTH},
    [QNK_ACTION_SWAP] = {"swap", QNK_TAKES_PLAN, BOTH},
    [QNK_ACTION_INSTALL] = {"install", QNK_TAKES_NODE | QNK_TAKES_PLAN, BOTH},
    [QNK_ACTION_LOSS] = {"loss", QNK_TAKES_RATE | QNK_TAKES_FOR, VIRTUAL},
    [QNK_ACTION_DUPLICATE] = {"duplicate", QNK_TAKES_RATE | QNK_TAKES_FOR, VIRTUAL},
    [QNK_ACTION_REORDER] = {"reorder", QNK_TAKES_RATE | QNK_TAKES_FOR, VIRTUAL},
    [QNK_ACTION_SPIKE] = {"spike", QNK_TAKES_RATE | QNK_TAKES_FOR, VIRTUAL},
    [QNK_ACTION_MANGLE] = {"mangle", QNK_TAKES_RATE | QNK_TAKES_FOR, VIRTUAL},
    [QNK_ACTION_NARROW] = {"narrow", QNK_TAKES_BY | QNK_TAKES_FOR, VIRTUAL},
    [QNK_ACTION_CPU] = {"cpu", QNK_TAKES_NODE | QNK_TAKES_BY | QNK_TAKES_FOR, VIRTUAL},
    [QNK_ACTION_DISK_SLOW] = {"disk_slow", QNK_TAKES_NODE | QNK_TAKES_BY | QNK_TAKES_FOR, VIRTUAL},
    [QNK_ACTION_DISK_FULL] = {"disk_full", QNK_TAKES_NODE | QNK_TAKES_FOR, VIRTUAL},
    [QNK_ACTION_DISK_FAIL] = {"disk_fail", QNK_TAKES_NODE | QNK_TAKES_FOR, VIRTUAL},
    [QNK_ACTION_POWER_CUT] = {"power_cut", QNK_TAKES_NODE | QNK_TAKES_FOR, VIRTUAL},
    [QNK_ACTION_CLOCK] = {"clock", QNK_TAKES_NODE | QNK_TAKES_OFFSET | QNK_TAKES_FOR, VIRTUAL},
    [QNK_ACTION_LIE] = {"lie", QNK_TAKES_NODE | QNK_TAKES_LIE, VIRTUAL},
};

bool qnk_action_can(enum qnk_action action, enum qnk_provider provider)
{
    return (qnk_actions[action].providers >> provider & 1) != 0;
}
