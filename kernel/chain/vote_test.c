/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/macro.h"
#include "kernel/chain/vote.h"

enum { ROOM = QNK_VOTE_WIRE_SIZE + QNK_MACRO_SIZE + QNK_VOTE_BODY_MAX + 8 };

/* A vote whose every byte is known, written by hand; gives its size. */
static uint64_t write_by_hand(uint8_t to[ROOM], uint16_t step, uint32_t round, int32_t vr,
                              uint32_t tail)
{
    static const uint8_t head[] = {1, 0, 0, 0, 4, 3, 2, 1, 8, 7, 6, 5, 4, 3, 2, 1};

    memset(to, 0, ROOM);
    memcpy(to, head, sizeof head);
    qn_le16_write(to + 2, step);
    qn_le32_write(to + 16, round);
    qn_le32_write(to + 20, (uint32_t)vr);
    qn_le32_write(to + 24, 9);
    qn_le32_write(to + 28, tail);
    memset(to + 32, 0xD1, QN_HASH_SIZE);
    memset(to + 64, 0x51, QN_SIG_SIZE);
    memset(to + 128, 0x7A, tail);
    return QNK_VOTE_WIRE_SIZE + tail;
}

static int32_t decode(const uint8_t *bytes, uint64_t size, struct qnk_vote *vote)
{
    return qnk_vote_decode((struct qn_span){bytes, size}, vote);
}

static void every_field_lies_where_the_design_says(void **state)
{
    uint8_t bytes[ROOM], again[ROOM];
    struct qnk_vote vote;
    uint64_t size = write_by_hand(bytes, QNK_STEP_PROPOSE, 7, 3, QNK_MACRO_SIZE + 5);

    (void)state;
    assert_int_equal(decode(bytes, size, &vote), QN_OK);
    assert_int_equal(vote.lane, 0);
    assert_int_equal(vote.step, QNK_STEP_PROPOSE);
    assert_int_equal(vote.era, 0x01020304);
    assert_int_equal(vote.window, 0x0102030405060708);
    assert_int_equal(vote.round, 7);
    assert_int_equal(vote.vr, 3);
    assert_int_equal(vote.member, 9);
    assert_int_equal(vote.digest.bytes[31], 0xD1);
    assert_int_equal(vote.signature[63], 0x51);
    assert_int_equal(qnk_vote_size(&vote), size);
    qnk_vote_encode(&vote, again);
    assert_memory_equal(again, bytes, size);

    struct qnk_vote_tail tail = qnk_vote_tail(&vote);

    assert_null(tail.blind);
    assert_ptr_equal(tail.header.data, bytes + 128);
    assert_int_equal(tail.header.size, QNK_MACRO_SIZE);
    assert_int_equal(tail.body.size, 5);
}

static void every_step_has_its_own_tail(void **state)
{
    static const struct {
        uint16_t step;
        uint32_t round;
        uint32_t least, most;
    } rules[] = {
        {QNK_STEP_COMMIT, 0, 0, 0},
        {QNK_STEP_PREPARE, 0, 64, 64},
        {QNK_STEP_PREPARE, 1, 0, 0},
        {QNK_STEP_FINAL, 0, 0, 0},
        {QNK_STEP_TIMEOUT, 2, 0, QNK_VOTE_BODY_MAX},
        {QNK_STEP_ABANDON, 0, 40, 40},
        {QNK_STEP_PROPOSE, 1, QNK_MACRO_SIZE, QNK_MACRO_SIZE + QNK_VOTE_BODY_MAX},
        {QNK_STEP_OWN, 1, 0, QNK_VOTE_BODY_MAX},
        {UINT16_MAX, 1, 0, QNK_VOTE_BODY_MAX},
    };
    uint8_t bytes[ROOM];
    struct qnk_vote vote;

    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        for (uint32_t tail = 0; tail <= QNK_MACRO_SIZE + QNK_VOTE_BODY_MAX + 1; tail++) {
            uint64_t size = write_by_hand(bytes, rules[i].step, rules[i].round, -1, tail);
            bool fits = tail >= rules[i].least && tail <= rules[i].most;

            assert_int_equal(decode(bytes, size, &vote), fits ? QN_OK : QN_INVALID);
        }
    }
}

