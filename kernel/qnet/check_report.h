/* SPDX-License-Identifier: MIT */
#pragma once

/* check_report.h: what the conformance kit found, for people (text), for test harnesses (TAP,
 * JUnit) and for programs (JSON).
 *
 * Text and TAP appear as results come; the others at the end.
 *
 * Unless a function's own comment says otherwise:
 *   owns     the report keeps copies
 *   threads  one
 */

#include <jansson.h>

#include "kernel/check/run.h"

enum qnk_check_format {
    QNK_CHECK_TEXT,
    QNK_CHECK_TAP,
    QNK_CHECK_JUNIT,
    QNK_CHECK_JSON,
};

struct qnk_check_report {
    enum qnk_check_format format;
    const char *path;
    uint64_t seed;
    bool is_quiet; /* text: only what failed */
    uint32_t count;
    json_t *results;
};

void qnk_check_report_start(struct qnk_check_report *report);
void qnk_check_report_add(struct qnk_check_report *report, const struct qnk_check_result *result);
void qnk_check_report_end(struct qnk_check_report *report, const struct qnk_check_counts *counts);
