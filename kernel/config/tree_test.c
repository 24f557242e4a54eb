/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "kernel/base/memory.h"
#include "kernel/config/tree.h"

enum { ARENA_SIZE = 64 << 20 };

static struct qnk_budget budget = {.limit = 2 * (size_t)ARENA_SIZE};
static struct qnk_arena arena;
static struct qnk_report report;
static struct qnk_config_source source = {.name = "x.yaml"};
static struct qnk_tree *tree;

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

static int32_t read_bytes(const void *bytes, size_t size)
{
    qnk_arena_reset(&arena);
    qnk_report_init(&report, &arena);
    source.bytes = (struct qn_span){bytes, size};
    return qnk_tree_read(&source, &arena, &report, &tree);
}

static int32_t read_text(const char *text)
{
    return read_bytes(text, strlen(text));
}

/* That `text` has one finding, at line and column, with these words. */
static void finding_is(const char *text, enum qnk_finding_code code, uint32_t line, uint32_t column,
                       uint32_t width, const char *words)
{
    assert_int_equal(read_text(text), QN_INVALID);
    assert_int_equal(report.count, 1);
    assert_int_equal(report.findings[0].code, code);
    assert_string_equal(report.findings[0].text, words);
    assert_ptr_equal(report.findings[0].place.source, &source);
    assert_int_equal(report.findings[0].place.mark.line, line);
    assert_int_equal(report.findings[0].place.mark.column, column);
    assert_int_equal(report.findings[0].place.mark.width, width);
}

static void mark_is(struct qnk_config_mark mark, uint32_t line, uint32_t column, uint32_t width)
{
    assert_int_equal(mark.line, line);
    assert_int_equal(mark.column, column);
    assert_int_equal(mark.width, width);
}

static void maps_lists_and_texts_are_read(void **subject)
{
    (void)subject;
    assert_int_equal(read_text("a: one\nb: [two, 'three']\nc:\n  d: {e: \"f\\u00e9\"}\n"), QN_OK);
    assert_int_equal(tree->kind, QNK_TREE_MAP);

    const struct qnk_tree *a = qnk_tree_child(tree, "a");
    const struct qnk_tree *b = qnk_tree_child(tree, "b");
    const struct qnk_tree *c = qnk_tree_child(tree, "c");
    const struct qnk_tree *e = qnk_tree_child(qnk_tree_child(c, "d"), "e");

    assert_string_equal(a->text, "one");
    assert_true(a->is_plain);
    assert_ptr_equal(a->next, b);
    assert_int_equal(b->kind, QNK_TREE_LIST);
    assert_string_equal(b->first->text, "two");
    assert_null(b->first->key);
    assert_string_equal(b->first->next->text, "three");
    assert_false(b->first->next->is_plain);
    assert_null(b->first->next->next);
    assert_string_equal(e->text, "f\xc3\xa9");
    assert_null(qnk_tree_child(tree, "x"));
    assert_null(qnk_tree_child(b, "a"));
    assert_null(qnk_tree_child(a, "a"));
}

static void everything_has_its_place(void **subject)
{
    (void)subject;
    assert_int_equal(read_text("\n# x\nfirst:   value\n\xc3\xa9t\xc3\xa9: \"in quotes\"\nlist:\n"
                               "  - a\n  - {key: b}\n"),
                     QN_OK);

    const struct qnk_tree *first = tree->first;
    const struct qnk_tree *second = first->next;
    const struct qnk_tree *list = second->next;

    mark_is(tree->mark, 3, 1, 1);
    mark_is(first->key_mark, 3, 1, 5);
    mark_is(first->mark, 3, 10, 5);
    mark_is(second->key_mark, 4, 1, 3);
    mark_is(second->mark, 4, 6, 11);
    mark_is(list->first->mark, 6, 5, 1);
    mark_is(list->first->next->mark, 7, 5, 1);
    mark_is(list->first->next->first->key_mark, 7, 6, 3);
}

static void an_empty_file_is_an_empty_map(void **subject)
{
    (void)subject;
    assert_int_equal(read_text(""), QN_OK);
    assert_int_equal(tree->kind, QNK_TREE_MAP);
    assert_null(tree->first);
    assert_int_equal(read_text("# nothing\n\n"), QN_OK);
    assert_null(tree->first);
    assert_int_equal(read_bytes(NULL, 0), QN_OK);
    assert_null(tree->first);
}

static void line_ends_may_be_of_both_sorts(void **subject)
{
    (void)subject;
    assert_int_equal(read_text("a: 1\r\nb: 2\r\n"), QN_OK);
    mark_is(tree->first->next->mark, 2, 4, 1);
    assert_string_equal(tree->first->text, "1");
    assert_int_equal(read_text("---\na: 1\n...\n"), QN_OK);
    assert_string_equal(tree->first->text, "1");
}

