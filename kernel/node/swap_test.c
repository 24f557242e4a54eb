/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/node/swap.h"
#include "kernel/node/transition_test.h"

enum { N = 10, MEMBERS = 4, FIRST = 7, PROBATION = 3, KERNEL_VIEW = 64 };

static struct qnk_budget budget = {.limit = 1 << 26};
static struct qnk_set *set;
static const struct qnk_params params = {
    .window = N,
    .swap = {.notice = 5, .probation = 1, .percent = 1},
    .bindings = {{.name = "old", .version = "1.0", .steps = {1, 2}, .steps_count = 2},
                 {.name = "turns", .version = "1.0"},
                 {.name = "accounts", .version = "1.0"}},
};
static uint8_t plan_bytes[QNK_SWAP_PLAN_MAX];
static struct qn_span plan;
static struct qnk_hash plan_id;

static struct qnk_hash filled(int byte)
{
    struct qnk_hash hash;

    memset(hash.bytes, byte, sizeof hash.bytes);
    return hash;
}

static void plan_make(uint8_t kind, const char *name)
{
    struct qnk_swap_plan made = {
        .kind = kind,
        .percent = 1,
        .probation = PROBATION,
        .engine = {.first = FIRST, .version = "1.0", .steps = {1, 2}},
    };

    made.engine.steps_count = kind == QNK_BINDING_CONSENSUS ? 2 : 0;
    memcpy(made.engine.name, name, strlen(name));
    plan = (struct qn_span){plan_bytes, qnk_swap_plan_encode(&made, plan_bytes)};
    qnk_swap_id(plan, &plan_id);
}

static struct qnk_set *set_of(uint64_t first)
{
    struct qnk_set_member members[MEMBERS] = {0};
    struct qnk_set *made;

    for (uint32_t i = 0; i < MEMBERS; i++) {
        members[i].key = filled((int)i + 1);
        members[i].weight = i == 0 ? first : 1;
    }
    assert_int_equal(qnk_set_new(&budget, members, MEMBERS, &made), QN_OK);
    return made;
}

static int setup(void **state)
{
    (void)state;
    set = set_of(1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    qnk_set_unref(set);
    assert_int_equal(budget.used, 0);
    return 0;
}

static struct qnk_control *genesis(void)
{
    static const struct qnk_hash tips[MEMBERS];
    struct qnk_control *control;

    assert_int_equal(qnk_transition_genesis(&budget, &params, set, tips, &control), QN_OK);
    return control;
}

/* The record after a block without transactions; takes `before` over. */
static struct qnk_control *pass(struct qnk_control *before, uint64_t height, uint32_t view)
{
    struct qnk_transition_block block = {.height = height, .view = view};
    struct qnk_transition transition;
    struct qnk_control *after;

    assert_int_equal(qnk_transition_begin(&transition, before, set, &params, &block), QN_OK);
    assert_int_equal(qnk_transition_end(&transition, &after), QN_OK);
    qnk_control_unref(before);
    return after;
}

/* All blocks of a window, the last `late` of them in the kernel's ranks. */
static struct qnk_control *pass_window(struct qnk_control *control, uint64_t window, uint32_t late)
{
    for (uint64_t i = 1; i <= N; i++) {
        control = pass(control, (window - 1) * N + i, i > N - late ? KERNEL_VIEW : 0);
    }
    return control;
}

static int32_t say(struct qnk_control **control, uint64_t height, uint32_t member, uint8_t kind,
                   struct qn_span payload)
{
    struct qnk_hash from = filled((int)member + 1);
    struct qnk_tx tx = {
        .kind = kind,
        .payload = payload,
        .from = from.bytes,
        .nonce = qnk_swap_nonce(*control, kind),
        .valid_until = height,
    };

    bool was_over = qnk_transition_is_over(*control, set, N, height, &tx);
    int32_t status = transition_try(control, set, &params, height, &tx);

    assert_false(was_over && status == QN_OK);
    tx.valid_until = UINT64_MAX;
    assert_true(status != QN_OK || qnk_transition_is_over(*control, set, N, height + 1, &tx));
    return status;
}

static int32_t ready(struct qnk_control **control, uint64_t height, uint32_t member)
{
    struct qnk_swap_ready said = {.plan = plan_id};
    uint8_t bytes[QNK_SWAP_READY_SIZE];

    qnk_swap_ready_encode(&said, bytes);
    return say(control, height, member, QNK_TX_READY, (struct qn_span){bytes, sizeof bytes});
}

static int32_t cancel(struct qnk_control **control, uint64_t height, uint32_t member)
{
    uint8_t bytes[QNK_SWAP_CANCEL_SIZE];

    qnk_swap_cancel_encode(&plan_id, bytes);
    return say(control, height, member, QNK_TX_CANCEL, (struct qn_span){bytes, sizeof bytes});
}

/* A plan in window 2 to which `count` members are ready. */
static struct qnk_control *planned(uint8_t kind, const char *name, uint32_t count)
{
    struct qnk_control *control = genesis();

    plan_make(kind, name);
    assert_int_equal(say(&control, N + 2, 0, QNK_TX_PLAN, plan), QN_OK);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(ready(&control, N + 3, i), QN_OK);
    }
    return control;
}

