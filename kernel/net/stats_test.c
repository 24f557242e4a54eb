/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include "kernel/net/stats.h"

static bool is_near(double a, double b)
{
    return a - b < 1e-9 && b - a < 1e-9;
}

static void a_quantile_is_one_of_the_values(void **subject)
{
    double values[] = {5, 1, 4, 2, 3};

    (void)subject;
    assert_true(is_near(qnk_stats_quantile(values, 5, 0.5), 3));
    assert_true(is_near(qnk_stats_quantile(values, 5, 0.99), 5));
    assert_true(is_near(qnk_stats_quantile(values, 5, 0), 1));
    assert_true(is_near(qnk_stats_quantile(values, 0, 0.5), 0));
}

static void an_interval_holds_the_mean_and_is_the_same_for_a_seed(void **subject)
{
    const double values[] = {1, 2, 3, 4, 5, 6};
    double low, high, low2, high2;

    (void)subject;
    qnk_stats_interval(values, 6, 1, &low, &high);
    qnk_stats_interval(values, 6, 1, &low2, &high2);
    assert_true(low < 3.5 && high > 3.5 && low >= 1.5 && high <= 5.5);
    assert_true(is_near(low, low2) && is_near(high, high2));
    qnk_stats_interval(values, 1, 1, &low, &high);
    assert_true(is_near(low, 1) && is_near(high, 1));
}

/* Six differences of one sign: 2 of 64 ways are as far off. Tables have the rest. */
static void wilcoxon_is_exact(void **subject)
{
    const double same[] = {1, 2, 3, 4, 5, 6}, mixed[] = {-1, 2, 3, 4, 5, 6};
    const double even[] = {1, -1, 2, -2}, ties[] = {1, 1, 1, 1, 1, 1};
    const double zeros[] = {0, 0, 0};

    (void)subject;
    assert_true(is_near(qnk_stats_wilcoxon(same, 6), 2.0 / 64));
    assert_true(is_near(qnk_stats_wilcoxon(mixed, 6), 4.0 / 64));
    assert_true(is_near(qnk_stats_wilcoxon(ties, 6), 2.0 / 64));
    assert_true(is_near(qnk_stats_wilcoxon(even, 4), 1));
    assert_true(is_near(qnk_stats_wilcoxon(zeros, 3), 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quantile_is_one_of_the_values),
        cmocka_unit_test(an_interval_holds_the_mean_and_is_the_same_for_a_seed),
        cmocka_unit_test(wilcoxon_is_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
