/* SPDX-License-Identifier: MIT */
#pragma once

/* expr.h: what an assertion says of a number: `finality_lag_blocks <= 25`,
 * `swap.finality_gap_seconds <= 20`, and of two variants of a comparison:
 * `bft.finality_p99 > 1.10 * commit-reveal.finality_p99`.
 *
 * Unless a function's own comment says otherwise:
 *   units    as the metric's name says
 *   owns     nothing: names are copied
 *   threads  any
 *   errors   false, and `why` says what was wanted
 *
 * Source: operations.md 13, 14.
 */

#include <stdbool.h>
#include <stdint.h>

enum { QNK_EXPR_NAME = 48, QNK_EXPR_WHY = 160 };

enum qnk_expr_op { QNK_EXPR_LT, QNK_EXPR_LE, QNK_EXPR_GT, QNK_EXPR_GE, QNK_EXPR_EQ, QNK_EXPR_NE };

struct qnk_expr {
    char scope[QNK_EXPR_NAME]; /* before the dot: "swap", a variant; "": none */
    char name[QNK_EXPR_NAME];
    enum qnk_expr_op op;
    double number;                   /* on the right; with a name there, its factor */
    char right_scope[QNK_EXPR_NAME]; /* "": a number alone stands there */
    char right_name[QNK_EXPR_NAME];
};

bool qnk_expr_read(const char *text, struct qnk_expr *expr, char why[QNK_EXPR_WHY]);
bool qnk_expr_holds(enum qnk_expr_op op, double left, double right);

/* "<=" */
const char *qnk_expr_sign(enum qnk_expr_op op);
