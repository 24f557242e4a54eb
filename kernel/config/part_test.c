/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include "kernel/base/memory.h"
#include "kernel/config/part_example.h"

enum { ARENA_SIZE = 1 << 20 };

static struct qnk_budget budget = {.limit = 4 * (size_t)ARENA_SIZE};
static struct qnk_arena arena;
static struct qnk_report report;
static struct qnk_config_source source = {.name = "x.yaml"};
static struct qnk_tree *tree;
static struct qnk_checker checker;
static struct qnk_config_part part;

static int start(void **subject)
{
    (void)subject;
    void *block = qnk_memory_take(&budget, ARENA_SIZE);

    if (block == NULL) {
        return -1;
    }
    qnk_arena_init(&arena, block, ARENA_SIZE);
    return 0;
}

static int stop(void **subject)
{
    (void)subject;
    qnk_memory_give(&budget, arena.block, ARENA_SIZE);
    return budget.used == 0 ? 0 : -1;
}

/* Checks `text` against the example, with what comes after the name that every file needs. */
static void check(const char *text)
{
    qnk_arena_reset(&arena);
    qnk_report_init(&report, &arena);
    source.bytes = (struct qn_span){(const uint8_t *)text, strlen(text)};
    checker = (struct qnk_checker){
        .arena = &arena,
        .report = &report,
        .source = &source,
        .folder = "dir",
        .plugins = &example_plugins,
    };
    assert_int_equal(qnk_tree_read(&source, &arena, &report, &tree), QN_OK);
    qnk_part_check(&checker, &example_schema, tree, &part);
    assert_false(checker.is_full);
}

static void finding_is(const char *text, enum qnk_finding_code code, uint32_t line, uint32_t column,
                       const char *words, const char *hint)
{
    check(text);
    assert_int_equal(report.count, 1);
    assert_string_equal(report.findings[0].text, words);
    assert_string_equal(report.findings[0].hint, hint);
    assert_int_equal(report.findings[0].code, code);
    assert_int_equal(report.findings[0].place.mark.line, line);
    assert_int_equal(report.findings[0].place.mark.column, column);
}

static void record_is(const char *name, const char *bytes, size_t size)
{
    struct qn_span record = qnk_part_find(&part, name)->record;

    assert_int_equal(record.size, size);
    assert_memory_equal(record.data, bytes, size);
}

