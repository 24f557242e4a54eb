/* SPDX-License-Identifier: MIT */

/* main.c: qnet, everything that a person types. */

#include <signal.h>

#include "kernel/qnet/help.h"

int main(int argc, char **argv)
{
    struct qnk_call call;

    /* A node that dies while it is written to is an answer, not our end. */
    (void)signal(SIGPIPE, SIG_IGN);

    int status = qnk_call_parse(&call, argc, argv, stderr);

    if (status != QNK_CLI_OK) {
        return status;
    }
    if (call.command == NULL) {
        qnk_help_list(call.help ? stdout : stderr,
                      call.operands_count > 0 ? call.operands[0] : NULL);
        return call.help ? QNK_CLI_OK : QNK_CLI_USAGE;
    }
    if (call.help) {
        qnk_help_command(stdout, call.command);
        return QNK_CLI_OK;
    }
    status = call.command->run(&call);
    if (fflush(stdout) != 0 && status == QNK_CLI_OK) {
        fprintf(stderr, "qnet: cannot write the result\n");
        status = QNK_CLI_FAILED;
    }
    return status;
}
