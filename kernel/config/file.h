/* SPDX-License-Identifier: MIT */
#pragma once

/* file.h: reading a file that is bounded, and asking whether one that holds a secret is ours alone.
 *
 * Unless a function's own comment says otherwise:
 *   units    bytes
 *   threads  any
 *   cost     touches the disk
 */

#include <qnet/types.h>

#include "kernel/base/arena.h"

/* All of a file of at most `size_max` bytes, in the arena. QN_NOT_FOUND, QN_DENIED, QN_IO: as the
 * system says; QN_INVALID: no file; QN_NO_SPACE: larger, or the arena is full. */
QN_MUST_CHECK int32_t qnk_file_read(const char *path, uint64_t size_max, struct qnk_arena *arena,
                                    struct qn_span *bytes);

/* What a file is to this process that shall keep a secret in it. */
enum qnk_file_secret {
    QNK_FILE_SECRET_FINE,
    QNK_FILE_SECRET_MISSING, /* or it cannot be looked at */
    QNK_FILE_SECRET_NO_FILE, /* a folder, a socket */
    QNK_FILE_SECRET_OTHERS,  /* belongs to another user */
    QNK_FILE_SECRET_WIDE,    /* others may read or write it */
};

enum qnk_file_secret qnk_file_secret(const char *path, uint32_t *mode);

/* The folder of a path, as far as it says: "" for "node.yaml", "v1" for "v1/node.yaml". In the
 * arena; NULL: it is full. */
const char *qnk_file_folder(const char *path, struct qnk_arena *arena);