static void a_plan_for_which_a_quorum_is_ready_lives_to_its_end(void **state)
{
    struct qnk_control *control = planned(QNK_BINDING_CONSENSUS, "new", 3);

    (void)state;
    assert_int_equal(control->swap.life, QNK_SWAP_PROPOSED);
    control = pass_window(control, FIRST - 4, 0);
    assert_int_equal(control->swap.life, QNK_SWAP_PROPOSED);
    control = pass_window(control, FIRST - 3, 0);
    assert_int_equal(control->swap.life, QNK_SWAP_BOUND);
    assert_int_equal(control->swap.number, 1);
    assert_string_equal(qnk_control_binding(control, 0, FIRST - 1)->name, "old");
    assert_string_equal(qnk_control_binding(control, 0, FIRST)->name, "new");
    assert_int_equal(qnk_control_binding(control, 0, FIRST)->fallback, 0);
    assert_string_equal(qnk_control_binding(control, 1, FIRST)->name, "turns");
    control = pass_window(control, FIRST - 1, 0);
    assert_int_equal(control->swap.life, QNK_SWAP_BOUND);
    control = pass_window(control, FIRST, N); /* only a producer is counted */
    assert_int_equal(control->swap.life, QNK_SWAP_ACTIVE);
    control = pass_window(control, FIRST + PROBATION - 1, 0);
    assert_int_equal(control->swap.life, QNK_SWAP_ACTIVE);
    control = pass_window(control, FIRST + PROBATION, 0);
    assert_int_equal(control->swap.life, QNK_SWAP_SETTLED);
    qnk_control_unref(control);
}

static void a_plan_without_a_quorum_lapses(void **state)
{
    struct qnk_control *control = planned(QNK_BINDING_CONSENSUS, "new", 2);

    (void)state;
    control = pass_window(control, FIRST - 3, 0);
    assert_int_equal(control->swap.life, QNK_SWAP_LAPSED);
    assert_int_equal(control->bindings[0]->count, 1);
    assert_int_equal(ready(&control, (FIRST - 3) * N + 1, 2), QN_INVALID);    /* too late */
    assert_int_equal(say(&control, N + 5, 0, QNK_TX_PLAN, plan), QN_INVALID); /* the same again */
    plan_make(QNK_BINDING_CONSENSUS, "third");
    assert_int_equal(say(&control, N + 5, 0, QNK_TX_PLAN, plan), QN_OK);
    qnk_control_unref(control);
}

static void it_takes_weight_to_bind_a_plan_not_members(void **state)
{
    struct qnk_set *equal = set;

    (void)state;
    set = set_of(5);
    for (uint32_t heavy = 0; heavy < 2; heavy++) {
        struct qnk_control *control = planned(QNK_BINDING_CONSENSUS, "new", 0);

        for (uint32_t i = heavy == 0; i < (heavy == 0 ? MEMBERS : 2); i++) {
            assert_int_equal(ready(&control, N + 3, i), QN_OK);
        }
        control = pass_window(control, FIRST - 3, 0);
        assert_int_equal(control->swap.life, heavy == 0 ? QNK_SWAP_LAPSED : QNK_SWAP_BOUND);
        qnk_control_unref(control);
    }
    qnk_set_unref(set);
    set = equal;
}

