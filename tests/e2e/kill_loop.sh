#!/bin/sh
# SPDX-License-Identifier: MIT
# kill_loop.sh: random SIGKILLs of random validators under load. Afterwards the final chain is equal
# on all nodes and verifies on each, what was accepted is final once, and no key signed twice.
# Usage: tests/e2e/kill_loop.sh [KILLS [NODES [TRANSFERS/S]]]; `make check` runs a short slice.

. "${top_srcdir:-.}/tests/e2e/network.sh"
kills=${1:-${KILLS:-50}}
nodes=${2:-4}
rate=${3:-200}
seed=${SEED:-$$}
plan 5
echo "# seed $seed"

"$qnet" dev --nodes "$nodes" --load "$rate" --dir "$work/net" --seconds $((kills * 3 + 12)) \
    --info "$work/info.json" >"$work/out" 2>&1 &
dev=$!
pids="$pids $dev"
python3 - "$work/info.json" "$kills" "$seed" <<'PY' | sed 's/^/# /'
import json, os, random, signal, sys, time
path, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
choose = random.Random(seed)
for _ in range(600):
    if os.path.exists(path):
        break
    time.sleep(0.1)
time.sleep(4)
done = 0
for _ in range(kills * 20):
    if done == kills:
        break
    time.sleep(choose.uniform(0.2, 5))
    nodes = [n for n in json.load(open(path))["nodes"] if n["pid"]]
    if not nodes:
        continue
    node = choose.choice(nodes)
    try:
        os.kill(node["pid"], signal.SIGKILL)
    except ProcessLookupError:
        continue
    done += 1
print("killed", done, "times")
PY
wait "$dev"
load_was_kept $? "$work/out"
one_chain "$nodes"
untold 'no key signed twice, no node halted' "key-abused|evidence|$halts" "$work"/net/v*/log.* \
    "$work"/net/v*/out
