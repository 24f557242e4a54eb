/* SPDX-License-Identifier: MIT */
#pragma once

/* help.h: the table of commands as text, manual page, Markdown and completions. */

#include "kernel/qnet/command.h"

/* All commands, or those of a group (NULL: all), a line each. */
void qnk_help_list(FILE *out, const char *group);

/* One command: examples first. */
void qnk_help_command(FILE *out, const struct qnk_command *command);

/* The whole as qnet.1 and as docs/cli.md. */
void qnk_help_man(FILE *out);
void qnk_help_markdown(FILE *out);

/* False: no such shell. */
bool qnk_help_completion(FILE *out, const char *shell);
