/* SPDX-License-Identifier: MIT */
#pragma once

/* datadir.h: a node's folders: the one that it keeps, which one process uses at a time, and the one
 * of its socket.
 *
 * Data: as the node file says, else $XDG_DATA_HOME/qnet/NAME, else ~/.local/share/qnet/NAME, else
 * /var/lib/qnet/NAME. Runtime: $XDG_RUNTIME_DIR/qnet/NAME, else /run/qnet/NAME. The lock is on the
 * open file DATA/lock, so it ends with the process, however that ends.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   paths are absolute or relative as they were given, without a slash at the end
 *   threads  the start's
 *   cost     touches the disk
 *   errors   QN_INVALID: a path is too long; QN_DENIED, QN_IO: as the system says; `why` says which
 *            folder and what to do
 *
 * Source: operations.md 3.
 */

#include <stdbool.h>

#include <qnet/types.h>

enum { QNK_DATADIR_PATH = 400, QNK_DATADIR_WHY = 600, QNK_DATADIR_SOCKET_MAX = 107 };

struct qnk_datadir {
    char data[QNK_DATADIR_PATH];
    char runtime[QNK_DATADIR_PATH];
    int lock; /* descriptor; -1: none */
    char why[QNK_DATADIR_WHY];
};

/* Only names the folders; for clients. `data` as in the node file, "" for the usual one. */
QN_MUST_CHECK int32_t qnk_datadir_find(struct qnk_datadir *dir, const char *name, const char *data);

/* Makes what is missing of both, mode 0700 and 0750, and locks the data folder, whose path is
 * absolute from then on. QN_BUSY: another process has it. */
QN_MUST_CHECK int32_t qnk_datadir_open(struct qnk_datadir *dir);
void qnk_datadir_close(struct qnk_datadir *dir);

/* RUNTIME/admin.sock. QN_INVALID: longer than a socket's name may be. */
QN_MUST_CHECK int32_t qnk_datadir_socket(struct qnk_datadir *dir,
                                         char path[QNK_DATADIR_SOCKET_MAX + 1]);
