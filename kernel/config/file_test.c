/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/base/memory.h"
#include "kernel/config/file.h"

enum { ARENA_SIZE = 4096 };

static struct qnk_budget budget = {.limit = ARENA_SIZE};
static struct qnk_arena arena;
static char folder[] = "/tmp/qnet-file-XXXXXX";
static char path[64];
static struct qn_span bytes;

static int start(void **subject)
{
    (void)subject;
    void *block = qnk_memory_take(&budget, ARENA_SIZE);

    if (block == NULL || mkdtemp(folder) == NULL) {
        return -1;
    }
    qnk_arena_init(&arena, block, ARENA_SIZE);
    (void)snprintf(path, sizeof path, "%s/x", folder);
    return 0;
}

static int stop(void **subject)
{
    (void)subject;
    qnk_memory_give(&budget, arena.block, ARENA_SIZE);
    (void)unlink(path);
    return rmdir(folder);
}

static void write_file(const char *text, mode_t mode)
{
    int fd;

    (void)unlink(path);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void a_file_is_read_whole(void **subject)
{
    (void)subject;
    write_file("hello", 0600);
    assert_int_equal(qnk_file_read(path, 5, &arena, &bytes), QN_OK);
    assert_int_equal(bytes.size, 5);
    assert_memory_equal(bytes.data, "hello", 5);
    write_file("", 0600);
    assert_int_equal(qnk_file_read(path, 5, &arena, &bytes), QN_OK);
    assert_int_equal(bytes.size, 0);
}

static void what_is_too_large_is_refused(void **subject)
{
    (void)subject;
    write_file("hello", 0600);
    bytes.size = 77;
    assert_int_equal(qnk_file_read(path, 4, &arena, &bytes), QN_NO_SPACE);
    assert_non_null(qnk_arena_take(&arena, ARENA_SIZE - arena.used));
    assert_int_equal(qnk_file_read(path, 5, &arena, &bytes), QN_NO_SPACE);
    assert_int_equal(bytes.size, 77);
    qnk_arena_reset(&arena);
}

static void what_is_no_file_is_refused(void **subject)
{
    (void)subject;
    assert_int_equal(qnk_file_read(folder, 5, &arena, &bytes), QN_INVALID);
    (void)unlink(path);
    assert_int_equal(qnk_file_read(path, 5, &arena, &bytes), QN_NOT_FOUND);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(qnk_file_read(path, 5, &arena, &bytes), QN_INVALID);
    write_file("", 0600);
    (void)snprintf(path, sizeof path, "%s/x/y", folder);
    assert_int_equal(qnk_file_read(path, 5, &arena, &bytes), QN_NOT_FOUND);
    (void)snprintf(path, sizeof path, "%s/x", folder);
}

static void a_file_that_may_not_be_read_is_told(void **subject)
{
    (void)subject;
    uid_t user = geteuid();

    write_file("hello", 0);
    if (user == 0) {
        assert_int_equal(seteuid(1), 0); /* root may read everything */
    }
    assert_int_equal(qnk_file_read(path, 5, &arena, &bytes), QN_DENIED);
    assert_int_equal(seteuid(user), 0);
}

static void a_secret_is_ours_alone(void **subject)
{
    (void)subject;
    static const mode_t wide[] = {0640, 0604, 0620, 0601, 0660, 0666};
    uint32_t mode;

    write_file("secret", 0600);
    assert_int_equal(qnk_file_secret(path, &mode), QNK_FILE_SECRET_FINE);
    assert_int_equal(mode, 0600);
    write_file("secret", 0400);
    assert_int_equal(qnk_file_secret(path, &mode), QNK_FILE_SECRET_FINE);
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        write_file("secret", wide[i]);
        assert_int_equal(qnk_file_secret(path, &mode), QNK_FILE_SECRET_WIDE);
        assert_int_equal(mode, wide[i]);
    }
}

static void other_secrets_are_told_apart(void **subject)
{
    (void)subject;
    uint32_t mode;

    (void)unlink(path);
    assert_int_equal(qnk_file_secret(path, &mode), QNK_FILE_SECRET_MISSING);
    assert_int_equal(qnk_file_secret(folder, &mode), QNK_FILE_SECRET_NO_FILE);
    if (geteuid() == 0) {
        write_file("secret", 0600);
        assert_int_equal(chown(path, 1, 1), 0);
        assert_int_equal(qnk_file_secret(path, &mode), QNK_FILE_SECRET_OTHERS);
    } else {
        assert_int_equal(qnk_file_secret("/etc/passwd", &mode), QNK_FILE_SECRET_OTHERS);
    }
}

static void folders_are_what_stands_before_the_last_slash(void **subject)
{
    (void)subject;
    struct qnk_arena none;

    assert_string_equal(qnk_file_folder("node.yaml", &arena), "");
    assert_string_equal(qnk_file_folder("v1/node.yaml", &arena), "v1");
    assert_string_equal(qnk_file_folder("/a/b/c", &arena), "/a/b");
    assert_string_equal(qnk_file_folder("/node.yaml", &arena), "/");
    qnk_arena_init(&none, NULL, 0);
    assert_null(qnk_file_folder("v1/node.yaml", &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_whole),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(a_file_that_may_not_be_read_is_told),
        cmocka_unit_test(a_secret_is_ours_alone),
        cmocka_unit_test(other_secrets_are_told_apart),
        cmocka_unit_test(folders_are_what_stands_before_the_last_slash),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
