/* SPDX-License-Identifier: MIT */

#include "kernel/net/stats.h"

#include <stdlib.h>
#include <string.h>

#include <qnet/assert.h>

#include "kernel/base/random.h"

static int value_order(const void *a, const void *b)
{
    double left, right;

    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return left < right ? -1 : left > right;
}

double qnk_stats_quantile(double *values, uint64_t count, double q)
{
    uint64_t place;

    if (count == 0) {
        return 0;
    }
    qsort(values, count, sizeof *values, value_order);
    place = (uint64_t)(q * (double)count);
    return values[place < count ? place : count - 1];
}

double qnk_stats_mean(const double *values, uint32_t count)
{
    double sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        sum += values[i];
    }
    return count == 0 ? 0 : sum / count;
}

void qnk_stats_interval(const double *values, uint32_t count, uint64_t seed, double *low,
                        double *high)
{
    static double means[QNK_STATS_RESAMPLES];
    struct qnk_random random;

    QN_ASSERT(count <= QNK_STATS_VALUES_MAX);
    *low = *high = qnk_stats_mean(values, count);
    if (count < 2) {
        return;
    }
    qnk_random_init(&random, seed);
    for (uint32_t i = 0; i < QNK_STATS_RESAMPLES; i++) {
        double sum = 0;

        for (uint32_t j = 0; j < count; j++) {
            sum += values[qnk_random_below(&random, count)];
        }
        means[i] = sum / count;
    }
    *low = qnk_stats_quantile(means, QNK_STATS_RESAMPLES, 0.025);
    *high = means[(uint32_t)(0.975 * QNK_STATS_RESAMPLES)];
}

struct ranked {
    double size; /* without its sign */
    bool is_positive;
    uint32_t rank2; /* twice its rank: ties have halves */
};

static int ranked_order(const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;

    return left->size < right->size ? -1 : left->size > right->size;
}

/* Equal ones share the mean of their ranks. */
static void ranks_give(struct ranked *list, uint32_t count)
{
    for (uint32_t i = 0, j; i < count; i = j) {
        for (j = i + 1; j < count && !(list[j].size > list[i].size); j++) {
        }
        for (uint32_t k = i; k < j; k++) {
            list[k].rank2 = i + 1 + j;
        }
    }
}

double qnk_stats_wilcoxon(const double *differences, uint32_t count)
{
    /* ways[s]: the share of all choices of signs in which the doubled ranks of + add up to s. */
    static double ways[QNK_STATS_VALUES_MAX * (QNK_STATS_VALUES_MAX + 1) + 1];
    struct ranked list[QNK_STATS_VALUES_MAX];
    uint32_t used = 0, total = 0, seen = 0;
    double low = 0, high = 0, p;

    QN_ASSERT(count <= QNK_STATS_VALUES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        double value = differences[i];

        if (value > 0 || value < 0) {
            list[used++] =
                (struct ranked){.size = value < 0 ? -value : value, .is_positive = value > 0};
        }
    }
    if (used == 0) {
        return 1;
    }
    qsort(list, used, sizeof *list, ranked_order);
    ranks_give(list, used);
    memset(ways, 0, sizeof ways);
    ways[0] = 1;
    for (uint32_t i = 0; i < used; i++) {
        total += list[i].rank2;
        seen += list[i].is_positive ? list[i].rank2 : 0;
        for (uint32_t s = total + 1; s-- > 0;) {
            ways[s] = ways[s] / 2 + (s >= list[i].rank2 ? ways[s - list[i].rank2] / 2 : 0);
        }
    }
    for (uint32_t s = 0; s <= total; s++) {
        low += s <= seen ? ways[s] : 0;
        high += s >= seen ? ways[s] : 0;
    }
    p = 2 * (low < high ? low : high);
    return p < 1 ? p : 1;
}