static void what_is_not_yaml_is_told_in_the_parsers_words(void **subject)
{
    (void)subject;
    finding_is("a: [1, 2\nb: 3\n", QNK_E101, 2, 2, 1,
               "not YAML: did not find expected ',' or ']', while parsing a flow sequence");
    finding_is("a: 'x\n", QNK_E101, 2, 1, 1,
               "not YAML: found unexpected end of stream, while scanning a quoted scalar");
    finding_is("a: b: c\n", QNK_E101, 1, 5, 1,
               "not YAML: mapping values are not allowed in this context");
}

static void keys_come_once(void **subject)
{
    (void)subject;
    finding_is("a: 1\nbb: 2\n\nbb: 3\n", QNK_E104, 4, 1, 2, "'bb' is given twice, first at 2:1");
    assert_string_equal(qnk_tree_child(tree, "bb")->text, "2");
    finding_is("x: {a: 1, 'a': {b: c}}\n", QNK_E104, 1, 11, 3, "'a' is given twice, first at 1:5");
    assert_int_equal(read_text("a: {k: 1}\nb: {k: 1}\n"), QN_OK);
    assert_int_equal(read_text("a: 1\na: 2\na: 3\n"), QN_INVALID);
    assert_int_equal(report.count, 2);
}

static void anchors_aliases_and_tags_are_refused(void **subject)
{
    (void)subject;
    finding_is("a: &x 1\n", QNK_E101, 1, 4, 1, "an anchor: write the value out where it is used");
    finding_is("a: *x\n", QNK_E101, 1, 4, 2, "an alias: write the value out");
    finding_is("a: !!int 1\n", QNK_E101, 1, 4, 1, "a tag: the type of a value is its key's");
    finding_is("a: ! 1\n", QNK_E101, 1, 4, 1, "a tag: the type of a value is its key's");
    finding_is("a: &x [1]\n", QNK_E101, 1, 4, 1, "an anchor: write the value out where it is used");
    finding_is("a: !x {}\n", QNK_E101, 1, 4, 1, "a tag: the type of a value is its key's");
    assert_int_equal(read_text("a: &x !!int 1\nb: &y 2\n"), QN_INVALID);
    assert_int_equal(report.count, 3);
    assert_string_equal(qnk_tree_child(tree, "b")->text, "2");
}

static void directives_and_second_documents_are_refused(void **subject)
{
    (void)subject;
    finding_is("%YAML 1.1\n---\na: 1\n", QNK_E101, 1, 1, 1, "a directive");
    finding_is("%TAG ! tag:x,2000:\n---\na: 1\n", QNK_E101, 1, 1, 1, "a directive");
    finding_is("a: 1\n---\nb: 2\n", QNK_E101, 2, 1, 3, "a second document");
}

static void keys_are_words(void **subject)
{
    (void)subject;
    finding_is("[a]: 1\n", QNK_E101, 1, 1, 1, "a key that is not a word");
    finding_is("x:\n  ? {a: b}\n  : 1\n", QNK_E101, 2, 5, 1, "a key that is not a word");
}

static void bytes_that_confuse_are_refused(void **subject)
{
    (void)subject;
    finding_is("a: 1\nb:\t2\n", QNK_E101, 2, 3, 1, "a tab: indent with spaces");
    finding_is("a: 1 # \xc3\xa9\tx\n", QNK_E101, 1, 9, 1, "a tab: indent with spaces");
    finding_is("\xef\xbb\xbf"
               "a: 1\n",
               QNK_E101, 1, 1, 1, "a byte order mark");
    finding_is("a: \x07\n", QNK_E101, 1, 4, 1, "not YAML: a control character");
    finding_is("a: x\x7f\n", QNK_E101, 1, 5, 1, "not YAML: a control character");
    finding_is("a: \xc2\x85\n", QNK_E101, 1, 4, 1, "not YAML: a control character");
    finding_is("a: 1\rb: 2\n", QNK_E101, 1, 5, 1, "a line end that is not \\n");
    finding_is("a: \xe2\x80\xa8\n", QNK_E101, 1, 4, 1, "a line end that is not \\n");
    finding_is("a: \xef\xbf\xbf\n", QNK_E101, 1, 4, 1, "not YAML: no character");
    assert_int_equal(read_bytes("a: \0\n", 5), QN_INVALID);
    finding_is("a: \"x\\0y\"\n", QNK_E101, 1, 4, 6, "a zero byte in a text");
}

