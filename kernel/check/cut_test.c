/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* pwritev, mkdtemp */

#include "tests/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/check/cut.h"
#include "sdk/check/check.h"

enum { SECTOR = 512, SECTORS = 64, ROOM = SECTOR * SECTORS };

static char folder[64];
static char path[80];
static uint8_t bytes[ROOM];
static uint64_t size;

void qn_check_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

static int folder_make(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/qnet-cut-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

static int folder_remove(void **state)
{
    (void)state;
    return unlink(path) == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static int file_open(int flags)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600);

    assert_true(fd >= 0);
    return fd;
}

static void put(int fd, char what, uint64_t count)
{
    char text[ROOM];

    memset(text, what, count);
    assert_int_equal(write(fd, text, count), count);
}

/* The file, in `bytes`. */
static void file_read(void)
{
    int fd = file_open(0);

    size = (uint64_t)read(fd, bytes, sizeof bytes);
    (void)close(fd);
}

static struct qnk_cut cut_at(uint64_t at, void (*run)(void *ctx), enum qnk_traced_end wanted)
{
    struct qnk_cut cut = {.folder = folder, .at = at};
    int status = 0;
    enum qnk_traced_end end = qnk_cut_run(&cut, run, NULL, &status);

    if (end == QNK_TRACED_REFUSED) {
        skip();
    }
    assert_int_equal(end, wanted);
    return cut;
}

static void three_writes(void *ctx)
{
    int fd = file_open(0);

    (void)ctx;
    put(fd, 'a', 10);
    put(fd, 'b', 10);
    put(fd, 'c', 10);
}

static void a_process_is_ended_before_the_call(void **state)
{
    struct qnk_cut cut = cut_at(3, three_writes, QNK_TRACED_ENDED);

    (void)state;
    assert_int_equal(cut.calls, 3);
    assert_string_equal(cut.call, "write");
    qnk_cut_lose(QNK_CUT_LOSES_NOTHING, 1);
    file_read();
    assert_int_equal(size, 20);
    assert_memory_equal(bytes, "aaaaaaaaaabbbbbbbbbb", 20);
}

static void all_calls_are_counted_when_none_is_cut(void **state)
{
    struct qnk_cut cut = cut_at(0, three_writes, QNK_TRACED_RETURNED);

    (void)state;
    assert_int_equal(cut.calls, 3);
    qnk_cut_lose(QNK_CUT_LOSES_ALL, 1);
    file_read();
    assert_int_equal(size, 0);
}

static void writes_elsewhere(void *ctx)
{
    int pipes[2];

    assert_int_equal(pipe(pipes), 0);
    put(pipes[1], 'x', 10);
    three_writes(ctx);
}

static void writes_to_no_file_of_the_folder_are_not_counted(void **state)
{
    (void)state;
    assert_int_equal(cut_at(0, writes_elsewhere, QNK_TRACED_RETURNED).calls, 3);
}

static void flushes_in_between(void *ctx)
{
    int fd = file_open(0);

    (void)ctx;
    put(fd, 'a', 700);
    assert_int_equal(fdatasync(fd), 0);
    assert_int_equal(pwrite(fd, "over", 4, 600), 4);
    put(fd, 'b', 700);
}

static void what_was_flushed_is_kept_and_nothing_else(void **state)
{
    (void)state;
    (void)cut_at(0, flushes_in_between, QNK_TRACED_RETURNED);
    file_read();
    assert_int_equal(size, 1400);
    qnk_cut_lose(QNK_CUT_LOSES_ALL, 1);
    file_read();
    assert_int_equal(size, 700);
    for (uint64_t i = 0; i < size; i++) {
        assert_int_equal(bytes[i], 'a');
    }
}

static void one_long_write(void *ctx)
{
    (void)ctx;
    put(file_open(0), 'a', ROOM);
}

static void some_sectors_are_lost_whole(void **state)
{
    uint32_t lost = 0;

    (void)state;
    (void)cut_at(0, one_long_write, QNK_TRACED_RETURNED);
    qnk_cut_lose(QNK_CUT_LOSES_SOME, 3);
    file_read();
    assert_int_equal(size, ROOM);
    for (uint32_t i = 0; i < SECTORS; i++) {
        const uint8_t *sector = bytes + (uint64_t)i * SECTOR;

        assert_true(*sector == 0 || *sector == 'a');
        for (uint32_t j = 1; j < SECTOR; j++) {
            assert_int_equal(sector[j], *sector);
        }
        lost += *sector == 0;
    }
    assert_in_range(lost, 10, SECTORS - 10);
}

static void writes_through(void *ctx)
{
    int fd = file_open(O_DSYNC);

    (void)ctx;
    put(fd, 'a', 10);
}

static void what_a_synchronous_descriptor_wrote_is_kept(void **state)
{
    (void)state;
    (void)cut_at(0, writes_through, QNK_TRACED_RETURNED);
    qnk_cut_lose(QNK_CUT_LOSES_ALL, 1);
    file_read();
    assert_int_equal(size, 10);
}

static void writes_in_parts(void *ctx)
{
    char text[] = "0123456789";
    struct iovec parts[2] = {{text, 4}, {text, 6}};
    int fd = file_open(O_APPEND);

    (void)ctx;
    assert_int_equal(pwrite(fd, text, 10, 0), 10);
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(writev(fd, parts, 2), 10);
}

static void parts_and_ends_are_known(void **state)
{
    (void)state;
    (void)cut_at(0, writes_in_parts, QNK_TRACED_RETURNED);
    file_read();
    assert_int_equal(size, 20);
    qnk_cut_lose(QNK_CUT_LOSES_ALL, 1);
    file_read();
    assert_int_equal(size, 10);
}

static void *thread(void *ctx)
{
    three_writes(ctx);
    return NULL;
}

static void writes_by_a_thread(void *ctx)
{
    pthread_t it;

    assert_int_equal(pthread_create(&it, NULL, thread, ctx), 0);
    (void)pthread_join(it, NULL);
    put(file_open(0), 'd', 10);
}

static void a_call_of_a_thread_ends_the_process(void **state)
{
    (void)state;
    (void)cut_at(2, writes_by_a_thread, QNK_TRACED_ENDED);
    qnk_cut_lose(QNK_CUT_LOSES_NOTHING, 1);
    file_read();
    assert_int_equal(size, 10);
    assert_int_equal(bytes[0], 'a');
}

static void exits(void *ctx)
{
    (void)ctx;
    put(file_open(0), 'a', 1);
    _exit(7);
}

static void who_ends_by_itself_is_told_from_who_returns(void **state)
{
    struct qnk_cut cut = {.folder = folder};
    int status = 0;
    enum qnk_traced_end end = qnk_cut_run(&cut, exits, NULL, &status);

    (void)state;
    if (end == QNK_TRACED_REFUSED) {
        skip();
    }
    assert_int_equal(end, QNK_TRACED_DIED);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

#define IN_FOLDER(it) cmocka_unit_test_setup_teardown(it, folder_make, folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_process_is_ended_before_the_call),
        IN_FOLDER(all_calls_are_counted_when_none_is_cut),
        IN_FOLDER(writes_to_no_file_of_the_folder_are_not_counted),
        IN_FOLDER(what_was_flushed_is_kept_and_nothing_else),
        IN_FOLDER(some_sectors_are_lost_whole),
        IN_FOLDER(what_a_synchronous_descriptor_wrote_is_kept),
        IN_FOLDER(parts_and_ends_are_known),
        IN_FOLDER(a_call_of_a_thread_ends_the_process),
        IN_FOLDER(who_ends_by_itself_is_told_from_who_returns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
