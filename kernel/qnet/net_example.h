/* SPDX-License-Identifier: MIT */
#pragma once

/* net_example.h: what `qnet net new` writes: every section once, with what it may say. */

static const char qnk_net_example[] =
    "# A testnet: what it is, what happens to it, and what must hold. docs/testnets.md has all "
    "keys.\n"
    "#   qnet net check FILE      every mistake, with its line\n"
    "#   qnet net test FILE       run it and judge it: exit 5 if an assertion fails\n"
    "version: qnet.net/v1\n"
    "name: mine\n"
    "seed: 1\n"
    "provider: virtual # simulated, minutes in seconds; process: real qnetd\n"
    "timeout: 4m\n"
    "network: {preset: dev, set: {window: 10}}\n"
    "nodes:\n"
    "  - {name: v, count: 4, type: super, zone: eu} # v1..v4, validators of weight 1: quorum 3\n"
    "  - {name: f1, type: full, zone: us}\n"
    "  - {name: late, type: light, zone: us, start_at: {macro: 2}}\n"
    "links: {eu-eu: {delay: 5ms}, eu-us: {delay: 45ms, jitter: 5ms}} # virtual alone\n"
    "load: [{name: steady, to: super, rate: 50/s, from: 5s, until: 60s}]\n"
    "timeline:\n"
    "  - {id: split, at: 20s, do: partition, groups: [[v1], rest], for: 10s}\n"
    "  - {id: crash, at: 40s, do: kill, node: v2, restart_after: 5s}\n"
    "  - {id: naps, every: 10s, jitter: 2s, from: 10s, until: 50s, do: pause, for: 1s,\n"
    "     node: {pick: random, type: super}}\n"
    "assert:\n"
    "  - {id: up, that: \"node_ready == 1\", nodes: all, within: 15s}\n"
    "  - {id: finality, always: \"finality_lag_blocks <= 25\", nodes: super, from: 20s,\n"
    "     except: [split, crash]}\n"
    "  - {id: no-fork, invariant: same_hash_at_height}\n"
    "  - {id: no-revert, invariant: final_never_changes}\n"
    "  - {id: no-lost, invariant: accepted_txs_final_once}\n";
