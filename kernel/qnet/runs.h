/* SPDX-License-Identifier: MIT */
#pragma once

/* runs.h: the function behind each row of the table. Each gives the exit code. */

#include "kernel/qnet/command.h"

#define OPTION(...)
#define COMMAND(function, ...) int qnk_run_##function(struct qnk_call *call);
#include "kernel/qnet/commands.def"
#undef COMMAND
#undef OPTION
