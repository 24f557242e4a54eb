/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/node/ballot.h"

enum { MEMBERS = 4, WINDOW = 9 };

static struct qnk_budget budget = {.limit = 1 << 26};

static struct qnk_hash filled(int byte)
{
    struct qnk_hash hash;

    memset(hash.bytes, byte, sizeof hash.bytes);
    return hash;
}

static struct qnk_ballot *ballot_of(const uint64_t weights[MEMBERS])
{
    struct qnk_set_member members[MEMBERS] = {0};
    struct qnk_ballot_place place = {.window = WINDOW, .binding = filled(0xB1)};
    struct qnk_ballot *ballot;
    struct qnk_set *set;

    for (uint32_t i = 0; i < MEMBERS; i++) {
        members[i].key = filled((int)i + 1);
        members[i].weight = weights[i];
    }
    assert_int_equal(qnk_set_new(&budget, members, MEMBERS, &set), QN_OK);
    ballot = qnk_ballot_create(&budget, set, &place);
    assert_non_null(ballot);
    qnk_set_unref(set);
    return ballot;
}

static struct qnk_ballot *equals(void)
{
    static const uint64_t weights[MEMBERS] = {1, 1, 1, 1};

    return ballot_of(weights);
}

static void done(struct qnk_ballot *ballot)
{
    qnk_ballot_destroy(ballot);
    assert_int_equal(budget.used, 0);
}

static struct qnk_vote vote(uint32_t member, uint16_t step, uint32_t round, int digest)
{
    static const uint8_t tail[64];
    struct qnk_vote made = {.step = step,
                            .window = WINDOW,
                            .round = round,
                            .vr = -1,
                            .member = member,
                            .binding = filled(0xB1),
                            .digest = filled(digest)};

    if (step == QNK_STEP_PREPARE && round == 0) {
        made.tail = (struct qn_span){tail, sizeof tail};
    }
    return made;
}

static uint32_t put(struct qnk_ballot *ballot, uint32_t member, uint16_t step, uint32_t round,
                    int digest)
{
    struct qnk_vote given = vote(member, step, round, digest);
    struct qnk_ballot_vote *held = NULL;

    return qnk_ballot_add(ballot, &given, &held);
}

static bool certifies(struct qnk_ballot *ballot, uint32_t round, uint32_t step, int digest)
{
    struct qnk_hash hash = filled(digest);
    struct qn_buf *bytes = qnk_ballot_certify(ballot, round, step, &hash);
    struct qnk_certificate cert;

    if (bytes == NULL) {
        return false;
    }
    assert_int_equal(qnk_certificate_decode(qnk_buf_span(bytes), &cert), QN_OK);
    assert_int_equal(
        qnk_certificate_check(&cert, qnk_ballot_set(ballot), &qnk_ballot_place(ballot)->binding),
        QN_OK);
    qnk_buf_unref(bytes);
    return true;
}

static void one_vote_a_duty_is_kept_and_doubles_are_told(void **state)
{
    struct qnk_ballot *ballot = equals();
    struct qnk_vote first = vote(1, QNK_STEP_FINAL, 2, 1), second = vote(1, QNK_STEP_FINAL, 2, 2);
    struct qnk_ballot_vote *held = NULL;

    (void)state;
    assert_true(qnk_ballot_wants(ballot, &first));
    assert_int_equal(qnk_ballot_add(ballot, &first, &held), QNK_BALLOT_NEW);
    assert_false(qnk_ballot_wants(ballot, &first));
    assert_true(qnk_ballot_wants(ballot, &second));
    assert_int_equal(qnk_ballot_add(ballot, &first, &held), QNK_BALLOT_KNOWN);
    assert_int_equal(qnk_ballot_add(ballot, &second, &held), QNK_BALLOT_DOUBLE);
    assert_int_equal(held->vote.digest.bytes[0], 1);
    done(ballot);
}

static void votes_of_elsewhere_are_not_wanted(void **state)
{
    struct qnk_ballot *ballot = equals();
    struct qnk_vote given = vote(1, QNK_STEP_FINAL, 2, 1);

    (void)state;
    given.window++;
    assert_false(qnk_ballot_wants(ballot, &given));
    given = vote(1, QNK_STEP_FINAL, 2, 1);
    given.era++;
    assert_false(qnk_ballot_wants(ballot, &given));
    given = vote(MEMBERS, QNK_STEP_FINAL, 2, 1);
    assert_false(qnk_ballot_wants(ballot, &given));
    given = vote(1, QNK_STEP_ABANDON, 0, 1);
    assert_false(qnk_ballot_wants(ballot, &given));
    done(ballot);
}

