/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "kernel/host/keyfile.h"

static char folder[64];
static char path[128];
static char why[QNK_KEYFILE_WHY];
static struct qnk_key key;

static const struct qn_span no_passphrase;

static int start(void **subject)
{
    (void)subject;
    (void)snprintf(folder, sizeof folder, "/tmp/qnet-keyfile-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/a.key", folder);
    return qnk_key_make(QNK_KEY_VALIDATOR, NULL, &key) == QN_OK ? 0 : -1;
}

static int stop(void **subject)
{
    (void)subject;
    qnk_key_done(&key);
    (void)unlink(path);
    return rmdir(folder);
}

static void write_file(const char *text, size_t size, mode_t mode)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

    assert_true(file >= 0);
    assert_int_equal(fchmod(file, mode), 0);
    assert_int_equal(write(file, text, size), (ssize_t)size);
    assert_int_equal(close(file), 0);
}

static size_t read_file(char *text, size_t room)
{
    int file = open(path, O_RDONLY);
    ssize_t size = read(file, text, room - 1);

    assert_true(size > 0);
    (void)close(file);
    text[size] = 0;
    return (size_t)size;
}

static int32_t read_key(struct qn_span passphrase, struct qnk_key *got)
{
    return qnk_keyfile_read(path, QNK_KEY_VALIDATOR, passphrase, got, why);
}

static void a_key_comes_back_as_it_was(void **subject)
{
    struct qnk_key got;

    (void)subject;
    assert_int_equal(qnk_keyfile_create(path, &key, no_passphrase, why), QN_OK);
    assert_int_equal(read_key(no_passphrase, &got), QN_OK);
    assert_memory_equal(got.public.bytes, key.public.bytes, QN_KEY_SIZE);
    assert_memory_equal(got.seed, key.seed, QNK_SEED_SIZE);
    qnk_key_done(&got);
}

static void a_file_is_ours_alone(void **subject)
{
    struct stat status;

    (void)subject;
    assert_int_equal(qnk_keyfile_create(path, &key, no_passphrase, why), QN_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void a_file_is_never_replaced(void **subject)
{
    (void)subject;
    assert_int_equal(qnk_keyfile_create(path, &key, no_passphrase, why), QN_OK);
    assert_int_equal(qnk_keyfile_create(path, &key, no_passphrase, why), QN_EXISTS);
    assert_non_null(strstr(why, path));
}

static void a_file_that_others_can_read_is_refused(void **subject)
{
    struct qnk_key got;

    (void)subject;
    assert_int_equal(qnk_keyfile_create(path, &key, no_passphrase, why), QN_OK);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(read_key(no_passphrase, &got), QN_DENIED);
    assert_non_null(strstr(why, "chmod 600"));
}

static void a_key_for_something_else_is_refused(void **subject)
{
    struct qnk_key got;

    (void)subject;
    assert_int_equal(qnk_keyfile_create(path, &key, no_passphrase, why), QN_OK);
    assert_int_equal(qnk_keyfile_read(path, QNK_KEY_NODE, no_passphrase, &got, why), QN_DENIED);
    assert_non_null(strstr(why, "the key of a validator"));
}

static void a_file_that_is_not_there_is_named(void **subject)
{
    struct qnk_key got;

    (void)subject;
    assert_int_equal(read_key(no_passphrase, &got), QN_NOT_FOUND);
    assert_non_null(strstr(why, path));
}

static void every_flipped_bit_is_found(void **subject)
{
    char text[QNK_KEYFILE_SIZE_MAX];
    struct qnk_key got;
    size_t size;

    (void)subject;
    assert_int_equal(qnk_keyfile_create(path, &key, no_passphrase, why), QN_OK);
    size = read_file(text, sizeof text);
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)(text[i] ^ 1);
        write_file(text, size, 0600);
        assert_int_not_equal(read_key(no_passphrase, &got), QN_OK);
        text[i] = (char)(text[i] ^ 1);
    }
    write_file(text, size, 0600);
    assert_int_equal(read_key(no_passphrase, &got), QN_OK);
    qnk_key_done(&got);
}

static void every_cut_is_found(void **subject)
{
    char text[QNK_KEYFILE_SIZE_MAX];
    struct qnk_key got;
    size_t size;

    (void)subject;
    assert_int_equal(qnk_keyfile_create(path, &key, no_passphrase, why), QN_OK);
    size = read_file(text, sizeof text);
    for (size_t i = 0; i < size; i++) {
        write_file(text, i, 0600);
        assert_int_equal(read_key(no_passphrase, &got), QN_CORRUPT);
        assert_non_null(strstr(why, path));
    }
}

static void a_passphrase_is_needed_where_there_is_one(void **subject)
{
    const struct qn_span right = {(const uint8_t *)"correct horse", 13};
    const struct qn_span wrong = {(const uint8_t *)"correct horsf", 13};
    char text[QNK_KEYFILE_SIZE_MAX];
    struct qnk_key got;

    (void)subject;
    assert_int_equal(qnk_keyfile_create(path, &key, right, why), QN_OK);
    (void)read_file(text, sizeof text);
    assert_non_null(strstr(text, "kdf argon2id "));
    assert_int_equal(read_key(no_passphrase, &got), QN_DENIED);
    assert_int_equal(read_key(wrong, &got), QN_DENIED);
    assert_int_equal(read_key(right, &got), QN_OK);
    assert_memory_equal(got.seed, key.seed, QNK_SEED_SIZE);
    qnk_key_done(&got);
}

static void a_credential_lies_in_its_folder(void **subject)
{
    struct qnk_key got;

    (void)subject;
    assert_int_equal(qnk_keyfile_create(path, &key, no_passphrase, why), QN_OK);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_int_equal(
        qnk_keyfile_read("credential:a.key", QNK_KEY_VALIDATOR, no_passphrase, &got, why),
        QN_NOT_FOUND);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    assert_int_equal(
        qnk_keyfile_read("credential:../a.key", QNK_KEY_VALIDATOR, no_passphrase, &got, why),
        QN_NOT_FOUND);
    assert_int_equal(
        qnk_keyfile_read("credential:a.key", QNK_KEY_VALIDATOR, no_passphrase, &got, why), QN_OK);
    qnk_key_done(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_comes_back_as_it_was, start, stop),
        cmocka_unit_test_setup_teardown(a_file_is_ours_alone, start, stop),
        cmocka_unit_test_setup_teardown(a_file_is_never_replaced, start, stop),
        cmocka_unit_test_setup_teardown(a_file_that_others_can_read_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_key_for_something_else_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_there_is_named, start, stop),
        cmocka_unit_test_setup_teardown(every_flipped_bit_is_found, start, stop),
        cmocka_unit_test_setup_teardown(every_cut_is_found, start, stop),
        cmocka_unit_test_setup_teardown(a_passphrase_is_needed_where_there_is_one, start, stop),
        cmocka_unit_test_setup_teardown(a_credential_lies_in_its_folder, start, stop),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
