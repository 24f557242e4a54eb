/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/control.h"

enum { MEMBERS = 3, ROOM = 65536 };

static struct qnk_budget budget = {.limit = 1 << 24};

static struct qnk_binding binding_of(const char *name)
{
    struct qnk_binding binding = {
        .number = 2, .first = 5, .fallback = 1, .version = "1.0", .config_size = 3};

    memcpy(binding.name, name, strlen(name));
    memcpy(binding.config, "abc", 3);
    return binding;
}

static void bindings_fill(struct qnk_control *control)
{
    static const char *const names[] = {"commit-reveal", "round-robin", "accounts"};

    for (uint32_t i = 0; i < QNK_CONTROL_BINDINGS; i++) {
        struct qnk_binding binding = binding_of(names[i]);

        binding.steps_count = i == 0 ? 2 : 0;
        binding.steps[1] = i == 0 ? 5 : 0;
        assert_int_equal(qnk_bindings_new(&budget, &binding, &control->bindings[i]), QN_OK);
    }
}

/* A plan that is bound for window 9. */
static void swap_fill(struct qnk_control *control)
{
    struct qnk_swap_plan plan = {.percent = 70, .probation = 4, .engine = binding_of("bft")};
    uint8_t bytes[QNK_SWAP_PLAN_MAX];

    plan.engine.first = 9;
    plan.engine.steps[0] = 1;
    plan.engine.steps[1] = 2;
    plan.engine.steps_count = 2;

    struct qn_span payload = {bytes, qnk_swap_plan_encode(&plan, bytes)};

    control->swap = (struct qnk_swap){.life = QNK_SWAP_BOUND, .maker = 2, .since = 3, .changed = 6};
    assert_int_equal(qnk_planned_new(&budget, payload, &control->swap.planned), QN_OK);
    assert_int_equal(qnk_control_bind(control, 0, &plan.engine, 9, 2, 6, &control->swap.number),
                     QN_OK);
    control->members[0].swap = QNK_SWAP_READY;
    control->members[1].swap = QNK_SWAP_AGAINST;
    control->members[1].gave_up = QNK_GAVE_UP_BEFORE;
}

/* A record in which nothing is zero that can be otherwise. */
static struct qnk_control *sample(void)
{
    struct qnk_control *empty, *control;

    assert_int_equal(qnk_control_new(&budget, MEMBERS, &empty), QN_OK);
    assert_int_equal(qnk_control_copy(empty, 2, &control), QN_OK);
    qnk_control_unref(empty);
    bindings_fill(control);
    control->turn_primary = 2;
    control->turn_blocks = 4;
    control->turn_made = 3;
    for (uint32_t i = 0; i < MEMBERS; i++) {
        memset(control->members[i].share.bytes, (int)(0x10 + i), QN_HASH_SIZE);
        control->members[i].share_window = 100 + i;
    }
    memset(control->members[1].next_tip.bytes, 0x77, QN_HASH_SIZE);
    control->members[1].next_window = 130;
    control->members[2].missed = 5;
    control->members[2].turns = 3;
    control->members[2].excluded = QNK_EXCLUDED_ABSENT | QNK_EXCLUDED_OFFENCE;
    control->evidence_count = 2;
    memset(control->evidence[0].place.bytes, 0xE0, QN_HASH_SIZE);
    control->evidence[0].window = 90;
    memset(control->evidence[1].place.bytes, 0xE1, QN_HASH_SIZE);
    control->evidence[1].window = 91;
    return control;
}

static uint64_t encode(const struct qnk_control *control, uint8_t to[ROOM])
{
    uint64_t size = qnk_control_size(control);

    assert_true(size < ROOM);
    qnk_control_encode(control, to);
    return size;
}

static int32_t decode(const uint8_t *bytes, uint64_t size, struct qnk_control **control)
{
    return qnk_control_decode(&budget, (struct qn_span){bytes, size}, control);
}

