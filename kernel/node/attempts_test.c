/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/node/attempts.h"

enum { MEMBERS = 4, WINDOW = 9, NUMBER = 3, ROOM = 4096 };

static struct qnk_budget budget = {.limit = 1 << 24};

/* What a case works with. */
struct stage {
    struct qnk_set *set;
    struct qnk_attempts *attempts;
    struct qnk_ballot *ballot; /* of the attempt that goes on */
};

static struct qnk_hash filled(int byte)
{
    struct qnk_hash hash;

    memset(hash.bytes, byte, sizeof hash.bytes);
    return hash;
}

static uint32_t era_now(const struct stage *stage)
{
    return qnk_era(NUMBER, qnk_attempts_now(stage->attempts));
}

static void ballot_renew(struct stage *stage)
{
    struct qnk_ballot_place place = {.window = WINDOW, .era = era_now(stage)};

    place.binding = filled(0xB1);
    qnk_ballot_destroy(stage->ballot);
    stage->ballot = qnk_ballot_create(&budget, stage->set, &place);
    assert_non_null(stage->ballot);
}

static struct stage begin_with(const uint64_t weights[MEMBERS])
{
    struct qnk_set_member members[MEMBERS] = {0};
    struct stage stage = {0};

    for (uint32_t i = 0; i < MEMBERS; i++) {
        members[i].key = filled((int)i + 1);
        members[i].weight = weights[i];
    }
    assert_int_equal(qnk_set_new(&budget, members, MEMBERS, &stage.set), QN_OK);
    stage.attempts = qnk_attempts_create(&budget, stage.set, WINDOW, NUMBER);
    assert_non_null(stage.attempts);
    ballot_renew(&stage);
    return stage;
}

static struct stage begin(void)
{
    static const uint64_t equal[MEMBERS] = {1, 1, 1, 1};

    return begin_with(equal);
}

static void end(struct stage *stage)
{
    qnk_ballot_destroy(stage->ballot);
    qnk_attempts_destroy(stage->attempts);
    qnk_set_unref(stage->set);
    assert_int_equal(budget.used, 0);
}

/* What comes of a member's giving the attempt up; lock round -1: it has none. */
static enum qnk_ballot_result result_of(struct stage *stage, uint32_t member, int32_t lock_round,
                                        int lock)
{
    struct qnk_standing standing = {.lock_round = lock_round, .lock = filled(lock), .round = 9};
    uint8_t words[QNK_STANDING_SIZE];
    struct qnk_vote vote = {
        .step = QNK_STEP_ABANDON,
        .era = era_now(stage),
        .window = WINDOW,
        .vr = -1,
        .member = member,
        .binding = filled(0xB1),
        .tail = {words, sizeof words},
    };

    qnk_standing_encode(&standing, words);
    qnk_standing_digest(words, &vote.digest);
    return qnk_attempts_vote(stage->attempts, &vote);
}

static bool says(struct stage *stage, uint32_t member, int32_t lock_round, int lock)
{
    return result_of(stage, member, lock_round, lock) == QNK_BALLOT_NEW;
}

/* A prepare certificate of the attempt that goes on comes into the ballot. */
static void prepared(struct stage *stage, uint32_t round, int digest)
{
    struct qnk_vote votes[3];
    const struct qnk_vote *list[3];
    struct qn_buf *bytes = qnk_buf_new(&budget, qnk_certificate_size(round == 0, MEMBERS, 3));

    assert_non_null(bytes);
    for (uint32_t i = 0; i < 3; i++) {
        votes[i] = (struct qnk_vote){.step = QNK_STEP_PREPARE, .window = WINDOW, .round = round};
        votes[i].era = era_now(stage);
        votes[i].vr = -1;
        votes[i].member = i;
        votes[i].binding = filled(0xB1);
        votes[i].digest = filled(digest);
        list[i] = &votes[i];
    }
    qnk_certificate_encode(list, 3, MEMBERS, bytes->data);
    assert_true(qnk_ballot_certificate_add(stage->ballot, bytes));
    qnk_buf_unref(bytes);
}

static struct qn_buf *certify(struct stage *stage)
{
    return qnk_attempts_certify(stage->attempts, stage->ballot);
}

/* Makes a certificate of what was said, and the next attempt begins. */
static void go_on(struct stage *stage)
{
    struct qn_buf *bytes = certify(stage);

    assert_non_null(bytes);
    qnk_attempts_add(stage->attempts, bytes);
    qnk_buf_unref(bytes);
    ballot_renew(stage);
}

