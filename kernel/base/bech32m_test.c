/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/base/bech32m.h"
#include "kernel/base/hex.h"

static int32_t split(const char *text)
{
    uint8_t groups[QNK_BECH32M_MAX];
    uint32_t prefix_size;
    uint32_t count;

    return qnk_bech32m_split(text, &prefix_size, groups, &count);
}

/* BIP-350, "Test vectors for Bech32m". */
static void published_texts_are_valid(void **subject)
{
    (void)subject;
    static const char *const valid[] = {
        "A1LQFN3A",
        "a1lqfn3a",
        "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg"
        "6",
        "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
        "11llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllludsr"
        "8",
        "split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
        "?1v759aa",
    };

    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        assert_int_equal(split(valid[i]), QN_OK);
    }
}

static void published_mistakes_are_refused(void **subject)
{
    (void)subject;
    static const char *const invalid[] = {
        "\x20"
        "1xj0phk",
        "\x7f"
        "1g6xzxy",
        "\x80"
        "1vctc34",
        "an84characterslonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11d6pts"
        "4",
        "qyrz8wqd2c9m",
        "1qyrz8wqd2c9m",
        "y1b0jsk6g",
        "lt1igcx5c0",
        "in1muywd",
        "mm1crxm3i",
        "au1s5cgom",
        "M1VUXWEZ",
        "16plkw9",
        "1p2gdwpf",
        "a1LQFN3A", /* both cases */
        "A12UEL5L", /* Bech32, of BIP-173 */
        "",
        "1",
    };

    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        assert_int_equal(split(invalid[i]), QN_INVALID);
    }
}

/* BIP-350's version 1 address: after the version's group come the 32 bytes of a key, which must
 * become the same groups under our prefix. */
static void a_published_address_holds_its_key(void **subject)
{
    (void)subject;
    const char *address = "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0";
    uint8_t key[QN_KEY_SIZE];
    uint8_t theirs[QNK_BECH32M_MAX];
    uint8_t ours[QNK_BECH32M_MAX];
    uint32_t prefix_size;
    uint32_t count;
    char text[QNK_BECH32M_KEY_SIZE];

    assert_int_equal(qnk_bech32m_split(address, &prefix_size, theirs, &count), QN_OK);
    assert_int_equal(prefix_size, 2);
    assert_int_equal(count, 53);
    assert_int_equal(
        qnk_hex_decode("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
                       sizeof key, key),
        QN_OK);
    qnk_bech32m_encode("qn", key, text);
    assert_int_equal(qnk_bech32m_split(text, &prefix_size, ours, &count), QN_OK);
    assert_int_equal(count, 52);
    assert_memory_equal(ours, theirs + 1, 52);
}

static void keys_become_texts_and_keys_again(void **subject)
{
    (void)subject;
    static const char *const prefixes[] = {"qn", "qnv", "qnp", "a", "abcdefgh"};
    uint8_t key[QN_KEY_SIZE];
    uint8_t again[QN_KEY_SIZE];
    char text[QNK_BECH32M_KEY_SIZE];

    for (uint32_t round = 0; round < 500; round++) {
        const char *prefix = prefixes[round % 5];

        for (uint32_t i = 0; i < QN_KEY_SIZE; i++) {
            key[i] = (uint8_t)(round * 31 + i * i * 7);
        }
        qnk_bech32m_encode(prefix, key, text);
        assert_int_equal(strlen(text), strlen(prefix) + 59);
        assert_int_equal(qnk_bech32m_decode(prefix, text, again), QN_OK);
        assert_memory_equal(key, again, sizeof key);
    }
}

static void upper_case_reads_the_same(void **subject)
{
    (void)subject;
    uint8_t key[QN_KEY_SIZE] = {1, 2, 3};
    uint8_t again[QN_KEY_SIZE];
    char text[QNK_BECH32M_KEY_SIZE];

    qnk_bech32m_encode("qn", key, text);
    for (char *at = text; *at != 0; at++) {
        *at = *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
    }
    assert_int_equal(qnk_bech32m_decode("qn", text, again), QN_OK);
    assert_memory_equal(key, again, sizeof key);
}

static void every_single_typing_error_is_found(void **subject)
{
    (void)subject;
    const char *charset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    uint8_t key[QN_KEY_SIZE] = {0xfe, 0xdc, 0xba};
    uint8_t again[QN_KEY_SIZE] = {0};
    char text[QNK_BECH32M_KEY_SIZE];

    qnk_bech32m_encode("qnv", key, text);
    for (size_t i = 4; text[i] != 0; i++) {
        char right = text[i];

        for (const char *other = charset; *other != 0; other++) {
            text[i] = *other;
            assert_int_equal(qnk_bech32m_decode("qnv", text, again),
                             *other == right ? QN_OK : QN_INVALID);
        }
        text[i] = right;
    }
}

static void kinds_cannot_be_mixed(void **subject)
{
    (void)subject;
    uint8_t key[QN_KEY_SIZE] = {5};
    uint8_t again[QN_KEY_SIZE] = {9};
    char text[QNK_BECH32M_KEY_SIZE];

    qnk_bech32m_encode("qnv", key, text);
    assert_int_equal(qnk_bech32m_decode("qn", text, again), QN_NOT_FOUND);
    assert_int_equal(qnk_bech32m_decode("qnp", text, again), QN_NOT_FOUND);
    assert_int_equal(again[0], 9);
}

/* The checksum is right, but the text is no key: too few groups, or bits left over. */
static void other_lengths_are_refused(void **subject)
{
    (void)subject;
    uint8_t key[QN_KEY_SIZE];

    assert_int_equal(qnk_bech32m_decode("a", "a1lqfn3a", key), QN_INVALID);
    assert_int_equal(qnk_bech32m_decode("1",
                                        "11llllllllllllllllllllllllllllllllllllllllllllllllllllllll"
                                        "llllllllllllllllllllllllllludsr8",
                                        key),
                     QN_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_texts_are_valid),
        cmocka_unit_test(published_mistakes_are_refused),
        cmocka_unit_test(a_published_address_holds_its_key),
        cmocka_unit_test(keys_become_texts_and_keys_again),
        cmocka_unit_test(upper_case_reads_the_same),
        cmocka_unit_test(every_single_typing_error_is_found),
        cmocka_unit_test(kinds_cannot_be_mixed),
        cmocka_unit_test(other_lengths_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
