/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/check/child.h"

enum { LIMIT_S = 60 };

static struct qnk_child_end run(void (*it)(void *ctx))
{
    const struct qnk_child_limits limits = {.cpu_s = LIMIT_S};
    struct qnk_child_end end;

    qnk_child_run(&limits, it, NULL, &end);
    return end;
}

static void returns(void *ctx)
{
    (void)ctx;
    qnk_verdict_note("%d calls", 3);
}

static void fails(void *ctx)
{
    (void)ctx;
    qnk_verdict_fail("it is wrong");
}

static void skips(void *ctx)
{
    (void)ctx;
    qnk_verdict_skip("there is nothing to look at");
}

static void ends_well(void *ctx)
{
    (void)ctx;
    printf("goodbye\nworld\n");
    (void)fflush(stdout);
    _exit(EXIT_SUCCESS);
}

static void crashes(void *ctx)
{
    (void)ctx;
    abort();
}

static void speaks_badly(void *ctx)
{
    (void)ctx;
    qnk_verdict_fail("one\nnot ok 7\x1b[31m\xff\xc3.");
}

static void prints_much(void *ctx)
{
    static const char page[4096] = "much";
    uint32_t refused = 0;

    (void)ctx;
    for (uint32_t i = 0; i < 1024; i++) {
        refused += write(STDOUT_FILENO, page, sizeof page) != (ssize_t)sizeof page;
    }
    qnk_verdict_fail("%llu bytes, %u pages refused", (unsigned long long)qnk_child_printed(),
                     refused);
}

static void a_case_that_returns_passes(void **subject)
{
    const struct qnk_child_end end = run(returns);

    (void)subject;
    assert_int_equal(end.state, QNK_CHILD_PASSED);
    assert_string_equal(end.words, "3 calls");
}

static void a_verdict_is_kept_with_its_words(void **subject)
{
    struct qnk_child_end end = run(fails);

    (void)subject;
    assert_int_equal(end.state, QNK_CHILD_FAILED);
    assert_string_equal(end.words, "it is wrong");
    end = run(skips);
    assert_int_equal(end.state, QNK_CHILD_SKIPPED);
    assert_string_equal(end.words, "there is nothing to look at");
}

static void who_ends_the_process_has_not_passed(void **subject)
{
    struct qnk_child_end end = run(ends_well);

    (void)subject;
    assert_int_equal(end.state, QNK_CHILD_FAILED);
    assert_string_equal(end.words, "ends the process with status 0: goodbye world ");
    end = run(crashes);
    assert_int_equal(end.state, QNK_CHILD_FAILED);
    assert_memory_equal(end.words, "crashes: ", strlen("crashes: "));
}

static void words_are_one_line_that_can_be_shown(void **subject)
{
    const struct qnk_child_end end = run(speaks_badly);

    (void)subject;
    assert_int_equal(end.state, QNK_CHILD_FAILED);
    assert_string_equal(end.words, "one not ok 7?[31m??.");
}

/* It is memory that no other limit counts. */
static void what_is_printed_has_a_bound(void **subject)
{
    const struct qnk_child_end end = run(prints_much);

    (void)subject;
    assert_string_equal(end.words, "1048576 bytes, 768 pages refused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_case_that_returns_passes),
        cmocka_unit_test(a_verdict_is_kept_with_its_words),
        cmocka_unit_test(who_ends_the_process_has_not_passed),
        cmocka_unit_test(words_are_one_line_that_can_be_shown),
        cmocka_unit_test(what_is_printed_has_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