static bool permits(struct stage *stage, int digest)
{
    struct qnk_hash hash = filled(digest);

    return qnk_attempts_permit(stage->attempts, &hash, NULL);
}

/* The digest that is left, 0: any may be voted for, -1: none. */
static int left(struct stage *stage)
{
    struct qnk_hash digest;

    switch (qnk_attempts_choice(stage->attempts, &digest)) {
    case QNK_CHOICE_ANY:
        return 0;
    case QNK_CHOICE_ONE:
        return digest.bytes[0];
    default:
        return -1;
    }
}

/* --- cases --- */

static void three_of_four_end_an_attempt(void **state)
{
    struct stage stage = begin();

    (void)state;
    assert_true(says(&stage, 0, -1, 0));
    assert_true(says(&stage, 3, -1, 0));
    assert_null(certify(&stage));
    assert_true(says(&stage, 1, -1, 0));
    assert_int_equal(qnk_attempts_now(stage.attempts), 0);
    go_on(&stage);
    assert_int_equal(qnk_attempts_now(stage.attempts), 1);
    assert_null(qnk_attempts_vote_of(stage.attempts, 0)); /* the certificate is enough */
    assert_int_equal(left(&stage), 0);
    end(&stage);
}

static void it_takes_weight_to_end_an_attempt_not_members(void **state)
{
    static const uint64_t weights[MEMBERS] = {5, 1, 1, 1};
    struct stage stage = begin_with(weights);

    (void)state;
    for (uint32_t i = 1; i < MEMBERS; i++) {
        assert_true(says(&stage, i, -1, 0));
        assert_null(certify(&stage));
    }
    end(&stage);
    stage = begin_with(weights);
    assert_true(says(&stage, 0, -1, 0));
    assert_null(certify(&stage));
    assert_true(says(&stage, 1, -1, 0));
    go_on(&stage);
    end(&stage);
}

static void the_highest_lock_that_is_proved_binds(void **state)
{
    static const int32_t rounds[2][2] = {{1, 2}, {2, 1}};

    (void)state;
    for (uint32_t i = 0; i < 2; i++) { /* whichever is said first */
        struct stage stage = begin();

        assert_true(says(&stage, 0, rounds[i][0], 3 + rounds[i][0]));
        assert_true(says(&stage, 1, rounds[i][1], 3 + rounds[i][1]));
        assert_true(says(&stage, 2, -1, 0));
        prepared(&stage, 1, 4);
        assert_null(certify(&stage)); /* without the higher one there is no quorum */
        prepared(&stage, 2, 5);
        go_on(&stage);
        assert_int_equal(left(&stage), 5);
        end(&stage);
    }
}

static void a_member_gives_up_once(void **state)
{
    struct stage stage = begin();

    (void)state;
    assert_true(says(&stage, 0, -1, 0));
    assert_false(says(&stage, 0, -1, 0));
    assert_false(says(&stage, 0, 2, 5));
    assert_false(says(&stage, MEMBERS, -1, 0));
    end(&stage);
}

static void who_says_something_else_is_noticed_once(void **state)
{
    struct stage stage = begin();

    (void)state;
    assert_true(says(&stage, 0, 2, 5));
    assert_int_equal(result_of(&stage, 0, 2, 5), QNK_BALLOT_OVER); /* the same */
    assert_int_equal(result_of(&stage, 0, -1, 0), QNK_BALLOT_DOUBLE);
    assert_int_equal(result_of(&stage, 0, 3, 5), QNK_BALLOT_OVER);
    assert_int_equal(qn_le32_read(qnk_attempts_vote_of(stage.attempts, 0)->tail.data), 2);
    assert_true(qnk_attempts_broken(stage.attempts, 0));
    assert_false(qnk_attempts_broken(stage.attempts, 0));
    end(&stage);
}

static void a_lock_that_nothing_proves_is_left_out(void **state)
{
    struct stage stage = begin();

    (void)state;
    assert_true(says(&stage, 0, -1, 0));
    assert_true(says(&stage, 1, 7, 9)); /* a liar's */
    assert_true(says(&stage, 2, 2, 5));
    prepared(&stage, 2, 5);
    assert_null(certify(&stage));
    assert_true(says(&stage, 3, 1, 4)); /* below one that is proved: that is enough */
    go_on(&stage);
    assert_int_equal(left(&stage), 5);
    assert_true(permits(&stage, 5));
    assert_false(permits(&stage, 4));
    assert_false(permits(&stage, 9));
    end(&stage);
}

