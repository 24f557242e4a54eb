/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <pthread.h>
#include <string.h>

#include "kernel/base/buf.h"

enum { LIMIT = 4096, THREADS = 4, ROUNDS = 20000 };

static void the_last_reference_frees(void **subject)
{
    (void)subject;
    struct qnk_budget budget = {.limit = LIMIT};
    struct qn_buf *buf = qnk_buf_new(&budget, 100);

    assert_non_null(buf);
    assert_int_equal(budget.used, sizeof *buf + 100);
    assert_ptr_equal(qnk_buf_ref(buf), buf);
    qnk_buf_unref(buf);
    assert_int_equal(budget.used, sizeof *buf + 100);
    qnk_buf_unref(buf);
    assert_int_equal(budget.used, 0);
}

static void a_copy_holds_the_same_bytes(void **subject)
{
    (void)subject;
    struct qnk_budget budget = {.limit = LIMIT};
    uint8_t bytes[] = {1, 2, 3};
    struct qn_buf *buf = qnk_buf_copy(&budget, (struct qn_span){bytes, sizeof bytes});

    assert_non_null(buf);
    bytes[0] = 9;
    assert_int_equal(qnk_buf_span(buf).size, 3);
    assert_int_equal(qnk_buf_span(buf).data[0], 1);
    qnk_buf_unref(buf);
}

static void an_empty_buf_is_a_buf(void **subject)
{
    (void)subject;
    struct qnk_budget budget = {.limit = LIMIT};
    struct qn_buf *buf = qnk_buf_copy(&budget, (struct qn_span){NULL, 0});

    assert_non_null(buf);
    assert_int_equal(qnk_buf_span(buf).size, 0);
    qnk_buf_unref(buf);
    assert_int_equal(budget.used, 0);
}

static void nothing_is_over_the_budget(void **subject)
{
    (void)subject;
    struct qnk_budget budget = {.limit = LIMIT};

    assert_null(qnk_buf_new(&budget, LIMIT));
    assert_null(qnk_buf_new(&budget, UINT64_MAX));
    assert_null(qnk_buf_copy(&budget, (struct qn_span){(const uint8_t *)"", LIMIT}));
    assert_int_equal(budget.used, 0);
}

static void nothing_is_shared_as_nothing(void **subject)
{
    (void)subject;
    assert_null(qnk_buf_ref(NULL));
    qnk_buf_unref(NULL);
}

static void *ref_and_unref(void *buf)
{
    for (int i = 0; i < ROUNDS; i++) {
        qnk_buf_unref(qnk_buf_ref(buf));
    }
    qnk_buf_unref(buf);
    return NULL;
}

static void threads_may_share_a_buf(void **subject)
{
    (void)subject;
    struct qnk_budget budget = {.limit = LIMIT};
    struct qn_buf *buf = qnk_buf_new(&budget, 8);
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ref_and_unref, qnk_buf_ref(buf)), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(buf->refs, 1);
    qnk_buf_unref(buf);
    assert_int_equal(budget.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_reference_frees),
        cmocka_unit_test(a_copy_holds_the_same_bytes),
        cmocka_unit_test(an_empty_buf_is_a_buf),
        cmocka_unit_test(nothing_is_over_the_budget),
        cmocka_unit_test(nothing_is_shared_as_nothing),
        cmocka_unit_test(threads_may_share_a_buf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
