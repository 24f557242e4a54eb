/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/abandon.h"
#include "kernel/chain/kernel_tx.h"

enum { MEMBER = 3, WINDOW = 8, ROOM = 1024 };

static struct qnk_hash filled(int byte)
{
    struct qnk_hash hash;

    memset(hash.bytes, byte, sizeof hash.bytes);
    return hash;
}

static struct qnk_vote vote(uint16_t step, uint32_t round, int32_t vr, int digest)
{
    struct qnk_vote made = {
        .step = step,
        .era = 256,
        .window = WINDOW,
        .round = round,
        .vr = vr,
        .member = MEMBER,
        .digest = filled(digest),
    };

    memset(made.signature, 0x51, sizeof made.signature);
    return made;
}

static struct qnk_evidence of_votes(uint8_t type, struct qnk_vote a, struct qnk_vote b)
{
    return (struct qnk_evidence){.type = type, .member = MEMBER, .window = WINDOW, .votes = {a, b}};
}

static struct qnk_evidence double_block(void)
{
    struct qnk_evidence evidence = {
        .type = QNK_EVIDENCE_DOUBLE_BLOCK, .member = MEMBER, .window = WINDOW};

    for (uint32_t i = 0; i < 2; i++) {
        evidence.blocks[i] = (struct qnk_micro){
            .version = QNK_MICRO_VERSION,
            .producer = MEMBER,
            .height = 71,
            .time_ms = 1000 + i,
            .parent = filled(0x70),
        };
    }
    return evidence;
}

static struct qnk_evidence double_vote(void)
{
    return of_votes(QNK_EVIDENCE_DOUBLE_VOTE, vote(QNK_STEP_FINAL, 2, -1, 1),
                    vote(QNK_STEP_FINAL, 2, -1, 2));
}

static struct qnk_evidence lock_violation(void)
{
    return of_votes(QNK_EVIDENCE_LOCK_VIOLATION, vote(QNK_STEP_FINAL, 2, -1, 1),
                    vote(QNK_STEP_PREPARE, 4, 1, 2));
}

static struct qnk_evidence false_opening(void)
{
    struct qnk_evidence evidence =
        of_votes(QNK_EVIDENCE_FALSE_OPENING, vote(QNK_STEP_COMMIT, 0, -1, 9),
                 vote(QNK_STEP_PREPARE, 0, -1, 2));

    evidence.votes[1].open = filled(0x0B);
    return evidence;
}

/* It gave up locked in round 2, after it had signed in round 5, and sealed in round 4. */
static struct qnk_evidence after_abandon(void)
{
    static uint8_t words[QNK_STANDING_SIZE];
    struct qnk_standing stood = {.lock_round = 2, .lock = filled(1), .round = 5};
    struct qnk_evidence evidence =
        of_votes(QNK_EVIDENCE_AFTER_ABANDON, vote(QNK_STEP_ABANDON, 0, -1, 0),
                 vote(QNK_STEP_FINAL, 4, -1, 1));

    qnk_standing_encode(&stood, words);
    qnk_standing_digest(words, &evidence.votes[0].digest);
    evidence.votes[0].tail = (struct qn_span){words, sizeof words};
    return evidence;
}

static void decode_refuses_all_but(uint8_t *bytes, uint64_t size)
{
    struct qnk_evidence evidence;

    for (uint64_t cut = 0; cut <= size + 1; cut++) {
        assert_int_equal(qnk_evidence_decode((struct qn_span){bytes, cut}, &evidence),
                         cut == size ? QN_OK : QN_INVALID);
    }
    for (uint32_t at = 1; at <= 3; at++) {
        bytes[at] = 1;
        assert_int_equal(qnk_evidence_decode((struct qn_span){bytes, size}, &evidence), QN_INVALID);
        bytes[at] = 0;
    }
}

static void evidence_comes_back(void **state)
{
    const struct qnk_evidence all[] = {double_block(), double_vote(), lock_violation(),
                                       false_opening(), after_abandon()};
    static const uint32_t sizes[] = {416, 336, 336, 336, 376};
    uint8_t bytes[ROOM] = {0}, again[ROOM];

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct qnk_evidence back;
        uint32_t size = qnk_evidence_encode(&all[i], bytes);

        assert_int_equal(size, sizes[i]);
        assert_true(size <= QNK_EVIDENCE_MAX);
        assert_int_equal(qnk_evidence_decode((struct qn_span){bytes, size}, &back), QN_OK);
        assert_int_equal(back.type, all[i].type);
        assert_true(qnk_evidence_proves(&back));
        assert_int_equal(qnk_evidence_encode(&back, again), size);
        assert_memory_equal(again, bytes, size);
        decode_refuses_all_but(bytes, size);
    }
}

