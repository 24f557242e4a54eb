/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <sodium.h>
#include <string.h>

#include "kernel/base/hex.h"
#include "kernel/base/random.h"

/* ChaCha20 with key and nonce zero: the first test vector of the 64-bit nonce form
 * (draft-strombergson-chacha-test-vectors, TC1, 20 rounds). */
static void seed_zero_is_the_published_stream(void **subject)
{
    (void)subject;
    struct qnk_random random;
    uint8_t bytes[32];
    char text[QNK_HEX_SIZE(32)];

    qnk_random_init(&random, 0);
    qnk_random_bytes(&random, bytes, sizeof bytes);
    qnk_hex_encode(bytes, sizeof bytes, text);
    assert_string_equal(text, "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7");
}

static void one_seed_is_one_stream_however_it_is_cut(void **subject)
{
    (void)subject;
    struct qnk_random whole;
    struct qnk_random cut;
    uint8_t expected[3000];
    uint8_t found[3000];
    size_t at = 0;

    qnk_random_init(&whole, 42);
    qnk_random_init(&cut, 42);
    qnk_random_bytes(&whole, expected, sizeof expected);
    for (size_t size = 0; at + size <= sizeof found; size = (size * 7 + 1) % 600) {
        qnk_random_bytes(&cut, found + at, size);
        at += size;
    }
    assert_true(at > 2000);
    assert_memory_equal(found, expected, at);
}

static void seeds_and_blocks_differ(void **subject)
{
    (void)subject;
    struct qnk_random first;
    struct qnk_random second;
    uint8_t block[512];
    uint8_t next[512];

    qnk_random_init(&first, 1);
    qnk_random_init(&second, 2);
    assert_true(qnk_random_u64(&first) != qnk_random_u64(&second));
    qnk_random_init(&first, 1);
    qnk_random_bytes(&first, block, sizeof block);
    qnk_random_bytes(&first, next, sizeof next);
    assert_memory_not_equal(block, next, sizeof block);
}

static void below_reaches_every_value_and_no_other(void **subject)
{
    (void)subject;
    struct qnk_random random;
    uint32_t seen[6] = {0};

    qnk_random_init(&random, 3);
    for (uint32_t i = 0; i < 6000; i++) {
        uint64_t value = qnk_random_below(&random, 6);

        assert_true(value < 6);
        seen[value]++;
    }
    for (uint32_t i = 0; i < 6; i++) {
        assert_in_range(seen[i], 800, 1200);
    }
    assert_true(qnk_random_below(&random, 1) == 0);
}

/* Just over a half of 2^64: nearly every second draw is one that must be thrown away. */
static void below_is_even_for_awkward_limits(void **subject)
{
    (void)subject;
    struct qnk_random random;
    uint64_t limit = ((uint64_t)1 << 63) + 1;
    uint32_t low = 0;

    qnk_random_init(&random, 4);
    for (uint32_t i = 0; i < 4000; i++) {
        uint64_t value = qnk_random_below(&random, limit);

        assert_true(value < limit);
        low += value < limit / 2;
    }
    assert_in_range(low, 1800, 2200);
}

static void the_system_gives_other_bytes_each_time(void **subject)
{
    (void)subject;
    uint8_t first[32] = {0};
    uint8_t second[32] = {0};

    qnk_random_system(first, sizeof first);
    qnk_random_system(second, sizeof second);
    assert_memory_not_equal(first, second, sizeof first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seed_zero_is_the_published_stream),
        cmocka_unit_test(one_seed_is_one_stream_however_it_is_cut),
        cmocka_unit_test(seeds_and_blocks_differ),
        cmocka_unit_test(below_reaches_every_value_and_no_other),
        cmocka_unit_test(below_is_even_for_awkward_limits),
        cmocka_unit_test(the_system_gives_other_bytes_each_time),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
