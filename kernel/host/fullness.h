/* SPDX-License-Identifier: MIT */
#pragma once

/* fullness.h: how much room the disk has left, and what follows from it: a word in time, and a
 * clean stop before the disk is full, since a full disk breaks more than this node.
 *
 * Unless a function's own comment says otherwise:
 *   units    bytes
 *   threads  any
 *
 * Source: operations.md 9.
 */

#include <qnet/types.h>

/* On a large disk a share of it would be too much to ask: then these bytes are enough. */
#define QNK_FULLNESS_LOW  (UINT64_C(20) << 30)
#define QNK_FULLNESS_FULL (UINT64_C(2) << 30)

enum qnk_fullness {
    QNK_FULLNESS_FINE,
    QNK_FULLNESS_IS_LOW,  /* below 10 %, and below FULLNESS_LOW: say so */
    QNK_FULLNESS_IS_FULL, /* below 1 %, and below FULLNESS_FULL: stop */
};

enum qnk_fullness qnk_fullness_of(uint64_t free, uint64_t total);

/* Asks the system about the disk of a folder. QN_IO: it does not say. */
QN_MUST_CHECK int32_t qnk_fullness_look(const char *folder, uint64_t *free, uint64_t *total);
