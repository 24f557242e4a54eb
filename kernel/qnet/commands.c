/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/command.h"

#include <stddef.h>

#include "kernel/qnet/runs.h"

#define OPTION(name_, letter_, type_, value_, absent_, doc_)      \
    {                                                             \
        name_, letter_, QNK_OPTION_##type_, value_, absent_, doc_ \
    }
#define NO_OPTION \
    {             \
        0         \
    }
#define COMMAND(function, path_, operands_, summary_, examples_, ...) \
    {                                                                 \
        .path = path_,                                                \
        .operands = operands_,                                        \
        .summary = summary_,                                          \
        .examples = examples_,                                        \
        .run = qnk_run_##function,                                    \
        .options = {__VA_ARGS__},                                     \
    },

const struct qnk_command qnk_commands[] = {
#include "kernel/qnet/commands.def"
};

/* One more than QNK_OPTIONS_MAX would leave no end of the list, and no compiler says so. */
#undef COMMAND
#define COMMAND(function, path_, operands_, summary_, examples_, ...)                        \
    _Static_assert(sizeof((struct qnk_option[]){__VA_ARGS__}) / sizeof(struct qnk_option) <= \
                       QNK_OPTIONS_MAX,                                                      \
                   path_);
#include "kernel/qnet/commands.def"

const uint32_t qnk_commands_count = sizeof qnk_commands / sizeof *qnk_commands;

const struct qnk_option qnk_common_options[] = {
    OPTION("node", 'n', TEXT, "NAME", NULL, "which node; else QNET_NODE, else the only one"),
    OPTION("json", 0, FLAG, NULL, NULL, "one JSON document, or one object a line"),
    OPTION("color", 0, CHOICE, "auto|always|never", "auto", "on a terminal"),
    OPTION("quiet", 'q', FLAG, NULL, NULL, "results and errors alone"),
    OPTION("help", 'h', FLAG, NULL, NULL, "this help"),
    {0},
};
