/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/abandon.h"

enum { MEMBERS = 4, QUORUM = 3, ROOM = 2048, ERA = 512, WINDOW = 77 };

static struct qnk_budget budget = {.limit = 1 << 20};

static struct qnk_hash filled(int byte)
{
    struct qnk_hash hash;

    memset(hash.bytes, byte, sizeof hash.bytes);
    return hash;
}

static struct qnk_set *set_of_four(void)
{
    struct qnk_set_member members[MEMBERS] = {0};
    struct qnk_set *set;

    for (uint32_t i = 0; i < MEMBERS; i++) {
        members[i].key.bytes[0] = (uint8_t)(i + 1);
        members[i].weight = 1;
    }
    assert_int_equal(qnk_set_new(&budget, members, MEMBERS, &set), QN_OK);
    return set;
}

/* What one member says: its lock (round -1: none, and digest 0). */
struct said {
    uint32_t member;
    int32_t lock_round;
    int lock;
};

struct tails {
    uint8_t bytes[MEMBERS][QNK_STANDING_SIZE];
};

static struct qnk_vote vote_of(const struct said *said, uint8_t tail[QNK_STANDING_SIZE])
{
    struct qnk_standing standing = {
        .lock_round = said->lock_round,
        .lock = filled(said->lock),
        .round = 9,
    };
    struct qnk_vote vote = {
        .step = QNK_STEP_ABANDON,
        .era = ERA,
        .window = WINDOW,
        .vr = -1,
        .member = said->member,
        .binding = filled(0xB1),
        .tail = {tail, QNK_STANDING_SIZE},
    };

    qnk_standing_encode(&standing, tail);
    qnk_standing_digest(tail, &vote.digest);
    memset(vote.signature, (int)(0x50 + said->member), QN_SIG_SIZE);
    return vote;
}

/* A certificate of step 1 by three of four; gives its size. */
static struct qn_span prepared(uint8_t to[ROOM], uint32_t round, int digest)
{
    struct qnk_vote votes[QUORUM] = {0};
    const struct qnk_vote *list[QUORUM];

    for (uint32_t i = 0; i < QUORUM; i++) {
        votes[i] = (struct qnk_vote){.step = QNK_STEP_PREPARE, .era = ERA, .window = WINDOW};
        votes[i].round = round;
        votes[i].vr = -1;
        votes[i].member = i;
        votes[i].binding = filled(0xB1);
        votes[i].digest = filled(digest);
        list[i] = &votes[i];
    }
    qnk_certificate_encode(list, QUORUM, MEMBERS, to);
    return (struct qn_span){to, qnk_certificate_size(round == 0, MEMBERS, QUORUM)};
}

static struct qn_span made(uint8_t to[ROOM], const struct said *said, uint32_t count,
                           struct qn_span prepare)
{
    struct tails tails;
    struct qnk_vote votes[MEMBERS];
    const struct qnk_vote *list[MEMBERS];

    for (uint32_t i = 0; i < count; i++) {
        votes[i] = vote_of(&said[i], tails.bytes[i]);
        list[i] = &votes[i];
    }
    qnk_abandon_encode(list, count, prepare, to);
    return (struct qn_span){to, qnk_abandon_size(count, prepare.size)};
}

static const struct said free_ones[] = {{0, -1, 0}, {1, -1, 0}, {3, -1, 0}};
static const struct said locked[] = {{0, 1, 4}, {2, 3, 5}, {3, -1, 0}};

static void every_field_lies_where_the_header_says(void **state)
{
    static const uint8_t head[24] = {1, 0, 0, 0, 0, 2, 0, 0, 77, 0, 0, 0,
                                     0, 0, 0, 0, 3, 0, 0, 0, 0,  0, 0, 0};
    uint8_t bytes[ROOM];
    struct qn_span whole = made(bytes, free_ones, 3, (struct qn_span){NULL, 0});

    (void)state;
    assert_int_equal(whole.size, 56 + 3 * 108);
    assert_memory_equal(bytes, head, sizeof head);
    assert_int_equal(bytes[24], 0xB1);
    assert_int_equal(bytes[56 + 2 * 108], 3);             /* the third one's member */
    assert_int_equal(bytes[56 + 2 * 108 + 4], 0xff);      /* its lock round, -1 */
    assert_int_equal(bytes[56 + 2 * 108 + 40], 9);        /* its highest round */
    assert_int_equal(bytes[56 + 2 * 108 + 44], 0x50 + 3); /* its signature */
}

