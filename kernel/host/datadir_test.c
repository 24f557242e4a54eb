/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/host/datadir.h"

static char home[64];
static struct qnk_datadir dir;

static int start(void **subject)
{
    (void)subject;
    (void)snprintf(home, sizeof home, "/tmp/qnet-datadir-XXXXXX");
    if (mkdtemp(home) == NULL || setenv("XDG_DATA_HOME", home, 1) != 0) {
        return -1;
    }
    return setenv("XDG_RUNTIME_DIR", home, 1);
}

static void remove_at(const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", home, name);
    (void)remove(path);
}

static int stop(void **subject)
{
    (void)subject;
    qnk_datadir_close(&dir);
    remove_at("qnet/v1/lock");
    remove_at("qnet/v1/storage");
    remove_at("qnet/v1");
    remove_at("qnet");
    return rmdir(home);
}

static void folders_are_made_and_locked(void **subject)
{
    char expected[128];
    struct stat status;

    (void)subject;
    (void)snprintf(expected, sizeof expected, "%s/qnet/v1", home);
    assert_int_equal(qnk_datadir_find(&dir, "v1", ""), QN_OK);
    assert_string_equal(dir.data, expected);
    assert_string_equal(dir.runtime, expected);
    assert_int_equal(qnk_datadir_open(&dir), QN_OK);
    assert_int_equal(stat(dir.data, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
}

static void a_second_process_is_refused(void **subject)
{
    struct qnk_datadir other;

    (void)subject;
    assert_int_equal(qnk_datadir_find(&dir, "v1", ""), QN_OK);
    assert_int_equal(qnk_datadir_open(&dir), QN_OK);
    assert_int_equal(qnk_datadir_find(&other, "v1", ""), QN_OK);
    assert_int_equal(qnk_datadir_open(&other), QN_BUSY);
    assert_non_null(strstr(other.why, dir.data));
    qnk_datadir_close(&dir);
    assert_int_equal(qnk_datadir_open(&other), QN_OK);
    qnk_datadir_close(&other);
}

static void a_lock_ends_with_its_process(void **subject)
{
    pid_t child = fork();
    int ended;

    (void)subject;
    assert_int_equal(qnk_datadir_find(&dir, "v1", ""), QN_OK);
    if (child == 0) {
        _exit(qnk_datadir_open(&dir) == QN_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
    assert_int_equal(qnk_datadir_open(&dir), QN_OK);
}

static void the_node_files_folder_comes_first(void **subject)
{
    char data[128];

    (void)subject;
    (void)snprintf(data, sizeof data, "%s/qnet/v1/", home);
    assert_int_equal(qnk_datadir_find(&dir, "other", data), QN_OK);
    assert_int_equal(strncmp(dir.data, data, strlen(data) - 1), 0);
    assert_int_equal(strlen(dir.data), strlen(data) - 1); /* without the slash */
}

static void a_file_where_a_folder_should_be_is_named(void **subject)
{
    char path[QNK_DATADIR_PATH];
    FILE *file;

    (void)subject;
    (void)snprintf(path, sizeof path, "%s/storage", home);
    file = fopen(path, "w");
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(qnk_datadir_find(&dir, "v1", path), QN_OK);
    assert_int_not_equal(qnk_datadir_open(&dir), QN_OK);
    assert_int_equal(unlink(path), 0);
    assert_non_null(strstr(dir.why, "storage"));
}

static void paths_that_are_too_long_are_refused(void **subject)
{
    char name[QNK_DATADIR_PATH];
    char socket[QNK_DATADIR_SOCKET_MAX + 1];

    (void)subject;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    assert_int_equal(qnk_datadir_find(&dir, name, ""), QN_INVALID);
    name[QNK_DATADIR_SOCKET_MAX] = 0;
    assert_int_equal(qnk_datadir_find(&dir, name, ""), QN_OK);
    assert_int_equal(qnk_datadir_socket(&dir, socket), QN_INVALID);
    assert_int_equal(qnk_datadir_find(&dir, "v1", ""), QN_OK);
    assert_int_equal(qnk_datadir_socket(&dir, socket), QN_OK);
    assert_non_null(strstr(socket, "/qnet/v1/admin.sock"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folders_are_made_and_locked, start, stop),
        cmocka_unit_test_setup_teardown(a_second_process_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_lock_ends_with_its_process, start, stop),
        cmocka_unit_test_setup_teardown(the_node_files_folder_comes_first, start, stop),
        cmocka_unit_test_setup_teardown(a_file_where_a_folder_should_be_is_named, start, stop),
        cmocka_unit_test_setup_teardown(paths_that_are_too_long_are_refused, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