static void weight_makes_a_certificate(void **state)
{
    static const uint64_t weights[MEMBERS] = {1, 1, 1, 6}; /* W 9, Q 7 */
    struct qnk_ballot *ballot = ballot_of(weights);

    (void)state;
    assert_int_equal(put(ballot, 0, QNK_STEP_FINAL, 0, 1), QNK_BALLOT_NEW);
    assert_int_equal(put(ballot, 1, QNK_STEP_FINAL, 0, 1), QNK_BALLOT_NEW);
    assert_int_equal(put(ballot, 2, QNK_STEP_FINAL, 0, 1), QNK_BALLOT_NEW);
    assert_false(certifies(ballot, 0, QNK_STEP_FINAL, 1)); /* three of four, a third of W */
    assert_int_equal(put(ballot, 3, QNK_STEP_FINAL, 0, 1), QNK_BALLOT_NEW);
    assert_true(certifies(ballot, 0, QNK_STEP_FINAL, 1));
    done(ballot);
}

static void nil_and_mixed_justifications_make_none(void **state)
{
    struct qnk_ballot *ballot = equals();
    struct qnk_ballot_vote *held;

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        struct qnk_vote given = vote(i, QNK_STEP_PREPARE, 5, 1);

        assert_int_equal(put(ballot, i, QNK_STEP_FINAL, 0, 0), QNK_BALLOT_NEW);
        given.vr = i < 2 ? -1 : 3;
        assert_int_equal(qnk_ballot_add(ballot, &given, &held), QNK_BALLOT_NEW);
    }
    assert_false(certifies(ballot, 0, QNK_STEP_FINAL, 0));
    assert_false(certifies(ballot, 5, QNK_STEP_PREPARE, 1));
    done(ballot);
}

static void an_opening_that_does_not_fit_counts_for_nothing(void **state)
{
    struct qnk_ballot *ballot = equals();
    struct qnk_ballot_vote *held = NULL;

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        struct qnk_vote commit = vote(i, QNK_STEP_COMMIT, 0, 9);
        struct qnk_vote prepare = vote(i, QNK_STEP_PREPARE, 0, 1);

        if (i > 0) { /* three honest ones */
            qnk_vote_commitment(&prepare, &prepare.digest, prepare.open.bytes, &commit.digest);
        }
        assert_int_equal(qnk_ballot_add(ballot, &prepare, &held), QNK_BALLOT_NEW);
        assert_int_equal(qnk_ballot_add(ballot, &commit, &held), QNK_BALLOT_NEW);
        held = qnk_ballot_find(ballot, 0, QNK_STEP_PREPARE, i);
        assert_int_equal(held->false_opening, i == 0);
        assert_int_equal(held->opened, i > 0);
    }
    assert_true(certifies(ballot, 0, QNK_STEP_PREPARE, 1));
    done(ballot);
}

static void a_lock_violation_is_found_whatever_came_first(void **state)
{
    struct qnk_ballot *ballot = equals();
    struct qnk_vote seal = vote(1, QNK_STEP_FINAL, 2, 1);
    struct qnk_vote prepare = vote(1, QNK_STEP_PREPARE, 4, 2);

    (void)state;
    assert_null(qnk_ballot_lock_violation(ballot, &prepare));
    (void)put(ballot, 1, QNK_STEP_FINAL, 2, 1);
    assert_non_null(qnk_ballot_lock_violation(ballot, &prepare));
    prepare.vr = 2; /* a quorum of the lock's round or later */
    assert_null(qnk_ballot_lock_violation(ballot, &prepare));
    (void)put(ballot, 1, QNK_STEP_PREPARE, 4, 2);
    assert_non_null(qnk_ballot_lock_violation(ballot, &seal));
    done(ballot);
}

static void far_rounds_cost_one_place_a_member(void **state)
{
    struct qnk_ballot *ballot = equals();

    (void)state;
    assert_int_equal(put(ballot, 1, QNK_STEP_FINAL, QNK_BALLOT_AHEAD, 1), QNK_BALLOT_NEW);
    assert_int_equal(put(ballot, 1, QNK_STEP_FINAL, 100, 1), QNK_BALLOT_NEW);
    assert_int_equal(put(ballot, 1, QNK_STEP_FINAL, 99, 1), QNK_BALLOT_OVER);
    assert_int_equal(put(ballot, 1, QNK_STEP_FINAL, 101, 1), QNK_BALLOT_NEW);
    done(ballot);
}

static void rounds_that_are_long_over_are_forgotten(void **state)
{
    struct qnk_ballot *ballot = equals();

    (void)state;
    assert_int_equal(put(ballot, 1, QNK_STEP_FINAL, 0, 1), QNK_BALLOT_NEW);
    assert_int_equal(put(ballot, 1, QNK_STEP_FINAL, 5, 1), QNK_BALLOT_NEW);
    qnk_ballot_round_set(ballot, QNK_BALLOT_BEHIND + 3);
    assert_null(qnk_ballot_find(ballot, 0, QNK_STEP_FINAL, 1));
    assert_non_null(qnk_ballot_find(ballot, 5, QNK_STEP_FINAL, 1));
    done(ballot);
}

