/* SPDX-License-Identifier: MIT */

/* accounts_test.c: the contract of every ledger, then what is peculiar to this one. */

#include "tests/test.h"

#include <stdlib.h>

#include "accounts.manifest.h"
#include "sdk/check/ledger.h"

static struct qn_check_given given_default(void)
{
    return (struct qn_check_given){
        .plugin = &qn_plugin_v1,
        .config = accounts_config_default(),
        .memory = ACCOUNTS_MEMORY,
        .lanes = ACCOUNTS_LANES,
    };
}

static int start(void **subject)
{
    const struct qn_check_given given = given_default();

    *subject = qn_check_ledger_start(&given);
    return 0;
}

static int stop(void **subject)
{
    qn_check_ledger_stop(*subject);
    return 0;
}

static void no_memory_is_no_space(void **subject)
{
    const struct qn_check_given given = given_default();

    (void)subject;
    qn_check_every_take_may_fail(&given);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QN_CHECK_LEDGER(cmocka_unit_test),
        cmocka_unit_test(no_memory_is_no_space),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
