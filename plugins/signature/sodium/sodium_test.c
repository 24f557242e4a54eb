/* SPDX-License-Identifier: MIT */

/* sodium_test.c: the contract of every signature plugin, then what is peculiar to this one. */

#include "tests/test.h"

#include "sdk/check/signature.h"
#include "sodium.manifest.h"

static const struct qn_check_given given = {
    .plugin = &qn_plugin_v1,
    .memory = SODIUM_MEMORY,
    .lanes = SODIUM_LANES,
};

static int start(void **subject)
{
    *subject = qn_check_signature_start(&given);
    return 0;
}

static int stop(void **subject)
{
    qn_check_signature_stop(*subject);
    return 0;
}

static void no_memory_is_no_space(void **subject)
{
    (void)subject;
    qn_check_every_take_may_fail(&given);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QN_CHECK_SIGNATURE(cmocka_unit_test),
        cmocka_unit_test(no_memory_is_no_space),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
