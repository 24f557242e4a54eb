/* SPDX-License-Identifier: MIT */
#pragma once

/* stats.h: what samples say: quantiles, bootstrap intervals of a paired difference, and Wilcoxon's
 * signed rank test, exact.
 *
 * Unless a function's own comment says otherwise:
 *   owns     nothing; `values` may be put in order
 *   threads  any
 *   cost     a sort; the bootstrap RESAMPLES times linear
 *
 * Source: Efron, Tibshirani, "An Introduction to the Bootstrap", 1993, 13 (percentile); Wilcoxon,
 * "Individual Comparisons by Ranking Methods", 1945, with Pratt's treatment of zeros left out.
 */

#include <stdbool.h>
#include <stdint.h>

enum { QNK_STATS_RESAMPLES = 10000, QNK_STATS_VALUES_MAX = 128 };

/* Puts the values in order; 0 of none. `q` is 0..1, by nearest rank. */
double qnk_stats_quantile(double *values, uint64_t count, double q);
double qnk_stats_mean(const double *values, uint32_t count);

/* The 95 % interval of the mean of at most VALUES_MAX values. The same seed, the same interval. */
void qnk_stats_interval(const double *values, uint32_t count, uint64_t seed, double *low,
                        double *high);

/* Two-sided p of the differences being symmetric about 0; 1 if none is left that is not 0. */
double qnk_stats_wilcoxon(const double *differences, uint32_t count);
