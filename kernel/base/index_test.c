/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <sodium.h>
#include <stdbool.h>

#include "kernel/base/index.h"

enum { NAMES = 300, STEPS = 60000 };

static struct qnk_budget budget = {.limit = 1 << 20};

static struct qnk_hash name_of(uint32_t number)
{
    struct qnk_hash name = {.bytes = {0}};

    qn_le32_write(name.bytes + 28, number);
    return name;
}

static void what_was_put_is_found(void **subject)
{
    (void)subject;
    struct qnk_index *index = qnk_index_create(&budget, NAMES, 1);

    for (uint32_t i = 0; i < NAMES; i++) {
        struct qnk_hash name = name_of(i);

        assert_int_equal(qnk_index_find(index, &name), QNK_INDEX_NONE);
        qnk_index_put(index, &name, 2 * i);
    }
    assert_int_equal(qnk_index_count(index), NAMES);
    for (uint32_t i = 0; i < NAMES; i++) {
        struct qnk_hash name = name_of(i);

        assert_int_equal(qnk_index_find(index, &name), 2 * i);
    }
    qnk_index_destroy(index);
    assert_int_equal(budget.used, 0);
}

static void what_was_erased_is_gone(void **subject)
{
    (void)subject;
    struct qnk_index *index = qnk_index_create(&budget, 2, 1);
    struct qnk_hash first = name_of(1);
    struct qnk_hash second = name_of(2);

    qnk_index_put(index, &first, 0);
    qnk_index_put(index, &second, UINT32_MAX - 1);
    assert_int_equal(qnk_index_erase(index, &second), UINT32_MAX - 1);
    assert_int_equal(qnk_index_erase(index, &second), QNK_INDEX_NONE);
    assert_int_equal(qnk_index_find(index, &first), 0);
    assert_int_equal(qnk_index_count(index), 1);
    qnk_index_put(index, &second, 7);
    assert_int_equal(qnk_index_find(index, &second), 7);
    qnk_index_destroy(index);
}

/* Random puts and erases against an array. The table is as full as it may be most of the time, so
 * runs are long, wrap around its end, and close gaps of every shape. */
static void a_long_life_agrees_with_an_array(void **subject)
{
    uint64_t seed = *(uint64_t *)*subject;
    struct qnk_index *index = qnk_index_create(&budget, NAMES, seed);
    bool there[2 * NAMES] = {false};
    uint32_t count = 0;
    uint64_t chance = seed;

    for (uint32_t step = 0; step < STEPS; step++) {
        chance = chance * 6364136223846793005u + 1442695040888963407u;

        uint32_t number = (uint32_t)(chance >> 33) % (2 * NAMES);
        struct qnk_hash name = name_of(number);

        if (there[number]) {
            assert_int_equal(qnk_index_erase(index, &name), number);
            there[number] = false;
            count--;
        } else if (count < NAMES) {
            qnk_index_put(index, &name, number);
            there[number] = true;
            count++;
        } else {
            assert_int_equal(qnk_index_erase(index, &name), QNK_INDEX_NONE);
        }
        assert_int_equal(qnk_index_count(index), count);

        uint32_t other = (uint32_t)(chance >> 20) % (2 * NAMES);
        struct qnk_hash asked = name_of(other);

        assert_int_equal(qnk_index_find(index, &asked), there[other] ? other : QNK_INDEX_NONE);
    }
    for (uint32_t i = 0; i < 2 * NAMES; i++) {
        struct qnk_hash name = name_of(i);

        assert_int_equal(qnk_index_find(index, &name), there[i] ? i : QNK_INDEX_NONE);
    }
    qnk_index_destroy(index);
}

static void the_smallest_index_holds_one_name(void **subject)
{
    (void)subject;
    struct qnk_index *index = qnk_index_create(&budget, 1, 1);
    struct qnk_hash name = name_of(9);
    struct qnk_hash other = name_of(8);

    qnk_index_put(index, &name, 0);
    assert_int_equal(qnk_index_find(index, &name), 0);
    assert_int_equal(qnk_index_find(index, &other), QNK_INDEX_NONE);
    qnk_index_destroy(index);
}

static void nothing_is_over_the_budget(void **subject)
{
    (void)subject;
    struct qnk_budget small = {.limit = 100};

    assert_null(qnk_index_create(&small, 100, 1));
    assert_int_equal(small.used, 0);
    qnk_index_destroy(NULL);
}

static uint64_t seeds[] = {1, 77, 0xfedcba9876543210};

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found),
        cmocka_unit_test(what_was_erased_is_gone),
        cmocka_unit_test_prestate(a_long_life_agrees_with_an_array, &seeds[0]),
        cmocka_unit_test_prestate(a_long_life_agrees_with_an_array, &seeds[1]),
        cmocka_unit_test_prestate(a_long_life_agrees_with_an_array, &seeds[2]),
        cmocka_unit_test(the_smallest_index_holds_one_name),
        cmocka_unit_test(nothing_is_over_the_budget),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