static void text_is(const char *name, const char *expected)
{
    struct qn_span text = qnk_part_text(&part, name);

    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

static void what_is_left_out_has_its_default(void **subject)
{
    (void)subject;
    check("name: x\n");
    assert_int_equal(report.errors, 0);
    assert_int_equal(qnk_part_number(&part, "count"), 7);
    assert_int_equal(qnk_part_number(&part, "wait"), 9000);
    assert_int_equal(qnk_part_number(&part, "wait_min"), 0);
    assert_int_equal(qnk_part_number(&part, "deep.er.level"), 0);
    assert_int_equal(qnk_part_number(&part, "deep.er.on"), 0);
    record_is("hosts", "\0\0\0\0", 4);
    record_is("levels", "\0\0\0\0", 4);
    record_is("members", "\0\0\0\0", 4);
    text_is("secret", "");
    text_is("file", "dir/a.key");
    text_is("empty", "");
    assert_null(qnk_part_plugin(&part, "transport"));
    assert_null(qnk_part_find(&part, "count")->place.source);
}

static void what_is_given_has_its_value_and_place(void **subject)
{
    (void)subject;
    check("count: 5\nname: x\nrange: {max: 64KiB}\ndeep:\n  er: {on: yes, level: high}\n"
          "file: b\nempty: /c\n");
    assert_int_equal(report.errors, 0);
    assert_int_equal(qnk_part_number(&part, "count"), 5);
    assert_int_equal(qnk_part_number(&part, "range.min"), 10);
    assert_int_equal(qnk_part_number(&part, "range.max"), 65536);
    assert_int_equal(qnk_part_number(&part, "deep.er.on"), 1);
    assert_int_equal(qnk_part_number(&part, "deep.er.level"), 2);
    text_is("name", "x");
    text_is("file", "dir/b");
    text_is("empty", "/c");
    assert_ptr_equal(qnk_part_find(&part, "deep.er.on")->place.source, &source);
    assert_int_equal(qnk_part_find(&part, "deep.er.on")->place.mark.line, 5);
    assert_int_equal(qnk_part_find(&part, "deep.er.on")->place.mark.column, 12);
}

static void lists_and_maps_become_their_records(void **subject)
{
    (void)subject;
    check("name: x\nhosts: [b, a]\nlevels: {z: low, a: high}\n"
          "members: [{name: m, weight: 2}, {name: n}]\n");
    assert_int_equal(report.errors, 0);
    record_is("hosts", "\2\0\0\0\1\0\0\0b\1\0\0\0a", 14);
    record_is("levels", "\2\0\0\0\1\0\0\0a\2\0\0\0\1\0\0\0z\0\0\0\0", 22);
    record_is("members", "\2\0\0\0\1\0\0\0m\2\0\0\0\0\0\0\0\1\0\0\0n\1\0\0\0\0\0\0\0", 30);
}

static void the_whole_is_its_records_in_order(void **subject)
{
    (void)subject;
    uint8_t joined[1024];
    size_t size = 0;

    check("service: [web]\nname: x\nhosts: [a]\n");
    for (uint32_t i = 0; i < example_schema.count; i++) {
        memcpy(joined + size, part.values[i].record.data, part.values[i].record.size);
        size += part.values[i].record.size;
    }
    assert_int_equal(part.record.size, size);
    assert_memory_equal(part.record.data, joined, size);
}

static void how_it_is_written_does_not_matter(void **subject)
{
    (void)subject;
    uint8_t first[1024];
    size_t size;

    check("name: x\nwait: 90s\nlevels: {a: low, b: high}\nrange: {min: 1KiB, max: 2KiB}\n");
    size = part.record.size;
    memcpy(first, part.record.data, size);
    check("# other\nrange:\n  max: 2048B\n  min: 1024B\nlevels: {b: high, 'a': low}\n"
          "wait: 1m30s\ncount: 7\n\"name\": 'x'\n");
    assert_int_equal(part.record.size, size);
    assert_memory_equal(part.record.data, first, size);
}

static void unknown_keys_are_refused_with_the_nearest(void **subject)
{
    (void)subject;
    finding_is("name: x\ncuont: 5\n", QNK_E102, 2, 1, "unknown key 'cuont'",
               "did you mean 'count'?");
    finding_is("name: x\nsomething: 5\n", QNK_E102, 2, 1, "unknown key 'something'", "");
    finding_is("name: x\nrange: {mix: 5}\n", QNK_E102, 2, 9, "unknown key 'mix' of 'range'",
               "did you mean 'min'?");
    finding_is("name: x\ndeep: {er: {onn: 1}}\n", QNK_E102, 2, 13, "unknown key 'onn' of 'deep.er'",
               "did you mean 'on'?");
    finding_is("name: x\nragne: {min: 1KiB}\n", QNK_E102, 2, 1, "unknown key 'ragne'",
               "did you mean 'range'?");
    finding_is("name: x\nrange.min: 1B\n", QNK_E102, 2, 1, "unknown key 'range.min'", "");
    finding_is("name: x\nmembers: [{name: a, wieght: 1}]\n", QNK_E102, 2, 21,
               "unknown key 'wieght' of 'members'", "did you mean 'weight'?");
    finding_is("name: x\nno: 1\n", QNK_E102, 2, 1, "unknown key 'no'", ""); /* nothing shared */
}

static void missing_keys_are_told_where_they_belong(void **subject)
{
    (void)subject;
    finding_is("count: 5\n", QNK_E103, 1, 1, "missing key 'name'", "its name");
    finding_is("", QNK_E103, 1, 1, "missing key 'name'", "its name");
    finding_is("name: x\nmembers: [{weight: 1}]\n", QNK_E103, 2, 11,
               "missing key 'name' of 'members'", "its name");
}

static void shapes_that_are_wrong_are_refused(void **subject)
{
    (void)subject;
    finding_is("name: x\ncount: [5]\n", QNK_E105, 2, 8, "'count' is a list instead of one value",
               "how many");
    finding_is("name: x\ncount: {a: 5}\n", QNK_E105, 2, 8, "'count' is a map instead of one value",
               "how many");
    finding_is("name: x\nhosts: a\n", QNK_E105, 2, 8, "'hosts' is not a list", "as in [one, two]");
    finding_is("name: x\nlevels: [low]\n", QNK_E105, 2, 9, "'levels' is not a map",
               "as in {name: value}");
    finding_is("name: x\nrange: 5\n", QNK_E105, 2, 8, "'range' is not a map of keys", "");
    finding_is("name: x\nmembers: [a]\n", QNK_E105, 2, 11, "an item of 'members' is not a map", "");
    finding_is("name: x\nservice: web\n", QNK_E105, 2, 10, "'service' is not a list",
               "as in [NAME] or [{use: NAME}]");
    finding_is("name: x\nservice: [[web]]\n", QNK_E105, 2, 11,
               "'service' is a list where a plugin is wanted", "");
}

static void values_at_fault_show_themselves(void **subject)
{
    (void)subject;
    finding_is("name: x\ncount: 101\n", QNK_E106, 2, 8, "'count' is out of range: \"101\"",
               "1 to 100");
    assert_int_equal(qnk_part_number(&part, "count"), 7);
    finding_is("name: x\nwait: 5\n", QNK_E107, 2, 7, "'wait' is not a duration: \"5\"",
               "a number and a unit, as in 250ms or 90s");
    finding_is("name: x\ncount:\n", QNK_E105, 2, 7, "'count' has no value", "how many");
    finding_is("name: x\nhosts: [a, \"b\\n\"]\n", QNK_E105, 2, 12,
               "'hosts' holds a control character: \"b?\"", "");
    record_is("hosts", "\0\0\0\0", 4);
    finding_is("name: x\nlevels: {a: hihg}\n", QNK_E106, 2, 13,
               "'levels' is none of its choices: \"hihg\"", "did you mean 'high'?");
    finding_is("name: x\n"
               "levels: {aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: low}\n",
               QNK_E106, 2, 10, "a name in 'levels' is longer than 48 bytes", "");
}

static void all_mistakes_are_found_at_once(void **subject)
{
    (void)subject;
    check("nam: x\ncount: x\nwait: 5\nrange: {min: 5, mox: 1B}\nhosts: [a, [b]]\n");
    assert_int_equal(report.errors, 7);
    for (uint32_t i = 0; i < 7; i++) {
        static const enum qnk_finding_code codes[] = {QNK_E102, QNK_E105, QNK_E107, QNK_E107,
                                                      QNK_E102, QNK_E105, QNK_E103};

        assert_int_equal(report.findings[i].code, codes[i]);
    }
}

static void a_least_value_does_not_exceed_the_greatest(void **subject)
{
    (void)subject;
    finding_is("name: x\nwait_min: 2s\nwait: 1s\n", QNK_E112, 2, 11,
               "'wait_min' is more than 'wait', which is set at 3:7", "");
    finding_is("name: x\nwait_min: 10s\n", QNK_E112, 2, 11,
               "'wait_min' is more than 'wait', which is set by default", "");
    finding_is("name: x\nrange: {max: 9B}\n", QNK_E112, 2, 14,
               "'range.max' is less than 'range.min', which is set by default", "");
    check("name: x\nwait_min: 1s\nwait: 1s\nrange: {min: 20B}\n");
    assert_int_equal(report.errors, 0);
}

static void deprecated_keys_name_their_heir(void **subject)
{
    (void)subject;
    finding_is("name: x\nold: 5\n", QNK_W201, 2, 1, "'old' is deprecated", "use 'count'");
    assert_int_equal(report.errors, 0);
    assert_int_equal(report.warnings, 1);
}

static void keys_of_the_other_file_are_told(void **subject)
{
    (void)subject;
    const struct qnk_config_source other_source = {
        .name = "other.yaml", .bytes = {(const uint8_t *)"listen: ipc://x\ndepth: {a: b}\n", 30}};
    const struct qnk_config_schema other = {.title = "", .keys = pipe_keys, .count = 2};
    struct qnk_tree *other_tree;

    check("name: x\n");
    assert_int_equal(qnk_tree_read(&other_source, &arena, &report, &other_tree), QN_OK);
    source.bytes = (struct qn_span){(const uint8_t *)"name: x\nlisten: a\ndepth: 5\n", 27};
    assert_int_equal(qnk_tree_read(&source, &arena, &report, &tree), QN_OK);
    checker.other = &other;
    checker.other_title = "the pipe file";
    checker.other_source = &other_source;
    checker.other_tree = other_tree;
    qnk_part_check(&checker, &example_schema, tree, &part);
    assert_int_equal(report.count, 2);
    assert_int_equal(report.findings[0].code, QNK_E111);
    assert_string_equal(report.findings[0].text, "'listen' belongs in the pipe file "
                                                 "(other.yaml:1:1 sets it to ipc://x)");
    assert_string_equal(report.findings[1].text,
                        "'depth' belongs in the pipe file (other.yaml:2:1 sets it)");
    checker.other_tree = NULL;
    qnk_part_check(&checker, &example_schema, tree, &part);
    assert_string_equal(report.findings[2].text, "'listen' belongs in the pipe file");
}

/* A manifest's default may be that long. */
static void the_longest_default_of_a_path_is_taken(void **subject)
{
    static uint8_t bytes[QNK_CONFIG_RECORD_MAX] = {QNK_CONFIG_RECORD_MAX - 4};
    const struct qnk_config_key key = {
        .name = "file", .type = QNK_CONFIG_PATH, .absent = {bytes, sizeof bytes}, .doc = "it"};
    const struct qnk_config_schema schema = {.title = "", .keys = &key, .count = 1};

    (void)subject;
    memset(bytes + 4, 'p', sizeof bytes - 4);
    assert_null(qnk_config_schema_fault(&schema));
    check("name: x\n");
    qnk_part_check(&checker, &schema, &(struct qnk_tree){.kind = QNK_TREE_MAP}, &part);
    assert_int_equal(qnk_part_text(&part, "file").size, sizeof "dir/" - 1 + sizeof bytes - 4);
}

static void a_plugins_name_is_short_for_its_map(void **subject)
{
    (void)subject;
    check("name: x\nservice: [web, {use: web, title: y, on_error: stop, path: w.so}]\n");
    assert_int_equal(report.errors, 0);

    const struct qnk_config_value *value = qnk_part_find(&part, "service");

    assert_int_equal(value->plugins_count, 2);
    assert_string_equal(value->plugins[0].kind, "service");
    assert_string_equal(value->plugins[0].name, "web");
    assert_string_equal(value->plugins[0].path, "");
    assert_int_equal(value->plugins[0].on_error, QNK_ON_ERROR_AUTO);
    assert_string_equal(value->plugins[1].path, "dir/w.so");
    assert_int_equal(value->plugins[1].on_error, QNK_ON_ERROR_STOP);
    assert_int_equal(report.warnings, 1);
    assert_string_equal(report.findings[0].text, "'on_error' has no effect yet");
    assert_int_equal(value->plugins[1].part.record.size, 9);
    assert_memory_equal(value->plugins[1].part.record.data, "\0\0\0\0\1\0\0\0y", 9);
    record_is("service",
              "\2\0\0\0"
              "\3\0\0\0web\0\0\0\0\x9\0\0\0\0\0\0\0\1\0\0\0x"
              "\3\0\0\0web\0\0\0\0\x9\0\0\0\0\0\0\0\1\0\0\0y",
              4 + 24 + 24);
}

static void a_plugin_gets_its_own_keys_in_order(void **subject)
{
    (void)subject;
    check("name: x\ntransport: {depth: 9, version: \"1.0\", use: pipe, listen: ipc://a}\n");
    assert_int_equal(report.errors, 0);

    const struct qnk_config_plugin *plugin = qnk_part_plugin(&part, "transport");

    assert_string_equal(plugin->name, "pipe");
    assert_string_equal(plugin->version, "1.0");
    assert_ptr_equal(plugin->part.schema, &pipe_schema);
    assert_int_equal(plugin->part.record.size, 19);
    assert_memory_equal(plugin->part.record.data, "\7\0\0\0ipc://a\x9\0\0\0\0\0\0\0", 19);
}

static void plugins_keys_are_checked_like_all_others(void **subject)
{
    (void)subject;
    finding_is("name: x\ntransport: {use: pipe, version: \"1.0\", listn: ipc://a, listen: a:1}\n",
               QNK_E102, 2, 40, "unknown key 'listn' of transport pipe 1.0",
               "did you mean 'listen'?");
    finding_is("name: x\ntransport: {use: pipe, version: \"1.0\", listen: a:1, pth: b}\n", QNK_E102,
               2, 53, "unknown key 'pth' of transport pipe 1.0", "did you mean 'path'?");
    finding_is("name: x\ntransport: {use: pipe, version: \"1.0\"}\n", QNK_E103, 2, 1,
               "missing key 'listen' of transport pipe 1.0", "where");
    finding_is("name: x\ntransport: {version: \"1.0\"}\n", QNK_E103, 2, 1, "missing key 'use'",
               "its name");
}

static void versions_are_required_where_the_kind_says_so(void **subject)
{
    (void)subject;
    finding_is("name: x\ntransport: {use: pipe, listen: a:1}\n", QNK_E103, 2, 18,
               "missing key 'version' of transport pipe",
               "transport: {use: pipe, version: \"1.0\"}");
    finding_is("name: x\ntransport: {use: pipe, version: one, listen: a:1}\n", QNK_E105, 2, 33,
               "'version' is not a version: \"one\"", "major.minor, as in \"1.0\"");
    finding_is("name: x\nservice: [{use: web, version: 1.2.3}]\n", QNK_E105, 2, 31,
               "'version' is not a version: \"1.2.3\"", "major.minor, as in \"1.0\"");
}

static void plugins_that_are_not_there_are_told_from_refused_ones(void **subject)
{
    (void)subject;
    finding_is("name: x\ntransport: {use: pip, version: \"1.0\", listen: a:1}\n", QNK_E108, 2, 18,
               "no such transport: 'pip'", "there is pipe, inproc, broken");
    finding_is("name: x\nservice: [wab]\n", QNK_E108, 2, 11, "no such service: 'wab'",
               "there is web");
    finding_is("name: x\ntransport: {use: broken, version: \"1.3\"}\n", QNK_E109, 2, 18,
               "transport 'broken' is refused: it needs transport/1.3, this is qnetd 0.1.0", "");
    assert_null(qnk_part_plugin(&part, "transport")->part.schema);
}

static void without_plugins_their_keys_are_left_alone(void **subject)
{
    (void)subject;
    check("name: x\n");
    source.bytes = (struct qn_span){(const uint8_t *)"name: x\nservice: [{use: w, a: b}]\n", 34};
    assert_int_equal(qnk_tree_read(&source, &arena, &report, &tree), QN_OK);
    checker.plugins = NULL;
    qnk_part_check(&checker, &example_schema, tree, &part);
    assert_int_equal(report.errors, 0);
    assert_int_equal(qnk_part_find(&part, "service")->plugins_count, 1);
}

static void services_that_listen_to_others_are_warned_of(void **subject)
{
    (void)subject;
    static const char *const local[] = {"127.0.0.1:80",  "localhost:80",      "\"[::1]:80\"",
                                        "ipc:///run/x",  "inproc://x",        "unix:///run/x",
                                        "127.8.9.1:443", "tcp://127.0.0.1:80"};
    char text[128];

    finding_is("name: x\nservice: [{use: web, listen: 0.0.0.0:80}]\n", QNK_W202, 2, 30,
               "'listen' is open to other hosts", "");
    finding_is("name: x\nservice: [{use: web, listen: 'host:80'}]\n", QNK_W202, 2, 30,
               "'listen' is open to other hosts", "");
    for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
        (void)snprintf(text, sizeof text, "name: x\nservice: [{use: web, listen: %s}]\n", local[i]);
        check(text);
        assert_int_equal(report.count, 0);
    }
    check("name: x\ntransport: {use: pipe, version: \"1.0\", listen: 0.0.0.0:80}\n");
    assert_int_equal(report.count, 0);
}

