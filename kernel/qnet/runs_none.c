/* SPDX-License-Identifier: MIT */

/* runs_none.c: for tests of the table alone: no row does anything. */

#include "kernel/qnet/runs.h"

#define OPTION(...)
#define COMMAND(function, ...)                    \
    int qnk_run_##function(struct qnk_call *call) \
    {                                             \
        (void)call;                               \
        return QNK_CLI_OK;                        \
    }
#include "kernel/qnet/commands.def"
