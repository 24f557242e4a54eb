/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include "kernel/net/expr.h"

static void a_number_is_compared(void **subject)
{
    struct qnk_expr expr;
    char why[QNK_EXPR_WHY];

    (void)subject;
    assert_true(qnk_expr_read("finality_lag_blocks <= 25", &expr, why));
    assert_string_equal(expr.name, "finality_lag_blocks");
    assert_string_equal(expr.scope, "");
    assert_true(qnk_expr_holds(expr.op, 25, expr.number));
    assert_false(qnk_expr_holds(expr.op, 25.5, expr.number));
}

static void two_variants_are_compared_with_a_factor(void **subject)
{
    struct qnk_expr expr;
    char why[QNK_EXPR_WHY];

    (void)subject;
    assert_true(qnk_expr_read("a.p99 > 1.10 * commit-reveal.p99", &expr, why));
    assert_string_equal(expr.scope, "a");
    assert_string_equal(expr.right_scope, "commit-reveal");
    assert_string_equal(expr.right_name, "p99");
    assert_true(expr.number > 1.09 && expr.number < 1.11);
}

static void what_is_no_expression_is_refused_in_words(void **subject)
{
    static const char *const bad[] = {
        "", "x", "x <", "x < y", "< 3", "x < 3 4", "x < 3 *", "x = 3", "x.y.z < 1", "x < 1.2.3",
    };
    struct qnk_expr expr;

    (void)subject;
    for (uint32_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char why[QNK_EXPR_WHY] = "";

        assert_false(qnk_expr_read(bad[i], &expr, why));
        if (why[0] == 0 && i != 9) {
            fail_msg("'%s' is refused without a word", bad[i]);
        }
    }
}

static void every_sign_means_what_it_says(void **subject)
{
    (void)subject;
    assert_true(qnk_expr_holds(QNK_EXPR_LT, 1, 2) && !qnk_expr_holds(QNK_EXPR_LT, 2, 2));
    assert_true(qnk_expr_holds(QNK_EXPR_LE, 2, 2) && !qnk_expr_holds(QNK_EXPR_LE, 3, 2));
    assert_true(qnk_expr_holds(QNK_EXPR_GT, 3, 2) && !qnk_expr_holds(QNK_EXPR_GT, 2, 2));
    assert_true(qnk_expr_holds(QNK_EXPR_GE, 2, 2) && !qnk_expr_holds(QNK_EXPR_GE, 1, 2));
    assert_true(qnk_expr_holds(QNK_EXPR_EQ, 2, 2) && !qnk_expr_holds(QNK_EXPR_EQ, 1, 2));
    assert_true(qnk_expr_holds(QNK_EXPR_NE, 1, 2) && !qnk_expr_holds(QNK_EXPR_NE, 2, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_compared),
        cmocka_unit_test(two_variants_are_compared_with_a_factor),
        cmocka_unit_test(what_is_no_expression_is_refused_in_words),
        cmocka_unit_test(every_sign_means_what_it_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
