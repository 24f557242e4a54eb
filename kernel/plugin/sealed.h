/* SPDX-License-Identifier: MIT */
#pragma once

/* sealed.h: a private copy of a file that nobody can change any more: what is verified is what
 * runs, also if the file on disk is replaced meanwhile.
 *
 * The copy lies in a memfd; where the system forbids these to be executable (vm.memfd_noexec=2) in
 * a file of mode 0500 without a name.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a copy owns its descriptor and mapping until done()
 *   threads  any; nothing changes once it is open
 *
 * Source: abi.md 8; memfd_create(2), fcntl(2) "File Sealing".
 */

#include <stdbool.h>

#include <qnet/types.h>

#include "kernel/plugin/manifest.h"

struct qnk_sealed {
    int fd; /* read-only in effect */
    struct qn_span bytes;
};

/* Copies the file at `path`, which has at most `size_max` bytes. QN_NOT_FOUND: there is none.
 * QN_INVALID: no regular file, empty or too large. QN_IO: it cannot be read or copied. */
QN_MUST_CHECK int32_t qnk_sealed_open(const char *path, uint64_t size_max, bool hides_memory_files,
                                      struct qnk_sealed *sealed, char why[QNK_PLUGIN_WHY_MAX]);
void qnk_sealed_done(struct qnk_sealed *sealed);

/* Gives up the mapping and leaves the descriptor open for ever, as a reused number would give the
 * old library back (dlopen knows files by their number). */
void qnk_sealed_keep(struct qnk_sealed *sealed);