static void what_is_no_vote_is_refused(void **state)
{
    uint8_t bytes[ROOM];
    struct qnk_vote vote;
    uint64_t size = write_by_hand(bytes, QNK_STEP_PREPARE, 0, -1, 64);

    (void)state;
    for (uint64_t cut = 0; cut <= size + 1; cut++) {
        assert_int_equal(decode(bytes, cut, &vote), cut == size ? QN_OK : QN_INVALID);
    }
    bytes[0] = 2; /* version */
    assert_int_equal(decode(bytes, size, &vote), QN_INVALID);
    bytes[0] = 1;
    bytes[1] = 1; /* lane */
    assert_int_equal(decode(bytes, size, &vote), QN_INVALID);
    for (uint16_t step = 6; step < QNK_STEP_OWN; step++) {
        size = write_by_hand(bytes, step, 0, -1, 0);
        assert_int_equal(decode(bytes, size, &vote), QN_INVALID);
    }
    size = write_by_hand(bytes, QNK_STEP_FINAL, 0, -1, 0);
    qn_le32_write(bytes + 28, UINT32_MAX); /* a tail that is not there */
    assert_int_equal(decode(bytes, size, &vote), QN_INVALID);
}

static void a_justification_lies_before_its_round(void **state)
{
    uint8_t bytes[ROOM];
    struct qnk_vote vote;

    (void)state;
    for (int32_t vr = -2; vr <= 4; vr++) {
        uint64_t size = write_by_hand(bytes, QNK_STEP_PREPARE, 3, vr, 0);

        assert_int_equal(decode(bytes, size, &vote), vr >= -1 && vr < 3 ? QN_OK : QN_INVALID);
        size = write_by_hand(bytes, QNK_STEP_FINAL, 3, vr, 0);
        assert_int_equal(decode(bytes, size, &vote), vr == -1 ? QN_OK : QN_INVALID);
    }
    uint64_t size = write_by_hand(bytes, QNK_STEP_PREPARE, 3, INT32_MIN, 0);

    assert_int_equal(decode(bytes, size, &vote), QN_INVALID);
}

static void votes_are_read_one_after_another(void **state)
{
    uint8_t bytes[2 * ROOM];
    struct qnk_vote vote;
    uint64_t first = write_by_hand(bytes, QNK_STEP_PREPARE, 0, -1, 64);
    uint64_t second = write_by_hand(bytes + first, QNK_STEP_FINAL, 0, -1, 0);
    struct qn_span rest = {bytes, first + second};

    (void)state;
    assert_int_equal(qnk_vote_next(&rest, &vote), QN_OK);
    assert_int_equal(vote.step, QNK_STEP_PREPARE);
    assert_int_equal(rest.size, second);
    assert_int_equal(qnk_vote_next(&rest, &vote), QN_OK);
    assert_int_equal(vote.step, QNK_STEP_FINAL);
    assert_int_equal(rest.size, 0);
    assert_int_equal(qnk_vote_next(&rest, &vote), QN_INVALID);
    assert_int_equal(vote.step, QNK_STEP_FINAL); /* as it was */
}

static void the_opening_follows_from_the_tail(void **state)
{
    uint8_t bytes[ROOM];
    struct qnk_vote vote;
    struct qnk_hash expected;
    uint64_t size = write_by_hand(bytes, QNK_STEP_PREPARE, 0, -1, 64);

    (void)state;
    memset(bytes + 160, 0x5A, 32); /* the share is not signed */
    assert_int_equal(decode(bytes, size, &vote), QN_OK);
    assert_memory_equal(vote.open.bytes, bytes + 128, 32);
    assert_memory_equal(qnk_vote_tail(&vote).share, bytes + 160, 32);

    size = write_by_hand(bytes, QNK_STEP_TIMEOUT, 2, -1, 10);
    assert_int_equal(decode(bytes, size, &vote), QN_OK);
    qnk_hash_tagged("qnet/body", bytes + 128, 10, &expected);
    assert_true(qnk_hash_equal(&vote.open, &expected));

    size = write_by_hand(bytes, QNK_STEP_PROPOSE, 2, -1, QNK_MACRO_SIZE);
    assert_int_equal(decode(bytes, size, &vote), QN_OK);
    assert_true(qnk_hash_is_zero(&vote.open));
}