static void one_plan_is_open_at_a_time(void **state)
{
    struct qnk_control *control = planned(QNK_BINDING_CONSENSUS, "new", 3);

    (void)state;
    plan_make(QNK_BINDING_PRODUCER, "other");
    assert_int_equal(say(&control, N + 4, 1, QNK_TX_PLAN, plan), QN_INVALID);
    control = pass_window(control, FIRST - 3, 0);
    assert_int_equal(say(&control, N + 4, 1, QNK_TX_PLAN, plan), QN_INVALID);
    qnk_control_unref(control);
}

static void its_maker_or_a_third_cancels_a_plan(void **state)
{
    struct qnk_control *control = planned(QNK_BINDING_CONSENSUS, "new", 3);

    (void)state;
    assert_int_equal(cancel(&control, N + 4, 0), QN_OK);
    assert_int_equal(control->swap.life, QNK_SWAP_CANCELLED);
    control = pass_window(control, FIRST - 3, 0);
    assert_int_equal(control->swap.life, QNK_SWAP_CANCELLED);
    qnk_control_unref(control);
    control = planned(QNK_BINDING_CONSENSUS, "new", 4);
    assert_int_equal(cancel(&control, N + 4, 1), QN_OK);
    assert_int_equal(control->swap.life, QNK_SWAP_PROPOSED);
    assert_int_equal(cancel(&control, N + 4, 1), QN_INVALID); /* once */
    assert_int_equal(ready(&control, N + 4, 1), QN_INVALID);  /* a word of before comes again */
    assert_int_equal(cancel(&control, N + 4, 2), QN_OK);
    assert_int_equal(control->swap.life, QNK_SWAP_CANCELLED);
    qnk_control_unref(control);
}

static void what_was_said_of_a_plan_that_is_over_cannot_be_brought_again(void **state)
{
    struct qnk_control *control = genesis();
    struct qnk_hash from = filled(1);
    uint8_t bytes[QNK_SWAP_READY_SIZE];
    struct qnk_tx planned_then = {.kind = QNK_TX_PLAN, .from = from.bytes, .valid_until = 100};
    struct qnk_tx ready_then = {
        .kind = QNK_TX_READY,
        .payload = {bytes, sizeof bytes},
        .from = from.bytes,
        .valid_until = 100,
    };

    (void)state;
    plan_make(QNK_BINDING_CONSENSUS, "new");
    planned_then.payload = plan;
    assert_int_equal(transition_try(&control, set, &params, 2, &planned_then), QN_OK);
    qnk_swap_ready_encode(&(struct qnk_swap_ready){.plan = plan_id}, bytes);
    ready_then.nonce = qnk_swap_nonce(control, QNK_TX_READY);
    assert_int_equal(transition_try(&control, set, &params, 3, &ready_then), QN_OK);
    assert_int_equal(cancel(&control, 4, 0), QN_OK);
    plan_make(QNK_BINDING_CONSENSUS, "other");
    assert_int_equal(say(&control, 5, 0, QNK_TX_PLAN, plan), QN_OK);
    assert_int_equal(cancel(&control, N + 1, 0), QN_OK);
    plan_make(QNK_BINDING_CONSENSUS, "new");
    assert_int_equal(transition_try(&control, set, &params, N + 2, &planned_then), QN_INVALID);
    assert_true(qnk_transition_is_over(control, set, N, N + 2, &planned_then));
    assert_int_equal(say(&control, N + 2, 0, QNK_TX_PLAN, plan), QN_OK); /* signed anew */
    assert_int_equal(transition_try(&control, set, &params, N + 3, &ready_then), QN_INVALID);
    assert_true(qnk_transition_is_over(control, set, N, N + 3, &ready_then));
    assert_int_equal(ready(&control, N + 3, 0), QN_OK);
    qnk_control_unref(control);
}

