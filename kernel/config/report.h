/* SPDX-License-Identifier: MIT */
#pragma once

/* report.h: every mistake of a file at once, each with its place, its line and what to write there.
 *
 * A finding has a code that `config check` prints and that tests match:
 *     E101 not YAML             E102 unknown key       E103 missing key      E104 given twice
 *     E105 wrong type           E106 out of range      E107 unit             E108 no such plugin
 *     E109 plugin refused       E110 file missing, wrong owner or mode       E111 wrong file
 *     E112 two keys contradict  E113 no such name      E114 not an expression
 *     E120 a provider cannot    W201 deprecated        W202 open to other hosts
 *     W203 has no effect yet
 *
 * Unless a function's own comment says otherwise:
 *   shapes   lines and columns count from 1, columns in characters; line 0 is no place
 *   owns     a report borrows its sources and its arena; texts lie in the arena
 *   threads  any; one at a time
 */

#include <stdbool.h>

#include <qnet/types.h>

#include "kernel/base/arena.h"
#include "kernel/base/sink.h"

#define QNK_REPORT_FINDINGS_MAX 100 /* of one report; more are counted and not shown */
#define QNK_REPORT_TEXT_MAX     512 /* bytes of a text or hint; the rest is cut off */

/* A file as it was read. */
struct qnk_config_source {
    const char *name; /* as it is shown */
    struct qn_span bytes;
};

struct qnk_config_mark {
    uint32_t line; /* 0: nowhere */
    uint32_t column;
    uint32_t width; /* characters that are meant, 1 at least */
};

struct qnk_config_place {
    const struct qnk_config_source *source; /* NULL: nowhere */
    struct qnk_config_mark mark;
};

enum qnk_finding_code {
    QNK_E101,
    QNK_E102,
    QNK_E103,
    QNK_E104,
    QNK_E105,
    QNK_E106,
    QNK_E107,
    QNK_E108,
    QNK_E109,
    QNK_E110,
    QNK_E111,
    QNK_E112,
    QNK_E113,
    QNK_E114,
    QNK_E120,
    QNK_W201,
    QNK_W202,
    QNK_W203,
    QNK_FINDING_CODE_COUNT
};

struct qnk_finding {
    enum qnk_finding_code code;
    struct qnk_config_place place;
    const char *text;
    const char *hint; /* "": none */
    bool is_denied;   /* of a file's mode or owner, not of a word: qnetd ends with another code */
};

struct qnk_report {
    struct qnk_arena *arena;
    uint32_t count;    /* of `findings` */
    uint32_t errors;   /* found, shown or not */
    uint32_t warnings; /* found, shown or not */
    struct qnk_finding findings[QNK_REPORT_FINDINGS_MAX];
};

void qnk_report_init(struct qnk_report *report, struct qnk_arena *arena);

/* "E102" */
const char *qnk_finding_code_name(enum qnk_finding_code code);
bool qnk_finding_is_warning(enum qnk_finding_code code);

/* Adds a finding; its hint is added to the newest one. Control characters become '?'. */
__attribute__((format(printf, 4, 5))) void qnk_report_add(struct qnk_report *report,
                                                          enum qnk_finding_code code,
                                                          struct qnk_config_place place,
                                                          const char *format, ...);
__attribute__((format(printf, 2, 3))) void qnk_report_hint(struct qnk_report *report,
                                                           const char *format, ...);

/* Says of the newest finding that a file's mode or owner is what is wrong. */
void qnk_report_denied(struct qnk_report *report);

/* Puts the findings into the order of their files and places. */
void qnk_report_sort(struct qnk_report *report);

/* Appends all findings as text, and "2 errors, 1 warning" unless there is none:
 *
 *     node.yaml:9:3: error[E102]: unknown key 'listn' of transport nanomsg 1.0
 *         9 |   listn: tcp://0.0.0.0:9876
 *           |   ^~~~~ did you mean 'listen'?
 *
 * QN_NO_SPACE: the sink is full. */
QN_MUST_CHECK int32_t qnk_report_print(const struct qnk_report *report, struct qn_sink *out);
