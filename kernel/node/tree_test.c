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
    struct qnk_block *held[QNK_TREE_TWINS_MAX];

    (void)state;
    for (uint32_t i = 0; i < QNK_TREE_TWINS_MAX; i++) {
        held[i] = grow(grove, root, 0, 0, 10 + i);
        assert_non_null(held[i]);
        held[i]->working = true;
    }
    assert_null(grow(grove, root, 0, 0, 99));
    assert_non_null(grow(grove, root, 1, 0, 99));
    felled(grove);
}

/* A liar shows each node other twins. What others built on must find its place all the same. */
static void the_twin_that_others_built_on_finds_its_place(void **state)
{
    struct grove grove = planted();
    struct qnk_block *root = qnk_tree_root(grove.tree);
    struct qnk_block *executed = ready(grow(grove, root, 0, 0, 10));
    struct qnk_hash executed_id = executed->id;
    struct qnk_block *fifth = NULL;
    struct qnk_hash fifth_id;

    (void)state;
    executed->undo = qnk_buf_new(&budget, 1);
    for (uint32_t i = 1; i < QNK_TREE_TWINS_MAX; i++) {
        struct qnk_block *twin = ready(grow(grove, root, 0, 0, 10 + i));

        (void)ready(grow(grove, twin, 1, 5, 20 + i)); /* a liar builds on itself */
    }
    fifth = ready(grow(grove, root, 0, 0, 99));
    fifth_id = fifth->id;
    fifth = ready(grow(grove, fifth, 2, 0, 100));
    fifth = ready(grow(grove, fifth, 3, 0, 101));
    for (uint32_t i = 0; i < 20; i++) {
        assert_non_null(grow(grove, root, 0, 0, 200 + i));
    }
    assert_non_null(qnk_tree_find(grove.tree, &executed_id));
    assert_non_null(qnk_tree_find(grove.tree, &fifth_id));
    assert_ptr_equal(qnk_tree_best(grove.tree), fifth);
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

static void in_a_full_tree_the_lowest_gives_way(void **state)
{
    struct grove grove = planted();
    struct qnk_block *root = qnk_tree_root(grove.tree);
    struct qnk_block *trunk = grow(grove, root, 0, 0, 0);
    uint32_t count = WINDOW * QNK_TREE_WINDOWS * QNK_TREE_BRANCHES;
    struct qnk_hash first;

    (void)state;
    first = grow(grove, root, 1, 0, 1)->id;
    for (uint32_t i = 2; i < count; i++) {
        assert_non_null(grow(grove, trunk, i, 0, i));
    }
    assert_int_equal(qnk_tree_count(grove.tree), count);
    assert_non_null(qnk_tree_find(grove.tree, &first));
    assert_non_null(grow(grove, trunk, count, 0, count));
    assert_int_equal(qnk_tree_count(grove.tree), count);
    assert_null(qnk_tree_find(grove.tree, &first));
    felled(grove);
}

/* ... and with a body of `size` bytes, all of which it claims and one of which it holds. */
static struct qnk_block *fill(struct grove grove, struct qnk_block *parent, uint32_t producer,
                              uint64_t time_ms, uint32_t size)
{
    struct qnk_block *block = grow(grove, parent, producer, 0, time_ms);

    assert_non_null(block);
    block->header.body_size = size;
    block->arrival_us = time_ms;
    block->body = qnk_buf_new(&budget, 1);
    return block;
}

static void a_liars_bodies_push_out_each_other(void **state)
{
    enum { BODY = QNK_TREE_BODIES_MAX / 8, LIAR = 3 };

    struct grove grove = planted();
    struct qnk_block *root = qnk_tree_root(grove.tree);
    struct qnk_block *honest = fill(grove, root, 0, 1, BODY);
    struct qnk_block *best = ready(fill(grove, root, 1, 2, BODY));
    struct qnk_block *twins[2][QNK_TREE_TWINS_MAX];

    (void)state;
    for (uint32_t i = 0; i < QNK_TREE_TWINS_MAX; i++) {
        twins[0][i] = fill(grove, root, LIAR, 10 + i, BODY);
        assert_null(qnk_tree_crowd(grove.tree, twins[0][i]));
    }
    for (uint32_t i = 0; i < 3; i++) {
        twins[1][i] = fill(grove, twins[0][0], LIAR, 20 + i, BODY);
        assert_null(qnk_tree_crowd(grove.tree, twins[1][i]));
    }
    /* The ninth aside: the oldest of the liar's on which nothing stands. */
    twins[1][3] = fill(grove, twins[0][0], LIAR, 23, BODY);
    assert_ptr_equal(qnk_tree_crowd(grove.tree, twins[1][3]), twins[0][1]);
    twins[0][1]->working = true;
    assert_ptr_equal(qnk_tree_crowd(grove.tree, twins[1][3]), twins[0][2]);
    /* The other way round it is not let in. */
    assert_ptr_equal(qnk_tree_crowd(grove.tree, twins[0][2]), twins[0][2]);
    /* What the honest make has its room. */
    assert_ptr_equal(qnk_tree_crowd(grove.tree, honest), twins[0][2]);
    assert_ptr_equal(qnk_tree_crowd(grove.tree, fill(grove, best, 0, 30, BODY)), twins[0][2]);
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
        cmocka_unit_test(the_twin_that_others_built_on_finds_its_place),
        cmocka_unit_test(a_final_block_becomes_the_root),
        cmocka_unit_test(forks_and_ancestors_are_found),
        cmocka_unit_test(what_an_end_would_close_stays_known),
        cmocka_unit_test(in_a_full_tree_the_lowest_gives_way),
        cmocka_unit_test(a_liars_bodies_push_out_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