static void who_takes_its_word_back_is_not_counted(void **state)
{
    struct qnk_control *control = planned(QNK_BINDING_CONSENSUS, "new", 3);

    (void)state;
    assert_int_equal(cancel(&control, N + 4, 1), QN_OK);
    control = pass_window(control, FIRST - 3, 0);
    assert_int_equal(control->swap.life, QNK_SWAP_LAPSED);
    qnk_control_unref(control);
}

static void a_producer_whose_ranks_stay_empty_fails(void **state)
{
    struct qnk_control *control = planned(QNK_BINDING_PRODUCER, "drawn", 3);

    (void)state;
    control = pass_window(control, FIRST - 3, 0);
    control = pass_window(control, FIRST, N / 2);
    assert_int_equal(control->swap.life, QNK_SWAP_ACTIVE); /* half is not more than half */
    control = pass_window(control, FIRST + 1, N / 2 + 1);
    assert_int_equal(control->swap.life, QNK_SWAP_FAILED);
    assert_string_equal(qnk_control_binding(control, 1, FIRST + 3)->name, "drawn");
    assert_string_equal(qnk_control_binding(control, 1, FIRST + 4)->name, "turns");
    assert_int_equal(qnk_control_binding(control, 1, FIRST + 4)->number, 2);
    assert_int_equal(qnk_control_binding(control, 1, FIRST + 4)->fallback, 2);
    qnk_control_unref(control);
}

/* Nothing is left to bind, and the chain goes on in the kernel's ranks. */
static void a_producer_that_fails_under_the_last_number_stays(void **state)
{
    struct qnk_control *control = planned(QNK_BINDING_PRODUCER, "drawn", 3);

    (void)state;
    control = pass_window(control, FIRST - 3, 0);
    control->bindings[1]->list[1].number = control->swap.number = QNK_BINDING_NUMBER_MAX;
    control = pass_window(control, FIRST, N);
    assert_int_equal(control->swap.life, QNK_SWAP_ACTIVE);
    assert_string_equal(qnk_control_binding(control, 1, FIRST + 3)->name, "drawn");
    qnk_control_unref(control);
}

static void a_settled_producer_is_not_counted(void **state)
{
    struct qnk_control *control = planned(QNK_BINDING_PRODUCER, "drawn", 3);

    (void)state;
    control = pass_window(control, FIRST - 3, 0);
    control = pass_window(control, FIRST, 0);
    control = pass_window(control, FIRST + PROBATION, N);
    assert_int_equal(control->swap.life, QNK_SWAP_SETTLED);
    assert_int_equal(control->bindings[1]->count, 2);
    qnk_control_unref(control);
}

/* A member says that a later attempt at `window` decided it. */
static int32_t fall_back(struct qnk_control **control, uint64_t height, uint32_t member,
                         uint64_t window, uint32_t era)
{
    struct qnk_swap_fallback fallback = {.window = window, .era = era, .digest = filled(4)};
    uint8_t bytes[QNK_SWAP_FALLBACK_SIZE];

    qnk_swap_fallback_encode(&fallback, bytes);
    return say(control, height, member, QNK_TX_FALLBACK, (struct qn_span){bytes, sizeof bytes});
}

static void an_engine_fails_by_the_word_of_a_third(void **state)
{
    struct qnk_control *control = planned(QNK_BINDING_CONSENSUS, "new", 3);
    uint64_t height = FIRST * N + 2; /* in the window after the first one */

    (void)state;
    control = pass_window(control, FIRST - 3, 0);
    control = pass_window(control, FIRST, 0);
    assert_int_equal(fall_back(&control, height, 0, FIRST, 257), QN_OK);
    assert_int_equal(fall_back(&control, height, 0, FIRST, 258), QN_INVALID); /* once */
    assert_int_equal(control->swap.life, QNK_SWAP_ACTIVE);
    assert_int_equal(fall_back(&control, height, 2, FIRST, 257), QN_OK);
    assert_int_equal(control->swap.life, QNK_SWAP_FAILED);
    assert_string_equal(qnk_control_binding(control, 0, FIRST + 3)->name, "new");
    assert_string_equal(qnk_control_binding(control, 0, FIRST + 4)->name, "old");
    assert_int_equal(qnk_control_binding(control, 0, FIRST + 4)->number, 2);
    assert_int_equal(qnk_control_binding(control, 0, FIRST + 4)->fallback, 2);
    assert_int_equal(fall_back(&control, height, 3, FIRST, 257), QN_INVALID); /* it is over */
    qnk_control_unref(control);
}

