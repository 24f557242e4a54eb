/* SPDX-License-Identifier: MIT */
#pragma once

/* part_value.h: the values of a part, from single texts to lists of groups and plugins. For part.c.
 *
 * Unless a function's own comment says otherwise:
 *   owns     records lie in the checker's arena
 *   threads  any; one at a time
 */

#include "kernel/config/part.h"

/* Fills in a value that the file gives. If it is at fault, its record stays as it was. */
void qnk_part_check_value(struct qnk_checker *checker, struct qnk_config_value *value,
                          const struct qnk_tree *tree);

/* The same for a key of type PLUGIN or a list of it. */
void qnk_part_check_plugins(struct qnk_checker *checker, struct qnk_config_value *value,
                            const struct qnk_tree *tree);

/* Which keys of a map are whose. */
struct qnk_part_scope {
    const struct qnk_config_schema *schema; /* keys that are checked */
    const struct qnk_config_schema *also;   /* keys that somebody else checks; NULL: none */
    bool is_partial;                        /* unknown keys are somebody else's, too */
};

/* qnk_part_check() for a map whose keys are not all the part's. */
void qnk_part_check_scope(struct qnk_checker *checker, const struct qnk_part_scope *scope,
                          const struct qnk_tree *tree, struct qnk_config_part *part);
