/* SPDX-License-Identifier: MIT */
#pragma once

/* keys.h: the keys that a plugin is checked with, out of a file: what would stand in its map in a
 * node file, without the kernel's own (`use`, `path` and so on).
 *
 * Unless a function's own comment says otherwise:
 *   owns     file, record and report lie in the arena; the schema is borrowed
 *   threads  any; one at a time
 */

#include "kernel/base/arena.h"
#include "kernel/config/report.h"
#include "kernel/config/schema.h"

#define QNK_KEYS_FILE_MAX 65536   /* bytes of the file; more is QN_NO_SPACE */
#define QNK_KEYS_ROOM     8388608 /* of an arena that is enough for any such file */

/* The record of config as create() takes it. QN_INVALID: the report says what is wrong. Others: the
 * file cannot be read. */
QN_MUST_CHECK int32_t qnk_keys_read(const char *path, const struct qnk_config_schema *schema,
                                    struct qnk_arena *arena, struct qnk_report *report,
                                    struct qn_span *record);

/* For the one process that this is: a descriptor's bytes as a file of its own, which has a path in
 * it and in its children. NULL: it cannot be made, or there are too many bytes. */
const char *qnk_keys_copy(int from);
