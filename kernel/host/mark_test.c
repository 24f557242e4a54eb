/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/host/mark.h"

static const struct qnk_hash here = {{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 1}};
static const struct qnk_hash elsewhere = {{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xee, 1}};

static char folder[64], key[128], why[QNK_MARK_WHY];

static int start(void **subject)
{
    (void)subject;
    (void)snprintf(folder, sizeof folder, "/tmp/qnet-mark-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(key, sizeof key, "%s/v.key", folder);
    return 0;
}

static int stop(void **subject)
{
    char path[QNK_MARK_PATH];

    (void)subject;
    assert_true(qnk_mark_path(key, &here, path));
    (void)remove(path);
    return rmdir(folder);
}

static void a_mark_is_of_one_key_in_one_network(void **subject)
{
    char path[QNK_MARK_PATH], expected[160], other[160];

    (void)subject;
    (void)snprintf(other, sizeof other, "%s/w.key", folder);
    assert_false(qnk_mark_is_there(key, &here));
    assert_int_equal(qnk_mark_make(key, &here, why), QN_OK);
    assert_int_equal(qnk_mark_make(key, &here, why), QN_OK);
    assert_true(qnk_mark_is_there(key, &here));
    assert_false(qnk_mark_is_there(key, &elsewhere));
    assert_false(qnk_mark_is_there(other, &here));
    assert_true(qnk_mark_path(key, &here, path));
    (void)snprintf(expected, sizeof expected, "%s.signed-0123456789abcdef", key);
    assert_string_equal(path, expected);
}

static void a_mark_that_cannot_be_made_is_told(void **subject)
{
    char gone[160];

    (void)subject;
    (void)snprintf(gone, sizeof gone, "%s/gone/v.key", folder);
    assert_int_equal(qnk_mark_make(gone, &here, why), QN_IO);
    assert_non_null(strstr(why, gone));
    assert_non_null(strstr(why, "No such file"));
    assert_false(qnk_mark_is_there(gone, &here));
}

/* Somebody's link in a folder of keys must not have another file written. */
static void no_link_is_followed(void **subject)
{
    char path[QNK_MARK_PATH], target[160];
    struct stat status;

    (void)subject;
    (void)snprintf(target, sizeof target, "%s/target", folder);
    assert_true(qnk_mark_path(key, &here, path));
    assert_int_equal(symlink(target, path), 0);
    assert_true(qnk_mark_is_there(key, &here));
    assert_int_equal(qnk_mark_make(key, &here, why), QN_IO);
    assert_int_equal(stat(target, &status), -1);
}

static void what_the_disk_does_not_say_is_taken_for_a_mark(void **subject)
{
    char file[160];
    FILE *made;

    (void)subject;
    (void)snprintf(file, sizeof file, "%s/v.key", folder);
    made = fopen(file, "w");
    assert_non_null(made);
    assert_int_equal(fclose(made), 0);
    (void)snprintf(file, sizeof file, "%s/v.key/v.key", folder); /* a file is no folder */
    assert_true(qnk_mark_is_there(file, &here));
    assert_int_equal(remove(key), 0);
}

static void a_credential_has_none(void **subject)
{
    char path[QNK_MARK_PATH];

    (void)subject;
    assert_false(qnk_mark_path("credential:v", &here, path));
    assert_false(qnk_mark_is_there("credential:v", &here));
    assert_int_equal(qnk_mark_make("credential:v", &here, why), QN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_mark_is_of_one_key_in_one_network, start, stop),
        cmocka_unit_test_setup_teardown(a_mark_that_cannot_be_made_is_told, start, stop),
        cmocka_unit_test_setup_teardown(no_link_is_followed, start, stop),
        cmocka_unit_test_setup_teardown(what_the_disk_does_not_say_is_taken_for_a_mark, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_credential_has_none, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
