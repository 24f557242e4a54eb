/* SPDX-License-Identifier: MIT */

#include "tests/test.h"

#include <string.h>

#include "kernel/base/crc32c.h"

/* RFC 3720, B.4, and the usual check value of CRC catalogues. */
static void published_bytes_have_their_checksums(void **subject)
{
    (void)subject;
    static const uint8_t read_command[48] = {
        [0] = 0x01,  [1] = 0xc0,  [16] = 0x14, [22] = 0x04,
        [27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02,
    };
    uint8_t bytes[32];

    assert_int_equal(qnk_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(qnk_crc32c(0, "", 0), 0);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(qnk_crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(qnk_crc32c(0, bytes, 32), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++) {
        bytes[i] = i;
    }
    assert_int_equal(qnk_crc32c(0, bytes, 32), 0x46dd794e);
    for (uint8_t i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)(31 - i);
    }
    assert_int_equal(qnk_crc32c(0, bytes, 32), 0x113fdb5c);
    assert_int_equal(qnk_crc32c(0, read_command, 48), 0xd9963a56);
}

static void both_ways_agree_at_every_size_and_place(void **subject)
{
    (void)subject;
    uint8_t bytes[300];

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 151 + 7);
    }
    for (size_t from = 0; from < 9; from++) {
        for (size_t size = 0; from + size <= sizeof bytes; size++) {
            uint32_t plain = qnk_crc32c_plain(0x1234, bytes + from, size);

            assert_int_equal(qnk_crc32c(0x1234, bytes + from, size), plain);
            if (qnk_crc32c_can_sse42()) {
                assert_int_equal(qnk_crc32c_sse42(0x1234, bytes + from, size), plain);
            }
        }
    }
}

static void parts_give_the_sum_of_the_whole(void **subject)
{
    (void)subject;
    const char *text = "one record in a log of many records";
    size_t size = strlen(text);
    uint32_t whole = qnk_crc32c(0, text, size);

    for (size_t cut = 0; cut <= size; cut++) {
        assert_int_equal(qnk_crc32c(qnk_crc32c(0, text, cut), text + cut, size - cut), whole);
    }
}

static void every_flipped_bit_is_seen(void **subject)
{
    (void)subject;
    uint8_t bytes[40] = {1, 2, 3};
    uint32_t right = qnk_crc32c(0, bytes, sizeof bytes);

    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(qnk_crc32c(0, bytes, sizeof bytes), right);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_bytes_have_their_checksums),
        cmocka_unit_test(both_ways_agree_at_every_size_and_place),
        cmocka_unit_test(parts_give_the_sum_of_the_whole),
        cmocka_unit_test(every_flipped_bit_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
