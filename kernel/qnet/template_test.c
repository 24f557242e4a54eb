/* SPDX-License-Identifier: MIT */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <qnet/types.h>

#include "kernel/qnet/template.h"
#include "tests/test.h"

static const struct qnk_template run_length = {.kind = "compression", .name = "run-length"};

/* Rewrites, and compares. */
static void becomes(const char *text, bool is_c, const char *wanted)
{
    struct qn_span span = {(const uint8_t *)text, strlen(text)};
    char to[256];
    int64_t size = qnk_template_rewrite(&run_length, span, is_c, to, sizeof to - 1);

    assert_true(size >= 0);
    to[size] = 0;
    assert_string_equal(to, wanted);
}

static void each_form_of_the_name_is_replaced(void **state)
{
    (void)state;
    becomes("int mine_pack(MINE_MAX);", true, "int run_length_pack(RUN_LENGTH_MAX);");
    becomes("#include \"mine.manifest.h\"", true, "#include \"run-length.manifest.h\"");
    becomes("mine_test.c is mine", false, "run-length_test.c is run-length");
    becomes("KIND = @KIND@", false, "KIND = compression");
    becomes("/mine/blocks", false, "/run-length/blocks");
}

static void parts_of_other_words_stay(void **state)
{
    (void)state;
    becomes("determine undermined miner MINED mines", true,
            "determine undermined miner MINED mines");
    becomes("is_mine _mine @KIND", true, "is_mine _mine @KIND");
    becomes("", true, "");
    becomes("min", true, "min");
}

static void too_little_room_is_told(void **state)
{
    static const uint8_t text[] = {'a', ' ', 'm', 'i', 'n', 'e'};
    char to[12];

    (void)state;
    assert_int_equal(qnk_template_rewrite(&run_length, (struct qn_span){text, 6}, false, to, 12),
                     12);
    assert_memory_equal(to, "a run-length", 12);
    assert_int_equal(qnk_template_rewrite(&run_length, (struct qn_span){text, 6}, false, to, 11),
                     -1);
    assert_int_equal(qnk_template_rewrite(&run_length, (struct qn_span){text, 2}, false, to, 1),
                     -1);
}