/* Each of these breaks a rule of RFC 3629 alone. */
static void bytes_that_are_not_utf8_are_refused(void **subject)
{
    (void)subject;
    static const char *const wrong[] = {
        "\x80",
        "\xbf",
        "\xc3",
        "\xc3(",
        "\xc0\xaf",
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xe2\x82",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xff",
    };
    static const char *const right[] = {"\xc2\xa0",        "\xdf\xbf",     "\xe0\xa0\x80",
                                        "\xed\x9f\xbf",    "\xee\x80\x80", "\xf0\x90\x80\x80",
                                        "\xf4\x8f\xbf\xbd"};
    char text[16];

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        (void)snprintf(text, sizeof text, "a: x%s", wrong[i]);
        finding_is(text, QNK_E101, 1, 5, 1, "not YAML: a byte that is not UTF-8");
    }
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        (void)snprintf(text, sizeof text, "a: x%s", right[i]);
        assert_int_equal(read_text(text), QN_OK);
    }
}

static char large[QNK_TREE_FILE_MAX + 2];

static void a_file_has_its_largest_size(void **subject)
{
    (void)subject;
    memset(large, '#', sizeof large);
    assert_int_equal(read_bytes(large, QNK_TREE_FILE_MAX), QN_OK);
    assert_int_equal(read_bytes(large, QNK_TREE_FILE_MAX + 1), QN_INVALID);
    assert_string_equal(report.findings[0].text, "larger than 1 MiB");
    assert_int_equal(report.findings[0].place.mark.line, 0);
}

static void depth_is_bounded(void **subject)
{
    (void)subject;
    char text[64] = "";

    memset(text, '[', 16);
    memset(text + 16, ']', 16);
    text[32] = 0;
    assert_int_equal(read_text(text), QN_OK);
    memset(text, '[', 17);
    memset(text + 17, ']', 17);
    text[34] = 0;
    finding_is(text, QNK_E101, 1, 17, 1, "more than 16 levels");
    memset(large, '[', 100000);
    assert_int_equal(read_bytes(large, 100000), QN_INVALID);
}

static void values_and_keys_are_counted(void **subject)
{
    (void)subject;
    size_t size = 0;

    large[size++] = '[';
    for (uint32_t i = 0; i < QNK_TREE_NODES_MAX - 1; i++) {
        size += (size_t)snprintf(large + size, 8, "a,");
    }
    large[size] = ']';
    assert_int_equal(read_bytes(large, size + 1), QN_OK);
    size += (size_t)snprintf(large + size, 8, "a]");
    assert_int_equal(read_bytes(large, size), QN_INVALID);
    assert_string_equal(report.findings[0].text, "more than 65536 values");

    size = 0;
    for (uint32_t i = 0; i < QNK_TREE_KEYS_MAX; i++) {
        size += (size_t)snprintf(large + size, 16, "k%u: 1\n", i);
    }
    assert_int_equal(read_bytes(large, size), QN_OK);
    size += (size_t)snprintf(large + size, 16, "last: 1\n");
    assert_int_equal(read_bytes(large, size), QN_INVALID);
    assert_string_equal(report.findings[0].text, "more than 1024 keys in one map");
}

static void a_full_arena_is_told(void **subject)
{
    (void)subject;
    uint8_t block[512] __attribute__((aligned(16)));

    bool fits = false;

    for (size_t size = 0; size <= sizeof block; size += 16) {
        const char *text = "a: [b, c]\n";

        qnk_arena_init(&arena, block, size);
        qnk_report_init(&report, &arena);
        source.bytes = (struct qn_span){(const uint8_t *)text, strlen(text)};

        int32_t status = qnk_tree_read(&source, &arena, &report, &tree);

        assert_true(status == QN_OK || !fits);
        assert_true(status == QN_OK || status == QN_NO_SPACE || report.errors > 0);
        fits = status == QN_OK;
    }
    assert_true(fits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(maps_lists_and_texts_are_read, start, stop),
        cmocka_unit_test_setup_teardown(everything_has_its_place, start, stop),
        cmocka_unit_test_setup_teardown(an_empty_file_is_an_empty_map, start, stop),
        cmocka_unit_test_setup_teardown(line_ends_may_be_of_both_sorts, start, stop),
        cmocka_unit_test_setup_teardown(what_is_not_yaml_is_told_in_the_parsers_words, start, stop),
        cmocka_unit_test_setup_teardown(keys_come_once, start, stop),
        cmocka_unit_test_setup_teardown(anchors_aliases_and_tags_are_refused, start, stop),
        cmocka_unit_test_setup_teardown(directives_and_second_documents_are_refused, start, stop),
        cmocka_unit_test_setup_teardown(keys_are_words, start, stop),
        cmocka_unit_test_setup_teardown(bytes_that_confuse_are_refused, start, stop),
        cmocka_unit_test_setup_teardown(bytes_that_are_not_utf8_are_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_file_has_its_largest_size, start, stop),
        cmocka_unit_test_setup_teardown(depth_is_bounded, start, stop),
        cmocka_unit_test_setup_teardown(values_and_keys_are_counted, start, stop),
        cmocka_unit_test(a_full_arena_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