static void only_later_attempts_of_the_plan_count_against_it(void **state)
{
    struct qnk_control *control = planned(QNK_BINDING_CONSENSUS, "new", 3);
    uint64_t height = FIRST * N + 2;

    (void)state;
    control = pass_window(control, FIRST - 3, 0);
    assert_int_equal(fall_back(&control, (FIRST - 3) * N + 2, 0, FIRST, 257), QN_INVALID);
    control = pass_window(control, FIRST, 0);
    assert_int_equal(fall_back(&control, height, 0, FIRST, 256), QN_INVALID); /* the first */
    assert_int_equal(fall_back(&control, height, 0, FIRST, 1), QN_INVALID);   /* what was before */
    assert_int_equal(fall_back(&control, height, 0, FIRST, 513), QN_INVALID);
    assert_int_equal(fall_back(&control, height, 0, FIRST - 1, 257), QN_INVALID);
    assert_int_equal(fall_back(&control, height, 0, FIRST + 2, 257), QN_INVALID); /* not yet */
    assert_int_equal(fall_back(&control, height, 0, FIRST + PROBATION, 257), QN_INVALID);
    qnk_control_unref(control);
    control = planned(QNK_BINDING_PRODUCER, "drawn", 3);
    control = pass_window(control, FIRST - 3, 0);
    control = pass_window(control, FIRST, 0);
    assert_int_equal(fall_back(&control, height, 0, FIRST, 257), QN_INVALID); /* no engine */
    qnk_control_unref(control);
}

/* Words need some blocks until they are on the chain: those of the last window may come late. */
static void words_on_probation_count_after_it(void **state)
{
    struct qnk_control *control = planned(QNK_BINDING_CONSENSUS, "new", 3);
    uint64_t last = FIRST + PROBATION - 1;

    (void)state;
    control = pass_window(control, FIRST - 3, 0);
    control = pass_window(control, FIRST, 0);
    control = pass_window(control, last + 1, 0);
    assert_int_equal(control->swap.life, QNK_SWAP_SETTLED);
    assert_int_equal(fall_back(&control, (last + 1) * N + 1, 0, last, 257), QN_OK);
    assert_int_equal(fall_back(&control, (last + 1) * N + 1, 1, last, 257), QN_OK);
    assert_int_equal(control->swap.life, QNK_SWAP_FAILED);
    assert_string_equal(qnk_control_binding(control, 0, last + 5)->name, "old");
    qnk_control_unref(control);
}

/* Another plan in the second block of a window. */
static int32_t plan_later(struct qnk_control **control, uint64_t window)
{
    struct qnk_swap_plan made;
    uint8_t bytes[QNK_SWAP_PLAN_MAX];

    assert_int_equal(qnk_swap_plan_decode(plan, &made), QN_OK);
    made.engine.first = window + 8;
    return say(control, (window - 1) * N + 2, 1, QNK_TX_PLAN,
               (struct qn_span){bytes, qnk_swap_plan_encode(&made, bytes)});
}

/* What would come would fall back to an engine that may not work. */
static void the_next_plan_waits_until_what_was_on_probation_is_final(void **state)
{
    struct qnk_control *control = planned(QNK_BINDING_CONSENSUS, "new", 3);
    uint64_t after = FIRST + PROBATION;

    (void)state;
    assert_false(qnk_swap_may_fail(control, FIRST - 3));
    control = pass_window(control, FIRST - 3, 0);
    control = pass_window(control, FIRST, 0);
    control = pass_window(control, after, 0);
    assert_int_equal(control->swap.life, QNK_SWAP_SETTLED);
    for (uint64_t window = after; window < after + QNK_SWAP_LAG; window++) {
        assert_true(qnk_swap_may_fail(control, window));
        assert_int_equal(plan_later(&control, window), QN_INVALID);
    }
    assert_false(qnk_swap_may_fail(control, after + QNK_SWAP_LAG));
    assert_int_equal(plan_later(&control, after + QNK_SWAP_LAG), QN_OK);
    qnk_control_unref(control);
}