static void names_are_those_of_files_and_of_c(void **state)
{
    static const char *const good[] = {"a", "mine", "run-length", "x25519",
                                       "abcdefghijklmnopqrstuvwxyz012345"};
    static const char *const bad[] = {"",
                                      "-a",
                                      "a-",
                                      "9p",
                                      "Mine",
                                      "a_b",
                                      "a b",
                                      "../a",
                                      "a/b",
                                      "a.so",
                                      "abcdefghijklmnopqrstuvwxyz0123456"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(qnk_template_is_name(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(qnk_template_is_name(bad[i]));
    }
}

/* --- folders --- */

static char folder[] = "/tmp/qnet-template-XXXXXX";

static void path_of(char to[256], const char *name)
{
    (void)snprintf(to, 256, "%.100s/%.100s", folder, name);
}

static void put(const char *name, const char *text)
{
    char path[256];
    FILE *file;

    path_of(path, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void holds(const char *name, const char *wanted)
{
    char path[256], got[256] = "";
    FILE *file;

    path_of(path, name);
    file = fopen(path, "r");
    assert_non_null(file);
    got[fread(got, 1, sizeof got - 1, file)] = 0;
    (void)fclose(file);
    assert_string_equal(got, wanted);
}

static int folders_make(void **state)
{
    char path[256];

    (void)state;
    assert_non_null(mkdtemp(folder));
    path_of(path, "common");
    assert_int_equal(mkdir(path, 0700), 0);
    path_of(path, "compression");
    assert_int_equal(mkdir(path, 0700), 0);
    put("common/Makefile", "NAME = mine\n");
    put("common/README.md", "common\n");
    put("compression/mine.c", "int mine_pack;\n");
    put("compression/README.md", "mine\n");
    return 0;
}

static int folders_remove(void **state)
{
    static const char *const files[] = {"common/Makefile",
                                        "common/README.md",
                                        "common",
                                        "compression/mine.c",
                                        "compression/README.md",
                                        "compression",
                                        "new/Makefile",
                                        "new/README.md",
                                        "new/run-length.c",
                                        "new",
                                        "taken/Makefile",
                                        "taken/README.md",
                                        "taken/cat.c",
                                        "taken/tree.c",
                                        "taken"};
    char path[256];

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        path_of(path, files[i]);
        (void)remove(path);
    }
    return rmdir(folder);
}

static void a_kind_replaces_what_is_common(void **state)
{
    struct qnk_template it = run_length;
    struct qnk_template_files files;
    char why[QNK_TEMPLATE_WHY] = "", into[256];

    (void)state;
    path_of(into, "new");
    it.folder = folder;
    it.into = into;
    assert_int_equal(qnk_template_copy(&it, &files, why), QN_OK);
    assert_int_equal(files.count, 3);
    assert_string_equal(files.names[0], "Makefile");
    assert_string_equal(files.names[1], "README.md");
    assert_string_equal(files.names[2], "run-length.c");
    holds("new/Makefile", "NAME = run-length\n");
    holds("new/README.md", "run-length\n");
    holds("new/run-length.c", "int run_length_pack;\n");

    assert_int_equal(qnk_template_copy(&it, &files, why), QN_EXISTS);
    assert_non_null(strstr(why, "new"));
}

static void a_name_that_the_template_has_is_refused(void **state)
{
    static const char *const taken[] = {"tree", "log", "log-put"};
    struct qnk_template it = {.kind = "compression", .folder = folder};
    struct qnk_template_files files;
    char why[QNK_TEMPLATE_WHY] = "", into[256], path[256];

    (void)state;
    path_of(into, "taken");
    path_of(path, "compression/tree.c");
    put("compression/tree.c", "int log_put_all; int catalog_look; int logs_x;\n");
    it.into = into;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        it.name = taken[i];
        assert_int_equal(qnk_template_copy(&it, &files, why), QN_INVALID);
        assert_non_null(strstr(why, i == 0 ? "'tree.c'" : "'log_put_all'"));
        assert_int_not_equal(access(into, F_OK), 0);
    }
    it.name = "cat";
    assert_int_equal(qnk_template_copy(&it, &files, why), QN_OK);
    assert_int_equal(unlink(path), 0);
}

static void a_kind_without_template_makes_no_folder(void **state)
{
    struct qnk_template it = {.kind = "ledger", .name = "a", .folder = folder};
    struct qnk_template_files files;
    char why[QNK_TEMPLATE_WHY] = "", into[256];

    (void)state;
    path_of(into, "other");
    it.into = into;
    assert_int_equal(qnk_template_copy(&it, &files, why), QN_NOT_FOUND);
    assert_int_not_equal(access(into, F_OK), 0);
}

/* Nine folders deep, of which the last is made. */
static void a_long_path_is_the_whole_path(void **state)
{
    enum { DEPTH = 9, PART = 100 };
    struct qnk_template it = run_length;
    struct qnk_template_files files;
    char why[QNK_TEMPLATE_WHY] = "", into[DEPTH * (PART + 1) + 64], file[sizeof into + 64];
    size_t size = strlen(folder);
    int32_t status;

    (void)state;
    memcpy(into, folder, size + 1);
    for (int i = 0; i < DEPTH; i++) {
        assert_true(i == 0 || mkdir(into, 0700) == 0);
        into[size] = '/';
        memset(into + size + 1, 'a', PART);
        size += PART + 1;
        into[size] = 0;
    }
    it.folder = folder;
    it.into = into;
    status = qnk_template_copy(&it, &files, why);
    for (uint32_t i = 0; i < files.count; i++) {
        (void)snprintf(file, sizeof file, "%s/%s", into, files.names[i]);
        status = remove(file) == 0 ? status : QN_IO;
    }
    for (; size > strlen(folder); size -= PART + 1) {
        into[size] = 0;
        (void)rmdir(into);
    }
    assert_int_equal(status, QN_OK);
}

static void a_path_over_the_limit_is_refused(void **state)
{
    static char into[5000];
    struct qnk_template it = run_length;
    struct qnk_template_files files;
    char why[QNK_TEMPLATE_WHY] = "";

    (void)state;
    memset(into, '/', sizeof into - 1);
    memcpy(into + 4090, "a", 1);
    it.folder = into;
    it.into = "b";
    assert_int_equal(qnk_template_copy(&it, &files, why), QN_NO_SPACE);
    assert_int_not_equal(access("b", F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_of_the_name_is_replaced),
        cmocka_unit_test(parts_of_other_words_stay),
        cmocka_unit_test(too_little_room_is_told),
        cmocka_unit_test(names_are_those_of_files_and_of_c),
        cmocka_unit_test(a_kind_replaces_what_is_common),
        cmocka_unit_test(a_name_that_the_template_has_is_refused),
        cmocka_unit_test(a_kind_without_template_makes_no_folder),
        cmocka_unit_test(a_long_path_is_the_whole_path),
        cmocka_unit_test(a_path_over_the_limit_is_refused),
    };

    return cmocka_run_group_tests(tests, folders_make, folders_remove);
}