static void what_was_encoded_comes_back(void **state)
{
    struct qnk_control *control = sample(), *again;
    static uint8_t bytes[ROOM], second[ROOM];
    uint64_t size = encode(control, bytes);

    (void)state;
    assert_int_equal(decode(bytes, size, &again), QN_OK);
    assert_int_equal(again->bindings[0]->list[0].number, 2);
    assert_string_equal(again->bindings[1]->list[0].name, "round-robin");
    assert_memory_equal(again->members, control->members, MEMBERS * sizeof *control->members);
    assert_int_equal(again->evidence_count, 2);
    assert_int_equal(again->evidence[1].window, 91);
    assert_int_equal(encode(again, second), size);
    assert_memory_equal(second, bytes, size);
    qnk_control_unref(again);
    qnk_control_unref(control);
    assert_int_equal(budget.used, 0);
}

static void a_plan_comes_back_with_what_was_said_of_it(void **state)
{
    struct qnk_control *control = sample(), *again;
    static uint8_t bytes[ROOM];
    uint64_t size;

    (void)state;
    swap_fill(control);
    size = encode(control, bytes);
    assert_int_equal(decode(bytes, size, &again), QN_OK);
    assert_int_equal(again->swap.life, QNK_SWAP_BOUND);
    assert_int_equal(again->swap.number, 3);
    assert_memory_equal(&again->swap.planned->plan, &control->swap.planned->plan,
                        sizeof control->swap.planned->plan);
    assert_true(qnk_hash_equal(&again->swap.planned->id, &control->swap.planned->id));
    assert_int_equal(again->members[1].swap, QNK_SWAP_AGAINST);
    assert_int_equal(again->members[1].gave_up, QNK_GAVE_UP_BEFORE);
    assert_string_equal(qnk_control_binding(again, 0, 8)->name, "commit-reveal");
    assert_string_equal(qnk_control_binding(again, 0, 9)->name, "bft");
    assert_int_equal(qnk_control_binding(again, 0, 9)->fallback, 2);
    for (uint64_t cut = 0; cut < size; cut++) {
        struct qnk_control *none = NULL;

        assert_int_equal(decode(bytes, cut, &none), QN_INVALID);
    }
    qnk_control_unref(again);
    qnk_control_unref(control);
    assert_int_equal(budget.used, 0);
}

static void the_bytes_are_as_the_header_says(void **state)
{
    static const uint8_t head[] = {1, 0, 1, 0, 0, 0, 2, 0, 0,  0, 5, 0, 0,  0,
                                   0, 0, 0, 0, 1, 0, 0, 0, 13, 0, 0, 0, 'c'};
    static const uint8_t engine[] = {3,   0,   0,   0, '1', '.', '0', 3, 0, 0, 0,
                                     'a', 'b', 'c', 2, 0,   0,   0,   0, 0, 5, 0};
    struct qnk_control *control = sample();
    static uint8_t bytes[ROOM];
    uint64_t size = encode(control, bytes);
    uint64_t tail = 4 + 2 * 40;
    uint8_t *members = bytes + size - tail - MEMBERS * 87;

    (void)state;
    assert_memory_equal(bytes, head, sizeof head);
    assert_memory_equal(bytes + 2 + 4 + 16 + 4 + 13, engine, sizeof engine);
    assert_int_equal(qn_le32_read(members - 16), 2);
    assert_int_equal(qn_le32_read(members - 12), 4);
    assert_int_equal(qn_le32_read(members - 8), 3);
    assert_int_equal(qn_le32_read(members - 4), MEMBERS);
    assert_int_equal(members[0], 0x10);
    assert_int_equal(qn_le64_read(members + 32), 100);
    assert_int_equal(qn_le32_read(members + 2 * 87 + 80), 5);
    assert_int_equal(members[2 * 87 + 84], 3);
    assert_int_equal(members[2 * 87 + 85], 3);
    assert_int_equal(qn_le32_read(bytes + size - tail), 2);
    assert_int_equal(qn_le64_read(bytes + size - 8), 91);
    qnk_control_unref(control);
}

static void the_hash_is_over_the_encoding(void **state)
{
    struct qnk_control *control = sample();
    static uint8_t bytes[ROOM];
    uint64_t size = encode(control, bytes);
    struct qnk_hash hash, expected;

    (void)state;
    qnk_control_hash(control, &hash);
    qnk_hash_tagged("qnet/control", bytes, size, &expected);
    assert_true(qnk_hash_equal(&hash, &expected));
    qnk_control_unref(control);
}