static void count_visit(void *ctx, struct qnk_ballot_vote *held)
{
    uint32_t *count = ctx;

    (void)held;
    (*count)++;
}

static void the_exchange_tells_what_lacks(void **state)
{
    struct qnk_ballot *mine = equals(), *other = equals();
    struct qnk_held held;
    struct qn_buf *body;
    uint32_t count = 0;

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        (void)put(mine, i, QNK_STEP_PREPARE, 1, 1);
        (void)put(mine, i, QNK_STEP_FINAL, 0, 1);
    }
    (void)put(other, 2, QNK_STEP_PREPARE, 1, 1);
    (void)put(other, 3, QNK_STEP_FINAL, 0, 1);
    qnk_ballot_round_set(other, 1);
    body = qnk_ballot_held(other);
    assert_int_equal(qnk_held_decode(qnk_buf_span(body), &held), QN_OK);
    qnk_ballot_lacking(mine, &held, count_visit, &count);
    assert_int_equal(count, 6);
    qnk_buf_unref(body);
    qnk_ballot_destroy(mine);
    done(other);
}

static void certificates_are_kept_once(void **state)
{
    struct qnk_ballot *ballot = equals();
    struct qnk_hash digest = filled(1);
    struct qn_buf *bytes;

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        (void)put(ballot, i, QNK_STEP_PREPARE, 2, 1);
    }
    bytes = qnk_ballot_certify(ballot, 2, QNK_STEP_PREPARE, &digest);
    assert_true(qnk_ballot_certificate_add(ballot, bytes));
    assert_false(qnk_ballot_certificate_add(ballot, bytes));
    qnk_buf_unref(bytes);
    assert_non_null(qnk_ballot_certificate_find(ballot, 2, &digest));
    assert_non_null(qnk_ballot_certificate_find(ballot, 2, NULL));
    assert_null(qnk_ballot_certificate_find(ballot, 1, NULL));
    digest = filled(2);
    assert_null(qnk_ballot_certificate_find(ballot, 2, &digest));
    done(ballot);
}

/* A certificate of step 1 for `round`. */
static struct qn_buf *certificate_make(struct qnk_ballot *ballot, uint32_t round)
{
    struct qnk_hash digest = filled(1);
    struct qn_buf *bytes;

    qnk_ballot_round_set(ballot, round);
    for (uint32_t i = 0; i < 3; i++) {
        (void)put(ballot, i, QNK_STEP_PREPARE, round, 1);
    }
    bytes = qnk_ballot_certify(ballot, round, QNK_STEP_PREPARE, &digest);
    assert_non_null(bytes);
    return bytes;
}

static void at_the_bound_the_certificate_of_the_lowest_round_gives_way(void **state)
{
    struct qnk_ballot *ballot = equals();
    struct qn_buf *first = certificate_make(ballot, 1);

    (void)state;
    assert_true(qnk_ballot_certificate_add(ballot, first));
    for (uint32_t round = 2; round <= QNK_BALLOT_CERTIFICATES + 1; round++) {
        struct qn_buf *bytes = certificate_make(ballot, round);

        assert_true(qnk_ballot_certificate_add(ballot, bytes));
        qnk_buf_unref(bytes);
    }
    assert_null(qnk_ballot_certificate_find(ballot, 1, NULL));
    assert_non_null(qnk_ballot_certificate_find(ballot, 2, NULL));
    assert_non_null(qnk_ballot_certificate_find(ballot, QNK_BALLOT_CERTIFICATES + 1, NULL));
    assert_false(qnk_ballot_certificate_add(ballot, first));
    assert_non_null(qnk_ballot_certificate_find(ballot, 2, NULL));
    qnk_buf_unref(first);
    done(ballot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_vote_a_duty_is_kept_and_doubles_are_told),
        cmocka_unit_test(votes_of_elsewhere_are_not_wanted),
        cmocka_unit_test(weight_makes_a_certificate),
        cmocka_unit_test(nil_and_mixed_justifications_make_none),
        cmocka_unit_test(an_opening_that_does_not_fit_counts_for_nothing),
        cmocka_unit_test(a_lock_violation_is_found_whatever_came_first),
        cmocka_unit_test(far_rounds_cost_one_place_a_member),
        cmocka_unit_test(rounds_that_are_long_over_are_forgotten),
        cmocka_unit_test(the_exchange_tells_what_lacks),
        cmocka_unit_test(certificates_are_kept_once),
        cmocka_unit_test(at_the_bound_the_certificate_of_the_lowest_round_gives_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
