#!/bin/sh
# SPDX-License-Identifier: MIT
# swap_test.sh: a consensus is exchanged on a running network under load, and back. One of four
# validators lacks the file: it holds, says what it needs, and goes on once it is loaded, without a
# restart. What was accepted is final once.

. "${top_srcdir:-.}/tests/e2e/network.sh"
plan 38
rate=${1:-200}

# The plugins that are installed here, but for one, which lies apart.
mkdir -p "$work/plugins"
for so in "$top_builddir"/plugins/*/*/.libs/*.so; do
    kind=$(basename "$(dirname "$(dirname "$(dirname "$so")")")")
    mkdir -p "$work/plugins/$kind"
    cp "$so" "$work/plugins/$kind/"
done
mv "$work/plugins/consensus/bft.so" "$work/bft.so"
QN_PLUGIN_PATH=$work/plugins

# The network's own rules, with windows that take seconds: it begins anew with them.
network 4
sed -i -e 's/^window: .*/window: 8/' -e 's/^interval: .*/interval: {min: 50ms, max: 2s}/' \
    -e 's/intervals: \[[^]]*\]/intervals: [300ms, 300ms, 200ms, 100ms]/' \
    -e 's/settle: {[^}]*}/settle: {blocks: 1, time: 200ms}/' \
    -e 's/commit: 6s, commit_min: 400ms/commit: 4s, commit_min: 100ms/' "$work/net/network.yaml"
rm -rf "$work"/net/v*/data
mkdir -m 700 "$work/net/v1/data"
: >"$work/net/v1/data/swap-copy.killed" # of a node that died over it
"$qnet" dev --nodes 4 --dir "$work/net" --load "$rate" --input-log \
    --seconds 3600 >"$work/out" 2>&1 &
dev=$!
pids="$pids $dev"
is 'the network runs' reaches v1 final.window 1

# field NODE EXPRESSION: of what `swap status` says, which is called s.
field() {
    "$qnet" -n "$1" swap status --json 2>/dev/null |
        python3 -c "import json, sys; s = json.load(sys.stdin); print($2)" 2>/dev/null
}

# comes NODE EXPRESSION WANTED: waits until it is so.
comes() {
    until_s=$(($(date +%s) + patience))
    while [ "$(date +%s)" -lt "$until_s" ]; do
        got=$(field "$1" "$2")
        [ "$got" = "$3" ] && return 0
        sleep 0.3
    done
    echo "$1: $2 is '$got' and not '$3' after $patience s"
    "$qnet" -n "$1" swap status
    "$qnet" -n "$1" swap history
    return 1
}
serving='[b["name"] for b in s["bindings"]["consensus"] if b["serves"]][0]'
life='s["plan"]["life"]'

# copies NODE: the files of copies in its data folder.
copies() {
    find "$work/net/$1/data" -name 'swap-copy*'
}

# What could go wrong is tried beside the nodes.
bugs=$top_builddir/tests/e2e/.libs
ended 'an engine that works is safe' 0 "$qnet" -n v1 swap check "consensus=$work/bft.so"
says 'it was tried on the live state' 'live state .* ok  *macro [0-9]*, block [0-9]*, [0-9]* pages: [0-9]* KiB copied in'
says 'from where the chain is' 'rehearsal .* ok .* from macro [1-9]'
same 'and no copy is left, nor that of a node that died' '' "$(copies v1)"

# Whoever asks for a copy and never comes for it leaves a few at most, and takes nobody else's.
taken=$(python3 - "$XDG_RUNTIME_DIR/qnet/v1/admin.sock" <<'END'
import json, socket, sys
link = socket.socket(socket.AF_UNIX)
link.connect(sys.argv[1])
lines = link.makefile("rw")
paths = []
tries = 0
while len(paths) < 6 and tries < 300:
    tries += 1
    print(json.dumps({"jsonrpc": "2.0", "id": tries, "method": "swap.copy", "params": {}}),
          file=lines, flush=True)
    answer = json.loads(lines.readline())
    if "result" in answer:
        paths.append(answer["result"]["path"])
print(len(paths), len(set(paths)))
END
)
same 'each copy has a name of its own' '6 6' "$taken"
same 'of those that nobody comes for a few are kept' 4 "$(copies v1 | grep -c .)"
is 'a check takes its own' "$qnet" -n v1 swap check "consensus=$work/bft.so"
same 'and no other' 3 "$(copies v1 | grep -c .)"
ended 'without a node there is none' 0 "$qnet" swap check "consensus=$work/bft.so" \
    --config "$work/net/v1/node.yaml"
