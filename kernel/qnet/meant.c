/* SPDX-License-Identifier: MIT */

/* meant.c: a person is asked whether a command is meant. */

#include <stdio.h>
#include <unistd.h>

#include "kernel/qnet/client.h"

bool qnk_call_is_meant(const struct qnk_call *call, const char *question)
{
    char answer[8] = "";

    if (qnk_call_flag(call, "yes")) {
        return true;
    }
    if (isatty(STDIN_FILENO) == 0) {
        fprintf(stderr, "qnet: %s needs --yes where nobody can be asked\n", call->command->path);
        return false;
    }
    fprintf(stderr, "%s [y/N] ", question);
    return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}
