/* SPDX-License-Identifier: MIT */
#pragma once

/* part.h: a map of a file, checked against a schema, as values: a file's own keys, a plugin's, or
 * those of one item in a list of groups.
 *
 * Each key has a value, given or by default, in the order of the schema; so the records of a part
 * one after another are the record encoding of the whole. All mistakes are found in one walk.
 *
 * Unless a function's own comment says otherwise:
 *   owns     parts lie in the checker's arena, and borrow trees and schemas
 *   threads  any; one at a time
 */

#include <stdbool.h>

#include <qnet/types.h>

#include "kernel/config/checker.h"
#include "kernel/config/report.h"
#include "kernel/config/schema.h"
#include "kernel/config/tree.h"

enum qnk_config_on_error {
    QNK_ON_ERROR_AUTO, /* what the kind does if nothing is said */
    QNK_ON_ERROR_RESTART,
    QNK_ON_ERROR_FALLBACK,
    QNK_ON_ERROR_STOP,
};

struct qnk_config_value;

struct qnk_config_part {
    const struct qnk_config_schema *schema;
    struct qnk_config_value *values; /* schema->count of them, in its order */
    struct qn_span record;           /* of all of them */
};

/* A plugin that a file names. */
struct qnk_config_plugin {
    const char *kind;    /* "transport" */
    const char *name;    /* "nanomsg" */
    const char *version; /* "1.0"; "": any */
    const char *path;    /* of its file; "": where plugins are installed */
    enum qnk_config_on_error on_error;
    struct qnk_config_place place; /* of its name */
    struct qnk_config_part part;   /* its own keys; schema NULL: it was not looked for or found */
};

struct qnk_config_value {
    const struct qnk_config_key *key;
    struct qn_span record;
    struct qnk_config_place place;     /* nowhere: the default */
    struct qnk_config_plugin *plugins; /* of a key of type PLUGIN */
    uint32_t plugins_count;
};

/* Checks the map `tree` against `schema`. Findings go to the report, and `part` is whole all the
 * same: a value at fault is its default. */
void qnk_part_check(struct qnk_checker *checker, const struct qnk_config_schema *schema,
                    const struct qnk_tree *tree, struct qnk_config_part *part);

/* The value of the key `name`, which the schema has. */
const struct qnk_config_value *qnk_part_find(const struct qnk_config_part *part, const char *name);

/* Its number, also of a bool or choice, and its text without the end, both of the type that the
 * schema says. */
uint64_t qnk_part_number(const struct qnk_config_part *part, const char *name);
struct qn_span qnk_part_text(const struct qnk_config_part *part, const char *name);

/* The plugin of a key of type PLUGIN; NULL: the file gives none. */
const struct qnk_config_plugin *qnk_part_plugin(const struct qnk_config_part *part,
                                                const char *name);
