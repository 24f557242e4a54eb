/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/node/core.h"

enum { WINDOW = 10 };

static struct qnk_node node;
static struct qnk_effects effects;

static int setup(void **state)
{
    struct qnk_micro root = {.height = 0};
    static struct qnk_control control = {.refs = 1};
    struct qnk_hash id = {{1}};

    (void)state;
    memset(&node, 0, sizeof node);
    node.budget.limit = 1 << 28;
    qnk_effects_init(&effects, &node.budget);
    node.out = &effects;
    node.guard = qnk_guard_create(&node.budget);
    node.tree = qnk_tree_create(&node.budget, WINDOW, 7);
    assert_true(node.guard != NULL && node.tree != NULL);
    qnk_tree_root_set(node.tree, &root, &id, &control, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    qnk_build_drop(&node);
    for (uint32_t i = 0; i < QNK_SIGNS_MAX; i++) {
        qnk_sign_slot_give(&node.signs[i]);
    }
    qnk_effects_done(&effects);
    qnk_tree_destroy(node.tree);
    qnk_guard_destroy(node.guard);
    assert_int_equal(node.budget.used, 0);
    return 0;
}

/* The guard has blocks of these heights. */
static void guard_fill(uint64_t from, uint64_t to)
{
    for (uint64_t height = from; height <= to; height++) {
        struct qnk_micro header = {.version = QNK_MICRO_VERSION, .height = height};
        struct qn_buf *records;

        assert_int_equal(qnk_guard_block(node.guard, &header, 0, &records), QN_OK);
        qnk_buf_unref(records);
    }
}

/* The ledger has built a block, which is to be signed. */
static void built(uint64_t height)
{
    struct qnk_job *job = qnk_job_create(&node.budget, QNK_JOB_BUILD, 0);

    assert_non_null(job);
    job->rows = qnk_buf_new(&node.budget, 1);
    job->undo = qnk_buf_new(&node.budget, 1);
    qnk_build_drop(&node); /* the one before, which the ledger took back or has */
    node.build.state = QNK_BUILD_RUN;
    node.build.header = (struct qnk_micro){.version = QNK_MICRO_VERSION, .height = height};
    qnk_build_done(&node, job);
}

/* How often it was said since the last time; forgets all effects. */
static uint32_t said(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < effects.count; i++) {
        const struct qnk_effect *effect = &effects.list[i];

        count += effect->type == QNK_EFFECT_NOTE && strcmp(effect->note.event, "sign-full") == 0;
    }
    qnk_effects_reset(&effects);
    return count;
}

static void that_the_guard_takes_no_more_blocks_is_said_once_each_time(void **state)
{
    (void)state;
    guard_fill(1, QNK_GUARD_DUTIES_MAX);
    built(QNK_GUARD_DUTIES_MAX + 1);
    assert_int_equal(node.build.state, QNK_BUILD_BACK);
    assert_int_equal(said(), 1);
    built(QNK_GUARD_DUTIES_MAX + 1);
    assert_int_equal(said(), 0);
    qnk_guard_forget(node.guard, 1, WINDOW);
    built(QNK_GUARD_DUTIES_MAX + 1);
    assert_int_equal(node.build.state, QNK_BUILD_SIGN);
    assert_int_equal(said(), 0);
    guard_fill(QNK_GUARD_DUTIES_MAX + 2, QNK_GUARD_DUTIES_MAX + WINDOW);
    built(QNK_GUARD_DUTIES_MAX + WINDOW + 1);
    assert_int_equal(said(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(that_the_guard_takes_no_more_blocks_is_said_once_each_time,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
