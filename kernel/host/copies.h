/* SPDX-License-Identifier: MIT */
#pragma once

/* copies.h: the files of a data folder into which a node copies what is final (swap.copy).
 *
 * Each has a name of its own that does not come again, so that who asked for one never takes
 * another's. It is deleted by whoever asked for it; of those that nobody comes for, MAX at most lie
 * there, and the next start takes them away. A copy is never worth a node's last room: it is given
 * up before it would make the disk low or full.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   DATA/swap-copy.XXXXXX, letters or digits; nothing but a regular file of this user with
 *            such a name is looked at, or deleted
 *   units    bytes
 *   owns     the descriptor is the caller's
 *   threads  any, one at a time
 *   cost     touches the disk
 *   errors   words for people in `why`: what, where, what to do
 *
 * Source: operations.md 9, 13.
 */

#include <stdbool.h>

#include "kernel/host/datadir.h"

enum {
    QNK_COPIES_MAX = 4,
    QNK_COPIES_PATH = QNK_DATADIR_PATH + 32,
    QNK_COPIES_WHY = 300,
};

/* Deletes the oldest until `keep` are left. How many it deleted. */
uint32_t qnk_copies_trim(const char *folder, uint32_t keep);

/* Makes an empty one, for which the oldest gives way. QN_IO: the folder takes none. */
QN_MUST_CHECK int32_t qnk_copies_make(const char *folder, char path[QNK_COPIES_PATH], int *file,
                                      char why[QNK_COPIES_WHY]);

/* Whether a disk takes so many bytes more without becoming low, or full, by it. */
bool qnk_copies_fit(uint64_t free, uint64_t total, uint64_t need);

/* Appends a piece if the disk takes it and what is to come, `need` in all. QN_NO_SPACE: it has no
 * room for that, or said so itself; QN_IO: it fails. */
QN_MUST_CHECK int32_t qnk_copies_put(const char *folder, int file, struct qn_span piece,
                                     uint64_t need, char why[QNK_COPIES_WHY]);