/* After probation it is operators who give up, and what they bring about is no less true. */
static void words_of_a_settled_engine_count(void **state)
{
    struct qnk_control *control = planned(QNK_BINDING_CONSENSUS, "new", 3);
    uint64_t late = FIRST + PROBATION + 50;

    (void)state;
    control = pass_window(control, FIRST - 3, 0);
    control = pass_window(control, FIRST, 0);
    control = pass_window(control, FIRST + PROBATION, 0);
    assert_int_equal(control->swap.life, QNK_SWAP_SETTLED);
    assert_int_equal(fall_back(&control, late * N, 0, late, 257), QN_OK);
    assert_int_equal(fall_back(&control, late * N, 1, late, 257), QN_OK);
    assert_int_equal(control->swap.life, QNK_SWAP_FAILED);
    assert_string_equal(qnk_control_binding(control, 0, late + 3)->name, "old");
    qnk_control_unref(control);
}

/* --- an engine that fails while the plan for the next one is open --- */

enum { LATER = FIRST + PROBATION + 4, NEXT = LATER + 8 };

/* A plan for another engine, from window NEXT on, that all are ready for; the one that serves,
 * "new" with number 1, has settled, and falls back to "old". */
static struct qnk_control *planned_next(void)
{
    struct qnk_control *control = planned(QNK_BINDING_CONSENSUS, "new", 3);
    struct qnk_swap_plan made;

    control = pass_window(control, FIRST - 3, 0);
    control = pass_window(control, FIRST, 0);
    control = pass_window(control, FIRST + PROBATION, 0);
    plan_make(QNK_BINDING_CONSENSUS, "next");
    assert_int_equal(qnk_swap_plan_decode(plan, &made), QN_OK);
    made.engine.first = NEXT;
    plan.size = qnk_swap_plan_encode(&made, plan_bytes);
    qnk_swap_id(plan, &plan_id);
    assert_int_equal(say(&control, LATER * N, 1, QNK_TX_PLAN, plan), QN_OK);
    for (uint32_t i = 0; i < MEMBERS; i++) {
        assert_int_equal(ready(&control, LATER * N, i), QN_OK);
    }
    return control;
}

/* Two members say in `window` that a later attempt decided `failed`, of binding `number`. */
static void two_give_up(struct qnk_control **control, uint64_t window, uint64_t failed,
                        uint32_t number)
{
    uint64_t height = (window - 1) * N + 2;
    uint32_t era = qnk_era(number, 1);

    assert_int_equal(fall_back(control, height, 0, failed, era), QN_OK);
    assert_int_equal(fall_back(control, height, 0, failed, era), QN_INVALID);
    assert_int_equal(fall_back(control, height, 3, failed, era), QN_OK);
    assert_int_equal(fall_back(control, height, 2, failed, era), QN_INVALID); /* it is over */
}

/* What attempts after the first at `window` run, as the record after `known` has it. */
static const char *behind(const struct qnk_control *control, uint64_t window)
{
    return qnk_bindings_attempt(control->bindings[0], window, 1)->name;
}

static void a_plan_that_waits_falls_back_to_what_replaced_the_engine_before(void **state)
{
    /* The words come early, and in the very window that decides on the plan. */
    static const uint64_t words[] = {LATER + 2, NEXT - 3};

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        struct qnk_control *control = planned_next();

        two_give_up(&control, words[i], LATER, 1);
        assert_string_equal(qnk_control_binding(control, 0, words[i] + 2)->name, "new");
        assert_int_equal(control->swap.life, QNK_SWAP_PROPOSED);
        control = pass_window(control, NEXT - 3, 0);
        assert_int_equal(control->swap.life, QNK_SWAP_BOUND);
        assert_string_equal(qnk_control_binding(control, 0, words[i] + 3)->name,
                            i == 0 ? "old" : "next");
        assert_string_equal(qnk_control_binding(control, 0, NEXT)->name, "next");
        assert_string_equal(behind(control, NEXT), "old");
        control = pass_window(control, NEXT, 0);
        two_give_up(&control, NEXT + 1, NEXT, control->swap.number);
        assert_int_equal(control->swap.life, QNK_SWAP_FAILED);
        assert_string_equal(qnk_control_binding(control, 0, NEXT + 4)->name, "old");
        qnk_control_unref(control);
    }
}