static void the_certificate_of_a_lock_may_come_last(void **state)
{
    struct stage stage = begin();

    (void)state;
    assert_true(says(&stage, 0, -1, 0));
    assert_true(says(&stage, 1, -1, 0));
    assert_true(says(&stage, 2, 2, 5));
    assert_null(certify(&stage));
    prepared(&stage, 2, 6); /* of another digest */
    assert_null(certify(&stage));
    prepared(&stage, 2, 5);
    go_on(&stage);
    assert_int_equal(left(&stage), 5);
    end(&stage);
}

static void locks_bind_later_attempts_too(void **state)
{
    struct stage stage = begin();

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(says(&stage, i, i == 0 ? 0 : -1, i == 0 ? 5 : 0));
    }
    prepared(&stage, 0, 5);
    go_on(&stage);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(says(&stage, i, -1, 0)); /* nobody was locked in the second */
    }
    go_on(&stage);
    assert_int_equal(qnk_attempts_now(stage.attempts), 2);
    assert_int_equal(left(&stage), 5);
    assert_false(permits(&stage, 6));
    end(&stage);
}

/* Others made another certificate of the same attempt, without the lock: then it was not final. */
static void what_one_certificate_permits_is_permitted(void **state)
{
    struct stage stage = begin(), other = begin();
    struct qn_buf *bytes;
    struct qnk_abandon view;
    struct qn_span list[QNK_ATTEMPTS_MAX];
    struct qnk_hash any = filled(8);

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(says(&stage, i, i == 0 ? 0 : -1, i == 0 ? 5 : 0));
        assert_true(says(&other, i + 1, -1, 0));
    }
    prepared(&stage, 0, 5);
    go_on(&stage);
    bytes = certify(&other);
    assert_non_null(bytes);
    assert_int_equal(qnk_abandon_decode(qnk_buf_span(bytes), &view), QN_OK);
    assert_true(qnk_attempts_wants(stage.attempts, &view));
    qnk_attempts_add(stage.attempts, bytes);
    assert_int_equal(qnk_attempts_now(stage.attempts), 1);
    assert_int_equal(left(&stage), 0);
    assert_true(qnk_attempts_permit(stage.attempts, &any, list));
    assert_int_equal(list[0].size, bytes->size);
    assert_false(qnk_attempts_wants(stage.attempts, &view));      /* it permits nothing new */
    assert_int_equal(qnk_attempts_at(stage.attempts, 1).size, 0); /* and the other is useless */
    qnk_buf_unref(bytes);
    qnk_ballot_destroy(other.ballot);
    qnk_attempts_destroy(other.attempts);
    qnk_set_unref(other.set);
    end(&stage);
}

static void certificates_of_other_places_are_not_wanted(void **state)
{
    struct stage stage = begin();
    struct qn_buf *bytes;
    struct qnk_abandon view;

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(says(&stage, i, -1, 0));
    }
    bytes = certify(&stage);
    assert_non_null(bytes);
    assert_int_equal(qnk_abandon_decode(qnk_buf_span(bytes), &view), QN_OK);
    assert_true(qnk_attempts_wants(stage.attempts, &view));
    view.window++;
    assert_false(qnk_attempts_wants(stage.attempts, &view));
    view.window--;
    view.era = qnk_era(NUMBER, 1); /* of one that has not begun */
    assert_false(qnk_attempts_wants(stage.attempts, &view));
    view.era = qnk_era(NUMBER + 1, 0);
    assert_false(qnk_attempts_wants(stage.attempts, &view));
    qnk_buf_unref(bytes);
    end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_of_four_end_an_attempt),
        cmocka_unit_test(it_takes_weight_to_end_an_attempt_not_members),
        cmocka_unit_test(the_highest_lock_that_is_proved_binds),
        cmocka_unit_test(a_member_gives_up_once),
        cmocka_unit_test(who_says_something_else_is_noticed_once),
        cmocka_unit_test(a_lock_that_nothing_proves_is_left_out),
        cmocka_unit_test(the_certificate_of_a_lock_may_come_last),
        cmocka_unit_test(locks_bind_later_attempts_too),
        cmocka_unit_test(what_one_certificate_permits_is_permitted),
        cmocka_unit_test(certificates_of_other_places_are_not_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
