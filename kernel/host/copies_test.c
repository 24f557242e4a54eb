/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kernel/host/copies.h"
#include "kernel/host/fullness.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static char folder[40];
static char path[QNK_COPIES_PATH];
static char why[QNK_COPIES_WHY];

static int start(void **subject)
{
    (void)subject;
    why[0] = '\0';
    (void)snprintf(folder, sizeof folder, "/tmp/qnet-copies-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

/* Each case has deleted what it made. */
static int stop(void **subject)
{
    (void)subject;
    return rmdir(folder);
}

static const char *at(const char *name)
{
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* A file as of `age` seconds ago. */
static void leave(const char *name, time_t age)
{
    const struct timespec times[2] = {{.tv_sec = 1000000 - age}, {.tv_sec = 1000000 - age}};
    int file = open(at(name), O_WRONLY | O_CREAT | O_EXCL, 0600);

    assert_true(file >= 0);
    assert_int_equal(futimens(file, times), 0);
    assert_int_equal(close(file), 0);
}

static bool is_there(const char *name)
{
    struct stat status;

    return lstat(at(name), &status) == 0;
}

static void make(char made[QNK_COPIES_PATH])
{
    int file = -1;

    assert_int_equal(qnk_copies_make(folder, made, &file, why), QN_OK);
    assert_int_equal(close(file), 0);
}

static void each_copy_has_a_name_of_its_own_and_one_owner(void **subject)
{
    char one[QNK_COPIES_PATH], other[QNK_COPIES_PATH];
    struct stat status;

    (void)subject;
    make(one);
    make(other);
    assert_string_not_equal(one, other);
    assert_int_equal(strncmp(one, folder, strlen(folder)), 0);
    assert_int_equal(strncmp(one + strlen(folder), "/swap-copy.", 11), 0);
    assert_int_equal(stat(one, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(unlink(one), 0);
    assert_int_equal(unlink(other), 0);
}

static void of_those_that_nobody_came_for_the_oldest_gives_way(void **subject)
{
    char made[QNK_COPIES_PATH];

    (void)subject;
    leave("swap-copy.bbbbbb", 3);
    leave("swap-copy.aaaaaa", 1);
    leave("swap-copy.dddddd", 4);
    make(made);
    assert_true(is_there("swap-copy.dddddd")); /* that makes four */
    assert_int_equal(unlink(made), 0);
    leave("swap-copy.cccccc", 2);
    make(made);
    assert_false(is_there("swap-copy.dddddd"));
    assert_true(is_there("swap-copy.bbbbbb"));
    assert_int_equal(qnk_copies_trim(folder, QNK_COPIES_MAX), 0);
    assert_int_equal(qnk_copies_trim(folder, 2), 2);
    assert_true(is_there("swap-copy.aaaaaa"));
    assert_int_equal(access(made, F_OK), 0);
    assert_int_equal(qnk_copies_trim(folder, 0), 2);
}

static void a_start_takes_away_however_many_there_are(void **subject)
{
    (void)subject;
    for (uint32_t i = 0; i < 100; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "swap-copy.%06u", i);
        leave(name, i);
    }
    assert_int_equal(qnk_copies_trim(folder, 0), 100);
    assert_int_equal(qnk_copies_trim(folder, 0), 0);
    assert_int_equal(qnk_copies_trim("/no/such/folder", 0), 0);
}

static void what_is_no_copy_stays(void **subject)
{
    static const char *const names[] = {"swaps",           "swap-copy",         "swap-copy.",
                                        "swap-copy.abcde", "swap-copy.abcdefg", "swap-copy.abc-ef",
                                        "Swap-copy.abcdef"};

    (void)subject;
    for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) {
        leave(names[i], 9);
    }
    assert_int_equal(mkdir(at("swap-copy.folder"), 0700), 0);
    assert_int_equal(mkfifo(at("swap-copy.fifofi"), 0600), 0);
    assert_int_equal(symlink("swaps", at("swap-copy.symlin")), 0);
    assert_int_equal(qnk_copies_trim(folder, 0), 0);
    for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(unlink(at(names[i])), 0);
    }
    assert_int_equal(rmdir(at("swap-copy.folder")), 0);
    assert_int_equal(unlink(at("swap-copy.fifofi")), 0);
    assert_int_equal(unlink(at("swap-copy.symlin")), 0);
}

static void a_folder_that_takes_no_file_is_named(void **subject)
{
    int file = -1;

    (void)subject;
    path[0] = '\0';
    assert_int_equal(qnk_copies_make("/no/such/folder", path, &file, why), QN_IO);
    assert_int_equal(file, -1);
    assert_string_equal(path, "");
    assert_non_null(strstr(why, "'/no/such/folder': No such file"));
}

static void a_copy_makes_no_disk_low_or_full(void **subject)
{
    (void)subject;
    assert_true(qnk_copies_fit(50 * GIB, 100 * GIB, 64 * MIB));
    assert_true(qnk_copies_fit(10 * GIB + 64 * MIB, 100 * GIB, 64 * MIB));
    assert_false(qnk_copies_fit(10 * GIB + 64 * MIB, 100 * GIB, 64 * MIB + 1)); /* low */
    assert_true(qnk_copies_fit(9 * GIB, 100 * GIB, 64 * MIB));                  /* is so already */
    assert_true(qnk_copies_fit(GIB + 64 * MIB, 100 * GIB, 64 * MIB));
    assert_false(qnk_copies_fit(GIB + 64 * MIB, 100 * GIB, 64 * MIB + 1)); /* full */
    assert_false(qnk_copies_fit(GIB - 1, 100 * GIB, 0));                   /* is so already */
    assert_false(qnk_copies_fit(2 * GIB + MIB, 10000 * GIB, 2 * MIB));     /* of a large one */
    assert_false(qnk_copies_fit(50 * MIB, 64 * MIB, 51 * MIB));            /* no room at all */
    assert_false(qnk_copies_fit(50 * GIB, 100 * GIB, UINT64_MAX));
    assert_true(qnk_copies_fit(0, 0, 64 * MIB)); /* it does not say */
}

static void a_piece_is_written_if_there_is_room_for_the_rest(void **subject)
{
    struct qn_span piece = {(const uint8_t *)"piece", 5};
    struct stat status;
    int file = -1;

    (void)subject;
    assert_int_equal(qnk_copies_make(folder, path, &file, why), QN_OK);
    assert_int_equal(qnk_copies_put(folder, file, piece, 5, why), QN_OK);
    assert_int_equal(qnk_copies_put(folder, file, piece, UINT64_MAX, why), QN_NO_SPACE);
    assert_non_null(strstr(why, "would make it low or full: make room there"));
    assert_non_null(strstr(why, folder));
    assert_int_equal(fstat(file, &status), 0);
    assert_int_equal(status.st_size, 5);
    assert_int_equal(close(file), 0);
    assert_int_equal(unlink(path), 0);
}

static void a_full_disk_is_called_so(void **subject)
{
    struct qn_span piece = {(const uint8_t *)"piece", 5};
    int file = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)subject;
    assert_true(file >= 0);
    assert_int_equal(qnk_copies_put(folder, file, piece, 0, why), QN_NO_SPACE);
    assert_int_equal(close(file), 0);
    assert_non_null(strstr(why, folder));
    assert_non_null(strstr(why, "No space left on device; make room there"));
    assert_int_equal(qnk_copies_put(folder, -1, piece, 0, why), QN_IO);
    assert_null(strstr(why, "make room"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_copy_has_a_name_of_its_own_and_one_owner, start, stop),
        cmocka_unit_test_setup_teardown(of_those_that_nobody_came_for_the_oldest_gives_way, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_start_takes_away_however_many_there_are, start, stop),
        cmocka_unit_test_setup_teardown(what_is_no_copy_stays, start, stop),
        cmocka_unit_test_setup_teardown(a_folder_that_takes_no_file_is_named, start, stop),
        cmocka_unit_test(a_copy_makes_no_disk_low_or_full),
        cmocka_unit_test_setup_teardown(a_piece_is_written_if_there_is_room_for_the_rest, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_full_disk_is_called_so, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