/* With an arena of every size, so that each piece is once the first that does not fit. */
static void a_full_arena_is_told(void **subject)
{
    (void)subject;
    const char *text = "name: x\nhosts: [a, b]\nlevels: {a: low}\nmembers: [{name: m}]\n"
                       "transport: {use: pipe, version: \"1.0\", listen: a:1}\nservice: [web]\n";
    bool fits = false;
    size_t used;

    check(text);
    used = arena.used;
    for (size_t size = 0; size <= used; size += 16) {
        struct qnk_checker small = checker;
        struct qnk_arena room;
        int32_t status;

        qnk_arena_init(&room, arena.block, size);
        qnk_report_init(&report, &room);
        small.arena = &room;
        status = qnk_tree_read(&source, &room, &report, &tree);
        if (status != QN_OK) {
            continue;
        }
        qnk_part_check(&small, &example_schema, tree, &part);
        assert_true(small.is_full || size == used);
        fits = !small.is_full;
    }
    assert_true(fits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(what_is_given_has_its_value_and_place),
        cmocka_unit_test(lists_and_maps_become_their_records),
        cmocka_unit_test(the_whole_is_its_records_in_order),
        cmocka_unit_test(how_it_is_written_does_not_matter),
        cmocka_unit_test(unknown_keys_are_refused_with_the_nearest),
        cmocka_unit_test(missing_keys_are_told_where_they_belong),
        cmocka_unit_test(shapes_that_are_wrong_are_refused),
        cmocka_unit_test(values_at_fault_show_themselves),
        cmocka_unit_test(all_mistakes_are_found_at_once),
        cmocka_unit_test(a_least_value_does_not_exceed_the_greatest),
        cmocka_unit_test(deprecated_keys_name_their_heir),
        cmocka_unit_test(keys_of_the_other_file_are_told),
        cmocka_unit_test(the_longest_default_of_a_path_is_taken),
        cmocka_unit_test(a_plugins_name_is_short_for_its_map),
        cmocka_unit_test(a_plugin_gets_its_own_keys_in_order),
        cmocka_unit_test(plugins_keys_are_checked_like_all_others),
        cmocka_unit_test(versions_are_required_where_the_kind_says_so),
        cmocka_unit_test(plugins_that_are_not_there_are_told_from_refused_ones),
        cmocka_unit_test(without_plugins_their_keys_are_left_alone),
        cmocka_unit_test(services_that_listen_to_others_are_warned_of),
        cmocka_unit_test(a_full_arena_is_told),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
