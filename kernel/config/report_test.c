/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/base/memory.h"
#include "kernel/config/report.h"

enum { ARENA_SIZE = 1 << 18 };

static struct qnk_budget budget = {.limit = 4 * (size_t)ARENA_SIZE};
static struct qnk_arena arena;
static struct qnk_report report;
static struct qn_sink sink;

static int start(void **subject)
{
    (void)subject;
    void *block = qnk_memory_take(&budget, ARENA_SIZE);

    if (block == NULL) {
        return -1;
    }
    qnk_arena_init(&arena, block, ARENA_SIZE);
    qnk_report_init(&report, &arena);
    qnk_sink_init(&sink, &budget, ARENA_SIZE);
    return 0;
}

static int stop(void **subject)
{
    (void)subject;
    qnk_memory_give(&budget, arena.block, ARENA_SIZE);
    qnk_sink_done(&sink);
    return budget.used == 0 ? 0 : -1;
}

static struct qnk_config_source source_of(const char *name, const char *text)
{
    return (struct qnk_config_source){.name = name, .bytes = {(const uint8_t *)text, strlen(text)}};
}

static struct qnk_config_place place_of(const struct qnk_config_source *source, uint32_t line,
                                        uint32_t column, uint32_t width)
{
    return (struct qnk_config_place){source, {line, column, width}};
}

static void print_is(const char *expected)
{
    qnk_sink_cut(&sink, 0);
    assert_int_equal(qnk_report_print(&report, &sink), QN_OK);
    assert_int_equal(qnk_sink_append(&sink, "", 1), QN_OK);
    assert_string_equal((const char *)qnk_sink_span(&sink).data, expected);
}

static void no_finding_prints_nothing(void **subject)
{
    (void)subject;
    print_is("");
}

static void a_finding_shows_its_line_and_what_to_write(void **subject)
{
    (void)subject;
    const struct qnk_config_source source =
        source_of("node.yaml", "a: 1\n  listn: tcp://0.0.0.0:9876\nb: 2\n");

    qnk_report_add(&report, QNK_E102, place_of(&source, 2, 3, 5),
                   "unknown key '%s' of transport nanomsg 1.0", "listn");
    qnk_report_hint(&report, "did you mean '%s'?", "listen");
    qnk_report_add(&report, QNK_W201, place_of(&source, 3, 1, 1), "'b' is deprecated");
    print_is("node.yaml:2:3: error[E102]: unknown key 'listn' of transport nanomsg 1.0\n"
             "    2 |   listn: tcp://0.0.0.0:9876\n"
             "      |   ^~~~~ did you mean 'listen'?\n"
             "node.yaml:3:1: warning[W201]: 'b' is deprecated\n"
             "    3 | b: 2\n"
             "      | ^\n"
             "1 error, 1 warning\n");
    assert_int_equal(report.errors, 1);
    assert_int_equal(report.warnings, 1);
}

static void findings_may_have_no_place(void **subject)
{
    (void)subject;
    const struct qnk_config_source source = source_of("node.yaml", "");

    qnk_report_add(&report, QNK_E110, place_of(&source, 0, 0, 0), "cannot open it");
    qnk_report_hint(&report, "look elsewhere");
    qnk_report_add(&report, QNK_E110, place_of(NULL, 0, 0, 0), "no file at all");
    print_is("node.yaml: error[E110]: cannot open it\n"
             "      | look elsewhere\n"
             "error[E110]: no file at all\n"
             "2 errors\n");
}

static void warnings_alone_are_counted_alone(void **subject)
{
    (void)subject;
    qnk_report_add(&report, QNK_W202, place_of(NULL, 0, 0, 0), "x");
    qnk_report_add(&report, QNK_W202, place_of(NULL, 0, 0, 0), "y");
    print_is("warning[W202]: x\nwarning[W202]: y\n2 warnings\n");
}

static void long_lines_are_shown_around_the_place(void **subject)
{
    (void)subject;
    char text[302];
    struct qnk_config_source source;

    for (size_t i = 0; i < 300; i++) {
        text[i] = (char)('a' + i % 26);
    }
    memcpy(text + 300, "\n", 2);
    source = source_of("x", text);
    qnk_report_add(&report, QNK_E105, place_of(&source, 1, 200, 300), "long");
    /* column 200 holds 'r': 40 columns before it, 100 in all */
    print_is(
        "x:1:200: error[E105]: long\n"
        "    1 | ...defghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
        "abcdefghijklmnopqrstuvwxy...\n"
        "      |                                            "
        "^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n"
        "1 error\n");
}

static void nothing_dangerous_reaches_a_terminal(void **subject)
{
    (void)subject;
    const struct qnk_config_source source =
        source_of("x", "a\x1b[31m \xc2\x9b\xff\xc3\xa9\t\x7f|\n");

    qnk_report_add(&report, QNK_E101, place_of(&source, 1, 10, 1), "bad '%s'",
                   "\x1b[2J\n\xc2\x85\x7f\xc3\xa9");
    print_is("x:1:10: error[E101]: bad '?[2J?\?\?\?\xc3\xa9'\n"
             "    1 | a?[31m ?\?\xc3\xa9?\?|\n"
             "      |          ^\n"
             "1 error\n");
}

