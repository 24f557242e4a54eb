/* SPDX-License-Identifier: MIT */
#pragma once

/* tree.h: a YAML file as a tree of texts, each with its place in the file.
 *
 * Only plain data is taken: one document of maps, lists and texts. What makes YAML surprising is
 * refused: tabs, tags, anchors, aliases, directives, keys that are not words or come twice, control
 * characters, bytes that are not UTF-8. Nothing is a number or a boolean here; that is a schema's
 * question.
 *
 * Unless a function's own comment says otherwise:
 *   owns     a tree and its texts lie in the caller's arena
 *   threads  any
 *   cost     linear in the file; libyaml takes memory of its own until the call returns
 */

#include <stdbool.h>

#include <qnet/types.h>

#include "kernel/base/arena.h"
#include "kernel/config/report.h"

#define QNK_TREE_FILE_MAX  1048576 /* bytes; a larger file is refused */
#define QNK_TREE_DEPTH_MAX 16      /* maps and lists inside each other; more are refused */
#define QNK_TREE_NODES_MAX 65536   /* values of one file; more are refused */
#define QNK_TREE_KEYS_MAX  1024    /* keys of one map; more are refused, as each is looked for */

enum qnk_tree_kind { QNK_TREE_TEXT, QNK_TREE_LIST, QNK_TREE_MAP };

struct qnk_tree {
    enum qnk_tree_kind kind;
    bool is_plain;    /* a text without quotes */
    const char *text; /* of a text */
    struct qnk_config_mark mark;
    const char *key; /* in a map; else NULL */
    struct qnk_config_mark key_mark;
    struct qnk_tree *first; /* child of a list or map */
    struct qnk_tree *next;  /* after it in the same list or map */
};

/* The tree of `source`; an empty file is an empty map. Findings are E101 and E104. QN_INVALID:
 * there are some; `tree` is then the whole tree without what is refused, or NULL if the end was
 * not reached. QN_NO_SPACE: no memory. */
QN_MUST_CHECK int32_t qnk_tree_read(const struct qnk_config_source *source, struct qnk_arena *arena,
                                    struct qnk_report *report, struct qnk_tree **tree);

/* The child of a map under `key`, or NULL. */
const struct qnk_tree *qnk_tree_child(const struct qnk_tree *map, const char *key);
