/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/hash.h"
#include "kernel/base/hash_blocks.h"

enum { LONG = 700 };

static void digest_is(const uint8_t *digest, const char *hex)
{
    char found[2 * QN_HASH_SIZE + 1];

    assert_string_equal(sodium_bin2hex(found, sizeof found, digest, QN_HASH_SIZE), hex);
}

/* `times` times `text`, added piece by piece. */
static void hash_is(const char *text, size_t times, const char *hex)
{
    struct qnk_sha256 sha;
    uint8_t digest[QN_HASH_SIZE];

    qnk_sha256_init(&sha);
    for (size_t i = 0; i < times; i++) {
        qnk_sha256_add(&sha, text, strlen(text));
    }
    qnk_sha256_done(&sha, digest);
    digest_is(digest, hex);
}

static void published_messages_have_their_digests(void **subject)
{
    (void)subject;
    /* FIPS 180-4's examples at csrc.nist.gov, and SHA256ShortMsg.rsp of NIST's SHAVS */
    hash_is("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hash_is("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_is("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    hash_is(
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
        "lmnopqrsmnopqrstnopqrstu",
        1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    hash_is("a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    hash_is("\xd3", 1, "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1");
}

static void fill(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(i * 167 + (i >> 8));
    }
}

static void every_size_agrees_with_libsodium(void **subject)
{
    (void)subject;
    uint8_t bytes[LONG];

    fill(bytes, sizeof bytes);
    for (size_t size = 0; size <= LONG; size++) {
        uint8_t expected[QN_HASH_SIZE];
        struct qnk_hash hash;

        (void)crypto_hash_sha256(expected, bytes, size);
        qnk_hash_tagged("", bytes, size, &hash);
        assert_memory_equal(hash.bytes, expected, QN_HASH_SIZE);
    }
}

static void every_cut_gives_the_same_digest(void **subject)
{
    (void)subject;
    uint8_t bytes[200];
    uint8_t expected[QN_HASH_SIZE];

    fill(bytes, sizeof bytes);
    (void)crypto_hash_sha256(expected, bytes, sizeof bytes);
    for (size_t first = 0; first <= sizeof bytes; first++) {
        for (size_t second = first; second <= sizeof bytes; second++) {
            const struct qn_span parts[3] = {{bytes, first},
                                             {bytes + first, second - first},
                                             {bytes + second, sizeof bytes - second}};
            struct qnk_hash hash;

            qnk_hash_parts("", parts, 3, &hash);
            assert_memory_equal(hash.bytes, expected, QN_HASH_SIZE);
        }
    }
}

static void both_ways_to_add_blocks_agree(void **subject)
{
    (void)subject;
    uint8_t blocks[64 * 8];
    uint32_t plain[8];
    uint32_t shani[8];

    if (!qnk_hash_blocks_can_shani()) {
        return; /* this machine has one way */
    }
    for (uint64_t round = 0; round < 2000; round++) {
        randombytes_buf_deterministic(
            blocks, sizeof blocks,
            (const uint8_t[randombytes_SEEDBYTES]){(uint8_t)round, (uint8_t)(round >> 8)});
        memcpy(plain, blocks, sizeof plain);
        memcpy(shani, blocks, sizeof shani);
        qnk_hash_blocks_plain(plain, blocks, round % 9);
        qnk_hash_blocks_shani(shani, blocks, round % 9);
        assert_memory_equal(plain, shani, sizeof plain);
    }
}

/* The compression function on FIPS 180-4's "abc" block, each way by itself. */
static void each_way_is_right_on_the_published_block(void **subject)
{
    (void)subject;
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    static const uint32_t end[8] = {0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223,
                                    0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad};
    uint8_t block[64] = {'a', 'b', 'c', 0x80};
    uint32_t state[8];

    block[63] = 24;
    memcpy(state, start, sizeof state);
    qnk_hash_blocks_plain(state, block, 1);
    assert_memory_equal(state, end, sizeof end);
    if (qnk_hash_blocks_can_shani()) {
        memcpy(state, start, sizeof state);
        qnk_hash_blocks_shani(state, block, 1);
        assert_memory_equal(state, end, sizeof end);
    }
}

static void the_choice_is_what_the_processor_can(void **subject)
{
    (void)subject;
    assert_int_equal(qnk_hash_is_accelerated(), qnk_hash_blocks_can_shani());
    assert_int_equal(qnk_hash_is_accelerated(), qnk_hash_is_accelerated());
}

static void leaves_nodes_and_tags_are_told_apart(void **subject)
{
    (void)subject;
    struct qnk_hash left = {.bytes = {1}};
    struct qnk_hash right = {.bytes = {2}};
    struct qnk_hash hash;
    uint8_t expected[QN_HASH_SIZE];
    uint8_t node[65] = {1};

    memcpy(node + 1, left.bytes, 32);
    memcpy(node + 33, right.bytes, 32);
    (void)crypto_hash_sha256(expected, node, 65);
    qnk_hash_node(&left, &right, &hash);
    assert_memory_equal(hash.bytes, expected, 32);

    node[0] = 0;
    (void)crypto_hash_sha256(expected, node, 65);
    qnk_hash_leaf(node + 1, 64, &hash);
    assert_memory_equal(hash.bytes, expected, 32);

    (void)crypto_hash_sha256(expected, (const uint8_t *)"qnet/tagxy", 10);
    qnk_hash_tagged("qnet/tag", "xy", 2, &hash);
    assert_memory_equal(hash.bytes, expected, 32);
}

static void an_output_may_be_an_input(void **subject)
{
    (void)subject;
    struct qnk_hash left = {.bytes = {1}};
    struct qnk_hash right = {.bytes = {2}};
    struct qnk_hash apart;

    qnk_hash_node(&left, &right, &apart);
    qnk_hash_node(&left, &right, &left);
    assert_true(qnk_hash_equal(&left, &apart));
}

static void zero_and_equality_are_seen(void **subject)
{
    (void)subject;
    struct qnk_hash zero = {.bytes = {0}};
    struct qnk_hash other = {.bytes = {[31] = 1}};

    assert_true(qnk_hash_is_zero(&zero));
    assert_false(qnk_hash_is_zero(&other));
    assert_false(qnk_hash_equal(&zero, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_messages_have_their_digests),
        cmocka_unit_test(every_size_agrees_with_libsodium),
        cmocka_unit_test(every_cut_gives_the_same_digest),
        cmocka_unit_test(both_ways_to_add_blocks_agree),
        cmocka_unit_test(each_way_is_right_on_the_published_block),
        cmocka_unit_test(the_choice_is_what_the_processor_can),
        cmocka_unit_test(leaves_nodes_and_tags_are_told_apart),
        cmocka_unit_test(an_output_may_be_an_input),
        cmocka_unit_test(zero_and_equality_are_seen),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
