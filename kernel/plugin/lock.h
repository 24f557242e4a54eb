/* SPDX-License-Identifier: MIT */
#pragma once

/* lock.h: plugins.lock, which pins the files that a node may load.
 *
 * Sorted lines `<SHA-256> <kind> <name> <version> <size>`, each with its newline, ascending as
 * bytes; nothing else. A lock file that is there is complete: what it does not list is refused.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a lock owns what it read, in the caller's struct
 *   threads  any; nothing changes once it is read
 *   errors   `why` says the line and what is wrong
 *
 * Source: abi.md 8.
 */

#include <qnet/types.h>

#include "kernel/base/hash.h"
#include "kernel/base/memory.h"
#include "kernel/plugin/manifest.h"

#define QNK_LOCK_LINES_MAX 256   /* plugins of one file; more: refused */
#define QNK_LOCK_FILE_MAX  65536 /* bytes of it; more: refused */

struct qnk_lock_line {
    struct qnk_hash hash;
    char kind[33];
    char name[33];
    char version[18]; /* three numbers */
    uint64_t size;
};

struct qnk_lock {
    struct qnk_budget *budget;
    struct qnk_lock_line *lines;
    uint32_t count;
};

/* Parses a lock file's bytes. QN_INVALID: not a lock file. */
QN_MUST_CHECK int32_t qnk_lock_read(struct qn_span bytes, struct qnk_budget *budget,
                                    struct qnk_lock *lock, char why[QNK_PLUGIN_WHY_MAX]);

/* The same from a file. QN_NOT_FOUND: there is none. */
QN_MUST_CHECK int32_t qnk_lock_open(const char *path, struct qnk_budget *budget,
                                    struct qnk_lock *lock, char why[QNK_PLUGIN_WHY_MAX]);
void qnk_lock_done(struct qnk_lock *lock);

/* Whether the lock pins just this. QN_DENIED: not listed, or listed otherwise. */
QN_MUST_CHECK int32_t qnk_lock_check(const struct qnk_lock *lock, const struct qnk_lock_line *of,
                                     char why[QNK_PLUGIN_WHY_MAX]);

/* Writes the file at `path` whole or not at all; the lines may be in any order, and are sorted.
 * QN_EXISTS: two are of the same kind and name. */
QN_MUST_CHECK int32_t qnk_lock_write(const char *path, struct qnk_lock_line *lines, uint32_t count,
                                     char why[QNK_PLUGIN_WHY_MAX]);
