/* SPDX-License-Identifier: MIT */
#pragma once

/* contract.h: level 3, the cases that sdk/abi names for the kind, one process each.
 *
 * Rule numbers are places in the kind's list, from 1; lists only grow at their end.
 */

#include "kernel/check/subject.h"

struct qnk_contract_case {
    const char *name; /* without the prefix of the kind */
    void (*run)(void **subject);
};

struct qnk_contract {
    const char *kind;
    const char *letters; /* in rule numbers */
    void *(*start)(const struct qnk_subject *subject, const struct qn_plugin *plugin);
    void (*stop)(void *it);
    const struct qnk_contract_case *cases;
    uint32_t count;
};

/* The kind's, or NULL. */
const struct qnk_contract *qnk_contract_find(const char *kind);

/* Runs one case of the kind on a plugin that is loaded. */
void qnk_contract_run(const struct qnk_subject *subject, const struct qn_plugin *plugin,
                      uint32_t place);
