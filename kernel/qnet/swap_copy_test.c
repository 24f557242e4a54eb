/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/qnet/swap_copy.h"

static char folder[40];
static char path[80];
static char why[400];

static int start(void **subject)
{
    (void)subject;
    (void)snprintf(folder, sizeof folder, "/tmp/qnet-copy-XXXXXX");
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

static void make(const char *name)
{
    int fd = open(at(name), O_WRONLY | O_CREAT | O_EXCL, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "copy", 4), 4);
    assert_int_equal(close(fd), 0);
}

/* Is there still, which is the point; and gone after the case. */
static void refused(const char *name, uid_t owner, const char *words)
{
    why[0] = 0;
    assert_int_equal(qnk_swap_copy_take(at(name), owner, why, sizeof why), -1);
    if (strstr(why, words) == NULL) {
        fail_msg("%s: %s", name, why);
    }
    assert_int_equal(unlink(path), 0);
}

static void a_copy_is_opened_and_its_name_is_gone(void **subject)
{
    static const char *const names[] = {"swap-copy.7", "swap-copy.Ab01yz"};

    (void)subject;
    for (uint32_t i = 0; i < 2; i++) {
        char text[8];
        int fd;

        make(names[i]);
        fd = qnk_swap_copy_take(path, getuid(), why, sizeof why);
        assert_true(fd >= 0);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(read(fd, text, sizeof text), 4);
        assert_int_equal(close(fd), 0);
    }
}

static void what_has_another_name_is_left_alone(void **subject)
{
    static const char *const outside[] = {"",  "swap-copy.7",       "/swap-copy.7",
                                          "/", "/none/swap-copy.7", "/tmp/swap-copy"};

    (void)subject;
    make("swaps");
    refused("swaps", getuid(), "no copy has such a name");
    for (uint32_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        assert_int_equal(qnk_swap_copy_take(outside[i], getuid(), why, sizeof why), -1);
    }
}

static void what_is_of_another_user_is_left_alone(void **subject)
{
    (void)subject;
    make("swap-copy.7");
    refused("swap-copy.7", getuid() + 1, "not of the node's user");
}

static void what_is_no_regular_file_is_left_alone(void **subject)
{
    char target[sizeof path];

    (void)subject;
    assert_int_equal(mkfifo(at("swap-copy.7"), 0600), 0);
    refused("swap-copy.7", getuid(), "no regular file"); /* and nobody waited for a writer */
    make("key");
    (void)snprintf(target, sizeof target, "%s", path);
    assert_int_equal(symlink(target, at("swap-copy.7")), 0);
    refused("swap-copy.7", getuid(), "is not taken");
    assert_int_equal(unlink(target), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_copy_is_opened_and_its_name_is_gone, start, stop),
        cmocka_unit_test_setup_teardown(what_has_another_name_is_left_alone, start, stop),
        cmocka_unit_test_setup_teardown(what_is_of_another_user_is_left_alone, start, stop),
        cmocka_unit_test_setup_teardown(what_is_no_regular_file_is_left_alone, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
