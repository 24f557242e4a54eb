/* SPDX-License-Identifier: MIT */

/* run_help.c: help, completions and version. */

#include <string.h>

#include "kernel/qnet/help.h"
#include "kernel/qnet/runs.h"

static int help_on_words(struct qnk_call *call)
{
    const struct qnk_command *command = qnk_command_find(call->operands, call->operands_count);
    char *words[QNK_OPERANDS_MAX + 1] = {NULL};
    struct qnk_call asked;

    if (command != NULL) {
        qnk_help_command(stdout, command);
        return QNK_CLI_OK;
    }
    /* A group is understood as a call of it would be, with the same words for what is no group. */
    for (uint32_t i = 0; i < call->operands_count; i++) {
        words[i + 1] = (char *)(uintptr_t)call->operands[i];
    }
    int status = qnk_call_parse(&asked, (int)call->operands_count + 1, words, stderr);

    if (status == QNK_CLI_OK) {
        qnk_help_list(stdout, call->operands[0]);
    }
    return status;
}

int qnk_run_help(struct qnk_call *call)
{
    const char *format = qnk_call_text(call, "format");

    if (call->operands_count > 0) {
        return help_on_words(call);
    }
    if (strcmp(format, "man") == 0) {
        qnk_help_man(stdout);
    } else if (strcmp(format, "markdown") == 0) {
        qnk_help_markdown(stdout);
    } else {
        qnk_help_list(stdout, NULL);
    }
    return QNK_CLI_OK;
}

int qnk_run_completion(struct qnk_call *call)
{
    if (!qnk_help_completion(stdout, call->operands[0])) {
        fprintf(stderr, "qnet: no completions for '%s'; there are bash, zsh and fish\n",
                call->operands[0]);
        return QNK_CLI_USAGE;
    }
    return QNK_CLI_OK;
}
