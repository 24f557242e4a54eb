/* SPDX-License-Identifier: MIT */

/* run_run.c: qnetd in this terminal. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/qnet/place.h"
#include "kernel/qnet/runs.h"

int qnk_run_run(struct qnk_call *call)
{
    const char *daemon = qnk_place_daemon();
    const char *config = qnk_call_text(call, "config");

    if (qnk_place_search() != NULL && setenv("QN_PLUGIN_PATH", qnk_place_search(), 1) != 0) {
        return QNK_CLI_FAILED;
    }
    (void)execl(daemon, "qnetd", "-c", config, (char *)NULL);
    fprintf(stderr, "qnet: cannot run '%s': %s\n", daemon, strerror(errno));
    return QNK_CLI_FAILED;
}
