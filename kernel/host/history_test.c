/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/host/history.h"

static struct qnk_budget budget = {.limit = 1 << 22};
static char folder[32];
static char path[48];
static struct qnk_history history;

static int start(void **subject)
{
    (void)subject;
    (void)snprintf(folder, sizeof folder, "/tmp/qnet-swaps-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/swaps", folder);
    return qnk_history_open(&history, &budget, folder) == QN_OK ? 0 : -1;
}

static int stop(void **subject)
{
    (void)subject;
    qnk_history_close(&history);
    return unlink(path) == 0 && rmdir(folder) == 0 && budget.used == 0 ? 0 : -1;
}

static void add(json_int_t swap, const char *step, const char *kind, const char *name)
{
    json_t *line =
        json_pack("{s:I, s:s, s:s, s:s}", "swap", swap, "step", step, "kind", kind, "name", name);

    assert_int_equal(qnk_history_add(&history, line, strcmp(step, "committed") == 0), QN_OK);
}

static void again(void)
{
    qnk_history_close(&history);
    assert_int_equal(qnk_history_open(&history, &budget, folder), QN_OK);
}

static const char *in_force(const char *kind)
{
    return json_string_value(json_object_get(qnk_history_in_force(&history, kind), "name"));
}

static void an_exchange_is_in_force_once_it_is_committed(void **subject)
{
    (void)subject;
    add(1, "begun", "compression", "none");
    add(1, "frozen", "compression", "none");
    assert_null(in_force("compression"));
    add(1, "committed", "compression", "none");
    assert_string_equal(in_force("compression"), "none");
    assert_null(in_force("signature"));
    again();
    assert_string_equal(in_force("compression"), "none");
    assert_int_equal(history.last, 1);
}

static void what_was_aborted_after_its_record_is_not_in_force(void **subject)
{
    (void)subject;
    add(1, "committed", "compression", "a");
    add(2, "committed", "compression", "b");
    add(2, "aborted", "compression", "b");
    again();
    assert_string_equal(in_force("compression"), "a");
    add(3, "aborted", "compression", "c"); /* of another that came not so far */
    assert_string_equal(in_force("compression"), "a");
    add(1, "dropped", "compression", "a");
    assert_null(in_force("compression"));
}

/* As a power cut leaves it: the file ends anywhere. */
static void a_file_that_ends_anywhere_says_old_or_new(void **subject)
{
    struct stat info;
    uint64_t first;

    (void)subject;
    add(1, "committed", "compression", "old");
    first = history.size;
    add(2, "begun", "compression", "new");
    add(2, "committed", "compression", "new");
    assert_int_equal(stat(path, &info), 0);
    for (uint64_t size = (uint64_t)info.st_size + 1; size-- > first;) {
        assert_int_equal(truncate(path, (off_t)size), 0);
        again();
        assert_string_equal(in_force("compression"),
                            size == (uint64_t)info.st_size ? "new" : "old");
        assert_int_equal(history.damaged, 0);
    }
    add(7, "committed", "compression", "next"); /* what was torn is gone: lines go on well */
    again();
    assert_string_equal(in_force("compression"), "next");
}

static void a_damaged_line_is_passed_over(void **subject)
{
    static const char lines[] = "{\"swap\":x\n[1]\n{\"plan\":\"a\"}\n{\"step\":1}\n";
    int fd = open(path, O_WRONLY | O_APPEND);

    (void)subject;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, lines, sizeof lines - 1), sizeof lines - 1);
    assert_int_equal(close(fd), 0);
    again();
    assert_int_equal(history.damaged, 4);
    assert_int_equal(json_array_size(history.lines), 0);
    add(1, "committed", "compression", "a");
    again();
    assert_string_equal(in_force("compression"), "a");
}