static void evidence_lies_where_the_design_says(void **state)
{
    static const uint8_t head[] = {2, 0, 0, 0, 3, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0};
    struct qnk_evidence evidence = double_vote();
    uint8_t bytes[ROOM];

    (void)state;
    evidence.votes[1].open = filled(0x0B);
    qnk_evidence_encode(&evidence, bytes);
    assert_memory_equal(bytes, head, sizeof head);
    assert_int_equal(qn_le16_read(bytes + 16 + 2), QNK_STEP_FINAL);
    assert_int_equal(qn_le32_read(bytes + 16 + 24), MEMBER);
    assert_int_equal(qn_le32_read(bytes + 16 + 28), 0); /* no tail */
    assert_int_equal(bytes[16 + 32], 1);                /* digest */
    assert_int_equal(bytes[16 + 160 + 32], 2);
    assert_int_equal(bytes[16 + 160 + 128], 0x0B); /* opening */
}

static void evidence_of_no_known_form_is_refused(void **state)
{
    struct qnk_evidence evidence = double_vote(), back;
    uint8_t bytes[ROOM];
    uint32_t size = qnk_evidence_encode(&evidence, bytes);

    (void)state;
    for (uint32_t type = 0; type < 256; type++) {
        bool is_known = type >= 2 && type <= 4; /* 1 and 5 have other sizes */

        bytes[0] = (uint8_t)type;
        assert_int_equal(qnk_evidence_decode((struct qn_span){bytes, size}, &back),
                         is_known ? QN_OK : QN_INVALID);
    }
    bytes[0] = 2;
    bytes[16 + 28] = 1; /* a tail */
    assert_int_equal(qnk_evidence_decode((struct qn_span){bytes, size}, &back), QN_INVALID);
    bytes[16 + 28] = 0;
    bytes[16] = 2; /* version of the first vote */
    assert_int_equal(qnk_evidence_decode((struct qn_span){bytes, size}, &back), QN_INVALID);
    bytes[16] = 1;
    bytes[17] = 1; /* lane */
    assert_int_equal(qnk_evidence_decode((struct qn_span){bytes, size}, &back), QN_INVALID);
}

static void blocks_prove_nothing_unless_twins(void **state)
{
    struct qnk_evidence evidence = double_block();

    (void)state;
    evidence.blocks[1].time_ms = evidence.blocks[0].time_ms; /* the same block */
    assert_false(qnk_evidence_proves(&evidence));
    evidence.blocks[1].signature[0] = 1; /* which a second signature does not change */
    assert_false(qnk_evidence_proves(&evidence));
    evidence = double_block();
    evidence.blocks[1].height++;
    assert_false(qnk_evidence_proves(&evidence));
    evidence = double_block();
    evidence.blocks[1].parent = filled(0x71); /* on another parent that is legal */
    assert_false(qnk_evidence_proves(&evidence));
    evidence = double_block();
    evidence.blocks[0].producer++;
    assert_false(qnk_evidence_proves(&evidence));
    evidence = double_block();
    evidence.member++;
    assert_false(qnk_evidence_proves(&evidence));
}

static void votes_prove_nothing_unless_of_one_duty(void **state)
{
    struct qnk_evidence evidence = double_vote();

    (void)state;
    evidence.votes[1] = evidence.votes[0];
    assert_false(qnk_evidence_proves(&evidence));
    evidence.votes[1].signature[0]++;
    assert_false(qnk_evidence_proves(&evidence));
    evidence.votes[1].open = filled(5); /* records differ */
    assert_true(qnk_evidence_proves(&evidence));
    evidence = double_vote();
    evidence.votes[1].digest = evidence.votes[0].digest;
    evidence.votes[1].vr = 1; /* so they do */
    assert_true(qnk_evidence_proves(&evidence));

    evidence = double_vote();
    evidence.votes[1].round++;
    assert_false(qnk_evidence_proves(&evidence));
    evidence = double_vote();
    evidence.votes[1].step++;
    assert_false(qnk_evidence_proves(&evidence));
    evidence = double_vote();
    evidence.votes[1].era++;
    assert_false(qnk_evidence_proves(&evidence));
    evidence = double_vote();
    evidence.votes[0].window++;
    assert_false(qnk_evidence_proves(&evidence));
    evidence = double_vote();
    evidence.window++;
    assert_false(qnk_evidence_proves(&evidence));
    evidence = double_vote();
    evidence.votes[0].member++;
    assert_false(qnk_evidence_proves(&evidence));
}

