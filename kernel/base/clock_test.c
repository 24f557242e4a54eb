/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include "kernel/base/clock.h"

#define NOON_US   (UINT64_C(1767268800) * 1000000)
#define SECOND_US UINT64_C(1000000)

static struct qnk_clock clock_;

static void time_runs_with_the_monotonic_clock(void **subject)
{
    (void)subject;
    qnk_clock_init(&clock_, 5 * SECOND_US, NOON_US);
    assert_int_equal(qnk_clock_now(&clock_, 6 * SECOND_US, NOON_US + SECOND_US),
                     NOON_US + SECOND_US);
    assert_true(clock_.is_steady);
}

static void a_small_difference_is_made_up_slowly(void **subject)
{
    uint64_t now;

    (void)subject;
    qnk_clock_init(&clock_, 0, NOON_US);
    now = qnk_clock_now(&clock_, SECOND_US, NOON_US + SECOND_US + 100000);
    assert_int_equal(now, NOON_US + SECOND_US + 50000); /* 5 % of a second */
    now = qnk_clock_now(&clock_, 2 * SECOND_US, NOON_US + 2 * SECOND_US + 100000);
    assert_int_equal(now, NOON_US + 2 * SECOND_US + 100000);
    now = qnk_clock_now(&clock_, 3 * SECOND_US, NOON_US + 3 * SECOND_US);
    assert_int_equal(now, NOON_US + 3 * SECOND_US + 50000);
    assert_true(clock_.is_steady);
}

static void a_step_ahead_is_taken_at_once_and_told(void **subject)
{
    (void)subject;
    qnk_clock_init(&clock_, 0, NOON_US);
    assert_int_equal(qnk_clock_now(&clock_, SECOND_US, NOON_US + 10 * SECOND_US),
                     NOON_US + 10 * SECOND_US);
    assert_false(clock_.is_steady);
}

static void time_never_falls(void **subject)
{
    uint64_t before = NOON_US;

    (void)subject;
    qnk_clock_init(&clock_, 0, NOON_US);
    for (uint64_t i = 1; i < 100; i++) {
        uint64_t now = qnk_clock_now(&clock_, i * SECOND_US, NOON_US - 3600 * SECOND_US);

        assert_true(now > before);
        assert_false(clock_.is_steady);
        before = now;
    }
}

static void it_is_steady_again_after_half_a_minute(void **subject)
{
    uint64_t real = NOON_US + 10 * SECOND_US;

    (void)subject;
    qnk_clock_init(&clock_, 0, NOON_US);
    (void)qnk_clock_now(&clock_, 0, real);
    for (uint64_t i = 1; i < 30; i++) {
        (void)qnk_clock_now(&clock_, i * SECOND_US, real + i * SECOND_US);
        assert_false(clock_.is_steady);
    }
    (void)qnk_clock_now(&clock_, 30 * SECOND_US, real + 30 * SECOND_US);
    assert_true(clock_.is_steady);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_runs_with_the_monotonic_clock),
        cmocka_unit_test(a_small_difference_is_made_up_slowly),
        cmocka_unit_test(a_step_ahead_is_taken_at_once_and_told),
        cmocka_unit_test(time_never_falls),
        cmocka_unit_test(it_is_steady_again_after_half_a_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
