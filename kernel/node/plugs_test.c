/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/node/core.h"

enum { LAST = 20 };

static struct qnk_node node;
static struct qnk_effects effects;

static int setup(void **state)
{
    (void)state;
    memset(&node, 0, sizeof node);
    node.budget.limit = 1 << 24;
    qnk_effects_init(&effects, &node.budget);
    node.out = &effects;
    node.setup.type = QNK_NODE_SUPER;
    node.setup.has_validator = true;
    node.final_window = LAST;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < QNK_FINALS; i++) {
        qnk_control_unref(node.finals[i].control);
    }
    qnk_effects_done(&effects);
    assert_int_equal(node.budget.used, 0);
    return 0;
}

static struct qnk_bindings *first_of(uint32_t number, uint64_t window)
{
    struct qnk_binding binding = {.number = number, .first = window, .fallback = number};
    struct qnk_bindings *list;

    assert_int_equal(qnk_bindings_new(&node.budget, &binding, &list), QN_OK);
    return list;
}

static struct qnk_known_final *final_new(uint64_t window)
{
    struct qnk_known_final *final = &node.finals[window % QNK_FINALS];

    assert_int_equal(qnk_control_new(&node.budget, 1, &final->control), QN_OK);
    final->window = window;
    final->is_set = true;
    for (uint32_t kind = 0; kind < QNK_CONTROL_BINDINGS; kind++) {
        final->control->bindings[kind] = first_of(0, 0);
    }
    return final;
}

static void bind(struct qnk_known_final *final, uint64_t first, uint32_t fallback, uint64_t window)
{
    const struct qnk_bindings *list = final->control->bindings[QNK_BINDING_CONSENSUS];
    struct qnk_binding engine = list->list[0];
    uint32_t number;

    assert_int_equal(qnk_control_bind(final->control, QNK_BINDING_CONSENSUS, &engine, first,
                                      fallback, window, &number),
                     QN_OK);
}

static bool asks_for(uint32_t number)
{
    for (uint32_t i = 0; i < effects.count; i++) {
        const struct qnk_effect *it = &effects.list[i];

        if (it->type == QNK_EFFECT_NEED && it->need->kind == QNK_BINDING_CONSENSUS &&
            it->need->binding.number == number) {
            return true;
        }
    }
    return false;
}

/* Engine 2 serves since window LAST, and fell back to 1. The last final window brought the words
 * on both: it knows 1 no more, but by the two records before it 2 falls back to that. */
static void what_older_records_fall_back_to_is_asked_for_at_start(void **state)
{
    (void)state;
    for (uint64_t window = LAST - 2; window <= LAST; window++) {
        struct qnk_known_final *final = final_new(window);

        bind(final, 5, 0, 2);
        bind(final, LAST, 1, LAST - 3);
    }

    struct qnk_control *last = node.finals[LAST % QNK_FINALS].control;

    assert_int_equal(qnk_control_skip(last, QNK_BINDING_CONSENSUS, 1), QN_OK);
    bind(&node.finals[LAST % QNK_FINALS], LAST + 3, QNK_BIND_ITSELF, LAST);
    assert_null(qnk_bindings_find(last->bindings[QNK_BINDING_CONSENSUS], 1));
    for (uint64_t window = LAST + 1; window <= LAST + 3; window++) {
        const struct qnk_binding *later =
            qnk_window_binding(&node, QNK_BINDING_CONSENSUS, window, 1);

        assert_int_equal(later->number, window < LAST + 3 ? 1 : 3);
    }
    qnk_plugs_look(&node);
    assert_true(asks_for(1));
    assert_true(asks_for(2));
    assert_true(asks_for(3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_older_records_fall_back_to_is_asked_for_at_start,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
