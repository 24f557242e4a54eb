/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include "kernel/base/memory.h"
#include "kernel/config/part_example.h"
#include "kernel/config/show.h"

enum { ARENA_SIZE = 1 << 20 };

static struct qnk_budget budget = {.limit = 8 * (size_t)ARENA_SIZE};
static struct qnk_arena arena;
static struct qnk_report report;
static struct qnk_config_source source = {.name = "x.yaml"};
static struct qnk_config_part part;
static struct qn_sink sink;

static int start(void **subject)
{
    (void)subject;
    void *block = qnk_memory_take(&budget, ARENA_SIZE);

    if (block == NULL) {
        return -1;
    }
    qnk_arena_init(&arena, block, ARENA_SIZE);
    qnk_sink_init(&sink, &budget, 65536);
    return 0;
}

static int stop(void **subject)
{
    (void)subject;
    qnk_memory_give(&budget, arena.block, ARENA_SIZE);
    qnk_sink_done(&sink);
    return budget.used == 0 ? 0 : -1;
}

static void check(const char *text, size_t size)
{
    struct qnk_checker checker = {
        .arena = &arena,
        .report = &report,
        .source = &source,
        .folder = "",
        .plugins = &example_plugins,
    };
    struct qnk_tree *tree;

    qnk_report_init(&report, &arena);
    source.bytes = (struct qn_span){(const uint8_t *)text, size};
    assert_int_equal(qnk_tree_read(&source, &arena, &report, &tree), QN_OK);
    qnk_part_check(&checker, &example_schema, tree, &part);
    assert_int_equal(report.errors, 0);
}

static void shown_is(const char *text, bool has_origin, const char *expected)
{
    qnk_arena_reset(&arena);
    qnk_sink_cut(&sink, 0);
    check(text, strlen(text));
    assert_int_equal(qnk_config_show(&part, has_origin, &sink), QN_OK);
    assert_int_equal(qnk_sink_append(&sink, "", 1), QN_OK);
    assert_string_equal((const char *)qnk_sink_span(&sink).data, expected);
}

static const char full[] =
    "name: 'on'\ncount: 5\nwait: 1m30s\nhosts: ['a \"b\"', c]\nlevels: {z: low, a: high}\n"
    "members: [{name: m, weight: 2}, {name: n}]\nsecret: hush\n"
    "transport: {use: pipe, version: \"1.0\", listen: a:1, path: /x.so, on_error: stop}\n"
    "service: [web, {use: web, title: \"q: r\"}]\ndeep: {er: {level: high}}\n";

static void every_value_is_shown_with_its_default(void **subject)
{
    (void)subject;
    shown_is(full, false,
             "name: \"on\"\n"
             "count: 5\n"
             "wait: 90s\n"
             "wait_min: 0ms\n"
             "range:\n"
             "  min: 10B\n"
             "  max: 20B\n"
             "deep:\n"
             "  er:\n"
             "    level: high\n"
             "    on: false\n"
             "hosts: [\"a \\\"b\\\"\", c]\n"
             "levels: {\"a\": high, \"z\": low}\n"
             "members:\n"
             "  - {name: m, weight: 2}\n"
             "  - {name: \"n\", weight: 1}\n"
             "secret: \"***\"\n"
             "old: 0\n"
             "file: \"a.key\"\n"
             "transport:\n"
             "  use: pipe\n"
             "  version: \"1.0\"\n"
             "  path: \"/x.so\"\n"
             "  on_error: stop\n"
             "  listen: \"tcp://a:1\"\n"
             "  depth: 4\n"
             "service:\n"
             "  - use: web\n"
             "    title: x\n"
             "  - use: web\n"
             "    title: \"q: r\"\n");
}

static void the_origin_of_each_line_is_told(void **subject)
{
    (void)subject;
    shown_is("name: x\ncount: 5\ndeep: {er: {on: yes}}\nmembers: [{name: m}]\n", true,
             "name: x                                           # x.yaml:1:7\n"
             "count: 5                                          # x.yaml:2:8\n"
             "wait: 9s                                          # default\n"
             "wait_min: 0ms                                     # default\n"
             "range:\n"
             "  min: 10B                                        # default\n"
             "  max: 20B                                        # default\n"
             "deep:\n"
             "  er:\n"
             "    level: low                                    # default\n"
             "    on: true                                      # x.yaml:3:17\n"
             "hosts: []                                         # default\n"
             "levels: {}                                        # default\n"
             "members:                                          # x.yaml:4:10\n"
             "  - {name: m, weight: 1}\n"
             "secret: \"***\"                                     # default\n"
             "old: 0                                            # default\n"
             "file: \"a.key\"                                     # default\n"
             "transport:                                        # default\n"
             "service: []                                       # default\n");
}

/* What is shown, read and shown again, is the same; and so are the records, but for the secret. */
static void what_is_shown_can_be_read(void **subject)
{
    (void)subject;
    static char first[4000];
    uint8_t record[2000];
    size_t record_size;
    size_t size;

    qnk_arena_reset(&arena);
    qnk_sink_cut(&sink, 0);
    check(full, strlen(full));
    record_size = part.record.size;
    memcpy(record, part.record.data, record_size);
    assert_int_equal(qnk_config_show(&part, true, &sink), QN_OK);
    size = qnk_sink_span(&sink).size;
    memcpy(first, qnk_sink_span(&sink).data, size);
    memcpy(strstr(first, "\"***\""), "hush ", 5);
    check(first, size);
    assert_int_equal(part.record.size, record_size);
    assert_memory_equal(part.record.data, record, record_size);
}

static void a_full_sink_is_told(void **subject)
{
    (void)subject;
    size_t size;

    qnk_arena_reset(&arena);
    qnk_sink_cut(&sink, 0);
    check(full, strlen(full));
    assert_int_equal(qnk_config_show(&part, true, &sink), QN_OK);
    size = qnk_sink_span(&sink).size;
    for (size_t cap = 0; cap <= size; cap++) {
        struct qn_sink small;

        qnk_sink_init(&small, &budget, cap);
        assert_int_equal(qnk_config_show(&part, true, &small), cap < size ? QN_NO_SPACE : QN_OK);
        qnk_sink_done(&small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_is_shown_with_its_default),
        cmocka_unit_test(the_origin_of_each_line_is_told),
        cmocka_unit_test(what_is_shown_can_be_read),
        cmocka_unit_test(a_full_sink_is_told),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
