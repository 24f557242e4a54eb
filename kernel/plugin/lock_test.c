/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/plugin/lock.h"

#define A      "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define B      "11112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define LINE_A A " compression zstd 1.0.0 20000\n"
#define LINE_B B " storage lmdb 1.2.3 5\n"

static struct qnk_budget budget = {.limit = 1u << 24};
static char why[QNK_PLUGIN_WHY_MAX];

static int32_t read_text(const char *text, struct qnk_lock *lock)
{
    why[0] = 0;
    return qnk_lock_read((struct qn_span){(const uint8_t *)text, strlen(text)}, &budget, lock, why);
}

static void lines_are_read(void **state)
{
    struct qnk_lock lock;

    (void)state;
    assert_int_equal(read_text(LINE_A LINE_B, &lock), QN_OK);
    assert_int_equal(lock.count, 2);
    assert_string_equal(lock.lines[1].name, "lmdb");
    assert_string_equal(lock.lines[1].version, "1.2.3");
    assert_int_equal(lock.lines[0].size, 20000);
    assert_int_equal(lock.lines[0].hash.bytes[1], 0x11);
    qnk_lock_done(&lock);
    assert_int_equal(read_text("", &lock), QN_OK);
    qnk_lock_done(&lock);
    assert_int_equal(budget.used, 0);
}

/* A word does not end before its end. */
static void a_zero_byte_is_no_part_of_a_line(void **state)
{
    static const char text[] = A " compression zstd 1.0.0\0 20000\n";
    struct qnk_lock lock;

    (void)state;
    assert_int_equal(qnk_lock_read((struct qn_span){(const uint8_t *)text, sizeof text - 1},
                                   &budget, &lock, why),
                     QN_INVALID);
    assert_int_equal(budget.used, 0);
}

static void what_is_no_lock_file_is_refused_by_its_line(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"\n", "line 1 is not"},
        {LINE_A "\n", "line 2 is not"},
        {A " compression zstd 1.0.0 20000", "line 1 is not"},
        {A " compression zstd 1.0.0\n", "line 1 is not"},
        {A "  compression zstd 1.0.0 20000\n", "line 1 is not"},
        {A " compression zstd 1.0.0 020000\n", "line 1 is not"},
        {A " compression zstd 1.0.0 20000 \n", "line 1 is not"},
        {A " compression zstd 1.0.0 99999999999999999999\n", "line 1 is not"},
        {A " compression ../zstd 1.0.0 20000\n", "line 1 is not"},
        {"AA" LINE_A, "line 1 is not"},
        {LINE_B LINE_A, "line 2 is out of order"},
        {LINE_A LINE_A, "line 2 is out of order"},
        {LINE_A B " compression zstd 1.0.0 20000\n", "line 2 names a plugin for the second time"},
    };
    struct qnk_lock lock;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_text(cases[i].text, &lock), QN_INVALID);
        if (strstr(why, cases[i].words) == NULL) {
            fail_msg("\"%s\" is not in \"%s\"", cases[i].words, why);
        }
    }
    assert_int_equal(budget.used, 0);
}

static void only_what_is_pinned_passes(void **state)
{
    struct qnk_lock lock;
    struct qnk_lock_line line;

    (void)state;
    assert_int_equal(read_text(LINE_A LINE_B, &lock), QN_OK);
    line = lock.lines[0];
    assert_int_equal(qnk_lock_check(&lock, &line, why), QN_OK);
    line.version[0] = 0;
    assert_int_equal(qnk_lock_check(&lock, &line, why), QN_OK);
    line.hash.bytes[31] ^= 1;
    assert_int_equal(qnk_lock_check(&lock, &line, why), QN_DENIED);
    assert_non_null(strstr(why, "not the file that the lock file pins: 001122334455 of 20000"));
    line = lock.lines[0];
    line.size++;
    assert_int_equal(qnk_lock_check(&lock, &line, why), QN_DENIED);
    line = lock.lines[0];
    line.version[0] = '2';
    assert_int_equal(qnk_lock_check(&lock, &line, why), QN_DENIED);
    line = lock.lines[0];
    line.name[0] = 'q';
    assert_int_equal(qnk_lock_check(&lock, &line, why), QN_DENIED);
    assert_non_null(strstr(why, "does not list compression/qstd"));
    qnk_lock_done(&lock);
}

static void what_is_written_is_read_again_in_order(void **state)
{
    char folder[] = "/tmp/qnet-lock-XXXXXX";
    char path[64];
    struct qnk_lock lock, again;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/plugins.lock", folder);
    assert_int_equal(qnk_lock_open(path, &budget, &again, why), QN_NOT_FOUND);
    assert_int_equal(read_text(LINE_A LINE_B, &lock), QN_OK);

    struct qnk_lock_line lines[3] = {lock.lines[1], lock.lines[0], lock.lines[0]};

    lines[2].hash.bytes[0] = 0x77;
    assert_int_equal(qnk_lock_write(path, lines, 3, why), QN_EXISTS);
    assert_int_equal(access(path, F_OK), -1);
    lines[0] = lock.lines[1];
    lines[1] = lock.lines[0];
    assert_int_equal(qnk_lock_write(path, lines, 2, why), QN_OK);
    assert_int_equal(qnk_lock_open(path, &budget, &again, why), QN_OK);
    assert_int_equal(again.count, 2);
    assert_memory_equal(again.lines, lock.lines, 2 * sizeof *lock.lines);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    qnk_lock_done(&lock);
    qnk_lock_done(&again);
    assert_int_equal(budget.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read),
        cmocka_unit_test(a_zero_byte_is_no_part_of_a_line),
        cmocka_unit_test(what_is_no_lock_file_is_refused_by_its_line),
        cmocka_unit_test(only_what_is_pinned_passes),
        cmocka_unit_test(what_is_written_is_read_again_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
