/* SPDX-License-Identifier: MIT */
#pragma once

/* compare.h: variants of one spec, measured: means with intervals, differences to the baseline by
 * pairs of equal seeds, and what is to fail.
 *
 * A variant's runs are counted whether their assertions held or not; how many did not is in the
 * table. A measure that a run could not take leaves its pair out.
 *
 * Unless a function's own comment says otherwise:
 *   owns     plain data; texts are the spec's
 *   threads  one
 *
 * Source: operations.md 14.
 */

#include "kernel/net/artifacts.h"
#include "kernel/net/page.h"

enum { QNK_COMPARE_CURVE = 400, QNK_COMPARE_LAG = 2000 };

struct qnk_compare_variant {
    double values[QNK_MEASURES][QNK_SPEC_REPEATS_MAX];
    bool has[QNK_MEASURES][QNK_SPEC_REPEATS_MAX];
    uint32_t failed;                        /* runs of which an assertion failed */
    uint64_t offered, final, lost, doubled; /* transfers, of all runs */
    /* Of the first repeat. */
    struct qnk_plot_point latency[QNK_COMPARE_CURVE], lag[QNK_COMPARE_LAG];
    uint64_t latency_count, lag_count;
};

struct qnk_compare {
    const struct qnk_spec *spec;
    struct qnk_compare_variant variants[QNK_SPEC_VARIANTS_MAX];
    uint32_t repeats;
    struct qnk_plot bands; /* of the first run of the baseline */
};

/* Takes what a run of a variant gave. */
void qnk_compare_add(struct qnk_compare *compare, uint32_t variant, uint32_t repeat,
                     const struct qnk_story *story, const struct qnk_verdicts *verdicts);

struct qnk_compared {
    double mean, low, high;              /* with its 95 % interval */
    double difference, d_low, d_high, p; /* to the baseline, paired; p: -1 below 6 pairs */
    uint32_t count, pairs;
    bool is_clear; /* the interval of the difference excludes 0 */
};

void qnk_compare_look(const struct qnk_compare *compare, uint32_t variant, uint32_t measure,
                      struct qnk_compared *compared);

/* Whether a condition of `fail_if` is met, by means; what no run could measure meets it. */
bool qnk_compare_fails(const struct qnk_compare *compare, uint32_t place);

/* How many conditions are met, and variants with a run of which an assertion failed; each is told
 * to `out`, which may be NULL. */
uint32_t qnk_compare_failures(const struct qnk_compare *compare, FILE *out);

/* For a terminal. */
void qnk_compare_print(const struct qnk_compare *compare, FILE *out);

/* compare.md, compare.html, compare.json and samples of all measures as compare.csv. */
bool qnk_compare_write(const struct qnk_artifacts *to, const struct qnk_compare *compare);
