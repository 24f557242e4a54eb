/* SPDX-License-Identifier: MIT */

#include "kernel/net/presets.h"

#include <string.h>

const char *const qnk_preset_names[QNK_PRESETS] = {"dev", "sim"};

static const char *const texts[QNK_PRESETS] = {
    "version: qnet.network/v1\n"
    "name: dev\n"
    "window: 10\n"
    "interval: {min: 250ms, max: 2s}\n"
    "limits: {block_bytes: 16MiB, block_txs: 5000}\n"
    "producer: {use: round-robin}\n"
    "consensus: {use: commit-reveal}\n"
    "ledger: {use: accounts}\n"
    "signature_rule: ed25519-strict-cofactored\n"
    "settle: {blocks: 1, time: 1s}\n"
    "swap: {notice: 5, probation: 5, ready: 67, dead: 20s, dead_later: 5s}\n",
    "version: qnet.network/v1\n"
    "name: sim\n"
    "window: 10\n"
    "interval: {min: 10ms, max: 80ms}\n"
    "limits: {block_bytes: 1MiB, block_txs: 5000}\n"
    "producer: {use: round-robin}\n"
    "consensus: {use: commit-reveal}\n"
    "ledger: {use: accounts}\n"
    "signature_rule: ed25519-strict-cofactored\n"
    "settle: {blocks: 1, time: 100ms}\n"
    "swap: {notice: 5, probation: 5, ready: 67, dead: 2s, dead_later: 500ms}\n",
};

struct settings {
    const char *preset, *kind, *plugin, *text;
};

static const struct settings all_settings[] = {
    {"dev", "producer", "round-robin", "turn: 3, intervals: [1s, 1s, 500ms, 250ms]"},
    {"sim", "producer", "round-robin", "turn: 3, intervals: [80ms, 40ms, 20ms, 10ms]"},
    {"dev", "consensus", "commit-reveal",
     "commit: 6s, commit_min: 400ms, reveal: 3s, seal: 3s, propose: 1s, propose_step: 500ms, "
     "base: 800ms, step: 300ms"},
    {"sim", "consensus", "commit-reveal",
     "commit: 600ms, commit_min: 100ms, reveal: 300ms, seal: 300ms, propose: 120ms, "
     "propose_step: 50ms, base: 100ms, step: 50ms"},
    {"dev", "producer", "beacon", "turn: 3, intervals: [1s, 1s, 500ms, 250ms]"},
    {"sim", "producer", "beacon", "turn: 3, intervals: [80ms, 40ms, 20ms, 10ms]"},
    {"dev", "consensus", "bft", "round: 3s, round_step: 1s, round_max: 10s, delta: 500ms"},
    {"sim", "consensus", "bft", "round: 300ms, round_step: 100ms, round_max: 1s, delta: 50ms"},
};

const char *qnk_preset_node(const char *preset)
{
    static const char fast[] = "version: qnet.node/v1\n"
                               "network: net.yaml\n"
                               "name: net\n"
                               "type: super\n"
                               "data: net\n"
                               "keys: {node: node.key, validator: validator.key}\n"
                               "transport: inproc\n"
                               "storage: memory\n"
                               "compression: none\n"
                               "signature: sodium\n"
                               "trust: {policy: off}\n"
                               "mempool: {txs: 10000, bytes: 16MiB, senders: 1000}\n"
                               "resend: 60ms\n";
    static char slow[sizeof fast + 1];

    if (strcmp(preset, "sim") == 0) {
        return fast;
    }
    if (slow[0] == 0) {
        memcpy(slow, fast, sizeof fast - sizeof "60ms\n");
        memcpy(slow + sizeof fast - sizeof "60ms\n", "300ms\n", sizeof "300ms\n");
    }
    return slow;
}

const char *qnk_preset_text(uint32_t place)
{
    return texts[place];
}

const char *qnk_preset_settings(const char *preset, const char *kind, const char *plugin)
{
    for (uint32_t i = 0; i < sizeof all_settings / sizeof *all_settings; i++) {
        const struct settings *it = &all_settings[i];

        if (strcmp(it->preset, preset) == 0 && strcmp(it->kind, kind) == 0 &&
            strcmp(it->plugin, plugin) == 0) {
            return it->text;
        }
    }
    return "";
}
