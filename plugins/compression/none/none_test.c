/* SPDX-License-Identifier: MIT */

/* none_test.c: the contract of every compressor, then what is peculiar to stored bytes. */

#include "tests/test.h"

#include "none.manifest.h"
#include "sdk/check/compression.h"

static const struct qn_check_given given = {
    .plugin = &qn_plugin_v1,
    .memory = NONE_MEMORY,
    .lanes = NONE_LANES,
};

static int start(void **subject)
{
    *subject = qn_check_compression_start(&given);
    return 0;
}

static int stop(void **subject)
{
    qn_check_compression_stop(*subject);
    return 0;
}

static void packed_bytes_are_the_plain_bytes(void **subject)
{
    static const uint8_t bytes[] = {1, 2, 3};
    const struct qn_span three = {bytes, sizeof bytes};

    assert_int_equal(qn_check_compression_unpack(*subject, three, 3), QN_OK);
    assert_int_equal(qn_check_compression_unpack(*subject, three, 2), QN_INVALID);
}

static void no_memory_is_no_space(void **subject)
{
    (void)subject;
    qn_check_every_take_may_fail(&given);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QN_CHECK_COMPRESSION(cmocka_unit_test),
        cmocka_unit_test(packed_bytes_are_the_plain_bytes),
        cmocka_unit_test(no_memory_is_no_space),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
