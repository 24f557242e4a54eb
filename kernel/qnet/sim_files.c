/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/sim_files.h"

#include <stdio.h>
#include <string.h>

const char qnk_sim_network[] =
    "version: qnet.network/v1\n"
    "name: sim\n"
    "window: 10\n"
    "interval: {min: 10ms, max: 80ms}\n"
    "limits: {block_bytes: 1MiB, block_txs: 5000}\n"
    "producer: {use: round-robin, version: \"1.0\", turn: 3, "
    "intervals: [80ms, 40ms, 20ms, 10ms]}\n"
    "consensus: {use: commit-reveal, version: \"1.0\", commit: 600ms, commit_min: 100ms, "
    "reveal: 300ms,\n"
    "            seal: 300ms, propose: 120ms, propose_step: 50ms, base: 100ms, step: 50ms}\n"
    "ledger: {use: accounts, version: \"1.0\"}\n"
    "signature_rule: ed25519-strict-cofactored\n"
    "settle: {blocks: 1, time: 100ms}\n"
    "swap: {notice: 5, probation: 5, ready: 67, dead: 2s, dead_later: 1s, "
    "lockless: allow}\n";

const char *const qnk_sim_others[QNK_SIM_OTHERS] = {
    "consensus: {use: bft, version: \"1.0\", round: 400ms, round_step: 100ms, round_max: 2s, "
    "delta: 100ms}\n",
    "consensus: {use: commit-reveal, version: \"1.0\", commit: 500ms, commit_min: 80ms, "
    "reveal: 250ms,\n"
    "            seal: 250ms, propose: 100ms, propose_step: 50ms, base: 100ms, step: 50ms}\n",
    "producer: {use: round-robin, version: \"1.0\", turn: 5, "
    "intervals: [60ms, 40ms, 20ms, 10ms]}\n",
    "producer: {use: beacon, version: \"1.0\", turn: 3, intervals: [80ms, 40ms, 20ms, 10ms]}\n",
    "consensus: {use: authority, version: \"1.0\", wait: 300ms, retry: 100ms}\n",
};

#define NODE(mempool)                                    \
    "version: qnet.node/v1\n"                            \
    "network: sim.yaml\n"                                \
    "name: sim\n"                                        \
    "type: super\n"                                      \
    "data: sim\n"                                        \
    "keys: {node: node.key, validator: validator.key}\n" \
    "transport: inproc\n"                                \
    "storage: memory\n"                                  \
    "compression: none\n"                                \
    "signature: sodium\n"                                \
    "trust: {policy: off}\n"                             \
    "resend: 60ms\n"                                     \
    "mempool: " mempool "\n"

const char qnk_sim_node[] = NODE("{txs: 10000, bytes: 16MiB, senders: 1000}");
const char qnk_sim_node_of_many[] = NODE("{txs: 1000, bytes: 1MiB, senders: 200}");

static const struct {
    const char *name, *plugin;
} engines[] = {
    {"commit-reveal", NULL}, /* as above */
    {"bft", "{use: bft, version: \"1.0\", round: 300ms, round_step: 100ms, round_max: 2s, "
            "delta: 60ms}\n"},
    {"authority", "{use: authority, version: \"1.0\", wait: 300ms, retry: 100ms}\n"},
};

enum { ENGINES = sizeof engines / sizeof *engines };

const char *qnk_sim_engine_at(uint32_t place)
{
    return place < ENGINES ? engines[place].name : NULL;
}

bool qnk_sim_network_with(const char *consensus, char text[QNK_SIM_NETWORK_SIZE])
{
    const char *from = strstr(qnk_sim_network, "consensus: ") + strlen("consensus: ");
    const char *to = strstr(from, "ledger: ");
    uint32_t i = 0;

    while (i < ENGINES && strcmp(engines[i].name, consensus) != 0) {
        i++;
    }
    if (i == ENGINES) {
        return false;
    }
    if (engines[i].plugin == NULL) {
        (void)snprintf(text, QNK_SIM_NETWORK_SIZE, "%s", qnk_sim_network);
    } else {
        (void)snprintf(text, QNK_SIM_NETWORK_SIZE, "%.*s%s%s", (int)(from - qnk_sim_network),
                       qnk_sim_network, engines[i].plugin, to);
    }
    return true;
}