static void what_was_encoded_comes_back(void **state)
{
    uint8_t bytes[ROOM], cert[ROOM];
    struct qn_span prepare = prepared(cert, 3, 5);
    struct qn_span whole = made(bytes, locked, 3, prepare);
    struct qnk_abandon abandon;
    struct qnk_standing standing;
    struct qnk_vote vote;

    (void)state;
    assert_int_equal(qnk_abandon_decode(whole, &abandon), QN_OK);
    assert_int_equal(abandon.era, ERA);
    assert_int_equal(abandon.window, WINDOW);
    assert_int_equal(abandon.count, 3);
    assert_int_equal(abandon.highest.lock_round, 3);
    assert_int_equal(abandon.highest.lock.bytes[0], 5);
    assert_int_equal(abandon.prepared.size, prepare.size);
    qnk_abandon_vote(&abandon, 1, &vote);
    assert_true(qnk_vote_fits(&vote));
    assert_int_equal(vote.member, 2);
    assert_int_equal(vote.signature[0], 0x52);
    assert_int_equal(vote.binding.bytes[0], 0xB1);
    assert_int_equal(qnk_standing_of(&vote, &standing), QN_OK);
    assert_int_equal(standing.lock_round, 3);
    assert_int_equal(standing.round, 9);
}

/* --- where a member stood --- */

static void a_lock_has_a_digest_and_a_round_that_was_reached(void **state)
{
    static const struct {
        int32_t lock_round;
        int lock;
        uint32_t round;
        bool fits;
    } cases[] = {
        {-1, 0, 0, true},  {-1, 0, 7, true}, {0, 1, 0, true},  {3, 1, 3, true},   {3, 1, 9, true},
        {-1, 1, 9, false}, {0, 0, 9, false}, {4, 1, 3, false}, {-2, 0, 9, false},
    };
    uint8_t bytes[QNK_STANDING_SIZE];
    struct qnk_standing read;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct qnk_standing standing = {
            .lock_round = cases[i].lock_round,
            .lock = filled(cases[i].lock),
            .round = cases[i].round,
        };

        qnk_standing_encode(&standing, bytes);
        assert_int_equal(qnk_standing_decode((struct qn_span){bytes, sizeof bytes}, &read),
                         cases[i].fits ? QN_OK : QN_INVALID);
    }
    assert_int_equal(qnk_standing_decode((struct qn_span){bytes, 39}, &read), QN_INVALID);
}

static void what_is_signed_is_what_is_said(void **state)
{
    uint8_t tail[QNK_STANDING_SIZE];
    struct qnk_standing standing;
    struct qnk_vote vote = vote_of(&locked[0], tail);

    (void)state;
    assert_int_equal(qnk_standing_of(&vote, &standing), QN_OK);
    tail[36]++; /* another highest round than was signed */
    assert_int_equal(qnk_standing_of(&vote, &standing), QN_INVALID);
    tail[36]--;
    vote.step = QNK_STEP_FINAL;
    assert_int_equal(qnk_standing_of(&vote, &standing), QN_INVALID);
}

/* --- form --- */

static void the_highest_lock_is_proved(void **state)
{
    static const struct said two_locks[] = {{0, 3, 4}, {2, 3, 5}, {3, -1, 0}};
    uint8_t bytes[ROOM], cert[ROOM];
    struct qnk_abandon abandon;

    (void)state;
    assert_int_equal(
        qnk_abandon_decode(made(bytes, locked, 3, (struct qn_span){NULL, 0}), &abandon),
        QN_INVALID);
    assert_int_equal(qnk_abandon_decode(made(bytes, locked, 3, prepared(cert, 1, 4)), &abandon),
                     QN_INVALID); /* of a lower one */
    assert_int_equal(qnk_abandon_decode(made(bytes, locked, 3, prepared(cert, 3, 4)), &abandon),
                     QN_INVALID);                 /* of another digest */
    for (int digest = 4; digest <= 5; digest++) { /* one of the two is proved */
        assert_int_equal(
            qnk_abandon_decode(made(bytes, two_locks, 3, prepared(cert, 3, digest)), &abandon),
            QN_INVALID);
    }
    assert_int_equal(qnk_abandon_decode(made(bytes, free_ones, 3, prepared(cert, 3, 5)), &abandon),
                     QN_INVALID); /* nobody stated it */
    assert_int_equal(qnk_abandon_decode(made(bytes, locked, 3, prepared(cert, 3, 5)), &abandon),
                     QN_OK);
}

static void what_is_no_certificate_is_refused(void **state)
{
    static const struct {
        int at;
        uint8_t value;
    } wrong[] = {
        {0, 2},         /* version */
        {1, 1},         /* lane */
        {2, 1},         /* reserved */
        {4, 1},         /* era of the prepare certificate */
        {8, 1},         /* its window */
        {16, 0},        /* no vote */
        {16, 2},        /* one too few */
        {16, 4},        /* one too many */
        {20, 0},        /* size of the prepare certificate */
        {24, 0xB2},     /* its binding */
        {56 + 108, 0},  /* a member twice */
        {57 + 108, 32}, /* one that no set has: it would not ascend, either */
    };
    uint8_t bytes[ROOM], cert[ROOM];
    struct qn_span whole = made(bytes, locked, 3, prepared(cert, 3, 5));
    struct qnk_abandon abandon;

    (void)state;
    for (uint64_t cut = 0; cut <= whole.size + 1; cut++) {
        assert_int_equal(qnk_abandon_decode((struct qn_span){bytes, cut}, &abandon),
                         cut == whole.size ? QN_OK : QN_INVALID);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t kept = bytes[wrong[i].at];

        bytes[wrong[i].at] = wrong[i].value;
        assert_int_equal(qnk_abandon_decode(whole, &abandon), QN_INVALID);
        bytes[wrong[i].at] = kept;
    }
}

