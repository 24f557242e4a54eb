/* SPDX-License-Identifier: MIT */

/* commit-reveal_test.c: the contract of every engine, then what is peculiar to this one. */

#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include "commit-reveal.manifest.h"
#include "sdk/check/consensus.h"

static const struct qn_check_given given = {
    .plugin = &qn_plugin_v1,
    .memory = COMMIT_REVEAL_MEMORY,
    .lanes = COMMIT_REVEAL_LANES,
};

static int start(void **subject)
{
    struct qn_check_given it = given;

    it.config = commit_reveal_config_default();
    *subject = qn_check_consensus_start(&it);
    return 0;
}

static int stop(void **subject)
{
    qn_check_consensus_stop(*subject);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QN_CHECK_CONSENSUS(cmocka_unit_test),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