/* They come when nothing changes any more what serves the first windows of the plan. */
static void a_plan_that_is_bound_falls_back_behind_what_fails_last(void **state)
{
    static const uint64_t words[] = {NEXT - 1, NEXT + 2, NEXT + PROBATION + 9};

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        struct qnk_control *control = planned_next();

        control = pass_window(control, NEXT - 3, 0);
        assert_int_equal(control->swap.life, QNK_SWAP_BOUND);
        assert_string_equal(behind(control, NEXT), "new");
        for (uint64_t window = NEXT; window < words[i]; window++) {
            control = pass_window(control, window, 0);
        }
        two_give_up(&control, words[i], NEXT - 2, 1);
        assert_string_equal(qnk_control_binding(control, 0, words[i] + 3)->name, "next");
        assert_int_equal(qnk_control_binding(control, 0, words[i] + 3)->number, 2);
        assert_string_equal(behind(control, NEXT), "old");
        assert_true(control->swap.life != QNK_SWAP_FAILED);
        for (uint64_t window = words[i] + 1; window <= NEXT; window++) {
            control = pass_window(control, window, 0);
        }
        two_give_up(&control, words[i] + 2, words[i] + 1, 2); /* then that one fails */
        assert_int_equal(control->swap.life, QNK_SWAP_FAILED);
        assert_string_equal(qnk_control_binding(control, 0, words[i] + 5)->name, "old");
        qnk_control_unref(control);
    }
}

/* One member said so before the plan was bound, another one after that. */
static void words_on_the_engine_before_are_kept_when_a_plan_is_bound(void **state)
{
    struct qnk_control *control = planned_next();

    (void)state;
    assert_int_equal(fall_back(&control, LATER * N, 0, LATER, 257), QN_OK);
    assert_int_equal(control->members[0].swap, QNK_SWAP_READY);
    control = pass_window(control, NEXT - 3, 0);
    assert_string_equal(behind(control, NEXT), "new");
    assert_int_equal(fall_back(&control, (NEXT - 3) * N + 1, 0, LATER, 257), QN_INVALID);
    assert_int_equal(fall_back(&control, (NEXT - 3) * N + 1, 1, NEXT, 257), QN_INVALID);
    assert_int_equal(fall_back(&control, (NEXT - 3) * N + 1, 1, LATER, 257), QN_OK);
    assert_string_equal(behind(control, NEXT), "old");
    control = pass_window(control, NEXT, 0);
    /* None of these is a word on the next one, and there is none behind the first. */
    assert_int_equal(fall_back(&control, NEXT * N + 1, 2, NEXT, qnk_era(2, 1)), QN_OK);
    assert_int_equal(control->swap.life, QNK_SWAP_ACTIVE);
    assert_int_equal(fall_back(&control, NEXT * N + 1, 2, 1, qnk_era(0, 1)), QN_INVALID);
    qnk_control_unref(control);
}

/* Who builds a block tries what it has on its own record, and leaves out what was refused. */
static void a_word_that_memory_lacks_for_was_not_said(void **state)
{
    static const uint32_t numbers[] = {1, 2};

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        struct qnk_control *before = planned_next();
        struct qnk_control *control;
        struct qnk_swap_place place = {.set = set, .rules = &params.swap, .window = NEXT + 1};
        struct qnk_swap_fallback said = {.era = qnk_era(numbers[i], 1)};
        uint8_t bytes[QNK_SWAP_FALLBACK_SIZE];
        struct qn_span word = {bytes, sizeof bytes};
        struct qnk_hash was, is;

        said.window = numbers[i] == 1 ? NEXT - 2 : NEXT;
        before = pass_window(pass_window(before, NEXT - 3, 0), NEXT, 0);
        qnk_swap_fallback_encode(&said, bytes);
        assert_int_equal(qnk_control_copy(before, 0, &control), QN_OK);
        assert_int_equal(qnk_swap_tx(control, &place, QNK_TX_FALLBACK, word), QN_OK);
        qnk_control_hash(control, &was);
        place.sender = 3;
        budget.limit = budget.used;
        assert_int_equal(qnk_swap_tx(control, &place, QNK_TX_FALLBACK, word), QN_NO_SPACE);
        budget.limit = 1 << 26;
        qnk_control_hash(control, &is);
        assert_memory_equal(&is, &was, sizeof is);
        assert_int_equal(qnk_swap_tx(control, &place, QNK_TX_FALLBACK, word), QN_OK);
        assert_string_equal(behind(control, NEXT + 4), i == 0 ? "old" : "new");
        qnk_control_unref(control);
        qnk_control_unref(before);
    }
}

