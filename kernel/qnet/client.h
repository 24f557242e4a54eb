/* SPDX-License-Identifier: MIT */
#pragma once

/* client.h: a running node, asked through its admin socket.
 *
 * Which node: --node, else QNET_NODE, else the only one that runs here, else v1 if it runs (the
 * first of a dev network); else the names are listed and nothing is asked.
 *
 * Unless a function's own comment says otherwise:
 *   owns     answers are new JSON values of the caller's; parameters are taken over
 *   threads  one
 *   errors   what is wrong was said on stderr; the exit code says which kind it was
 */

#include <jansson.h>
#include <sys/types.h>

#include "kernel/base/sink.h"
#include "kernel/qnet/command.h"

enum { QNK_CLIENT_PATH = 108, QNK_CLIENT_NAME = 65, QNK_CLIENT_LINE_MAX = 16 << 20 };

struct qnk_client {
    char name[QNK_CLIENT_NAME];
    int fd;               /* -1: closed */
    struct qn_sink input; /* bytes that came, from the line that is read next on */
    uint64_t taken;       /* of them: the line that was read last */
    uint64_t calls;
};

/* QNK_CLI_OK, QNK_CLI_USAGE (which node?) or QNK_CLI_UNREACHABLE. */
int qnk_client_open(struct qnk_client *client, const struct qnk_call *call);

/* The same for a socket by its path; says nothing. False: nobody listens there. */
bool qnk_client_connect(struct qnk_client *client, const char *path);

/* Takes who says nothing for so long for gone: a process that is stopped is connected to all the
 * same. */
void qnk_client_limit(struct qnk_client *client, uint32_t seconds);

/* The user that the node runs as, by the kernel's word and not the node's own. */
QN_MUST_CHECK bool qnk_client_owner(const struct qnk_client *client, uid_t *owner);
void qnk_client_close(struct qnk_client *client); /* also of a zeroed one */

/* Asks once. NULL: `*exit_code` says why, and stderr said it. `params` may be NULL. */
json_t *qnk_client_ask(struct qnk_client *client, const char *method, json_t *params,
                       int *exit_code);

/* The same without a word on stderr: NULL, and `words` (borrowed until the next call, may be NULL)
 * says what the node said. */
json_t *qnk_client_try(struct qnk_client *client, const char *method, json_t *params,
                       int *exit_code, json_t **error);

/* The next event of a stream, its `params`. NULL: the node is gone, or an interrupt came. */
json_t *qnk_client_event(struct qnk_client *client);

/* What this process takes for itself. */
extern struct qnk_budget qnk_client_budget;

/* Opens, asks once and closes. */
json_t *qnk_ask_once(const struct qnk_call *call, const char *method, json_t *params,
                     int *exit_code);

/* Whether the person means it: asks on a terminal, and wants the command's --yes elsewhere.
 * (meant.c) */
bool qnk_call_is_meant(const struct qnk_call *call, const char *question);

/* The call's one operand KIND=NAME, KIND=FILE.so or KIND={...} as parameters; a file's path becomes
 * absolute, as the node has another folder. NULL after words on stderr. (run_plugin.c) */
json_t *qnk_plugin_params(const struct qnk_call *call);