static void a_lock_is_broken_only_without_reason(void **state)
{
    struct qnk_evidence evidence = lock_violation();

    (void)state;
    assert_true(qnk_evidence_proves(&evidence));
    evidence.votes[1].vr = -1;
    assert_true(qnk_evidence_proves(&evidence));
    evidence.votes[1].vr = 2; /* a quorum of the lock's round or later */
    assert_false(qnk_evidence_proves(&evidence));
    evidence = lock_violation();
    evidence.votes[1].round = 2;
    assert_false(qnk_evidence_proves(&evidence));
    evidence = lock_violation();
    evidence.votes[1].digest = evidence.votes[0].digest;
    assert_false(qnk_evidence_proves(&evidence));
    evidence = lock_violation();
    evidence.votes[1].digest = filled(0); /* nil is always allowed */
    assert_false(qnk_evidence_proves(&evidence));
    evidence = lock_violation();
    evidence.votes[0].digest = filled(0); /* a nil seal locks nothing */
    assert_false(qnk_evidence_proves(&evidence));
    evidence =
        of_votes(QNK_EVIDENCE_LOCK_VIOLATION, lock_violation().votes[1], lock_violation().votes[0]);
    assert_false(qnk_evidence_proves(&evidence));
}

static void an_opening_is_false_only_if_it_does_not_fit(void **state)
{
    struct qnk_evidence evidence = false_opening();

    (void)state;
    assert_true(qnk_evidence_proves(&evidence));
    qnk_vote_commitment(&evidence.votes[1], &evidence.votes[1].digest, evidence.votes[1].open.bytes,
                        &evidence.votes[0].digest);
    assert_false(qnk_evidence_proves(&evidence)); /* an honest pair */
    evidence = false_opening();
    evidence.votes[1].digest = filled(0);
    assert_false(qnk_evidence_proves(&evidence));
    evidence = false_opening();
    evidence.votes[1].round = 1;
    assert_false(qnk_evidence_proves(&evidence));
}

static void who_gave_up_may_have_voted_before(void **state)
{
    struct qnk_evidence evidence = after_abandon();

    (void)state;
    assert_true(qnk_evidence_proves(&evidence));
    for (uint16_t step = 0; step <= QNK_STEP_OWN; step++) {
        bool is_seal = step == QNK_STEP_FINAL;
        bool is_abandon = step == QNK_STEP_ABANDON; /* another one is type 2 */

        evidence.votes[1] = vote(step, 5, -1, 1); /* the highest round that is stated */
        assert_int_equal(qnk_evidence_proves(&evidence), is_seal);
        evidence.votes[1] = vote(step, 2, -1, 1); /* that of the lock */
        assert_false(qnk_evidence_proves(&evidence));
        evidence.votes[1] = vote(step, 3, -1, 0); /* nil */
        assert_false(qnk_evidence_proves(&evidence));
        evidence.votes[1] = vote(step, 6, -1, 0);
        assert_int_equal(qnk_evidence_proves(&evidence), !is_abandon);
    }
}

static void an_abandon_is_of_one_attempt_and_in_its_words(void **state)
{
    struct qnk_evidence evidence = after_abandon();
    struct qnk_standing none = {.lock_round = -1};
    uint8_t words[QNK_STANDING_SIZE];

    (void)state;
    evidence.votes[1].era++;
    assert_false(qnk_evidence_proves(&evidence));
    evidence = after_abandon();
    evidence.votes[1].member++;
    assert_false(qnk_evidence_proves(&evidence));
    evidence = after_abandon();
    evidence.votes[0].step = QNK_STEP_TIMEOUT;
    assert_false(qnk_evidence_proves(&evidence));
    evidence = after_abandon();
    evidence = of_votes(QNK_EVIDENCE_AFTER_ABANDON, evidence.votes[1], evidence.votes[0]);
    assert_false(qnk_evidence_proves(&evidence));
    evidence = after_abandon();
    qnk_standing_encode(&none, words); /* which it has not signed */
    evidence.votes[0].tail = (struct qn_span){words, sizeof words};
    assert_false(qnk_evidence_proves(&evidence));
    qnk_standing_digest(words, &evidence.votes[0].digest);
    evidence.votes[1] = vote(QNK_STEP_FINAL, 0, -1, 1); /* without a lock every seal is above it */
    assert_true(qnk_evidence_proves(&evidence));
    evidence.votes[1] = vote(QNK_STEP_PREPARE, 0, -1, 1);
    assert_false(qnk_evidence_proves(&evidence));
}

