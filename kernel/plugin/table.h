/* SPDX-License-Identifier: MIT */
#pragma once

/* table.h: a plugin's table made full size, so that callers test neither NULL nor version.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the room is the caller's; what is filled in lives as long as the plugin's code
 *   threads  any
 *
 * Source: abi.md 4.3.
 */

#include "kernel/plugin/manifest.h"

/* Bytes of a table as of `minor`. */
uint32_t qnk_table_size(const struct qnk_table *table, uint16_t minor);

/* Copies what the plugin fills into `to`, which has room for the newest minor; stubs stand where it
 * has nothing. `minor` is the manifest's. QN_INVALID: a required slot is missing, or the head is
 * not as the manifest says. */
QN_MUST_CHECK int32_t qnk_table_fill(const struct qnk_table *table, const struct qn_head *from,
                                     uint16_t minor, void *to, char why[QNK_PLUGIN_WHY_MAX]);
