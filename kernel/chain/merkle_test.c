/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/merkle.h"

enum { LEAVES_MAX = 70 };

static struct qnk_hash leaf(uint32_t i)
{
    struct qnk_hash hash;

    qnk_hash_leaf(&i, sizeof i, &hash);
    return hash;
}

static void leaves_fill(struct qnk_hash *leaves, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        leaves[i] = leaf(i);
    }
}

/* As RFC 6962, section 2.1, defines it: by recursion, so that it shares nothing with the code. */
static struct qnk_hash defined_root(const struct qnk_hash *leaves, uint32_t count)
{
    struct qnk_hash root, left, right;
    uint32_t k = 1;

    if (count == 1) {
        return leaves[0];
    }
    while (k * 2 < count) {
        k *= 2;
    }
    left = defined_root(leaves, k);
    right = defined_root(leaves + k, count - k);
    qnk_hash_node(&left, &right, &root);
    return root;
}

static void the_root_is_that_of_the_definition(void **state)
{
    struct qnk_hash leaves[LEAVES_MAX], root, expected;

    (void)state;
    qnk_merkle_fold(leaves, 0, &root);
    qnk_hash_tagged("qnet/empty", NULL, 0, &expected);
    assert_true(qnk_hash_equal(&root, &expected));
    for (uint32_t count = 1; count <= LEAVES_MAX; count++) {
        leaves_fill(leaves, count);
        expected = defined_root(leaves, count);
        qnk_merkle_fold(leaves, count, &root);
        assert_true(qnk_hash_equal(&root, &expected));
    }
}

static void a_path_proves_its_leaf_at_its_place_and_nothing_else(void **state)
{
    struct qnk_hash leaves[LEAVES_MAX], root;
    struct qnk_merkle_path path;

    (void)state;
    for (uint32_t count = 1; count <= 40; count++) {
        for (uint32_t index = 0; index < count; index++) {
            struct qnk_hash it = leaf(index), other = leaf(index + 1);

            leaves_fill(leaves, count);
            qnk_merkle_prove(leaves, count, index, &path, &root);
            assert_true(qnk_merkle_check(&it, index, count, &path, &root));
            assert_false(qnk_merkle_check(&other, index, count, &path, &root));
            for (uint32_t place = 0; place < count; place++) {
                assert_int_equal(qnk_merkle_check(&it, place, count, &path, &root), place == index);
            }
        }
    }
}

static void a_path_that_was_touched_proves_nothing(void **state)
{
    struct qnk_hash leaves[LEAVES_MAX], root, it = leaf(5);
    struct qnk_merkle_path path, touched;

    (void)state;
    leaves_fill(leaves, 13);
    qnk_merkle_prove(leaves, 13, 5, &path, &root);
    for (uint32_t i = 0; i < path.count; i++) {
        touched = path;
        touched.nodes[i].bytes[i] ^= 1;
        assert_false(qnk_merkle_check(&it, 5, 13, &touched, &root));
    }
    touched = path;
    touched.count--;
    assert_false(qnk_merkle_check(&it, 5, 13, &touched, &root));
    touched.count = path.count + 1;
    touched.nodes[path.count] = root;
    assert_false(qnk_merkle_check(&it, 5, 13, &touched, &root));
    touched.count = QNK_MERKLE_PATH_MAX + 1;
    assert_false(qnk_merkle_check(&it, 5, 13, &touched, &root));
    assert_false(qnk_merkle_check(&it, 13, 13, &path, &root));
    path.count = 0;
    assert_false(qnk_merkle_check(&it, 0, 0, &path, &it));
}

static void a_growing_tree_has_the_same_roots(void **state)
{
    struct qnk_frontier frontier = {0};
    struct qnk_hash leaves[LEAVES_MAX], root, expected;

    (void)state;
    qnk_frontier_root(&frontier, &root);
    qnk_merkle_fold(leaves, 0, &expected);
    assert_true(qnk_hash_equal(&root, &expected));
    for (uint32_t count = 1; count <= LEAVES_MAX; count++) {
        struct qnk_hash next = leaf(count - 1);

        qnk_frontier_add(&frontier, &next);
        leaves_fill(leaves, count);
        qnk_merkle_fold(leaves, count, &expected);
        qnk_frontier_root(&frontier, &root);
        assert_true(qnk_hash_equal(&root, &expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_is_that_of_the_definition),
        cmocka_unit_test(a_path_proves_its_leaf_at_its_place_and_nothing_else),
        cmocka_unit_test(a_path_that_was_touched_proves_nothing),
        cmocka_unit_test(a_growing_tree_has_the_same_roots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