/* A plan that comes to nothing does not keep an engine in force that decides nothing. */
static void words_outlive_a_plan_that_lapses(void **state)
{
    struct qnk_control *control = planned_next();

    (void)state;
    assert_int_equal(fall_back(&control, LATER * N, 0, LATER, 257), QN_OK);
    assert_int_equal(cancel(&control, LATER * N, 1), QN_OK);
    assert_int_equal(control->swap.life, QNK_SWAP_CANCELLED);
    assert_int_equal(fall_back(&control, LATER * N + 1, 1, LATER, 257), QN_OK);
    assert_int_equal(control->swap.life, QNK_SWAP_CANCELLED);
    assert_string_equal(qnk_control_binding(control, 0, LATER + 4)->name, "old");
    assert_int_equal(fall_back(&control, LATER * N + 1, 2, LATER, 257), QN_INVALID);
    qnk_control_unref(control);
}

static void there_is_a_word_for_each_fault(void **state)
{
    struct qnk_control *control = genesis();
    struct qnk_swap_place place = {.set = set, .rules = &params.swap, .window = 2};

    (void)state;
    plan_make(QNK_BINDING_CONSENSUS, "new");
    assert_null(qnk_swap_tx_fault(control, &place, QNK_TX_PLAN, plan));
    assert_non_null(qnk_swap_tx_fault(control, &place, QNK_TX_READY, plan));
    assert_non_null(qnk_swap_tx_fault(control, &place, QNK_TX_SHARE, plan));
    place.window = FIRST;
    assert_non_null(qnk_swap_tx_fault(control, &place, QNK_TX_PLAN, plan));
    place.sender = MEMBERS;
    assert_non_null(qnk_swap_tx_fault(control, &place, QNK_TX_PLAN, plan));
    qnk_control_unref(control);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_for_which_a_quorum_is_ready_lives_to_its_end),
        cmocka_unit_test(a_plan_without_a_quorum_lapses),
        cmocka_unit_test(it_takes_weight_to_bind_a_plan_not_members),
        cmocka_unit_test(one_plan_is_open_at_a_time),
        cmocka_unit_test(its_maker_or_a_third_cancels_a_plan),
        cmocka_unit_test(what_was_said_of_a_plan_that_is_over_cannot_be_brought_again),
        cmocka_unit_test(who_takes_its_word_back_is_not_counted),
        cmocka_unit_test(a_producer_whose_ranks_stay_empty_fails),
        cmocka_unit_test(a_producer_that_fails_under_the_last_number_stays),
        cmocka_unit_test(a_settled_producer_is_not_counted),
        cmocka_unit_test(an_engine_fails_by_the_word_of_a_third),
        cmocka_unit_test(only_later_attempts_of_the_plan_count_against_it),
        cmocka_unit_test(words_on_probation_count_after_it),
        cmocka_unit_test(the_next_plan_waits_until_what_was_on_probation_is_final),
        cmocka_unit_test(words_of_a_settled_engine_count),
        cmocka_unit_test(a_plan_that_waits_falls_back_to_what_replaced_the_engine_before),
        cmocka_unit_test(a_plan_that_is_bound_falls_back_behind_what_fails_last),
        cmocka_unit_test(words_on_the_engine_before_are_kept_when_a_plan_is_bound),
        cmocka_unit_test(a_word_that_memory_lacks_for_was_not_said),
        cmocka_unit_test(words_outlive_a_plan_that_lapses),
        cmocka_unit_test(there_is_a_word_for_each_fault),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