/* --- against a set --- */

static void it_takes_a_quorum_of_the_weight(void **state)
{
    struct qnk_set *set = set_of_four();
    struct qnk_hash binding = filled(0xB1), other = filled(0xB2);
    uint8_t bytes[ROOM];
    struct qnk_abandon abandon;

    (void)state;
    assert_int_equal(
        qnk_abandon_decode(made(bytes, free_ones, 2, (struct qn_span){NULL, 0}), &abandon), QN_OK);
    assert_int_equal(qnk_abandon_check(&abandon, set, &binding), QN_INVALID);
    assert_int_equal(
        qnk_abandon_decode(made(bytes, free_ones, 3, (struct qn_span){NULL, 0}), &abandon), QN_OK);
    assert_int_equal(qnk_abandon_check(&abandon, set, &binding), QN_OK);
    assert_int_equal(qnk_abandon_check(&abandon, set, &other), QN_INVALID);
    qnk_set_unref(set);
    assert_int_equal(budget.used, 0);
}

static void members_are_of_the_set(void **state)
{
    static const struct said said[] = {{0, -1, 0}, {1, -1, 0}, {2, -1, 0}, {4, -1, 0}};
    struct qnk_set *set = set_of_four();
    struct qnk_hash binding = filled(0xB1);
    uint8_t bytes[ROOM];
    struct qnk_abandon abandon;

    (void)state;
    assert_int_equal(qnk_abandon_decode(made(bytes, said, 4, (struct qn_span){NULL, 0}), &abandon),
                     QN_OK);
    assert_int_equal(qnk_abandon_check(&abandon, set, &binding), QN_INVALID);
    qnk_set_unref(set);
}

static void a_lock_needs_a_quorum_behind_it(void **state)
{
    struct qnk_set *set = set_of_four();
    struct qnk_hash binding = filled(0xB1);
    uint8_t bytes[ROOM], cert[ROOM];
    struct qn_span prepare = prepared(cert, 3, 5);
    struct qn_span whole;
    struct qnk_abandon abandon;

    (void)state;
    cert[QNK_CERTIFICATE_HEAD_SIZE] = 3; /* two signers */
    prepare.size -= QN_SIG_SIZE;
    whole = made(bytes, locked, 3, prepare);
    assert_int_equal(qnk_abandon_decode(whole, &abandon), QN_OK);
    assert_int_equal(qnk_abandon_check(&abandon, set, &binding), QN_INVALID);
    whole = made(bytes, locked, 3, prepared(cert, 3, 5));
    assert_int_equal(qnk_abandon_decode(whole, &abandon), QN_OK);
    assert_int_equal(qnk_abandon_check(&abandon, set, &binding), QN_OK);
    qnk_set_unref(set);
}

/* --- what it permits --- */

static void without_a_lock_everything_is_permitted(void **state)
{
    uint8_t bytes[ROOM];
    struct qnk_hash any = filled(4);
    struct qnk_abandon abandon;

    (void)state;
    assert_int_equal(
        qnk_abandon_decode(made(bytes, free_ones, 3, (struct qn_span){NULL, 0}), &abandon), QN_OK);
    assert_true(qnk_abandon_permits(&abandon, &any));
}

static void the_highest_lock_alone_is_permitted(void **state)
{
    uint8_t bytes[ROOM], cert[ROOM];
    struct qnk_hash higher = filled(5), lower = filled(4), other = filled(6);
    struct qnk_abandon abandon;

    (void)state;
    assert_int_equal(qnk_abandon_decode(made(bytes, locked, 3, prepared(cert, 3, 5)), &abandon),
                     QN_OK);
    assert_true(qnk_abandon_permits(&abandon, &higher));
    assert_false(qnk_abandon_permits(&abandon, &lower));
    assert_false(qnk_abandon_permits(&abandon, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_lies_where_the_header_says),
        cmocka_unit_test(what_was_encoded_comes_back),
        cmocka_unit_test(a_lock_has_a_digest_and_a_round_that_was_reached),
        cmocka_unit_test(what_is_signed_is_what_is_said),
        cmocka_unit_test(the_highest_lock_is_proved),
        cmocka_unit_test(what_is_no_certificate_is_refused),
        cmocka_unit_test(it_takes_a_quorum_of_the_weight),
        cmocka_unit_test(members_are_of_the_set),
        cmocka_unit_test(a_lock_needs_a_quorum_behind_it),
        cmocka_unit_test(without_a_lock_everything_is_permitted),
        cmocka_unit_test(the_highest_lock_alone_is_permitted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
