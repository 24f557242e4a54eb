/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/base/sink.h"

static struct qnk_budget budget = {.limit = 100000};

static void what_is_appended_is_read_in_order(void **subject)
{
    (void)subject;
    struct qn_sink sink;

    qnk_sink_init(&sink, &budget, 50000);
    for (uint32_t i = 0; i < 10000; i++) {
        uint8_t bytes[4];

        qn_le32_write(bytes, i);
        assert_int_equal(qnk_sink_append(&sink, bytes, sizeof bytes), QN_OK);
    }
    assert_int_equal(qnk_sink_span(&sink).size, 40000);
    for (uint32_t i = 0; i < 10000; i++) {
        assert_int_equal(qn_le32_read(qnk_sink_span(&sink).data + (size_t)4 * i), i);
    }
    qnk_sink_done(&sink);
    assert_int_equal(budget.used, 0);
}

static void the_cap_is_reached_and_not_passed(void **subject)
{
    (void)subject;
    struct qn_sink sink;

    qnk_sink_init(&sink, &budget, 5);
    assert_int_equal(qnk_sink_append(&sink, "abcd", 4), QN_OK);
    assert_int_equal(qnk_sink_append(&sink, "ef", 2), QN_NO_SPACE);
    assert_null(qnk_sink_room(&sink, UINT64_MAX));
    assert_int_equal(qnk_sink_append(&sink, "e", 1), QN_OK);
    assert_int_equal(qnk_sink_append(&sink, "", 0), QN_OK);
    assert_memory_equal(qnk_sink_span(&sink).data, "abcde", 5);
    qnk_sink_done(&sink);
}

static void no_bytes_fit_everywhere(void **subject)
{
    (void)subject;
    struct qn_sink sink;

    qnk_sink_init(&sink, &budget, 0);
    assert_non_null(qnk_sink_room(&sink, 0));
    assert_null(qnk_sink_room(&sink, 1));
    qnk_sink_done(&sink);
    assert_int_equal(budget.used, 0);
}

static void a_refusal_leaves_what_was_there(void **subject)
{
    (void)subject;
    struct qnk_budget small = {.limit = 1000};
    struct qn_sink sink;

    qnk_sink_init(&sink, &small, 10000);
    assert_int_equal(qnk_sink_append(&sink, "abc", 3), QN_OK);
    assert_null(qnk_sink_room(&sink, 998));
    assert_memory_equal(qnk_sink_span(&sink).data, "abc", 3);
    assert_int_equal(qnk_sink_span(&sink).size, 3);
    qnk_sink_done(&sink);
    assert_int_equal(small.used, 0);
}

/* Both memories are held while one is copied: 256 + 512 would pass the budget, 256 + 300 do not. */
static void near_the_budget_a_sink_takes_what_it_needs(void **subject)
{
    (void)subject;
    struct qnk_budget small = {.limit = 256 + 300};
    struct qn_sink sink;

    qnk_sink_init(&sink, &small, 10000);
    assert_non_null(qnk_sink_room(&sink, 256));
    qnk_sink_commit(&sink, 256);
    assert_int_equal(small.used, 256);
    assert_non_null(qnk_sink_room(&sink, 44));
    assert_int_equal(small.used, 300);
    qnk_sink_done(&sink);
}

static void only_what_is_committed_counts(void **subject)
{
    (void)subject;
    struct qn_sink sink;

    qnk_sink_init(&sink, &budget, 100);
    memset(qnk_sink_room(&sink, 10), 'x', 10);
    assert_int_equal(qnk_sink_span(&sink).size, 0);
    qnk_sink_commit(&sink, 4);
    qnk_sink_commit(&sink, 6);
    assert_int_equal(qnk_sink_span(&sink).size, 10);
    qnk_sink_done(&sink);
}

static void a_cut_forgets_the_end_and_keeps_the_memory(void **subject)
{
    (void)subject;
    struct qn_sink sink;

    qnk_sink_init(&sink, &budget, 100);
    assert_int_equal(qnk_sink_append(&sink, "abcdef", 6), QN_OK);

    size_t used = budget.used;

    qnk_sink_cut(&sink, 2);
    assert_int_equal(qnk_sink_append(&sink, "z", 1), QN_OK);
    assert_memory_equal(qnk_sink_span(&sink).data, "abz", 3);
    qnk_sink_cut(&sink, 0);
    assert_int_equal(qnk_sink_span(&sink).size, 0);
    assert_int_equal(budget.used, used);
    qnk_sink_done(&sink);
    assert_int_equal(budget.used, 0);
}

static void a_sink_may_be_used_again_after_done(void **subject)
{
    (void)subject;
    struct qn_sink sink;

    qnk_sink_init(&sink, &budget, 100);
    assert_int_equal(qnk_sink_append(&sink, "abc", 3), QN_OK);
    qnk_sink_done(&sink);
    assert_int_equal(qnk_sink_append(&sink, "d", 1), QN_OK);
    assert_int_equal(qnk_sink_span(&sink).size, 1);
    qnk_sink_done(&sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_appended_is_read_in_order),
        cmocka_unit_test(the_cap_is_reached_and_not_passed),
        cmocka_unit_test(no_bytes_fit_everywhere),
        cmocka_unit_test(a_refusal_leaves_what_was_there),
        cmocka_unit_test(near_the_budget_a_sink_takes_what_it_needs),
        cmocka_unit_test(only_what_is_committed_counts),
        cmocka_unit_test(a_cut_forgets_the_end_and_keeps_the_memory),
        cmocka_unit_test(a_sink_may_be_used_again_after_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
