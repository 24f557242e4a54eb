/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/node/tree.h"

enum { WINDOW = 10, MEMBERS = 4 };

static struct qnk_budget budget = {.limit = 1 << 28};

struct grove {
    struct qnk_tree *tree;
    struct qnk_control *control;
};

static struct grove planted(void)
{
    struct grove grove;
    struct qnk_micro genesis = {.version = QNK_MICRO_VERSION};
    struct qnk_hash id = {{0xC1}};

    grove.tree = qnk_tree_create(&budget, WINDOW, 7);
    assert_non_null(grove.tree);
    assert_int_equal(qnk_control_new(&budget, MEMBERS, &grove.control), QN_OK);
    qnk_tree_root_set(grove.tree, &genesis, &id, grove.control, 0);
    return grove;
}

static void felled(struct grove grove)
{
    qnk_tree_destroy(grove.tree);
    qnk_control_unref(grove.control);
    assert_int_equal(budget.used, 0);
}

/* A block of `producer` on `parent`, told from others by `time_ms`; NULL: refused. */
static struct qnk_block *grow(struct grove grove, struct qnk_block *parent, uint32_t producer,
                              uint16_t view, uint64_t time_ms)
{
    struct qnk_micro header = {.version = QNK_MICRO_VERSION,
                               .view = view,
                               .producer = producer,
                               .height = parent->header.height + 1,
                               .time_ms = time_ms,
                               .parent = parent->id};
    struct qnk_hash id;

    qnk_micro_id(&header, &id);
    return qnk_tree_add(grove.tree, parent, &header, &id);
}

static struct qnk_block *ready(struct qnk_block *block)
{
    assert_non_null(block);
    block->state = QNK_BLOCK_READY;
    return block;
}

static void the_greatest_sum_of_scores_is_best(void **state)
{
    struct grove grove = planted();
    struct qnk_block *root = qnk_tree_root(grove.tree);
    struct qnk_block *primary = ready(grow(grove, root, 0, 0, 1));
    struct qnk_block *backup = ready(grow(grove, root, 1, 1, 2));

    (void)state;
    assert_ptr_equal(qnk_tree_best(grove.tree), primary);
    backup = ready(grow(grove, backup, 2, 0, 3)); /* a child makes it better */
    assert_ptr_equal(qnk_tree_best(grove.tree), backup);
    felled(grove);
}

static void late_blocks_and_twins_score_less(void **state)
{
    struct grove grove = planted();
    struct qnk_block *root = qnk_tree_root(grove.tree);
    struct qnk_block *primary = ready(grow(grove, root, 0, 0, 1));
    struct qnk_block *backup = ready(grow(grove, root, 1, 1, 2));

    (void)state;
    primary->late = true; /* 14 against 15 */
    assert_ptr_equal(qnk_tree_best(grove.tree), backup);
    primary->late = false;
    (void)grow(grove, root, 0, 0, 9); /* the primary makes another one */
    assert_true(primary->twin);
    assert_ptr_equal(qnk_tree_best(grove.tree), backup);
    assert_non_null(qnk_tree_twin(primary));
    assert_null(qnk_tree_twin(backup));
    felled(grove);
}

static void what_is_not_ready_throughout_is_not_best(void **state)
{
    struct grove grove = planted();
    struct qnk_block *root = qnk_tree_root(grove.tree);
    struct qnk_block *first = grow(grove, root, 0, 0, 1);
    struct qnk_block *second = ready(grow(grove, first, 1, 0, 2));

    (void)state;
    assert_ptr_equal(qnk_tree_best(grove.tree), root);
    assert_false(qnk_tree_is_ready(grove.tree, second));
    assert_null(qnk_tree_best_above(grove.tree, second));
    (void)ready(first);
    assert_ptr_equal(qnk_tree_best(grove.tree), second);
    assert_ptr_equal(qnk_tree_best_above(grove.tree, first), second);
    felled(grove);
}

static void ties_go_to_the_smaller_id_of_the_first_difference(void **state)
{
    struct grove grove = planted();
    struct qnk_block *root = qnk_tree_root(grove.tree);
    struct qnk_block *a = ready(grow(grove, root, 0, 0, 1));
    struct qnk_block *b = ready(grow(grove, root, 1, 0, 2));
    struct qnk_block *first = memcmp(a->id.bytes, b->id.bytes, 32) < 0 ? a : b;

    (void)state;
    assert_ptr_equal(qnk_tree_best(grove.tree), first);
    a = ready(grow(grove, a, 2, 0, 3));
    b = ready(grow(grove, b, 3, 0, 4));
    assert_ptr_equal(qnk_tree_best(grove.tree)->parent, first);
    felled(grove);
}

