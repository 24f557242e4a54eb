/* SPDX-License-Identifier: MIT */
#pragma once

/* bench.h: measures of this machine, each against a named baseline, interleaved in one run.
 *
 * A bench makes rows. Of each it first lets the thing check its own result against something that
 * was made another way; a row without that has no figure. Then baseline and subject take turns, so
 * that what else the machine does falls on both, and the ratio is the median of the pairs.
 *
 * Unless a function's own comment says otherwise:
 *   units    seconds; values are per second, so more is better
 *   owns     texts are static but where copied
 *   threads  one; a bench may make others while it runs
 *   errors   false: `why` of the call says what
 *
 * Source: performance.md 11 and 12.
 */

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "kernel/base/memory.h"
#include "kernel/qnet/command.h"

enum {
    QNK_BENCH_RUNS_MAX = 99,
    QNK_BENCH_ROWS_MAX = 64,
    QNK_BENCH_WHAT = 80,
    QNK_BENCH_WHY = 400,
};

struct qnk_bench_row {
    const char *bench; /* its name */
    char what[QNK_BENCH_WHAT];
    const char *unit;     /* what is counted, such as "signatures/s" */
    const char *baseline; /* its name */
    const char *check;    /* what was compared; NULL: nothing, so it is not shown */
    uint32_t runs;
    double values[QNK_BENCH_RUNS_MAX];
    double baselines[QNK_BENCH_RUNS_MAX]; /* of the same turn */
    json_t *more;                         /* further members, or NULL; the row's own */
    char sentence[600];                   /* "": the usual line */
};

struct qnk_bench_bed;

/* One call of `qnet bench`. */
struct qnk_bench {
    double seconds; /* of each run of each side; 0: one portion, for the checks alone */
    uint32_t runs;
    struct qnk_bench_bed *bed; /* made when it is first wanted */
    struct qnk_bench_row *rows;
    uint32_t rows_count;
    char why[QNK_BENCH_WHY];
};

/* What benches take. */
extern struct qnk_budget qnk_bench_budget;

/* Fails the bench with these words. */
bool qnk_bench_fail(struct qnk_bench *bench, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A new row; `check` is set by whoever has checked. Never NULL: the number of rows is ours. */
struct qnk_bench_row *qnk_bench_row(struct qnk_bench *bench, const char *name, const char *unit,
                                    const char *baseline, const char *what, ...)
    __attribute__((format(printf, 5, 6)));

/* One portion of work: gives how many units it did; 0: it failed. */
typedef uint64_t qnk_bench_side(void *ctx);

/* Lets both take turns until the row has all its runs. */
bool qnk_bench_measure(struct qnk_bench *bench, struct qnk_bench_row *row, qnk_bench_side *baseline,
                       qnk_bench_side *subject, void *ctx);

/* What is measured by other means. */
void qnk_bench_add(struct qnk_bench_row *row, double value, double baseline);

/* Seconds from some moment, and of processor time that this process used. */
double qnk_bench_now(void);
double qnk_bench_cpu(void);

/* For the checks alone: small tables do. */
static inline bool qnk_bench_is_brief(const struct qnk_bench *bench)
{
    return bench->seconds <= 0;
}

double qnk_bench_median(const double *values, uint32_t count);

/* Median of the pairs' ratios. */
double qnk_bench_ratio(const struct qnk_bench_row *row);

/* The row as an object of performance.md 11, and as a line for people. */
json_t *qnk_bench_row_json(const struct qnk_bench_row *row);
void qnk_bench_row_print(const struct qnk_bench_row *row);

/* --- the benches --- */

bool qnk_bench_verify(struct qnk_bench *bench);
bool qnk_bench_hash(struct qnk_bench *bench);
bool qnk_bench_encode(struct qnk_bench *bench);
bool qnk_bench_exec(struct qnk_bench *bench);
bool qnk_bench_log(struct qnk_bench *bench);
bool qnk_bench_transport(struct qnk_bench *bench);
bool qnk_bench_pipeline(struct qnk_bench *bench);
