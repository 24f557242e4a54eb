/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/swap.h"

static const struct qnk_swap_rules rules = {.notice = 5, .probation = 5, .percent = 1};

static struct qnk_swap_plan sample(void)
{
    struct qnk_swap_plan plan = {
        .kind = QNK_BINDING_CONSENSUS,
        .percent = 70,
        .probation = 5,
        .engine = {.first = 20,
                   .name = "bft",
                   .version = "1.0",
                   .steps = {1, 2, 5},
                   .steps_count = 3,
                   .config_size = 2,
                   .config = {9, 9}},
        .table_major = 1,
        .table_print = 77,
        .schema = "consensus-state/1",
        .codes_count = 2,
    };

    plan.codes[0].bytes[0] = 1;
    plan.codes[1].bytes[0] = 2;
    plan.trace.bytes[3] = 4;
    return plan;
}

static void a_plan_comes_back_and_nothing_else_is_one(void **state)
{
    struct qnk_swap_plan plan = sample(), again;
    static uint8_t bytes[QNK_SWAP_PLAN_MAX], second[QNK_SWAP_PLAN_MAX];
    uint32_t size = qnk_swap_plan_encode(&plan, bytes);
    struct qnk_hash id, other;

    (void)state;
    assert_int_equal(qnk_swap_plan_decode((struct qn_span){bytes, size}, &again), QN_OK);
    assert_memory_equal(&again, &plan, sizeof plan);
    assert_int_equal(qnk_swap_plan_encode(&again, second), size);
    assert_memory_equal(bytes, second, size);
    for (uint32_t cut = 0; cut < size; cut++) {
        assert_int_equal(qnk_swap_plan_decode((struct qn_span){bytes, cut}, &again), QN_INVALID);
    }
    assert_int_equal(qnk_swap_plan_decode((struct qn_span){bytes, size + 1}, &again), QN_INVALID);
    qnk_swap_id((struct qn_span){bytes, size}, &id);
    bytes[size - 64] = 3; /* the first code is above the second */
    assert_int_equal(qnk_swap_plan_decode((struct qn_span){bytes, size}, &again), QN_INVALID);
    qnk_swap_id((struct qn_span){bytes, size}, &other);
    assert_false(qnk_hash_equal(&id, &other));
    bytes[size - 64] = 1;
    bytes[0] = 3; /* kind */
    assert_int_equal(qnk_swap_plan_decode((struct qn_span){bytes, size}, &again), QN_INVALID);
}

static void the_largest_plan_fits(void **state)
{
    struct qnk_swap_plan plan = sample();
    static uint8_t bytes[QNK_SWAP_PLAN_MAX];

    (void)state;
    memset(plan.engine.name, 'a', sizeof plan.engine.name - 1);
    memset(plan.engine.version, '1', sizeof plan.engine.version - 1);
    memset(plan.schema, 's', sizeof plan.schema - 1);
    plan.engine.config_size = QNK_BINDING_CONFIG_MAX;
    plan.engine.steps_count = QNK_BINDING_STEPS_MAX;
    plan.codes_count = QNK_SWAP_CODES_MAX;
    assert_true(qnk_swap_plan_encode(&plan, bytes) <= QNK_SWAP_PLAN_MAX);
}

static void a_plan_keeps_to_the_rules(void **state)
{
    struct qnk_swap_plan plan = sample();
    struct qnk_swap_rules strict = rules;

    (void)state;
    assert_null(qnk_swap_fault(&plan, &rules, 15));
    assert_non_null(qnk_swap_fault(&plan, &rules, 16)); /* notice */
    plan.engine.first = 15 + QNK_SWAP_AHEAD_MAX + 1;
    assert_non_null(qnk_swap_fault(&plan, &rules, 15));
    plan = sample();
    strict.percent = 71;
    assert_non_null(qnk_swap_fault(&plan, &strict, 15));
    plan.percent = 101;
    assert_non_null(qnk_swap_fault(&plan, &rules, 15));
    plan = sample();
    plan.probation = 4;
    assert_non_null(qnk_swap_fault(&plan, &rules, 15));
    plan = sample();
    plan.kind = QNK_BINDING_LEDGER;
    assert_non_null(qnk_swap_fault(&plan, &rules, 15));
}

