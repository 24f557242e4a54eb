/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/host/lines.h"

static uint32_t told;

static void tell(void *ctx)
{
    (void)ctx;
    told++;
}

static void add(struct qnk_lines *lines, uint32_t number)
{
    char text[32];
    int size = snprintf(text, sizeof text, "line %u", number);

    qnk_lines_add(lines, "kernel/host", (struct qn_span){(const uint8_t *)text, (uint64_t)size});
}

static void lines_come_back_by_number(void **state)
{
    struct qnk_lines *lines = *state;
    struct qnk_line line;

    assert_int_equal(qnk_lines_get(lines, 1, &line), QN_NOT_FOUND);
    add(lines, 1);
    add(lines, 2);
    assert_int_equal(qnk_lines_last(lines), 2);
    assert_int_equal(qnk_lines_get(lines, 2, &line), QN_OK);
    assert_string_equal(line.text, "line 2");
    assert_string_equal(line.part, "kernel/host");
    assert_int_equal(qnk_lines_get(lines, 0, &line), QN_OK);
    assert_int_equal(line.number, 1);
    assert_int_equal(qnk_lines_get(lines, 3, &line), QN_NOT_FOUND);
}

static void the_oldest_make_room(void **state)
{
    struct qnk_lines *lines = *state;
    struct qnk_line line;

    for (uint32_t i = 1; i <= QNK_LINES_MAX + 5; i++) {
        add(lines, i);
    }
    assert_int_equal(qnk_lines_get(lines, 1, &line), QN_OK);
    assert_int_equal(line.number, 6);
    assert_string_equal(line.text, "line 6");
}

static void a_long_line_is_cut(void **state)
{
    static uint8_t text[QNK_LINES_SIZE * 2];
    struct qnk_lines *lines = *state;
    struct qnk_line line;

    memset(text, 'x', sizeof text);
    qnk_lines_add(lines, "kernel/host", (struct qn_span){text, sizeof text});
    assert_int_equal(qnk_lines_get(lines, 1, &line), QN_OK);
    assert_int_equal(strlen(line.text), QNK_LINES_SIZE - 1);
}

static void whoever_watches_is_told(void **state)
{
    struct qnk_lines *lines = *state;

    told = 0;
    qnk_lines_watch(lines, tell, NULL);
    add(lines, 1);
    assert_int_equal(told, 1);
    qnk_lines_watch(lines, NULL, NULL);
    add(lines, 2);
    assert_int_equal(told, 1);
}

static int start(void **state)
{
    struct qnk_lines *lines = malloc(sizeof *lines);

    qnk_lines_init(lines);
    *state = lines;
    return 0;
}

static int stop(void **state)
{
    qnk_lines_done(*state);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_come_back_by_number, start, stop),
        cmocka_unit_test_setup_teardown(the_oldest_make_room, start, stop),
        cmocka_unit_test_setup_teardown(a_long_line_is_cut, start, stop),
        cmocka_unit_test_setup_teardown(whoever_watches_is_told, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
