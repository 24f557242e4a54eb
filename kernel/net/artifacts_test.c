/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/net/artifacts.h"

enum { RUNS = 20 };

static const struct qnk_spec spec; /* without nodes */
static char runs[64];

static void target_of(const char *name, char target[100])
{
    char path[200];
    ssize_t size;

    (void)snprintf(path, sizeof path, "%s/%s", runs, name);
    size = readlink(path, target, 99);
    target[size < 0 ? 0 : size] = 0;
}

static void names_are_new_and_in_order(void **subject)
{
    static struct qnk_artifacts all[RUNS];
    char path[400];

    (void)subject;
    for (uint32_t i = 0; i < RUNS; i++) {
        assert_true(qnk_artifacts_make(&all[i], runs, &spec));
        assert_true(i == 0 || strcmp(all[i - 1].id, all[i].id) < 0);
    }
    for (uint32_t i = 0; i < RUNS; i++) {
        (void)snprintf(path, sizeof path, "%.300s/nodes", all[i].folder);
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(rmdir(all[i].folder), 0);
    }
}

static void a_link_is_removed_by_its_own_run_alone(void **subject)
{
    struct qnk_artifacts one = {.id = "one"}, two = {.id = "two"};
    char target[100], path[200];

    (void)subject;
    (void)snprintf(one.folder, sizeof one.folder, "%s/one", runs);
    (void)snprintf(two.folder, sizeof two.folder, "%s/two", runs);
    assert_int_equal(mkdir(one.folder, 0755), 0);
    assert_int_equal(mkdir(two.folder, 0755), 0);
    assert_true(qnk_artifacts_link(&one, "up"));
    assert_true(qnk_artifacts_link(&two, "up"));
    target_of("up", target);
    assert_string_equal(target, "two");
    qnk_artifacts_unlink(&one, "up");
    target_of("up", target);
    assert_string_equal(target, "two");
    qnk_artifacts_unlink(&two, "up");
    target_of("up", target);
    assert_string_equal(target, "");
    (void)snprintf(path, sizeof path, "%s/up", runs);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(rmdir(one.folder), 0); /* nothing is left in them */
    assert_int_equal(rmdir(two.folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_new_and_in_order),
        cmocka_unit_test(a_link_is_removed_by_its_own_run_alone),
    };
    const char *folder = getenv("TMPDIR");
    int failed;

    (void)snprintf(runs, sizeof runs, "%.40s/qnet-runs.XXXXXX", folder == NULL ? "/tmp" : folder);
    if (mkdtemp(runs) == NULL) {
        return 1;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(runs) == 0 ? failed : 1;
}
