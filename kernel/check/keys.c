/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create */

#include "kernel/check/keys.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/config/file.h"
#include "kernel/config/part.h"

#define OWN "/proc/self/fd/"

int32_t qnk_keys_read(const char *path, const struct qnk_config_schema *schema,
                      struct qnk_arena *arena, struct qnk_report *report, struct qn_span *record)
{
    struct qnk_config_source *source = qnk_arena_take(arena, sizeof *source);
    struct qnk_checker checker = {.arena = arena, .report = report, .source = source, .folder = ""};
    struct qnk_config_part part;
    struct qnk_tree *tree = NULL;
    int32_t status;

    qnk_report_init(report, arena);
    if (source == NULL) {
        return QN_NO_SPACE;
    }
    source->name = strncmp(path, OWN, strlen(OWN)) == 0 ? "standard input" : path;
    status = qnk_file_read(path, QNK_KEYS_FILE_MAX, arena, &source->bytes);
    if (status != QN_OK) {
        return status == QN_INVALID ? QN_IO : status;
    }
    status = qnk_tree_read(source, arena, report, &tree);
    if (status != QN_OK) {
        return status;
    }
    if (tree->kind != QNK_TREE_MAP) {
        qnk_report_add(report, QNK_E105, qnk_checker_place(&checker, tree->mark),
                       "the file is no map of keys");
        return QN_INVALID;
    }
    qnk_part_check(&checker, schema, tree, &part);
    if (checker.is_full) {
        return QN_NO_SPACE;
    }
    if (report->errors > 0) {
        return QN_INVALID;
    }
    *record = part.record;
    return QN_OK;
}

const char *qnk_keys_copy(int from)
{
    static char path[32];
    static char bytes[QNK_KEYS_FILE_MAX + 1];
    int copy = memfd_create("keys", 0);
    uint64_t size = 0;
    ssize_t got = 1;

    while (got > 0 && size < sizeof bytes) {
        got = read(from, bytes + size, sizeof bytes - size);
        size += got > 0 ? (uint64_t)got : 0;
    }
    if (copy < 0 || got != 0 || write(copy, bytes, size) != (ssize_t)size) {
        return NULL;
    }
    (void)snprintf(path, sizeof path, "%s%d", OWN, copy);
    return path;
}
