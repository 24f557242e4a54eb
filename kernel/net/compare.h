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
#include "kernel/net/report.h"

enum {
    QNK_COMPARE_LAG = 2000,
    QNK_COMPARE_PAIRS = 6, /* fewer have no p */
    QNK_COMPARE_SWAPS = 8, /* of a variant; the table has no more */
    QNK_COMPARE_ASSERTS = QNK_SPEC_ASSERTS_MAX + 4,
};

struct qnk_compare_curve {
    struct qnk_plot_point points[QNK_REPORT_CURVE];
    uint64_t count;
};

/* One swap of the timeline, summed over the repeats. */
struct qnk_compare_swap {
    const struct qnk_spec_event *event;
    uint32_t count, done; /* runs in which it began, in which it came into use */
    uint64_t in_use_ms;   /* from the plan, of those */
    double sums[QNK_SWAP_DONE];
};

struct qnk_compare_variant {
    double values[QNK_MEASURES][QNK_SPEC_REPEATS_MAX];
    bool has[QNK_MEASURES][QNK_SPEC_REPEATS_MAX];
    uint32_t failed;                        /* runs of which an assertion failed */
    uint64_t offered, final, lost, doubled; /* transfers, of all runs */
    struct qnk_compare_swap swaps[QNK_COMPARE_SWAPS];
    uint32_t swaps_count;
    /* Of the first repeat. */
    struct qnk_compare_curve curves[QNK_REPORT_CURVES];
    struct qnk_plot_point lag[QNK_COMPARE_LAG];
    uint64_t lag_count;
    struct qnk_plot bands;
};

struct qnk_compare_assert {
    const char *id, *text;
    uint32_t runs[QNK_SPEC_VARIANTS_MAX], good[QNK_SPEC_VARIANTS_MAX];
};

struct qnk_compare {
    const struct qnk_spec *spec;
    uint64_t seed; /* of the first repeat */
    struct qnk_compare_variant variants[QNK_SPEC_VARIANTS_MAX];
    uint32_t repeats;
    struct qnk_compare_assert asserts[QNK_COMPARE_ASSERTS];
    uint32_t asserts_count;
    struct qnk_story_plugin plugins[QNK_STORY_PLUGINS_MAX];
    uint32_t plugins_count;
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