static void a_bad_block_takes_all_above_it_along(void **state)
{
    struct grove grove = planted();
    struct qnk_block *root = qnk_tree_root(grove.tree);
    struct qnk_block *first = ready(grow(grove, root, 0, 0, 1));
    struct qnk_block *second = ready(grow(grove, first, 1, 0, 2));
    struct qnk_block *other = ready(grow(grove, root, 2, 2, 3));
    struct qnk_block *third;

    (void)state;
    qnk_tree_bad(grove.tree, first);
    assert_true(qnk_tree_is_bad(grove.tree, &second->id));
    assert_false(qnk_tree_is_bad(grove.tree, &other->id));
    assert_ptr_equal(qnk_tree_best(grove.tree), other);
    third = grow(grove, second, 3, 0, 4); /* what comes later too */
    assert_int_equal(third->state, QNK_BLOCK_BAD);
    felled(grove);
}

static void one_producer_fills_no_height(void **state)
{
    struct grove grove = planted();
    struct qnk_block *root = qnk_tree_root(grove.tree);

    (void)state;
    for (uint32_t i = 0; i < QNK_TREE_TWINS_MAX; i++) {
        assert_non_null(grow(grove, root, 0, 0, 10 + i));
    }
    assert_null(grow(grove, root, 0, 0, 99));
    assert_non_null(grow(grove, root, 1, 0, 99));
    felled(grove);
}

static void a_final_block_becomes_the_root(void **state)
{
    struct grove grove = planted();
    struct qnk_block *root = qnk_tree_root(grove.tree);
    struct qnk_block *first = ready(grow(grove, root, 0, 0, 1));
    struct qnk_block *side = ready(grow(grove, root, 1, 1, 2));
    struct qnk_block *second = ready(grow(grove, first, 1, 0, 3));
    struct qnk_block *third = ready(grow(grove, second, 2, 0, 4));
    struct qnk_hash gone[2] = {first->id, side->id};

    (void)state;
    qnk_tree_finalize(grove.tree, second);
    assert_ptr_equal(qnk_tree_root(grove.tree), second);
    assert_null(qnk_tree_find(grove.tree, &gone[0]));
    assert_null(qnk_tree_find(grove.tree, &gone[1]));
    assert_ptr_equal(qnk_tree_find(grove.tree, &third->id), third);
    assert_int_equal(qnk_tree_count(grove.tree), 1);
    assert_ptr_equal(qnk_tree_best(grove.tree), third);
    felled(grove);
}

static void forks_and_ancestors_are_found(void **state)
{
    struct grove grove = planted();
    struct qnk_block *root = qnk_tree_root(grove.tree);
    struct qnk_block *trunk = ready(grow(grove, root, 0, 0, 1));
    struct qnk_block *left = ready(grow(grove, trunk, 1, 0, 2));
    struct qnk_block *right = ready(grow(grove, trunk, 2, 1, 3));

    (void)state;
    right = ready(grow(grove, right, 3, 0, 4));
    assert_ptr_equal(qnk_tree_fork(left, right), trunk);
    assert_ptr_equal(qnk_tree_fork(right, right), right);
    assert_ptr_equal(qnk_tree_fork(root, right), root);
    assert_ptr_equal(qnk_tree_ancestor(right, 1), trunk);
    assert_ptr_equal(qnk_tree_ancestor(right, 3), right);
    assert_null(qnk_tree_ancestor(left, 3));
    felled(grove);
}

static void what_an_end_would_close_stays_known(void **state)
{
    struct grove grove = planted();
    struct qnk_block *at = qnk_tree_root(grove.tree);
    struct qnk_window_end end = {.macro = {.window = 1}, .digest = {{5}}};
    struct qnk_hash digest = {{5}};

    (void)state;
    for (uint32_t i = 0; i < WINDOW; i++) {
        at = ready(grow(grove, at, i % MEMBERS, 0, i));
    }
    assert_ptr_equal(qnk_tree_find_unknown(grove.tree, WINDOW), at);
    qnk_tree_know(grove.tree, at, &end);
    assert_null(qnk_tree_find_unknown(grove.tree, WINDOW));
    assert_ptr_equal(qnk_tree_find_known(grove.tree, &digest), at);
    assert_null(qnk_tree_find_end(grove.tree, &digest)); /* the ledger does not stand on it */
    felled(grove);
}

static void a_full_tree_refuses(void **state)
{
    struct grove grove = planted();
    struct qnk_block *root = qnk_tree_root(grove.tree);
    uint32_t count = 0;

    (void)state;
    while (grow(grove, root, count, 0, count) != NULL) {
        count++;
    }
    assert_int_equal(count, WINDOW * QNK_TREE_WINDOWS * QNK_TREE_BRANCHES);
    felled(grove);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_greatest_sum_of_scores_is_best),
        cmocka_unit_test(late_blocks_and_twins_score_less),
        cmocka_unit_test(what_is_not_ready_throughout_is_not_best),
        cmocka_unit_test(ties_go_to_the_smaller_id_of_the_first_difference),
        cmocka_unit_test(a_bad_block_takes_all_above_it_along),
        cmocka_unit_test(one_producer_fills_no_height),
        cmocka_unit_test(a_final_block_becomes_the_root),
        cmocka_unit_test(forks_and_ancestors_are_found),
        cmocka_unit_test(what_an_end_would_close_stays_known),
        cmocka_unit_test(a_full_tree_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
