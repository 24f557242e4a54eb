/* SPDX-License-Identifier: MIT */
#pragma once

/* admin.h: the node's socket for its people: JSON-RPC 2.0, one object a line.
 *
 *     {"jsonrpc":"2.0","id":1,"method":"status"}
 *     {"jsonrpc":"2.0","id":1,"result":{...}}
 *     {"jsonrpc":"2.0","id":1,"error":{"code":4,"message":"...","data":{"hint":"..."}}}
 *
 * Methods are the queries of query.h, and `watch` {topics, after}: from then on events come as
 * notifications {"jsonrpc":"2.0","method":"event","params":{"topic":"micro",...}}. Topics: micro,
 * macro, round, swap, log. Who may open the socket's folder is an administrator; it is never
 * offered beyond this machine. A client that does not read loses events (the next one says how
 * many) and then its connection.
 *
 * Lines are taken in turns, one per turn of the loop: a few of all clients, one of each before a
 * second of any. What else the loop has to do comes between two turns, however much is asked.
 * Nothing more is read of a client while whole lines of it wait, or too much of what it was
 * answered.
 *
 * Unless a function's own comment says otherwise:
 *   threads  the loop's
 *   limits   CLIENTS_MAX at once; a line of LINE_MAX; CALLS_MAX calls of a client under way; more
 *            is refused in words. TURN_LINES and TURN_BYTES of a turn; PAUSE_MAX and QUEUE_MAX
 *            that wait to be written
 *
 * Source: operations.md 6; JSON-RPC 2.0.
 */

#include "kernel/host/host.h"
#include "kernel/host/lines.h"

enum {
    QNK_ADMIN_CLIENTS_MAX = 32,
    QNK_ADMIN_CALLS_MAX = 64,
    QNK_ADMIN_LINE_MAX = (1 << 20) + (1 << 16), /* 512 KiB of transactions as hex, and a list */
    QNK_ADMIN_QUEUE_MAX = 8 << 20,              /* bytes that wait to be written to a client */
    QNK_ADMIN_PAUSE_MAX = 1 << 20,              /* above so many of them no line of it is taken */
    QNK_ADMIN_TURN_LINES = 32,                  /* of all clients */
    QNK_ADMIN_TURN_BYTES = 1 << 20, /* lines and answers; the line that passes it is the last */
};

struct qnk_admin;

/* Opens the socket at `path`, mode 0660; what lay there before is replaced. `lines` may be NULL.
 * QN_INVALID: the path is too long; QN_IO, QN_DENIED: the system says no. */
QN_MUST_CHECK int32_t qnk_admin_create(struct qnk_host *host, const char *path,
                                       struct qnk_lines *lines, struct qnk_admin **admin);

/* Closes all clients and the socket, and removes it; `closed` is called once the loop has let go of
 * it, and it is then destroyed. Answers that come later are dropped. */
void qnk_admin_stop(struct qnk_admin *admin, void (*closed)(void *ctx), void *ctx);
