/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/bench.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <qnet/assert.h>

#include "kernel/qnet/show.h"

struct qnk_budget qnk_bench_budget = {.limit = (size_t)16 << 30};

bool qnk_bench_fail(struct qnk_bench *bench, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    (void)vsnprintf(bench->why, sizeof bench->why, format, list);
    va_end(list);
    return false;
}

double qnk_bench_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

double qnk_bench_cpu(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

/* --- rows --- */

struct qnk_bench_row *qnk_bench_row(struct qnk_bench *bench, const char *name, const char *unit,
                                    const char *baseline, const char *what, ...)
{
    struct qnk_bench_row *row = &bench->rows[bench->rows_count++];
    va_list list;

    QN_ASSERT(bench->rows_count <= QNK_BENCH_ROWS_MAX);
    *row = (struct qnk_bench_row){.bench = name, .unit = unit, .baseline = baseline};
    va_start(list, what);
    (void)vsnprintf(row->what, sizeof row->what, what, list);
    va_end(list);
    return row;
}

void qnk_bench_add(struct qnk_bench_row *row, double value, double baseline)
{
    QN_ASSERT(row->runs < QNK_BENCH_RUNS_MAX);
    row->values[row->runs] = value;
    row->baselines[row->runs++] = baseline;
}

/* Units in a second; 0: it failed. */
static double side_run(const struct qnk_bench *bench, qnk_bench_side *side, void *ctx)
{
    double start = qnk_bench_now();
    double end;
    uint64_t units = 0;

    do {
        uint64_t more = side(ctx);

        if (more == 0) {
            return 0;
        }
        units += more;
        end = qnk_bench_now();
    } while (end - start < bench->seconds);
    return (double)units / (end > start ? end - start : 1e-9);
}

bool qnk_bench_measure(struct qnk_bench *bench, struct qnk_bench_row *row, qnk_bench_side *baseline,
                       qnk_bench_side *subject, void *ctx)
{
    for (uint32_t i = 0; i < bench->runs; i++) {
        double base = side_run(bench, baseline, ctx);
        double value = base > 0 ? side_run(bench, subject, ctx) : 0;

        if (base <= 0 || value <= 0) {
            return qnk_bench_fail(bench, "%s: %s does not do its work", row->what,
                                  base <= 0 ? row->baseline : "the subject");
        }
        qnk_bench_add(row, value, base);
    }
    return true;
}

/* --- statistics --- */

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static void sort(const double *values, uint32_t count, double sorted[QNK_BENCH_RUNS_MAX])
{
    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, by_value);
}

double qnk_bench_median(const double *values, uint32_t count)
{
    double sorted[QNK_BENCH_RUNS_MAX];

    if (count == 0) {
        return 0;
    }
    sort(values, count, sorted);
    return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

double qnk_bench_ratio(const struct qnk_bench_row *row)
{
    double ratios[QNK_BENCH_RUNS_MAX];

    for (uint32_t i = 0; i < row->runs; i++) {
        ratios[i] = row->values[i] / row->baselines[i];
    }
    return qnk_bench_median(ratios, row->runs);
}

/* --- output --- */

json_t *qnk_bench_row_json(const struct qnk_bench_row *row)
{
    double sorted[QNK_BENCH_RUNS_MAX];
    json_t *runs = json_array(), *baselines = json_array();
    double median = qnk_bench_median(row->values, row->runs);
    json_t *object;

    sort(row->values, row->runs, sorted);
    for (uint32_t i = 0; i < row->runs; i++) {
        json_array_append_new(runs, json_real(row->values[i]));
        json_array_append_new(baselines, json_real(row->baselines[i]));
    }
    object =
        json_pack("{s:s, s:s, s:f, s:s, s:o, s:f, s:f, s:f, s:{s:s, s:f, s:o}, s:f, s:s}", "bench",
                  row->bench, "what", row->what, "value", median, "unit", row->unit, "runs", runs,
                  "median", median, "min", sorted[0], "max", sorted[row->runs - 1], "baseline",
                  "name", row->baseline, "value", qnk_bench_median(row->baselines, row->runs),
                  "runs", baselines, "ratio", qnk_bench_ratio(row), "check", row->check);
    if (row->more != NULL) {
        json_object_update(object, row->more);
    }
    return object;
}

static const char *shown(double value)
{
    return qnk_grouped(value < 0 ? 0 : (uint64_t)(value + 0.5));
}

void qnk_bench_row_print(const struct qnk_bench_row *row)
{
    double sorted[QNK_BENCH_RUNS_MAX];

    sort(row->values, row->runs, sorted);
    if (row->sentence[0] != 0) {
        printf("%-10s %s\n", row->bench, row->sentence);
        return;
    }
    printf("%-10s %-34s %13s %s (%s to %s), %.2f times %s (%s); checked: %s\n", row->bench,
           row->what, shown(qnk_bench_median(row->values, row->runs)), row->unit, shown(sorted[0]),
           shown(sorted[row->runs - 1]), qnk_bench_ratio(row), row->baseline,
           shown(qnk_bench_median(row->baselines, row->runs)), row->check);
}