static void a_number_after_which_there_is_none_is_damage(void **subject)
{
    static const char lines[] = "{\"swap\":-1,\"step\":\"begun\"}\n"
                                "{\"swap\":9223372036854775807,\"step\":\"begun\"}\n"
                                "{\"swap\":4,\"step\":\"begun\"}\n";
    int fd = open(path, O_WRONLY | O_APPEND);

    (void)subject;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, lines, sizeof lines - 1), sizeof lines - 1);
    assert_int_equal(close(fd), 0);
    again();
    assert_int_equal(history.damaged, 2);
    assert_int_equal(history.last, 4);
}

static void the_newest_file_of_a_name_is_available(void **subject)
{
    (void)subject;
    for (int i = 0; i < 2; i++) {
        json_t *line = json_pack("{s:s, s:s, s:s, s:s}", "step", "available", "kind", "consensus",
                                 "name", "bft", "path", i == 0 ? "/a.so" : "/b.so");

        assert_int_equal(qnk_history_add(&history, line, false), QN_OK);
    }
    assert_string_equal(qnk_history_available(&history, "consensus", "bft"), "/b.so");
    assert_null(qnk_history_available(&history, "producer", "bft"));
}

static void a_long_history_keeps_what_is_in_force(void **subject)
{
    (void)subject;
    add(1, "committed", "signature", "first");
    while (history.size <= QNK_HISTORY_KEEP) {
        add(2, "aborted", "compression", "a name that takes some room in the file");
    }
    again();
    assert_true(history.size < QNK_HISTORY_KEEP);
    assert_true(json_array_size(history.lines) == QNK_HISTORY_LINES + 1);
    assert_string_equal(in_force("signature"), "first");
    again();
    assert_string_equal(in_force("signature"), "first");
}

/* The power went before the shorter file took the long one's place. */
static void what_is_left_of_a_shortening_is_no_matter(void **subject)
{
    static const char torn[] = "{\"step\":\"dropped\",\"kind\":\"signature\"}\n{";
    char beside[64];
    int fd;

    (void)subject;
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    add(1, "committed", "signature", "first");
    while (history.size <= QNK_HISTORY_KEEP) {
        add(2, "aborted", "compression", "a name that takes some room in the file");
    }
    fd = open(beside, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, torn, sizeof torn - 1), sizeof torn - 1);
    assert_int_equal(close(fd), 0);
    again();
    assert_string_equal(in_force("signature"), "first");
    assert_true(history.size < QNK_HISTORY_KEEP);
    assert_int_equal(access(beside, F_OK), -1);
}

static void a_full_file_takes_no_more(void **subject)
{
    json_t *line;

    (void)subject;
    do {
        line = json_pack("{s:I, s:s, s:s}", "swap", (json_int_t)1, "step", "begun", "kind",
                         "compression");
    } while (qnk_history_add(&history, line, false) == QN_OK);
    assert_true(history.size <= QNK_HISTORY_MAX);
    line = json_pack("{s:s}", "step", "begun");
    assert_int_equal(qnk_history_add(&history, line, false), QN_NO_SPACE);
    assert_int_equal(qnk_history_add(&history, NULL, false), QN_NO_SPACE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_exchange_is_in_force_once_it_is_committed, start, stop),
        cmocka_unit_test_setup_teardown(what_was_aborted_after_its_record_is_not_in_force, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_file_that_ends_anywhere_says_old_or_new, start, stop),
        cmocka_unit_test_setup_teardown(a_damaged_line_is_passed_over, start, stop),
        cmocka_unit_test_setup_teardown(a_number_after_which_there_is_none_is_damage, start, stop),
        cmocka_unit_test_setup_teardown(the_newest_file_of_a_name_is_available, start, stop),
        cmocka_unit_test_setup_teardown(a_long_history_keeps_what_is_in_force, start, stop),
        cmocka_unit_test_setup_teardown(what_is_left_of_a_shortening_is_no_matter, start, stop),
        cmocka_unit_test_setup_teardown(a_full_file_takes_no_more, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