static void long_texts_are_cut_at_a_character(void **subject)
{
    (void)subject;
    char text[2 * QNK_REPORT_TEXT_MAX + 1];

    for (size_t i = 0; i < sizeof text - 1; i += 2) {
        memcpy(text + i, "\xc3\xa9", 2);
    }
    text[sizeof text - 1] = 0;
    qnk_report_add(&report, QNK_E101, place_of(NULL, 0, 0, 0), "%s", text);
    assert_int_equal(strlen(report.findings[0].text), QNK_REPORT_TEXT_MAX - 2);
    assert_memory_equal(report.findings[0].text, text, QNK_REPORT_TEXT_MAX - 2);
}

static void only_so_many_findings_are_kept(void **subject)
{
    (void)subject;
    for (uint32_t i = 0; i < QNK_REPORT_FINDINGS_MAX + 3; i++) {
        qnk_report_add(&report, i == 102 ? QNK_W201 : QNK_E101, place_of(NULL, 0, 0, 0), "%u", i);
        qnk_report_hint(&report, "hint %u", i);
    }
    assert_int_equal(report.count, QNK_REPORT_FINDINGS_MAX);
    assert_int_equal(report.errors, QNK_REPORT_FINDINGS_MAX + 2);
    assert_int_equal(report.warnings, 1);
    assert_string_equal(report.findings[QNK_REPORT_FINDINGS_MAX - 1].hint, "hint 99");
    assert_int_equal(qnk_report_print(&report, &sink), QN_OK);
    assert_int_equal(qnk_sink_append(&sink, "", 1), QN_OK);
    assert_non_null(
        strstr((const char *)qnk_sink_span(&sink).data, "... and 3 more\n102 errors, 1 warning\n"));
}

static void findings_are_sorted_by_file_and_place(void **subject)
{
    (void)subject;
    const struct qnk_config_source first = source_of("first", "");
    const struct qnk_config_source second = source_of("second", "");

    qnk_report_add(&report, QNK_E101, place_of(&first, 5, 1, 1), "c");
    qnk_report_add(&report, QNK_E101, place_of(&second, 1, 1, 1), "e");
    qnk_report_add(&report, QNK_E101, place_of(&first, 5, 9, 1), "d");
    qnk_report_add(&report, QNK_E101, place_of(&first, 2, 7, 1), "a");
    qnk_report_add(&report, QNK_E101, place_of(&second, 1, 1, 1), "f");
    qnk_report_add(&report, QNK_E101, place_of(&first, 2, 8, 1), "b");
    qnk_report_sort(&report);
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(report.findings[i].text[0], 'a' + (int)i);
    }
}

static void codes_have_names_and_levels(void **subject)
{
    (void)subject;
    assert_string_equal(qnk_finding_code_name(QNK_E101), "E101");
    assert_string_equal(qnk_finding_code_name(QNK_E112), "E112");
    assert_string_equal(qnk_finding_code_name(QNK_W202), "W202");
    assert_false(qnk_finding_is_warning(QNK_E112));
    assert_true(qnk_finding_is_warning(QNK_W201));
}

static void a_full_sink_or_arena_is_told(void **subject)
{
    (void)subject;
    struct qn_sink small;
    struct qnk_arena none;

    qnk_arena_init(&none, NULL, 0);
    qnk_report_init(&report, &none);
    qnk_report_add(&report, QNK_E101, place_of(NULL, 0, 0, 0), "lost");
    assert_string_equal(report.findings[0].text, "");
    assert_int_equal(report.errors, 1);
    qnk_sink_init(&small, &budget, 10);
    assert_int_equal(qnk_report_print(&report, &small), QN_NO_SPACE);
    qnk_sink_done(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_finding_prints_nothing, start, stop),
        cmocka_unit_test_setup_teardown(a_finding_shows_its_line_and_what_to_write, start, stop),
        cmocka_unit_test_setup_teardown(findings_may_have_no_place, start, stop),
        cmocka_unit_test_setup_teardown(warnings_alone_are_counted_alone, start, stop),
        cmocka_unit_test_setup_teardown(long_lines_are_shown_around_the_place, start, stop),
        cmocka_unit_test_setup_teardown(nothing_dangerous_reaches_a_terminal, start, stop),
        cmocka_unit_test_setup_teardown(long_texts_are_cut_at_a_character, start, stop),
        cmocka_unit_test_setup_teardown(only_so_many_findings_are_kept, start, stop),
        cmocka_unit_test_setup_teardown(findings_are_sorted_by_file_and_place, start, stop),
        cmocka_unit_test_setup_teardown(codes_have_names_and_levels, start, stop),
        cmocka_unit_test_setup_teardown(a_full_sink_or_arena_is_told, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
