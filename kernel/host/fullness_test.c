/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include "kernel/host/fullness.h"

#define GIB (UINT64_C(1) << 30)

static void a_small_disk_is_judged_by_its_share(void **subject)
{
    (void)subject;
    assert_int_equal(qnk_fullness_of(11 * GIB, 100 * GIB), QNK_FULLNESS_FINE);
    assert_int_equal(qnk_fullness_of(9 * GIB, 100 * GIB), QNK_FULLNESS_IS_LOW);
    assert_int_equal(qnk_fullness_of(GIB, 100 * GIB), QNK_FULLNESS_IS_LOW);
    assert_int_equal(qnk_fullness_of(GIB - 1, 100 * GIB), QNK_FULLNESS_IS_FULL);
    assert_int_equal(qnk_fullness_of(0, 100 * GIB), QNK_FULLNESS_IS_FULL);
}

static void a_large_disk_is_judged_by_bytes(void **subject)
{
    (void)subject;
    assert_int_equal(qnk_fullness_of(20 * GIB, 10000 * GIB), QNK_FULLNESS_FINE);
    assert_int_equal(qnk_fullness_of(20 * GIB - 1, 10000 * GIB), QNK_FULLNESS_IS_LOW);
    assert_int_equal(qnk_fullness_of(2 * GIB, 10000 * GIB), QNK_FULLNESS_IS_LOW);
    assert_int_equal(qnk_fullness_of(2 * GIB - 1, 10000 * GIB), QNK_FULLNESS_IS_FULL);
}

static void the_system_knows_its_disks(void **subject)
{
    uint64_t free = 0;
    uint64_t total = 0;

    (void)subject;
    assert_int_equal(qnk_fullness_look("/", &free, &total), QN_OK);
    assert_true(total > 0 && free <= total);
    assert_int_equal(qnk_fullness_look("/no/such/folder", &free, &total), QN_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_disk_is_judged_by_its_share),
        cmocka_unit_test(a_large_disk_is_judged_by_bytes),
        cmocka_unit_test(the_system_knows_its_disks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
