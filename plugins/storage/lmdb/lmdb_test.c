/* SPDX-License-Identifier: MIT */

/* lmdb_test.c: the contract of every storage. What is peculiar to this one, crashes, faults and
 * limits, stands in lmdb_fault_test.c. */

#include "tests/test.h"

#include "lmdb.manifest.h"
#include "sdk/check/storage.h"

enum { CONFIG_MAX = 64 };

static uint8_t config[CONFIG_MAX];

/* A small map and small segments, so that both grow within a case. */
static struct qn_check_given given_small(void)
{
    struct lmdb_config values = {.map_size = 1 << 24, .map_max = 1 << 28, .segment = 1 << 17};

    return (struct qn_check_given){
        .plugin = &qn_plugin_v1,
        .config = {config, (uint64_t)(lmdb_config_write(&values, config) - config)},
        .memory = LMDB_MEMORY,
        .lanes = LMDB_LANES,
    };
}

static int start(void **subject)
{
    const struct qn_check_given given = given_small();

    *subject = qn_check_storage_start(&given);
    return 0;
}

static int stop(void **subject)
{
    qn_check_storage_stop(*subject);
    return 0;
}

static void no_memory_is_no_space(void **subject)
{
    const struct qn_check_given given = given_small();

    (void)subject;
    qn_check_every_take_may_fail(&given);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QN_CHECK_STORAGE(cmocka_unit_test),
        cmocka_unit_test(no_memory_is_no_space),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
