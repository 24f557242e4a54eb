/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <pthread.h>

#include "kernel/base/memory.h"

enum { THREADS = 4, ROUNDS = 5000 };

static void blocks_are_zeroed_and_aligned(void **subject)
{
    (void)subject;
    struct qnk_budget budget = {.limit = 1000};
    uint8_t *block = qnk_memory_take(&budget, 100);

    assert_non_null(block);
    assert_int_equal((uintptr_t)block % 64, 0);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(block[i], 0);
        block[i] = 0xa5;
    }
    qnk_memory_give(&budget, block, 100);
    assert_int_equal(budget.used, 0);
}

static void a_limit_is_reached_and_never_passed(void **subject)
{
    (void)subject;
    struct qnk_budget budget = {.limit = 100};
    void *first = qnk_memory_take(&budget, 60);

    assert_non_null(first);
    assert_null(qnk_memory_take(&budget, 41));
    assert_int_equal(budget.used, 60);

    void *second = qnk_memory_take(&budget, 40);

    assert_non_null(second);
    assert_null(qnk_memory_take(&budget, 1));
    qnk_memory_give(&budget, first, 60);
    qnk_memory_give(&budget, second, 40);
    assert_int_equal(budget.used, 0);
}

static void sizes_that_would_overflow_are_refused(void **subject)
{
    (void)subject;
    struct qnk_budget budget = {.limit = SIZE_MAX};

    assert_null(qnk_memory_take(&budget, SIZE_MAX));
    assert_null(qnk_memory_take(&budget, SIZE_MAX - 64));
    assert_null(qnk_memory_take(&budget, SIZE_MAX / 2)); /* no machine has it */
    assert_int_equal(budget.used, 0);
}

static void giving_nothing_back_changes_nothing(void **subject)
{
    (void)subject;
    struct qnk_budget budget = {.limit = 10, .used = 7};

    qnk_memory_give(&budget, NULL, 7);
    assert_int_equal(budget.used, 7);
}

static void large_blocks_start_on_a_huge_page(void **subject)
{
    (void)subject;
    const size_t sizes[] = {QNK_MEMORY_HUGE, QNK_MEMORY_HUGE + 1, 3 * QNK_MEMORY_HUGE - 1};
    struct qnk_budget budget = {.limit = 16 * (size_t)QNK_MEMORY_HUGE};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *block = qnk_memory_take(&budget, sizes[i]);

        assert_non_null(block);
        assert_int_equal((uintptr_t)block % QNK_MEMORY_HUGE, 0);
        assert_int_equal(budget.used, sizes[i]);
        assert_int_equal(block[0] | block[sizes[i] / 2] | block[sizes[i] - 1], 0);
        block[0] = 1;
        block[sizes[i] - 1] = 1;
        qnk_memory_give(&budget, block, sizes[i]);
        assert_int_equal(budget.used, 0);
    }
}

static struct qnk_budget shared = {.limit = 64 * THREADS};

/* Takes and gives; counts refusals, of which there must be none, as all threads together fit. */
static void *churn(void *refused)
{
    for (int i = 0; i < ROUNDS; i++) {
        void *block = qnk_memory_take(&shared, 64);

        if (block == NULL) {
            ++*(int *)refused;
        }
        qnk_memory_give(&shared, block, 64);
    }
    return NULL;
}

static void threads_may_share_a_budget(void **subject)
{
    (void)subject;
    pthread_t threads[THREADS];
    int refused[THREADS] = {0};

    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, churn, &refused[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(refused[i], 0);
    }
    assert_int_equal(shared.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed_and_aligned),
        cmocka_unit_test(a_limit_is_reached_and_never_passed),
        cmocka_unit_test(sizes_that_would_overflow_are_refused),
        cmocka_unit_test(giving_nothing_back_changes_nothing),
        cmocka_unit_test(large_blocks_start_on_a_huge_page),
        cmocka_unit_test(threads_may_share_a_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
