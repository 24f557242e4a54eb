/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "kernel/chain/binding.h"

static struct qnk_budget budget = {.limit = 1 << 20};

static struct qnk_binding binding_of(uint32_t number, uint64_t first, uint32_t fallback)
{
    struct qnk_binding binding = {
        .number = number,
        .first = first,
        .fallback = fallback,
        .version = "1.0",
        .steps = {1, 2},
        .steps_count = 2,
        .config_size = 2,
        .config = {7, 8},
    };

    (void)snprintf(binding.name, sizeof binding.name, "engine-%u", number);
    return binding;
}

static struct qnk_bindings *first(void)
{
    struct qnk_binding binding = binding_of(0, 0, 0);
    struct qnk_bindings *list;

    assert_int_equal(qnk_bindings_new(&budget, &binding, &list), QN_OK);
    return list;
}

/* The list with one more; takes `from` over. */
static struct qnk_bindings *add(struct qnk_bindings *from, struct qnk_binding next, uint64_t window)
{
    struct qnk_bindings *list;

    assert_int_equal(qnk_bindings_add(from, &next, window, &list), QN_OK);
    qnk_bindings_unref(from);
    return list;
}

static void a_window_has_the_last_binding_that_began(void **state)
{
    struct qnk_bindings *list = add(first(), binding_of(1, 10, 0), 7);

    (void)state;
    assert_int_equal(qnk_bindings_at(list, 1)->number, 0);
    assert_int_equal(qnk_bindings_at(list, 9)->number, 0);
    assert_int_equal(qnk_bindings_at(list, 10)->number, 1);
    assert_int_equal(qnk_bindings_at(list, UINT64_MAX)->number, 1);
    assert_int_equal(qnk_bindings_attempt(list, 10, 0)->number, 1);
    assert_int_equal(qnk_bindings_attempt(list, 10, 1)->number, 0);
    assert_int_equal(qnk_bindings_attempt(list, 9, 3)->number, 0);
    assert_null(qnk_bindings_find(list, 2));
    assert_int_equal(qnk_era(1, 3), 259);
    qnk_bindings_unref(list);
    assert_int_equal(budget.used, 0);
}

static void what_no_window_needs_is_forgotten_and_what_is_fallen_back_to_is_not(void **state)
{
    struct qnk_bindings *list = add(first(), binding_of(1, 10, 0), 7);

    (void)state;
    list = add(list, binding_of(2, 20, 1), 17); /* 0 is what 1 falls back to, which is in force */
    assert_int_equal(list->count, 3);
    list = add(list, binding_of(3, 30, 2), 27);
    assert_int_equal(list->count, 3);
    assert_null(qnk_bindings_find(list, 0));
    list = add(list, binding_of(4, 40, 4), 37);
    assert_int_equal(list->count, 3);
    assert_null(qnk_bindings_find(list, 1));
    qnk_bindings_unref(list);
    assert_int_equal(budget.used, 0);
}

static void a_binding_replaces_one_that_would_have_begun_with_it(void **state)
{
    struct qnk_bindings *list = add(first(), binding_of(1, 10, 0), 7);

    (void)state;
    list = add(list, binding_of(2, 10, 0), 7);
    assert_int_equal(list->count, 2);
    assert_int_equal(qnk_bindings_at(list, 10)->number, 2);
    qnk_bindings_unref(list);
}

static void a_list_comes_back_and_nothing_else_is_one(void **state)
{
    struct qnk_bindings *list = add(first(), binding_of(1, 10, 0), 7), *again = NULL;
    uint8_t bytes[512], second[512];
    uint64_t size = qnk_bindings_size(list);
    struct qn_reader in = qn_reader_over((struct qn_span){bytes, size});

    (void)state;
    assert_true(size <= sizeof bytes);
    assert_ptr_equal(qnk_bindings_write(bytes, list), bytes + size);
    assert_int_equal(qnk_bindings_read(&budget, &in, &again), QN_OK);
    assert_true(qn_reader_is_done(&in));
    assert_true(qnk_engine_equal(&list->list[1], &again->list[1]));
    assert_false(qnk_engine_equal(&list->list[0], &again->list[1]));
    assert_ptr_equal(qnk_bindings_write(second, again), second + size);
    assert_memory_equal(bytes, second, size);
    qnk_bindings_unref(again);
    for (uint64_t cut = 0; cut < size; cut++) {
        in = qn_reader_over((struct qn_span){bytes, cut});
        assert_int_equal(qnk_bindings_read(&budget, &in, &again), QN_INVALID);
    }
    bytes[4] = 1; /* two of one number */
    in = qn_reader_over((struct qn_span){bytes, size});
    assert_int_equal(qnk_bindings_read(&budget, &in, &again), QN_INVALID);
    qnk_bindings_unref(list);
    assert_int_equal(budget.used, 0);
}

static void an_engine_has_the_steps_that_it_declares(void **state)
{
    struct qnk_binding binding = binding_of(0, 0, 0);

    (void)state;
    assert_true(qnk_engine_has_step(&binding, 2));
    assert_false(qnk_engine_has_step(&binding, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_has_the_last_binding_that_began),
        cmocka_unit_test(what_no_window_needs_is_forgotten_and_what_is_fallen_back_to_is_not),
        cmocka_unit_test(a_binding_replaces_one_that_would_have_begun_with_it),
        cmocka_unit_test(a_list_comes_back_and_nothing_else_is_one),
        cmocka_unit_test(an_engine_has_the_steps_that_it_declares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
