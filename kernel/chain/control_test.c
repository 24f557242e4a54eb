/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/control.h"

enum { MEMBERS = 3, ROOM = 65536 };

static struct qnk_budget budget = {.limit = 1 << 24};

static void bind(struct qnk_binding *binding, const char *name)
{
    memcpy(binding->name, name, strlen(name));
    memcpy(binding->version, "1.0", 3);
    binding->number = 2;
    binding->first = 5;
    binding->config_size = 3;
    memcpy(binding->config, "abc", 3);
}

/* A record in which nothing is zero that can be otherwise. */
static struct qnk_control *sample(void)
{
    struct qnk_control *empty, *control;

    assert_int_equal(qnk_control_new(&budget, MEMBERS, &empty), QN_OK);
    assert_int_equal(qnk_control_copy(empty, 2, &control), QN_OK);
    qnk_control_unref(empty);
    bind(&control->bindings[0], "commit-reveal");
    bind(&control->bindings[1], "round-robin");
    bind(&control->bindings[2], "accounts");
    control->bindings[0].steps[0] = 0;
    control->bindings[0].steps[1] = 5;
    control->bindings[0].steps_count = 2;
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
    assert_memory_equal(again->bindings, control->bindings, sizeof control->bindings);
    assert_memory_equal(again->members, control->members, MEMBERS * sizeof *control->members);
    assert_int_equal(again->evidence_count, 2);
    assert_int_equal(again->evidence[1].window, 91);
    assert_int_equal(encode(again, second), size);
    assert_memory_equal(second, bytes, size);
    qnk_control_unref(again);
    qnk_control_unref(control);
    assert_int_equal(budget.used, 0);
}

static void the_bytes_are_as_the_header_says(void **state)
{
    static const uint8_t head[] = {1, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0, 'c'};
    static const uint8_t engine[] = {3,   0,   0,   0, '1', '.', '0', 3, 0, 0, 0,
                                     'a', 'b', 'c', 2, 0,   0,   0,   0, 0, 5, 0};
    struct qnk_control *control = sample();
    static uint8_t bytes[ROOM];
    uint64_t size = encode(control, bytes);
    uint64_t tail = 4 + 2 * 40;
    uint8_t *members = bytes + size - tail - MEMBERS * 86;

    (void)state;
    assert_memory_equal(bytes, head, sizeof head);
    assert_memory_equal(bytes + 2 + 13 + 4 + 13, engine, sizeof engine);
    assert_int_equal(qn_le32_read(members - 16), 2);
    assert_int_equal(qn_le32_read(members - 12), 4);
    assert_int_equal(qn_le32_read(members - 8), 3);
    assert_int_equal(qn_le32_read(members - 4), MEMBERS);
    assert_int_equal(members[0], 0x10);
    assert_int_equal(qn_le64_read(members + 32), 100);
    assert_int_equal(qn_le32_read(members + 2 * 86 + 80), 5);
    assert_int_equal(members[2 * 86 + 84], 3);
    assert_int_equal(members[2 * 86 + 85], 3);
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
    uint64_t members = size - 4 - 2 * 40 - MEMBERS * 86;
    uint64_t engine = 2 + 13 + 4 + 13; /* the version text of the first binding */
    const struct {
        uint64_t at;
        uint8_t value;
    } wrong[] = {
        {0, 2},                 /* version */
        {2, 1},                 /* kind */
        {19, 0x07},             /* a control character in the name */
        {engine + 14, 17},      /* steps */
        {engine + 18, 5},       /* not ascending */
        {members - 16, 3},      /* primary */
        {members - 8, 5},       /* made more than there were */
        {members - 4, 2},       /* members */
        {members + 40, 1},      /* a tip without window */
        {members + 80, 1},      /* missed a turn that does not count */
        {members + 84, 21},     /* turns */
        {members + 85, 4},      /* excluded */
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
    uint64_t size = encode(control, bytes);

    (void)state;
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
        cmocka_unit_test(the_bytes_are_as_the_header_says),
        cmocka_unit_test(the_hash_is_over_the_encoding),
        cmocka_unit_test(what_is_no_record_is_refused),
        cmocka_unit_test(a_copy_can_be_changed_alone),
        cmocka_unit_test(too_little_memory_is_an_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
