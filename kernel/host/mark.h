/* SPDX-License-Identifier: MIT */
#pragma once

/* mark.h: that a validator's key has signed in a network: a file beside its key file, so that a key
 * whose data folder is gone, and its sign record with it, is not taken for one that never signed.
 *
 *     validator.key.signed-0123456789abcdef          the first 8 bytes of the network's id
 *
 * What is in it is for people; that it is there says all. A key from a credential has none, as its
 * folder is not the node's, nor has one that was copied without its mark.
 *
 * Unless a function's own comment says otherwise:
 *   shapes   `key` is a path as the node file has it, or "credential:NAME"
 *   threads  any
 *   cost     touches the disk
 *
 * Source: finality.md 6.
 */

#include <stdbool.h>

#include "kernel/base/hash.h"

enum { QNK_MARK_PATH = 4200, QNK_MARK_WHY = 300 };

/* The mark's path, also of one that is not there. False: there is no place for one. */
bool qnk_mark_path(const char *key, const struct qnk_hash *chain_id, char path[QNK_MARK_PATH]);

/* Whether it is there. Where the disk does not say, it is. */
bool qnk_mark_is_there(const char *key, const struct qnk_hash *chain_id);

/* Makes it, durable; nothing where there is no place for one. QN_IO: as the system says; `why` says
 * which file. */
QN_MUST_CHECK int32_t qnk_mark_make(const char *key, const struct qnk_hash *chain_id,
                                    char why[QNK_MARK_WHY]);
