/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/node/transition_test.h"

enum { N = 10, MEMBERS = 4, SENDER = 1 };

static struct qnk_budget budget = {.limit = 1 << 26};
static struct qnk_set *set;

static struct qnk_hash filled(int byte)
{
    struct qnk_hash hash;

    memset(hash.bytes, byte, sizeof hash.bytes);
    return hash;
}

/* The link that lies `below` links under a member's tip. */
static struct qnk_hash link_of(uint32_t member, uint32_t below)
{
    struct qnk_hash start = filled((int)(0x40 + member)), link;

    qnk_beacon_climb(&start, 100 - below, &link);
    return link;
}

static int setup(void **state)
{
    struct qnk_set_member members[MEMBERS] = {0};

    (void)state;
    for (uint32_t i = 0; i < MEMBERS; i++) {
        members[i].key = filled((int)i + 1);
        members[i].weight = 1;
    }
    assert_int_equal(qnk_set_new(&budget, members, MEMBERS, &set), QN_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    qnk_set_unref(set);
    assert_int_equal(budget.used, 0);
    return 0;
}

static const struct qnk_params params = {.window = N};

static struct qnk_control *genesis(void)
{
    struct qnk_hash tips[MEMBERS];
    struct qnk_control *control;

    for (uint32_t i = 0; i < MEMBERS; i++) {
        tips[i] = link_of(i, 0);
    }
    assert_int_equal(qnk_transition_genesis(&budget, &params, set, tips, &control), QN_OK);
    return control;
}

/* The record after a block without transactions; takes `before` over. */
static struct qnk_control *pass(struct qnk_control *before, uint64_t height, uint32_t primary,
                                uint32_t producer)
{
    struct qnk_transition_block block = {
        .height = height, .primary = primary, .producer = producer};
    struct qnk_transition transition;
    struct qnk_control *after;

    assert_int_equal(qnk_transition_begin(&transition, before, set, &params, &block), QN_OK);
    assert_int_equal(qnk_transition_end(&transition, &after), QN_OK);
    qnk_control_unref(before);
    return after;
}

/* Tries one kernel transaction of member SENDER in a block at `height`. */
static int32_t try_tx(struct qnk_control **control, uint64_t height, uint8_t kind,
                      struct qn_span payload)
{
    struct qnk_hash from = filled(SENDER + 1);
    struct qnk_tx tx = {
        .kind = kind,
        .payload = payload,
        .from = from.bytes,
        .valid_until = height,
    };
    int32_t status = transition_try(control, set, &params, height, &tx);

    tx.valid_until = UINT64_MAX; /* whatever it says, what was taken is not taken again */
    if (status == QN_OK) {
        assert_true(qnk_transition_is_over(*control, set, N, height + 1, &tx) ||
                    kind == QNK_TX_REJOIN);
    }
    return status;
}

static int32_t show(struct qnk_control **control, uint64_t height, uint64_t window, uint32_t member,
                    uint32_t below)
{
    struct qnk_share share = {.window = window, .member = member, .link = link_of(member, below)};
    uint8_t payload[QNK_SHARE_SIZE];

    qnk_share_encode(&share, payload);
    return try_tx(control, height, QNK_TX_SHARE, (struct qn_span){payload, sizeof payload});
}

static void a_share_counts_in_the_window_after_its_own(void **state)
{
    struct qnk_control *control = genesis();

    (void)state;
    assert_int_equal(show(&control, 2 * N, 1, 2, 1), QN_OK);
    assert_int_equal(control->members[2].share_window, 1);
    assert_int_equal(show(&control, 2 * N, 1, 2, 1), QN_INVALID); /* once */
    assert_int_equal(show(&control, 3 * N, 1, 3, 1), QN_INVALID); /* too late */
    assert_int_equal(show(&control, 3 * N, 2, 3, 1), QN_INVALID); /* one link a window */
    assert_int_equal(show(&control, 3 * N, 2, 3, 2), QN_OK);      /* a missed one is skipped */
    assert_int_equal(show(&control, 3 * N, 2, MEMBERS, 2), QN_INVALID);
    qnk_control_unref(control);
}

static void the_beacon_is_over_the_shares_of_the_window_before(void **state)
{
    struct qnk_control *control = genesis();
    struct qnk_hash previous = filled(9), bare, with, expected;
    struct qnk_beacon_share share = {.member = 2, .link = link_of(2, 1)};

    (void)state;
    assert_int_equal(qnk_transition_beacon(control, &previous, 2, &bare), QN_OK);
    assert_int_equal(show(&control, 2 * N, 1, 2, 1), QN_OK);
    assert_int_equal(qnk_transition_beacon(control, &previous, 2, &with), QN_OK);
    assert_memory_not_equal(&bare, &with, sizeof bare);
    qnk_beacon_next(&previous, 2, &share, 1, &expected);
    assert_memory_equal(&with, &expected, sizeof with);
    qnk_control_unref(control);
}

static void a_new_tip_is_in_force_three_windows_later(void **state)
{
    struct qnk_control *control = genesis();
    struct qnk_tip tip = {.window = 5, .tip = filled(0x99)};
    uint8_t payload[QNK_TIP_SIZE];
    struct qn_span span = {payload, sizeof payload};

    (void)state;
    qnk_tip_encode(&tip, payload);
    assert_int_equal(try_tx(&control, N, QNK_TX_TIP, span), QN_INVALID); /* 5 is not 1 + 3 */
    assert_int_equal(try_tx(&control, 2 * N, QNK_TX_TIP, span), QN_OK);
    assert_int_equal(try_tx(&control, 2 * N, QNK_TX_TIP, span), QN_INVALID); /* one at a time */
    control = pass(control, 4 * N, 0, 0);
    assert_int_equal(control->members[SENDER].next_window, 5);
    control = pass(control, 4 * N + 1, 0, 0);
    assert_int_equal(control->members[SENDER].next_window, 0);
    assert_int_equal(control->members[SENDER].share.bytes[0], 0x99);
    qnk_control_unref(control);
}

/* Member 0 is primary of every turn of ten blocks, and makes `made` of each. */
static struct qnk_control *turns(struct qnk_control *control, uint32_t count, uint32_t made)
{
    for (uint64_t height = 1; height <= (uint64_t)count * N + 1; height++) {
        control = pass(control, height, 0, (height - 1) % N < made ? 0 : 1);
    }
    return control;
}

static void half_a_turn_is_enough(void **state)
{
    struct qnk_control *control = turns(genesis(), 20, N / 2);

    (void)state;
    assert_int_equal(control->members[0].missed, 0);
    assert_int_equal(control->members[0].turns, QNK_CONTROL_TURNS);
    assert_int_equal(control->members[0].excluded, 0);
    qnk_control_unref(control);
}

static void more_than_half_of_its_turns_missed_excludes(void **state)
{
    struct qnk_control *control = turns(genesis(), QNK_MISSED_MAX, N / 2 - 1);
    struct qn_span none = {NULL, 0};

    (void)state;
    assert_int_equal(control->members[0].excluded, 0);
    qnk_control_unref(control);
    control = turns(genesis(), QNK_MISSED_MAX + 1, N / 2 - 1);
    assert_int_equal(control->members[0].excluded, QNK_EXCLUDED_ABSENT);

    /* Only who is excluded may rejoin, and for itself. */
    assert_int_equal(try_tx(&control, 500, QNK_TX_REJOIN, none), QN_INVALID);
    control->members[SENDER].excluded = QNK_EXCLUDED_ABSENT;
    assert_int_equal(try_tx(&control, 500, QNK_TX_REJOIN, none), QN_OK);
    assert_int_equal(control->members[SENDER].excluded, 0);
    assert_int_equal(control->members[0].excluded, QNK_EXCLUDED_ABSENT);
    control->members[SENDER].excluded = QNK_EXCLUDED_OFFENCE;
    assert_int_equal(try_tx(&control, 500, QNK_TX_REJOIN, none), QN_INVALID);
    qnk_control_unref(control);
}

static void never_more_than_a_third_is_excluded(void **state)
{
    struct qnk_control *control = genesis();

    (void)state;
    control->members[1].excluded = QNK_EXCLUDED_ABSENT;
    control = turns(control, 20, 0);
    assert_int_equal(control->members[0].excluded, 0); /* two of four would be more */
    qnk_control_unref(control);
}

static struct qn_span evidence_of(uint8_t to[QNK_EVIDENCE_BLOCKS_SIZE], uint32_t member,
                                  uint64_t height, uint64_t window)
{
    struct qnk_evidence evidence = {
        .type = QNK_EVIDENCE_DOUBLE_BLOCK, .member = member, .window = window};

    for (uint32_t i = 0; i < 2; i++) {
        evidence.blocks[i] = (struct qnk_micro){
            .version = QNK_MICRO_VERSION, .producer = member, .height = height, .time_ms = 1 + i};
    }
    return (struct qn_span){to, qnk_evidence_encode(&evidence, to)};
}

static void evidence_excludes_once(void **state)
{
    struct qnk_control *control = genesis();
    uint8_t bytes[QNK_EVIDENCE_BLOCKS_SIZE];
    struct qn_span payload = evidence_of(bytes, 3, 25, 3);

    (void)state;
    assert_false(qnk_transition_knows(control, payload));
    assert_int_equal(try_tx(&control, 35, QNK_TX_EVIDENCE, payload), QN_OK);
    assert_int_equal(control->members[3].excluded, QNK_EXCLUDED_OFFENCE);
    assert_int_equal(control->evidence_count, 1);
    assert_int_equal(control->evidence[0].window, 4);
    assert_true(qnk_transition_knows(control, payload));
    assert_int_equal(try_tx(&control, 36, QNK_TX_EVIDENCE, payload), QN_INVALID);
    qnk_control_unref(control);
}

/* A liar can sign any number: more of a kind and window prove nothing more, and what no block can
 * bring any more need not be remembered. */
static void guilt_is_taken_once_a_window_and_then_forgotten(void **state)
{
    struct qnk_control *control = genesis();
    uint8_t bytes[QNK_EVIDENCE_BLOCKS_SIZE];

    (void)state;
    assert_int_equal(try_tx(&control, 35, QNK_TX_EVIDENCE, evidence_of(bytes, 3, 25, 3)), QN_OK);
    assert_int_equal(try_tx(&control, 36, QNK_TX_EVIDENCE, evidence_of(bytes, 3, 26, 3)),
                     QN_INVALID);
    assert_int_equal(try_tx(&control, 36, QNK_TX_EVIDENCE, evidence_of(bytes, 3, 35, 4)), QN_OK);
    assert_int_equal(control->evidence_count, 2);
    control = pass(control, 70, 0, 0);
    assert_int_equal(control->evidence_count, 2); /* 4 may come in 7 */
    control = pass(control, 71, 0, 0);
    assert_int_equal(control->evidence_count, 0);
    qnk_control_unref(control);
}

static void evidence_is_of_its_time(void **state)
{
    struct qnk_control *control = genesis();
    uint8_t bytes[QNK_EVIDENCE_BLOCKS_SIZE];

    (void)state;
    assert_int_equal(try_tx(&control, 35, QNK_TX_EVIDENCE, evidence_of(bytes, 3, 25, 4)),
                     QN_INVALID); /* height 25 is not of window 4 */
    assert_int_equal(try_tx(&control, 35, QNK_TX_EVIDENCE, evidence_of(bytes, 3, 45, 5)),
                     QN_INVALID); /* not yet */
    assert_int_equal(try_tx(&control, 61, QNK_TX_EVIDENCE, evidence_of(bytes, 3, 25, 3)),
                     QN_INVALID); /* not any more */
    assert_int_equal(try_tx(&control, 60, QNK_TX_EVIDENCE, evidence_of(bytes, 3, 25, 3)), QN_OK);
    assert_int_equal(try_tx(&control, 35, QNK_TX_EVIDENCE, evidence_of(bytes, MEMBERS, 25, 3)),
                     QN_INVALID); /* of nobody */
    qnk_control_unref(control);
}

static void only_valid_ones_count_against_the_limit(void **state)
{
    struct qnk_control *control = genesis();
    struct qnk_hash from = filled(SENDER + 1);
    struct qnk_tx wrong = {.kind = QNK_TX_REJOIN, .from = from.bytes, .valid_until = 35};
    uint8_t bytes[QNK_EVIDENCE_BLOCKS_SIZE];
    struct qnk_tx good = {.kind = QNK_TX_EVIDENCE, .from = from.bytes, .valid_until = 35};
    struct qnk_transition_block block = {.height = 35};
    struct qnk_transition transition;

    (void)state;
    assert_int_equal(qnk_transition_begin(&transition, control, set, &params, &block), QN_OK);
    for (uint32_t i = 0; i < 2 * QNK_BLOCK_KERNEL_TXS_MAX; i++) {
        assert_int_equal(qnk_transition_tx(&transition, &wrong), QN_INVALID);
    }
    for (uint32_t i = 0; i < 2 * MEMBERS; i++) {
        good.payload = evidence_of(bytes, i % MEMBERS, 21 + i, 3 + i / 10);
        assert_int_equal(qnk_transition_tx(&transition, &good), i < MEMBERS ? QN_OK : QN_INVALID);
    }
    assert_int_equal(transition.offenders_count, MEMBERS);
    qnk_transition_drop(&transition);
    qnk_control_unref(control);
}

static void strangers_and_fees_have_no_place(void **state)
{
    struct qnk_control *control = genesis();
    struct qnk_hash from = filled(0x77);
    uint8_t bytes[QNK_EVIDENCE_BLOCKS_SIZE];
    struct qnk_tx tx = {
        .kind = QNK_TX_EVIDENCE,
        .payload = evidence_of(bytes, 3, 25, 3),
        .from = from.bytes,
        .valid_until = 35,
    };
    struct qnk_transition_block block = {.height = 35};
    struct qnk_transition transition;

    (void)state;
    assert_int_equal(qnk_transition_begin(&transition, control, set, &params, &block), QN_OK);
    assert_int_equal(qnk_transition_tx(&transition, &tx), QN_INVALID);
    from = filled(SENDER + 1);
    tx.fee = 1;
    assert_int_equal(qnk_transition_tx(&transition, &tx), QN_INVALID);
    tx.fee = 0;
    tx.nonce = 1;
    assert_int_equal(qnk_transition_tx(&transition, &tx), QN_INVALID);
    tx.nonce = 0;
    assert_int_equal(qnk_transition_tx(&transition, &tx), QN_OK);
    qnk_transition_drop(&transition);
    qnk_control_unref(control);
}

/* Else anybody could bring an old one again, of a member that was excluded another time. */
static void a_kernel_transaction_lasts_as_long_as_it_says(void **state)
{
    struct qnk_hash from = filled(SENDER + 1);
    struct qnk_tx tx = {.kind = QNK_TX_REJOIN, .from = from.bytes, .valid_until = 34};
    struct qnk_control *control = genesis();

    (void)state;
    control->members[SENDER].excluded = QNK_EXCLUDED_ABSENT;
    assert_int_equal(transition_try(&control, set, &params, 35, &tx), QN_INVALID);
    tx.valid_until = 35 + QNK_TX_AHEAD_MAX;
    assert_int_equal(transition_try(&control, set, &params, 35, &tx), QN_INVALID);
    assert_false(qnk_transition_is_over(control, set, N, 35, &tx)); /* it may be, later */
    assert_int_equal(transition_try(&control, set, &params, 36, &tx), QN_OK);
    control->members[SENDER].excluded = QNK_EXCLUDED_ABSENT;
    tx.valid_until = 37;
    assert_int_equal(transition_try(&control, set, &params, 37, &tx), QN_OK);
    qnk_control_unref(control);
}

static void what_is_over_is_told_from_what_is_to_come(void **state)
{
    struct qnk_hash from = filled(SENDER + 1);
    struct qnk_tx tx = {.kind = QNK_TX_REJOIN, .from = from.bytes, .valid_until = 100};
    struct qnk_tip tip = {.window = 8, .tip = filled(0x99)};
    struct qnk_share share = {.window = 3, .member = 2, .link = link_of(2, 3)};
    uint8_t bytes[QNK_SHARE_SIZE];
    struct qnk_control *control = genesis();

    (void)state;
    assert_true(qnk_transition_is_over(control, set, N, 100, &tx)); /* nobody is out */
    control->members[SENDER].excluded = QNK_EXCLUDED_ABSENT;
    assert_false(qnk_transition_is_over(control, set, N, 100, &tx));
    assert_true(qnk_transition_is_over(control, set, N, 101, &tx));
    control->members[SENDER].excluded |= QNK_EXCLUDED_OFFENCE;
    assert_true(qnk_transition_is_over(control, set, N, 100, &tx));
    control->members[SENDER].excluded = 0;
    tx.valid_until = 99 + QNK_TX_AHEAD_MAX + 1; /* made above block 99, where it may be out */
    assert_false(qnk_transition_is_over(control, set, N, 100, &tx));

    tx.kind = QNK_TX_TIP;
    tx.payload = (struct qn_span){bytes, QNK_TIP_SIZE};
    qnk_tip_encode(&tip, bytes);
    assert_false(qnk_transition_is_over(control, set, N, 41, &tx)); /* window 5 */
    assert_false(qnk_transition_is_over(control, set, N, 50, &tx));
    assert_true(qnk_transition_is_over(control, set, N, 51, &tx));

    tx.kind = QNK_TX_SHARE;
    tx.payload = (struct qn_span){bytes, QNK_SHARE_SIZE};
    qnk_share_encode(&share, bytes);
    assert_false(qnk_transition_is_over(control, set, N, 35, &tx));
    assert_false(qnk_transition_is_over(control, set, N, 40, &tx));
    assert_true(qnk_transition_is_over(control, set, N, 41, &tx));

    from = filled(0x77);
    assert_true(qnk_transition_is_over(control, set, N, 35, &tx));
    qnk_control_unref(control);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_counts_in_the_window_after_its_own),
        cmocka_unit_test(the_beacon_is_over_the_shares_of_the_window_before),
        cmocka_unit_test(a_new_tip_is_in_force_three_windows_later),
        cmocka_unit_test(half_a_turn_is_enough),
        cmocka_unit_test(more_than_half_of_its_turns_missed_excludes),
        cmocka_unit_test(never_more_than_a_third_is_excluded),
        cmocka_unit_test(evidence_excludes_once),
        cmocka_unit_test(guilt_is_taken_once_a_window_and_then_forgotten),
        cmocka_unit_test(evidence_is_of_its_time),
        cmocka_unit_test(only_valid_ones_count_against_the_limit),
        cmocka_unit_test(strangers_and_fees_have_no_place),
        cmocka_unit_test(a_kernel_transaction_lasts_as_long_as_it_says),
        cmocka_unit_test(what_is_over_is_told_from_what_is_to_come),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
