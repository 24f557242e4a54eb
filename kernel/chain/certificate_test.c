/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/chain/certificate.h"

enum { MEMBERS = 10, ROOM = 4096 };

static struct qnk_budget budget = {.limit = 1 << 20};

static struct qnk_set *set_of(const uint64_t *weights, uint32_t count)
{
    struct qnk_set_member members[MEMBERS] = {0};
    struct qnk_set *set;

    for (uint32_t i = 0; i < count; i++) {
        members[i].key.bytes[0] = (uint8_t)(i + 1);
        members[i].weight = weights[i];
    }
    assert_int_equal(qnk_set_new(&budget, members, count, &set), QN_OK);
    return set;
}

/* A certificate of the members in `mask`; gives its size. */
static uint64_t make(uint8_t to[ROOM], uint16_t step, uint32_t round, uint32_t mask)
{
    struct qnk_vote votes[MEMBERS] = {0};
    const struct qnk_vote *list[MEMBERS];
    uint32_t count = 0;

    for (uint32_t i = 0; i < MEMBERS; i++) {
        if ((mask >> i & 1) != 0) {
            struct qnk_vote *vote = &votes[count];

            vote->step = step;
            vote->era = 256;
            vote->window = 77;
            vote->round = round;
            vote->vr = -1;
            vote->member = i;
            memset(vote->binding.bytes, 0xB1, QN_HASH_SIZE);
            memset(vote->digest.bytes, 0xD1, QN_HASH_SIZE);
            memset(vote->signature, (int)(0x50 + i), QN_SIG_SIZE);
            memset(vote->open.bytes, (int)(0x20 + i), QN_HASH_SIZE);
            list[count++] = vote;
        }
    }
    qnk_certificate_encode(list, count, MEMBERS, to);
    return qnk_certificate_size(
        step == 1 && round == 0 ? QNK_CERTIFICATE_BLINDS : QNK_CERTIFICATE_PLAIN, MEMBERS, count);
}

static int32_t decode(const uint8_t *bytes, uint64_t size, struct qnk_certificate *cert)
{
    return qnk_certificate_decode((struct qn_span){bytes, size}, cert);
}

static void every_field_lies_where_the_design_says(void **state)
{
    static const uint8_t head[32] = {1, 1, 1, 0, 0,    1,    0,    0,    77, 0, 0, 0, 0, 0, 0, 0,
                                     0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 10, 0, 0, 0, 0, 0, 0, 0};
    uint8_t bytes[ROOM];
    uint64_t size = make(bytes, QNK_STEP_PREPARE, 0, 0x285); /* members 0, 2, 7, 9 */

    (void)state;
    assert_int_equal(size, 96 + 2 + 4 * 96);
    assert_memory_equal(bytes, head, sizeof head);
    assert_int_equal(bytes[32], 0xB1);
    assert_int_equal(bytes[95], 0xD1);
    assert_int_equal(bytes[96], 0x85);
    assert_int_equal(bytes[97], 0x02);
    assert_int_equal(bytes[98], 0x20);      /* blind of 0 */
    assert_int_equal(bytes[98 + 32], 0x50); /* its signature */
    assert_int_equal(bytes[98 + 96], 0x22);
    assert_int_equal(bytes[size - 1], 0x59);

    size = make(bytes, QNK_STEP_FINAL, 0, 0x285);
    assert_int_equal(size, 96 + 2 + 4 * 64);
    assert_int_equal(bytes[1], 0);
}

static void what_was_encoded_comes_back(void **state)
{
    uint8_t bytes[ROOM];
    struct qnk_certificate cert;
    struct qnk_vote vote;
    uint64_t size = make(bytes, QNK_STEP_PREPARE, 0, 0x285);

    (void)state;
    assert_int_equal(decode(bytes, size, &cert), QN_OK);
    assert_int_equal(cert.step, QNK_STEP_PREPARE);
    assert_int_equal(cert.window, 77);
    assert_int_equal(cert.vr, -1);
    assert_int_equal(cert.members, MEMBERS);
    qnk_certificate_vote(&cert, 7, &vote);
    assert_int_equal(vote.member, 7);
    assert_int_equal(vote.era, 256);
    assert_int_equal(vote.open.bytes[31], 0x27);
    assert_int_equal(vote.signature[63], 0x57);
    assert_int_equal(vote.binding.bytes[0], 0xB1);

    size = make(bytes, QNK_STEP_PREPARE, 1, 0x285);
    assert_int_equal(decode(bytes, size, &cert), QN_OK);
    qnk_certificate_vote(&cert, 9, &vote);
    assert_true(qnk_hash_is_zero(&vote.open));
    assert_int_equal(vote.signature[0], 0x59);
}

