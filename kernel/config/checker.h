/* SPDX-License-Identifier: MIT */
#pragma once

/* checker.h: what one file is checked with: where results and mistakes go, and who is asked.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a checker borrows all that it points to
 *   threads  any; one at a time
 */

#include <stdbool.h>

#include <qnet/types.h>

#include "kernel/base/arena.h"
#include "kernel/config/report.h"
#include "kernel/config/schema.h"
#include "kernel/config/tree.h"

struct qnk_config_plugin;

/* What the checker asks whoever knows the installed plugins. */
struct qnk_config_plugins {
    void *ctx;
    /* The schema of plugin->part for this kind, name, version and path; it outlives the config.
     * QN_NOT_FOUND: there is no such plugin. Others: it is refused, and `why` says in words what it
     * needs and what there is. */
    int32_t (*find)(void *ctx, const struct qnk_config_plugin *plugin,
                    const struct qnk_config_schema **schema, char why[QNK_REPORT_TEXT_MAX]);
    /* The name of an installed plugin of `kind`, by place; NULL after the last one. */
    const char *(*name_at)(void *ctx, const char *kind, uint32_t place);
};

/* What one file is checked with. */
struct qnk_checker {
    struct qnk_arena *arena;
    struct qnk_report *report;
    const struct qnk_config_source *source;
    const char *folder;                       /* that paths are relative to; "": as written */
    const struct qnk_config_plugins *plugins; /* NULL: plugins' own keys are left alone */
    /* The other file, whose keys do not belong here, and what was read of it, or NULL. */
    const char *other_title; /* "the network file" */
    const struct qnk_config_schema *other;
    const struct qnk_config_source *other_source;
    const struct qnk_tree *other_tree;
    bool is_full; /* the arena had no more room: nothing that was made may be used */
};

/* Room in the arena, aligned to 16. NULL, and is_full: there is none. */
QN_MUST_CHECK void *qnk_checker_take(struct qnk_checker *checker, size_t size);

/* A place in the checked file. */
struct qnk_config_place qnk_checker_place(const struct qnk_checker *checker,
                                          struct qnk_config_mark mark);

/* A copy in the arena; an empty span, and is_full: there is no room. */
struct qn_span qnk_checker_keep(struct qnk_checker *checker, const void *bytes, uint64_t size);

/* The same with a zero byte behind it; "", and is_full: there is no room. */
const char *qnk_checker_string(struct qnk_checker *checker, struct qn_span text);

/* The pieces one after another, as one copy; as above. */
struct qn_span qnk_checker_join(struct qnk_checker *checker, const struct qn_span *pieces,
                                uint32_t count);
