/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/merkle.h"
#include "kernel/chain/set.h"

static struct qnk_budget budget = {.limit = 1 << 20};

static struct qnk_set_member member(uint8_t key, uint64_t weight)
{
    struct qnk_set_member it = {.weight = weight};

    memset(it.key.bytes, key, QN_KEY_SIZE);
    return it;
}

static int nothing_is_left(void **state)
{
    (void)state;
    return budget.used == 0 ? 0 : -1;
}

static void the_hash_is_the_one_that_is_written_down(void **state)
{
    struct qnk_set_member members[] = {member(3, 1), member(1, 5), member(2, 2)};
    struct qnk_hash leaves[3], expected;
    struct qnk_set *set;
    uint8_t bytes[12 + 32];

    (void)state;
    assert_int_equal(qnk_set_new(&budget, members, 3, &set), QN_OK);
    for (int i = 0; i < 3; i++) {
        uint8_t item[40];

        memcpy(item, members[i].key.bytes, 32);
        qn_le64_write(item + 32, members[i].weight);
        qnk_hash_leaf(item, 40, &leaves[i]);
    }
    qn_le32_write(bytes, 3);
    qn_le64_write(bytes + 4, 8);
    qnk_merkle_fold(leaves, 3, (struct qnk_hash *)(void *)(bytes + 12));
    qnk_hash_tagged("qnet/set", bytes, sizeof bytes, &expected);
    assert_true(qnk_hash_equal(&set->hash, &expected));
    assert_int_equal(set->total, 8);
    assert_int_equal(qnk_set_quorum(set), 6);
    assert_int_equal(qnk_set_third(set), 3);
    qnk_set_unref(set);
}

static void members_keep_their_places(void **state)
{
    struct qnk_set_member members[] = {member(3, 1), member(1, 5), member(2, 2)};
    struct qnk_hash stranger = member(4, 1).key;
    struct qnk_set *set;

    (void)state;
    assert_int_equal(qnk_set_new(&budget, members, 3, &set), QN_OK);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(qnk_set_find(set, &members[i].key), i);
    }
    assert_int_equal(qnk_set_find(set, &stranger), QNK_SET_NOBODY);
    assert_int_equal(qnk_set_weight(set, (const uint8_t[]){5}), 3);
    assert_int_equal(qnk_set_weight(set, (const uint8_t[]){7}), 8);
    qnk_set_unref(set);
}

static void a_record_comes_back_as_it_was(void **state)
{
    struct qnk_set_member members[] = {member(3, 1), member(1, 5)};
    struct qnk_set *set, *again;
    uint8_t bytes[4 + 2 * 40];

    (void)state;
    assert_int_equal(qnk_set_new(&budget, members, 2, &set), QN_OK);
    assert_int_equal(qnk_set_size(set), sizeof bytes);
    qnk_set_encode(set, bytes);
    assert_int_equal(qnk_set_decode(&budget, (struct qn_span){bytes, sizeof bytes}, &again), QN_OK);
    assert_true(qnk_hash_equal(&set->hash, &again->hash));
    for (uint64_t size = 0; size < sizeof bytes; size++) {
        struct qnk_set *none;

        assert_int_equal(qnk_set_decode(&budget, (struct qn_span){bytes, size}, &none), QN_INVALID);
    }
    qnk_set_unref(again);
    qnk_set_unref(set);
}

static void what_is_no_set_is_refused(void **state)
{
    struct qnk_set_member twice[] = {member(1, 1), member(1, 1)};
    struct qnk_set_member weightless[] = {member(1, 1), member(2, 0)};
    struct qnk_set_member heavy[] = {member(1, UINT64_C(1) << 53), member(2, 1)};
    struct qnk_set_member heaviest[] = {member(1, 1), member(2, UINT64_MAX)};
    static const uint8_t many[] = {0xff, 0xff, 0xff, 0xff};
    struct qnk_set *set;

    (void)state;
    assert_int_equal(qnk_set_new(&budget, twice, 0, &set), QN_INVALID);
    assert_int_equal(qnk_set_new(&budget, twice, 2, &set), QN_INVALID);
    assert_int_equal(qnk_set_new(&budget, weightless, 2, &set), QN_INVALID);
    assert_int_equal(qnk_set_new(&budget, heavy, 2, &set), QN_INVALID);
    assert_int_equal(qnk_set_new(&budget, heaviest, 2, &set), QN_INVALID);
    assert_int_equal(qnk_set_decode(&budget, (struct qn_span){many, 4}, &set), QN_INVALID);
}

static void a_set_lives_as_long_as_someone_holds_it(void **state)
{
    struct qnk_set_member alone = member(1, 1);
    struct qnk_budget poor = {.limit = 64};
    struct qnk_set *set;

    (void)state;
    assert_int_equal(qnk_set_new(&budget, &alone, 1, &set), QN_OK);
    qnk_set_unref(qnk_set_ref(set));
    assert_int_equal(set->count, 1);
    qnk_set_unref(set);
    qnk_set_unref(NULL);
    assert_int_equal(qnk_set_new(&poor, &alone, 1, &set), QN_NO_SPACE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_hash_is_the_one_that_is_written_down, nothing_is_left),
        cmocka_unit_test_teardown(members_keep_their_places, nothing_is_left),
        cmocka_unit_test_teardown(a_record_comes_back_as_it_was, nothing_is_left),
        cmocka_unit_test_teardown(what_is_no_set_is_refused, nothing_is_left),
        cmocka_unit_test_teardown(a_set_lives_as_long_as_someone_holds_it, nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