says 'which is said' 'live state .*none: no node was asked; a genesis of its own instead'
ended 'a plugin that dies is not' 7 "$qnet" -n v1 swap check \
    "producer={use: round-robin, path: \"$bugs/faulty.so\"}"
says 'and its death is told' 'died of signal'
ended 'a plugin that refuses a window is not' 7 "$qnet" -n v1 swap check \
    "producer={use: round-robin, path: \"$bugs/refusing.so\"}"
says 'and where it ended is told' 'rehearsal .*FAIL'
ended 'what is not here is not' 7 "$qnet" -n v1 swap check consensus=bft

ended 'a plan for what is not here is refused' 7 "$qnet" -n v1 swap plan consensus=bft
for name in v1 v2 v3; do
    "$qnet" -n $name plugin load "consensus=$work/bft.so" >>"$work/load" 2>&1
done
same 'the file is at hand on three' 3 "$(grep -c 'bft 1.0.0 is at hand' "$work/load")"
ended 'too early a window is refused' 7 "$qnet" -n v1 swap plan "consensus=$work/bft.so" --at 2
is 'a plan is sent' "$qnet" -n v1 swap plan "consensus=$work/bft.so"
is 'it is on the chain' comes v4 "$life" proposed
is 'one is ready' "$qnet" -n v1 swap ready
is 'another is ready' "$qnet" -n v2 swap ready
is 'a third is ready' "$qnet" -n v3 swap ready
# While the plan still waits: a check takes longer than these windows.
ended 'other settings have another trace' 7 "$qnet" -n v2 swap check \
    "consensus={use: bft, path: \"$work/bft.so\", round: 14s}"
says 'and that is told' "trial .*FAIL.*its trace is not the plan's"
ended 'who has no file cannot be ready' 7 "$qnet" -n v4 swap ready
is 'the new engine serves' comes v1 "$serving" bft
first=$(field v1 's["plan"]["first"]')
is 'who has no file holds' comes v4 's["held"]' True
"$qnet" -n v4 swap status >"$work/said"
says 'and says what it needs' "HELD.*macro $first needs consensus bft 1.0: .*plugin load"
is 'the network goes on without it' reaches v1 final.window $((first + 1))
"$qnet" -n v4 plugin load "consensus=$work/bft.so" >"$work/said" 2>&1
is 'it holds no more once the file is loaded' comes v4 's["held"]' False
is 'and follows' reaches v4 final.window $((first + 1))

comes v2 's["plan"]["open"]' False >/dev/null
tries=0
until "$qnet" -n v2 swap plan consensus=commit-reveal >"$work/said" 2>&1 || [ "$tries" = 100 ]; do
    tries=$((tries + 1)) # the windows of the probation are not final
    sleep 0.3
done
comes v1 "$life" proposed >/dev/null
for name in v1 v2 v3 v4; do
    "$qnet" -n $name swap ready >>"$work/ready" 2>&1
done
is 'the old engine serves again' comes v1 "$serving" commit-reveal
back=$(field v1 's["plan"]["first"]')
reaches v4 final.window $((back + 1)) >/dev/null
kill -INT "$dev"
wait "$dev"
load_was_kept $? "$work/out"
QN_PLUGIN_PATH=$top_builddir/plugins
ended 'a node that had it all lives it again' 0 "$qnet" replay "$work/net/v1"
ended 'and so does the one that was held' 0 "$qnet" replay "$work/net/v4"
