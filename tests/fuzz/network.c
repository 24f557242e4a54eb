/* SPDX-License-Identifier: MIT */

/* network.c: a network file of any bytes. What is good is shown, and what is shown is the same
 * network. */

#include <stdio.h>

#include "kernel/base/bech32m.h"
#include "kernel/config/config.h"
#include "kernel/config/show.h"
#include "tests/fuzz/fuzz.h"

enum { SHOWN_MAX = 1 << 22 };

static struct qnk_budget budget = {.limit = 3 * (size_t)QNK_CONFIG_MEMORY};

static int32_t read_as(struct qnk_config *config, struct qn_span text)
{
    const struct qnk_config_options options = {.budget = &budget};

    QN_ASSERT(qnk_config_init(config, &options) == QN_OK);

    int32_t status = qnk_config_read_network(config, "net.yaml", text);

    QN_ASSERT(status == QN_OK || status == QN_INVALID);
    QN_ASSERT((status == QN_INVALID) == (config->report.count > 0));
    return status;
}

static void again_run(const struct qnk_config *config)
{
    struct qn_span canonical = config->network.canonical;
    struct qnk_config again;
    struct qn_sink shown;

    qnk_sink_init(&shown, &budget, SHOWN_MAX);
    QN_ASSERT(qnk_config_show(&config->network_file.part, true, &shown) == QN_OK);
    QN_ASSERT(read_as(&again, qnk_sink_span(&shown)) == QN_OK);
    QN_ASSERT(fuzz_is_same(canonical, again.network.canonical.data, again.network.canonical.size));
    qnk_config_done(&again);
    qnk_sink_done(&shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qnk_config config;

    if (read_as(&config, (struct qn_span){data, size}) == QN_OK) {
        QN_ASSERT(config.network.canonical.size > 0 && config.network.validators_count > 0);
        QN_ASSERT(config.network.ledger_genesis.size > 0 && config.network.window >= 8);
        again_run(&config);
    }
    qnk_config_done(&config);
    QN_ASSERT(budget.used == 0);
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    static const uint8_t keys[2][QN_KEY_SIZE] = {{1}, {3}};
    char validator[QNK_BECH32M_KEY_SIZE], account[QNK_BECH32M_KEY_SIZE], text[2048];

    qnk_bech32m_encode(QNK_PREFIX_VALIDATOR, keys[0], validator);
    qnk_bech32m_encode(QNK_PREFIX_ACCOUNT, keys[1], account);

    int size = snprintf(text, sizeof text,
                        "version: qnet.network/v1\n"
                        "name: t\n"
                        "window: 10\n"
                        "interval: {min: 500ms, max: 1s}\n"
                        "limits: {block_txs: 50000, block_bytes: 8MiB}\n"
                        "producer: {use: turns, version: \"1.0\"}\n"
                        "consensus: {use: votes, version: \"1.2\"}\n"
                        "ledger:\n  use: sums\n  version: \"1.0\"\n"
                        "signature_rule: some-rule\n"
                        "fee_min: \"0.5\" # more\n"
                        "genesis:\n"
                        "  time: 2026-01-01T00:00:00Z\n"
                        "  validators:\n"
                        "    - {key: %s, weight: 5, name: v1, tip: \"%064d\"}\n"
                        "  balances:\n"
                        "    - {account: %s, amount: \"7\"}\n",
                        validator, 1, account);

    take((const uint8_t *)text, (size_t)size);
}
