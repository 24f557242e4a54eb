/* SPDX-License-Identifier: MIT */

/* node.c: a node file of any bytes. */

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

    int32_t status = qnk_config_read_node(config, "node.yaml", text);

    QN_ASSERT(status == QN_OK || status == QN_INVALID);
    return status;
}

/* What is shown of a file is read as the same file, so it is shown alike. */
static void again_run(const struct qnk_config *config)
{
    struct qnk_config other;
    struct qn_sink shown, again;

    qnk_sink_init(&shown, &budget, SHOWN_MAX);
    qnk_sink_init(&again, &budget, SHOWN_MAX);
    QN_ASSERT(qnk_config_show(&config->node_file.part, false, &shown) == QN_OK);
    QN_ASSERT(read_as(&other, qnk_sink_span(&shown)) == QN_OK);
    QN_ASSERT(qnk_config_show(&other.node_file.part, false, &again) == QN_OK);
    QN_ASSERT(fuzz_is_same(qnk_sink_span(&shown), again.data, again.size));
    qnk_config_done(&other);
    qnk_sink_done(&shown);
    qnk_sink_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qnk_config config;

    if (read_as(&config, (struct qn_span){data, size}) == QN_OK) {
        QN_ASSERT(config.node.storage != NULL && config.node.name != NULL);
        again_run(&config);
    }
    qnk_config_done(&config);
    QN_ASSERT(budget.used == 0);
    return 0;
}

void fuzz_seeds(fuzz_take *take)
{
    static const uint8_t key[QN_KEY_SIZE] = {7};
    char peer[QNK_BECH32M_KEY_SIZE], text[2048];

    qnk_bech32m_encode(QNK_PREFIX_NODE, key, peer);

    int size = snprintf(text, sizeof text,
                        "version: qnet.node/v1\n"
                        "network: net.yaml\n"
                        "name: v1\n"
                        "transport:\n  use: pipes\n"
                        "storage: shelves\n"
                        "compression: none\n"
                        "signature: rubber\n"
                        "type: super\n"
                        "keys: {node: /k/node.key, validator: 'credential:v.key'}\n"
                        "peers: ['%s@host:1']\n"
                        "service: [web, {use: top}]\n"
                        "log: {level: debug, format: json, parts: {storage: trace}}\n"
                        "trust: {policy: 'off', lock: /l}\n"
                        "mempool: {txs: 1000, bytes: 1MiB}\n"
                        "workers: 3\nresend: 300ms\nindex: {txs: no}\ninput_log: on\n",
                        peer);

    take((const uint8_t *)text, (size_t)size);
}
