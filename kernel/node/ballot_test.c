/* SPDX-License-Identifier: MIT */

/* What a ballot counts, and when. */

#include "tests/test.h"

#include <string.h>

#include "kernel/node/ballot.h"

enum { MEMBERS = 4, MEMORY = 1 << 20 };

static const struct qnk_hash value = {.bytes = {7}};
static const uint8_t blind[QN_HASH_SIZE] = {3};

struct booth {
    struct qnk_budget budget;
    struct qnk_set *set;
    struct qnk_ballot *ballot;
};

static struct booth booth;

static int start(void **state)
{
    struct qnk_set_member members[MEMBERS] = {0};
    struct qnk_ballot_place place = {.era = 0, .window = 1};

    (void)state;
    booth = (struct booth){.budget = {.limit = MEMORY}};
    for (uint32_t i = 0; i < MEMBERS; i++) {
        members[i].key.bytes[0] = (uint8_t)(i + 1);
        members[i].weight = 1;
    }
    assert_int_equal(qnk_set_new(&booth.budget, members, MEMBERS, &booth.set), QN_OK);
    booth.ballot = qnk_ballot_create(&booth.budget, booth.set, &place);
    assert_non_null(booth.ballot);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    qnk_ballot_destroy(booth.ballot);
    qnk_set_unref(booth.set);
    assert_int_equal(booth.budget.used, 0);
    return 0;
}

static struct qnk_vote vote_of(uint32_t member, uint32_t round, uint16_t step)
{
    struct qnk_vote vote = {
        .step = step,
        .window = 1,
        .round = round,
        .vr = -1,
        .member = member,
        .digest = value,
    };

    return vote;
}

static struct qnk_ballot_vote *add(const struct qnk_vote *vote)
{
    struct qnk_ballot_vote *held = NULL;

    assert_int_equal(qnk_ballot_add(booth.ballot, vote, &held), QNK_BALLOT_NEW);
    assert_non_null(held);
    return held;
}

static bool has_certificate(uint32_t round, uint32_t step)
{
    struct qn_buf *bytes = qnk_ballot_certify(booth.ballot, round, step, &value);

    qnk_buf_unref(bytes);
    return bytes != NULL;
}

static void a_quorum_makes_a_certificate(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        struct qnk_vote vote = vote_of(i, 1, QNK_STEP_FINAL);

        assert_false(has_certificate(1, QNK_STEP_FINAL));
        (void)add(&vote);
    }
    assert_true(has_certificate(1, QNK_STEP_FINAL));
}

/* An engine was told of them when they came, and is told again once it is there. */
static void far_votes_count_once_the_round_is_near(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        struct qnk_vote vote = vote_of(i, 30, QNK_STEP_FINAL);

        add(&vote)->delivered = true;
    }
    assert_false(has_certificate(30, QNK_STEP_FINAL));
    qnk_ballot_round_set(booth.ballot, 22);
    assert_true(has_certificate(30, QNK_STEP_FINAL));
    assert_false(qnk_ballot_find(booth.ballot, 30, QNK_STEP_FINAL, 0)->delivered);

    struct qnk_vote again = vote_of(1, 30, QNK_STEP_FINAL);

    assert_false(qnk_ballot_wants(booth.ballot, &again));
}

static void far_votes_that_fell_behind_are_dropped(void **state)
{
    struct qnk_vote vote = vote_of(2, 30, QNK_STEP_FINAL);

    (void)state;
    (void)add(&vote);
    qnk_ballot_round_set(booth.ballot, 100);
    vote = vote_of(2, 120, QNK_STEP_FINAL);
    assert_true(qnk_ballot_wants(booth.ballot, &vote));
    (void)add(&vote);
}

/* The prepare of a member that committed to something else. */
static struct qnk_vote false_prepare(void)
{
    struct qnk_vote vote = vote_of(2, 0, QNK_STEP_PREPARE);

    memcpy(vote.open.bytes, blind, sizeof blind);
    return vote;
}

static void two_others_prepare(void)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct qnk_vote vote = vote_of(i, 0, QNK_STEP_PREPARE);

        (void)add(&vote);
    }
}

static void a_false_opening_does_not_count(void **state)
{
    struct qnk_vote commit = vote_of(2, 0, QNK_STEP_COMMIT);
    struct qnk_vote prepare = false_prepare();

    (void)state;
    two_others_prepare();
    (void)add(&commit);
    assert_true(add(&prepare)->false_opening);
    assert_false(has_certificate(0, QNK_STEP_PREPARE));
}

static void a_prepare_that_was_told_counts_whatever_comes_later(void **state)
{
    struct qnk_vote commit = vote_of(2, 0, QNK_STEP_COMMIT);
    struct qnk_vote prepare = false_prepare();
    struct qnk_ballot_vote *held;

    (void)state;
    two_others_prepare();
    held = add(&prepare);
    held->delivered = true;
    (void)add(&commit);
    assert_true(held->false_opening);
    assert_true(has_certificate(0, QNK_STEP_PREPARE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_quorum_makes_a_certificate, start, stop),
        cmocka_unit_test_setup_teardown(far_votes_count_once_the_round_is_near, start, stop),
        cmocka_unit_test_setup_teardown(far_votes_that_fell_behind_are_dropped, start, stop),
        cmocka_unit_test_setup_teardown(a_false_opening_does_not_count, start, stop),
        cmocka_unit_test_setup_teardown(a_prepare_that_was_told_counts_whatever_comes_later, start,
                                        stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