static void what_is_no_certificate_is_refused(void **state)
{
    static const struct {
        int at;
        uint8_t value;
    } wrong[] = {
        {0, 2},                          /* version */
        {1, 0},     {1, 2},              /* form is that of its step */
        {20, 0},    {23, 0x7f},          /* vr not before the round */
        {24, 0},    {24, 9},    {25, 1}, /* members */
        {28, 1},                         /* lane */
        {29, 1},    {30, 1},    {31, 1}, /* reserved */
        {96, 0x87}, {96, 0x84},          /* a signer more, a signer less */
        {97, 0x06}, {97, 0x42},          /* spare bits */
    };
    uint8_t bytes[ROOM];
    struct qnk_certificate cert;
    uint64_t size = make(bytes, QNK_STEP_PREPARE, 0, 0x285);

    (void)state;
    for (uint64_t cut = 0; cut <= size + 1; cut++) {
        assert_int_equal(decode(bytes, cut, &cert), cut == size ? QN_OK : QN_INVALID);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t was = bytes[wrong[i].at];

        bytes[wrong[i].at] = wrong[i].value;
        assert_int_equal(decode(bytes, size, &cert), QN_INVALID);
        bytes[wrong[i].at] = was;
    }
    memset(bytes + 64, 0, QN_HASH_SIZE); /* nil is never certified */
    assert_int_equal(decode(bytes, size, &cert), QN_INVALID);
    make(bytes, QNK_STEP_PREPARE, 0, 0x285);
    qn_le32_write(bytes + 24, QNK_SET_MEMBERS_MAX + 1);
    assert_int_equal(decode(bytes, size, &cert), QN_INVALID);
}

static void weight_counts_and_not_heads(void **state)
{
    static const uint64_t weights[MEMBERS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 21}; /* W 30, Q 21 */
    struct qnk_set *set = set_of(weights, MEMBERS);
    uint8_t bytes[ROOM];
    struct qnk_certificate cert;
    struct qnk_hash binding;

    (void)state;
    memset(binding.bytes, 0xB1, QN_HASH_SIZE);
    assert_int_equal(decode(bytes, make(bytes, 2, 0, 0x1ff), &cert), QN_OK); /* nine of ten */
    assert_int_equal(qnk_certificate_check(&cert, set, &binding), QN_INVALID);
    assert_int_equal(decode(bytes, make(bytes, 2, 0, 0x200), &cert), QN_OK); /* the one */
    assert_int_equal(qnk_certificate_check(&cert, set, &binding), QN_OK);
    qnk_set_unref(set);
}

static void a_quorum_less_one_is_not_enough(void **state)
{
    static const uint64_t weights[MEMBERS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}; /* Q 7 */
    struct qnk_set *set = set_of(weights, MEMBERS);
    uint8_t bytes[ROOM];
    struct qnk_certificate cert;
    struct qnk_hash binding;

    (void)state;
    memset(binding.bytes, 0xB1, QN_HASH_SIZE);
    assert_int_equal(decode(bytes, make(bytes, 2, 3, 0x3f), &cert), QN_OK);
    assert_int_equal(qnk_certificate_check(&cert, set, &binding), QN_INVALID);
    assert_int_equal(decode(bytes, make(bytes, 2, 3, 0x7f), &cert), QN_OK);
    assert_int_equal(qnk_certificate_check(&cert, set, &binding), QN_OK);
    qnk_set_unref(set);
}

static void another_set_binding_or_step_does_not_count(void **state)
{
    static const uint64_t weights[MEMBERS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct qnk_set *set = set_of(weights, MEMBERS);
    struct qnk_set *less = set_of(weights, MEMBERS - 1);
    uint8_t bytes[ROOM];
    struct qnk_certificate cert;
    struct qnk_hash binding;

    (void)state;
    memset(binding.bytes, 0xB1, QN_HASH_SIZE);
    assert_int_equal(decode(bytes, make(bytes, 2, 0, 0x3ff), &cert), QN_OK);
    assert_int_equal(qnk_certificate_check(&cert, set, &binding), QN_OK);
    assert_int_equal(qnk_certificate_check(&cert, less, &binding), QN_INVALID);
    binding.bytes[0] ^= 1;
    assert_int_equal(qnk_certificate_check(&cert, set, &binding), QN_INVALID);
    binding.bytes[0] ^= 1;
    assert_int_equal(decode(bytes, make(bytes, QNK_STEP_COMMIT, 0, 0x3ff), &cert), QN_OK);
    assert_int_equal(qnk_certificate_check(&cert, set, &binding), QN_INVALID);
    qnk_set_unref(less);
    qnk_set_unref(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_lies_where_the_design_says),
        cmocka_unit_test(what_was_encoded_comes_back),
        cmocka_unit_test(what_is_no_certificate_is_refused),
        cmocka_unit_test(weight_counts_and_not_heads),
        cmocka_unit_test(a_quorum_less_one_is_not_enough),
        cmocka_unit_test(another_set_binding_or_step_does_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