static void record_reads_back(uint8_t record[QNK_VOTE_RECORD_SIZE], const struct qnk_vote *vote)
{
    uint8_t again[QNK_VOTE_RECORD_SIZE];
    struct qn_span rest = {record, QNK_VOTE_RECORD_SIZE}, less = {record, QNK_VOTE_RECORD_SIZE - 1};
    struct qnk_vote read = {0};

    assert_int_equal(qnk_vote_record_read(&less, &read), QN_INVALID);
    assert_int_equal(qnk_vote_record_read(&rest, &read), QN_OK);
    assert_int_equal(rest.size, 0);
    assert_int_equal(read.vr, vote->vr);
    qnk_vote_record(&read, again);
    assert_memory_equal(again, record, sizeof again);
    record[0]++;
    rest = (struct qn_span){record, QNK_VOTE_RECORD_SIZE};
    assert_int_equal(qnk_vote_record_read(&rest, &read), QN_INVALID);
    record[0]--;
}

static void the_signed_record_is_what_the_design_says(void **state)
{
    uint8_t bytes[ROOM], record[QNK_VOTE_RECORD_SIZE], message[QNK_VOTE_MESSAGE_SIZE];
    struct qnk_hash chain_id;
    struct qnk_vote vote;
    uint64_t size = write_by_hand(bytes, QNK_STEP_PREPARE, 0, -1, 64);

    (void)state;
    assert_int_equal(decode(bytes, size, &vote), QN_OK);
    memset(vote.binding.bytes, 0xB1, QN_HASH_SIZE);
    memset(chain_id.bytes, 0xC1, QN_HASH_SIZE);
    qnk_vote_record(&vote, record);
    assert_memory_equal(record, bytes, 24);
    assert_memory_equal(record + 24, vote.binding.bytes, 32);
    record_reads_back(record, &vote);
    assert_memory_equal(record + 56, bytes + 32, 32);
    assert_memory_equal(record + 88, bytes + 128, 32);
    qnk_vote_message(&vote, &chain_id, message);
    assert_memory_equal(message, "qnet/vote", 9);
    assert_memory_equal(message + 9, chain_id.bytes, 32);
    assert_memory_equal(message + 41, record, sizeof record);
}

static void commitment_and_binding_are_hashes_of_their_parts(void **state)
{
    struct qnk_vote place = {.era = 0x0102, .window = 0x0304, .member = 0x0506};
    struct qnk_hash digest, blind, made, expected;
    uint8_t bytes[80] = {2, 1, 0, 0, 4, 3, 0, 0, 0, 0, 0, 0, 6, 5, 0, 0};

    (void)state;
    memset(digest.bytes, 0xD1, 32);
    memset(blind.bytes, 0xB1, 32);
    memset(bytes + 16, 0xD1, 32);
    memset(bytes + 48, 0xB1, 32);
    qnk_vote_commitment(&place, &digest, blind.bytes, &made);
    qnk_hash_tagged("qnet/commit", bytes, sizeof bytes, &expected);
    assert_true(qnk_hash_equal(&made, &expected));

    memset(bytes, 0xD1, 32);
    memcpy(bytes + 32, "engine", 6);
    qnk_vote_binding(&digest, (struct qn_span){(const uint8_t *)"engine", 6}, &made);
    qnk_hash_tagged("qnet/binding", bytes, 38, &expected);
    assert_true(qnk_hash_equal(&made, &expected));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_lies_where_the_design_says),
        cmocka_unit_test(every_step_has_its_own_tail),
        cmocka_unit_test(what_is_no_vote_is_refused),
        cmocka_unit_test(a_justification_lies_before_its_round),
        cmocka_unit_test(votes_are_read_one_after_another),
        cmocka_unit_test(the_opening_follows_from_the_tail),
        cmocka_unit_test(the_signed_record_is_what_the_design_says),
        cmocka_unit_test(commitment_and_binding_are_hashes_of_their_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
