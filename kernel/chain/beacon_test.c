/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/beacon.h"

static struct qnk_hash links[6]; /* links[i + 1] follows links[i] */

static int links_make(void **state)
{
    (void)state;
    memset(links[0].bytes, 7, QN_HASH_SIZE);
    for (int i = 0; i < 5; i++) {
        qnk_hash_tagged("qnet/link", links[i].bytes, QN_HASH_SIZE, &links[i + 1]);
    }
    return 0;
}

static void climbing_hashes_once_a_step(void **state)
{
    struct qnk_hash top;

    (void)state;
    qnk_beacon_climb(&links[0], 0, &top);
    assert_true(qnk_hash_equal(&top, &links[0]));
    qnk_beacon_climb(&links[1], 4, &top);
    assert_true(qnk_hash_equal(&top, &links[5]));
}

static void a_share_lies_as_many_links_down_as_windows_have_passed(void **state)
{
    (void)state;
    assert_true(qnk_beacon_share_fits(&links[5], 10, &links[4], 11));
    assert_true(qnk_beacon_share_fits(&links[5], 10, &links[1], 14));
    assert_false(qnk_beacon_share_fits(&links[5], 10, &links[3], 11));
    assert_false(qnk_beacon_share_fits(&links[5], 10, &links[5], 10));
    assert_false(qnk_beacon_share_fits(&links[4], 11, &links[5], 10));
}

static void a_share_after_too_many_windows_is_refused_before_it_is_hashed(void **state)
{
    struct qnk_hash top;

    (void)state;
    qnk_beacon_climb(&links[0], QNK_BEACON_STEPS_MAX, &top);
    assert_true(qnk_beacon_share_fits(&top, 1, &links[0], 1 + QNK_BEACON_STEPS_MAX));
    qnk_beacon_climb(&top, 1, &top);
    assert_false(qnk_beacon_share_fits(&top, 1, &links[0], 2 + QNK_BEACON_STEPS_MAX));
    assert_false(qnk_beacon_share_fits(&top, 1, &links[0], UINT64_MAX));
}

static void the_beacon_is_the_hash_that_is_written_down(void **state)
{
    const struct qnk_beacon_share shares[] = {{2, links[0]}, {0x01020304, links[1]}};
    uint8_t bytes[32 + 8 + 2 * 36];
    struct qnk_hash beacon, expected;

    (void)state;
    memcpy(bytes, links[5].bytes, 32);
    memcpy(bytes + 32, "\x09\0\0\0\0\0\0\0\x02\0\0\0", 12);
    memcpy(bytes + 44, links[0].bytes, 32);
    memcpy(bytes + 76, "\x04\x03\x02\x01", 4);
    memcpy(bytes + 80, links[1].bytes, 32);
    qnk_hash_tagged("qnet/beacon", bytes, sizeof bytes, &expected);
    qnk_beacon_next(&links[5], 9, shares, 2, &beacon);
    assert_true(qnk_hash_equal(&beacon, &expected));

    qnk_hash_tagged("qnet/beacon", bytes, 40, &expected);
    qnk_beacon_next(&links[5], 9, NULL, 0, &beacon);
    assert_true(qnk_hash_equal(&beacon, &expected));

    qnk_hash_tagged("qnet/beacon", bytes, 32, &expected);
    qnk_beacon_first(&links[5], &beacon);
    assert_true(qnk_hash_equal(&beacon, &expected));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(climbing_hashes_once_a_step),
        cmocka_unit_test(a_share_lies_as_many_links_down_as_windows_have_passed),
        cmocka_unit_test(a_share_after_too_many_windows_is_refused_before_it_is_hashed),
        cmocka_unit_test(the_beacon_is_the_hash_that_is_written_down),
    };

    return cmocka_run_group_tests(tests, links_make, NULL);
}