static void the_place_is_member_type_and_window(void **state)
{
    struct qnk_evidence evidence = double_vote(), other = double_vote();
    struct qnk_hash place, again;

    (void)state;
    qnk_evidence_place(&evidence, &place);
    other.votes[0].digest = filled(7); /* whatever it signed besides */
    other.votes[1].digest = filled(8);
    other.votes[0].round = other.votes[1].round = 3;
    other.votes[0].era = other.votes[1].era = 77;
    qnk_evidence_place(&other, &again);
    assert_true(qnk_hash_equal(&place, &again));
    other.window++;
    qnk_evidence_place(&other, &again);
    assert_false(qnk_hash_equal(&place, &again));
    other = evidence;
    other.type = QNK_EVIDENCE_LOCK_VIOLATION;
    qnk_evidence_place(&other, &again);
    assert_false(qnk_hash_equal(&place, &again));
    evidence.member++;
    qnk_evidence_place(&evidence, &again);
    assert_false(qnk_hash_equal(&place, &again));

    evidence = double_block();
    qnk_evidence_place(&evidence, &place);
    evidence.blocks[0].parent = evidence.blocks[1].parent = filled(0x72);
    qnk_evidence_place(&evidence, &again);
    assert_true(qnk_hash_equal(&place, &again));
}

static void shares_and_tips_have_one_encoding(void **state)
{
    static const uint8_t head[] = {8, 7, 6, 5, 4, 3, 2, 1, 3, 0, 0, 0, 0, 0, 0, 0};
    struct qnk_share share = {.window = 0x0102030405060708, .member = 3, .link = filled(0x11)};
    struct qnk_tip tip = {.window = 0x0102030405060708, .tip = filled(0x22)};
    uint8_t bytes[QNK_SHARE_SIZE + 1] = {0};

    (void)state;
    qnk_share_encode(&share, bytes);
    assert_memory_equal(bytes, head, sizeof head);
    assert_int_equal(bytes[47], 0x11);
    for (uint64_t cut = 0; cut <= QNK_SHARE_SIZE + 1; cut++) {
        assert_int_equal(qnk_share_decode((struct qn_span){bytes, cut}, &share),
                         cut == QNK_SHARE_SIZE ? QN_OK : QN_INVALID);
    }
    assert_int_equal(share.member, 3);
    assert_int_equal(share.link.bytes[0], 0x11);
    bytes[12] = 1;
    assert_int_equal(qnk_share_decode((struct qn_span){bytes, QNK_SHARE_SIZE}, &share), QN_INVALID);

    qnk_tip_encode(&tip, bytes);
    assert_memory_equal(bytes, head, 8);
    for (uint64_t cut = 0; cut <= QNK_TIP_SIZE + 1; cut++) {
        assert_int_equal(qnk_tip_decode((struct qn_span){bytes, cut}, &tip),
                         cut == QNK_TIP_SIZE ? QN_OK : QN_INVALID);
    }
    assert_int_equal(tip.tip.bytes[31], 0x22);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evidence_comes_back),
        cmocka_unit_test(evidence_lies_where_the_design_says),
        cmocka_unit_test(evidence_of_no_known_form_is_refused),
        cmocka_unit_test(blocks_prove_nothing_unless_twins),
        cmocka_unit_test(votes_prove_nothing_unless_of_one_duty),
        cmocka_unit_test(a_lock_is_broken_only_without_reason),
        cmocka_unit_test(an_opening_is_false_only_if_it_does_not_fit),
        cmocka_unit_test(who_gave_up_may_have_voted_before),
        cmocka_unit_test(an_abandon_is_of_one_attempt_and_in_its_words),
        cmocka_unit_test(the_place_is_member_type_and_window),
        cmocka_unit_test(shares_and_tips_have_one_encoding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
