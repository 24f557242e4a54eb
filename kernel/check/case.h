/* SPDX-License-Identifier: MIT */
#pragma once

/* case.h: the cases of the conformance kit, level by level. A case looks at one rule.
 *
 * Unless a function's own comment says otherwise:
 *   owns     constants
 *   threads  a case runs alone in its process
 */

#include <stdint.h>

#include "kernel/check/subject.h"

#define QNK_RULE_ID_MAX 12 /* "QN-CON-014" and its end */
#define QNK_CASES_MAX   128

/* What a case asks of the runner. */
enum qnk_case_flag {
    QNK_CASE_SLOW = 1,    /* left out by --fast */
    QNK_CASE_ROOMY = 2,   /* needs much address space */
    QNK_CASE_NEEDS = 4,   /* if it fails the rest cannot be run */
    QNK_CASE_FOLLOWS = 8, /* repeats the contract: left out for what failed it plainly */
    QNK_CASE_FUZZED = 16, /* finds more with other seeds */
};

struct qnk_case {
    char rule[QNK_RULE_ID_MAX];
    uint8_t level;
    uint8_t flags;    /* of enum qnk_case_flag */
    const char *name; /* a sentence in the form of a name */
    void (*run)(struct qnk_subject *subject, uint32_t arg);
    uint32_t arg;
};

/* A list of cases that grows. */
struct qnk_cases {
    uint32_t count;
    struct qnk_case items[QNK_CASES_MAX];
};

void qnk_cases_add(struct qnk_cases *cases, const struct qnk_case *of, size_t count);

/* All that there is for a subject that is open. */
void qnk_cases_plan(const struct qnk_subject *subject, struct qnk_cases *cases);

/* Each level adds its cases for the subject, which is open. */
void qnk_static_cases(const struct qnk_subject *subject, struct qnk_cases *cases);
void qnk_load_cases(const struct qnk_subject *subject, struct qnk_cases *cases);
void qnk_life_cases(const struct qnk_subject *subject, struct qnk_cases *cases);
void qnk_contract_cases(const struct qnk_subject *subject, struct qnk_cases *cases);
void qnk_fault_cases(const struct qnk_subject *subject, struct qnk_cases *cases);
void qnk_power_cases(const struct qnk_subject *subject, struct qnk_cases *cases);
void qnk_same_cases(const struct qnk_subject *subject, struct qnk_cases *cases);
void qnk_state_cases(const struct qnk_subject *subject, struct qnk_cases *cases);
void qnk_memory_cases(const struct qnk_subject *subject, struct qnk_cases *cases);
void qnk_cost_cases(const struct qnk_subject *subject, struct qnk_cases *cases);