static void names_versions_and_steps_are_well_formed(void **state)
{
    static const char *const names[] = {"", "Bft", "b_t", "b t"};
    static const char *const versions[] = {"", "1", "1.", ".1", "01.0", "1.0.0", "1.x", "123456.0"};
    struct qnk_swap_rules open = rules;
    struct qnk_swap_plan plan;

    (void)state;
    open.may_be_lockless = true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        plan = sample();
        memset(plan.engine.name, 0, sizeof plan.engine.name);
        memcpy(plan.engine.name, names[i], strlen(names[i]));
        assert_non_null(qnk_swap_fault(&plan, &rules, 15));
    }
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        plan = sample();
        memset(plan.engine.version, 0, sizeof plan.engine.version);
        memcpy(plan.engine.version, versions[i], strlen(versions[i]));
        assert_non_null(qnk_swap_fault(&plan, &rules, 15));
    }
    plan = sample();
    plan.engine.steps[0] = 0; /* no step 1: no locks */
    assert_non_null(qnk_swap_fault(&plan, &rules, 15));
    assert_null(qnk_swap_fault(&plan, &open, 15));
    plan.engine.steps[1] = 4; /* neither step 2, and the kernel's own */
    assert_non_null(qnk_swap_fault(&plan, &open, 15));
    plan = sample();
    plan.engine.steps[2] = 4;
    assert_non_null(qnk_swap_fault(&plan, &open, 15));
    plan = sample();
    plan.kind = QNK_BINDING_PRODUCER;
    assert_non_null(qnk_swap_fault(&plan, &open, 15)); /* with steps */
    plan.engine.steps_count = 0;
    assert_null(qnk_swap_fault(&plan, &open, 15));
}

static void a_quorum_must_be_ready_whatever_the_share(void **state)
{
    struct qnk_swap_plan plan = {.percent = 1};

    (void)state;
    assert_int_equal(qnk_swap_need(&plan, 4, 3), 3);
    plan.percent = 76;
    assert_int_equal(qnk_swap_need(&plan, 4, 3), 4); /* rounded up */
    plan.percent = 75;
    assert_int_equal(qnk_swap_need(&plan, 4, 3), 3);
    plan.percent = 100;
    assert_int_equal(qnk_swap_need(&plan, UINT64_C(1) << 53, 3), UINT64_C(1) << 53);
}

static void ready_names_plan_code_and_trace(void **state)
{
    struct qnk_swap_plan plan = sample();
    struct qnk_swap_ready ready = {.code = plan.codes[1], .trace = plan.trace}, again;
    uint8_t bytes[QNK_SWAP_READY_SIZE];

    (void)state;
    ready.plan.bytes[0] = 5;
    qnk_swap_ready_encode(&ready, bytes);
    assert_int_equal(qnk_swap_ready_decode((struct qn_span){bytes, sizeof bytes}, &again), QN_OK);
    assert_memory_equal(&again, &ready, sizeof ready);
    assert_int_equal(qnk_swap_ready_decode((struct qn_span){bytes, sizeof bytes - 1}, &again),
                     QN_INVALID);
    assert_null(qnk_swap_ready_fault(&plan, &ready));
    ready.code.bytes[0] = 9;
    assert_non_null(qnk_swap_ready_fault(&plan, &ready));
    plan.codes_count = 0;
    assert_null(qnk_swap_ready_fault(&plan, &ready));
    ready.trace.bytes[0] = 1;
    assert_non_null(qnk_swap_ready_fault(&plan, &ready));
    plan.trace = (struct qnk_hash){{0}};
    assert_null(qnk_swap_ready_fault(&plan, &ready));
}

static void cancel_and_fallback_have_one_form(void **state)
{
    struct qnk_hash plan = {{1, 2, 3}}, other;
    struct qnk_swap_fallback fallback = {.window = 9, .era = 257, .digest = {{4}}}, again;
    uint8_t cancel[QNK_SWAP_CANCEL_SIZE], bytes[QNK_SWAP_FALLBACK_SIZE];
    struct qn_span span = {bytes, sizeof bytes};

    (void)state;
    qnk_swap_cancel_encode(&plan, cancel);
    assert_int_equal(qnk_swap_cancel_decode((struct qn_span){cancel, sizeof cancel}, &other),
                     QN_OK);
    assert_true(qnk_hash_equal(&plan, &other));
    assert_int_equal(qnk_swap_cancel_decode((struct qn_span){cancel, 31}, &other), QN_INVALID);
    qnk_swap_fallback_encode(&fallback, bytes);
    assert_int_equal(qnk_swap_fallback_decode(span, &again), QN_OK);
    assert_int_equal(again.window, 9);
    assert_int_equal(again.era, 257);
    assert_true(qnk_hash_equal(&again.digest, &fallback.digest));
    bytes[12] = 1; /* reserved */
    assert_int_equal(qnk_swap_fallback_decode(span, &again), QN_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_comes_back_and_nothing_else_is_one),
        cmocka_unit_test(the_largest_plan_fits),
        cmocka_unit_test(a_plan_keeps_to_the_rules),
        cmocka_unit_test(names_versions_and_steps_are_well_formed),
        cmocka_unit_test(a_quorum_must_be_ready_whatever_the_share),
        cmocka_unit_test(ready_names_plan_code_and_trace),
        cmocka_unit_test(cancel_and_fallback_have_one_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
