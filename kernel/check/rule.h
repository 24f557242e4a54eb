/* SPDX-License-Identifier: MIT */
#pragma once

/* rule.h: what a plugin must keep, rule by rule: one table, from which come `--explain`, the pages
 * of docs/rules/, and the names in reports.
 *
 * An id is QN-AREA-NUMBER. A number is never used for another rule. Areas are the general ones of
 * the levels, and one for the contract of each kind.
 *
 * Unless a function's own comment says otherwise:
 *   owns     constants
 *   threads  any
 */

#include <stdint.h>
#include <stdio.h>

struct qnk_rule {
    const char *id;
    const char *level; /* "L0" */
    const char *name;  /* of the case that looks at it */
    const char *what;  /* whole sentences */
    const char *why;
    const char *by; /* who enforces it, beside the kit */
};

/* By place; NULL after the last one. */
const struct qnk_rule *qnk_rule_at(uint32_t place);

/* NULL: there is none. */
const struct qnk_rule *qnk_rule_find(const char *id);

/* Its page, in Markdown, which reads well as it is. */
void qnk_rule_print(const struct qnk_rule *rule, FILE *to);