static void what_is_no_record_is_refused(void **state)
{
    struct qnk_control *control = sample(), *again = NULL;
    static uint8_t bytes[ROOM];
    uint64_t size = encode(control, bytes);
    uint64_t members = size - 4 - 2 * 40 - MEMBERS * 87;
    uint64_t engine = 2 + 4 + 16 + 4 + 13; /* the version text of the first binding */
    uint64_t swap = members - 16 - 33;
    const struct {
        uint64_t at;
        uint8_t value;
    } wrong[] = {
        {0, 2},                 /* version */
        {2, 0},                 /* no binding */
        {2, 7},                 /* more than there may be */
        {18, 3},                /* falls back to what is newer */
        {26, 0x07},             /* a control character in the name */
        {engine + 14, 17},      /* steps */
        {engine + 18, 5},       /* not ascending */
        {swap, 1},              /* a life without a plan */
        {swap + 5, 1},          /* the same */
        {members - 16, 3},      /* primary */
        {members - 8, 5},       /* made more than there were */
        {members - 4, 2},       /* members */
        {members + 40, 1},      /* a tip without window */
        {members + 80, 1},      /* missed a turn that does not count */
        {members + 84, 21},     /* turns */
        {members + 85, 4},      /* excluded */
        {members + 86, 4},      /* a word on the plan */
        {size - 8, 89},         /* evidence out of order */
        {size - 4 - 2 * 40, 3}, /* count of evidence */
    };

    (void)state;
    for (uint64_t cut = 0; cut < size; cut++) {
        assert_int_equal(decode(bytes, cut, &again), QN_INVALID);
    }
    assert_int_equal(decode(bytes, size + 1, &again), QN_INVALID);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t was = bytes[wrong[i].at];

        bytes[wrong[i].at] = wrong[i].value;
        assert_int_equal(decode(bytes, size, &again), QN_INVALID);
        bytes[wrong[i].at] = was;
    }
    assert_null(again);
    qnk_control_unref(control);
    assert_int_equal(budget.used, 0);
}

static void a_copy_can_be_changed_alone(void **state)
{
    struct qnk_control *control = sample(), *copy;

    (void)state;
    assert_int_equal(qnk_control_copy(control, 5, &copy), QN_OK);
    assert_int_equal(copy->refs, 1);
    assert_int_equal(copy->evidence_room, 7);
    copy->members[0].share_window = 7;
    copy->evidence[0].window = 1;
    copy->evidence[copy->evidence_count++].window = 200;
    assert_int_equal(control->members[0].share_window, 100);
    assert_int_equal(control->evidence[0].window, 90);
    assert_int_equal(control->evidence_count, 2);
    qnk_control_unref(qnk_control_ref(copy));
    qnk_control_unref(copy);
    qnk_control_unref(control);
    qnk_control_unref(NULL);
    assert_int_equal(budget.used, 0);
}

static void too_little_memory_is_an_answer(void **state)
{
    struct qnk_control *control = sample(), *again = NULL;
    static uint8_t bytes[ROOM];
    uint64_t size;

    (void)state;
    swap_fill(control);
    size = encode(control, bytes);
    for (size_t limit = 0;; limit += 64) {
        struct qnk_budget small = {.limit = limit};
        int32_t status = qnk_control_decode(&small, (struct qn_span){bytes, size}, &again);

        if (status == QN_OK) {
            qnk_control_unref(again);
            break;
        }
        assert_int_equal(status, QN_NO_SPACE);
        assert_int_equal(small.used, 0);
    }
    qnk_control_unref(control);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_encoded_comes_back),
        cmocka_unit_test(a_plan_comes_back_with_what_was_said_of_it),
        cmocka_unit_test(the_bytes_are_as_the_header_says),
        cmocka_unit_test(the_hash_is_over_the_encoding),
        cmocka_unit_test(what_is_no_record_is_refused),
        cmocka_unit_test(a_copy_can_be_changed_alone),
        cmocka_unit_test(too_little_memory_is_an_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
