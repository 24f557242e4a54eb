#!/bin/sh
# SPDX-License-Identifier: MIT
# replay_test.sh: what nodes recorded is lived again with equal effects: after an orderly end, over
# a restart with a chain, after SIGKILL in the midst of writing, and of a node that died of a bug;
# and a log that is damaged, or replayed with other plugins, says so.

. "${top_srcdir:-.}/tests/e2e/network.sh"

seconds=${1:-30}

# said DIR FIELD: of what replay says of it as JSON.
said() {
    "$qnet" replay "$1" --json 2>/dev/null |
        python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$2"
}

# flip FILE: one bit in the middle of it.
flip() {
    python3 - "$1" <<'PY'
import sys
content = bytearray(open(sys.argv[1], "rb").read())
content[len(content.rstrip(b"\0")) // 2] ^= 1
open(sys.argv[1], "wb").write(content)
PY
}

inputs() {
    echo "$work/net/$1/data/inputs"
}

plan 42
"$qnet" dev --nodes 4 --full 1 --light 1 --dir "$work/net" --seconds "$seconds" --load 50 --input-log \
    >"$work/dev.out" 2>&1
same 'a network of six records what happens to it' 0 $?
for name in v1 v2 v3 v4 f1 l1; do
    ended "$name: lived again" 0 "$qnet" replay "$work/net/$name"
    says "$name: equal effects" 'equal effects in all of them'
done
[ "$(said "$work/net/v1" hash)" = "$(said "$work/net/v1" hash)" ]
report 'the same log has the same hash of effects each time' $?
ended 'a single step can be looked at' 0 "$qnet" replay "$work/net/v1" --until 40
says 'and is shown' 'event     [a-z]'

# --- a chain is there already, so that the log begins with the state ---

XDG_RUNTIME_DIR=$work/net/run
for name in v1 v2 v3 v4; do
    node $name
done
reaches v1 final.window 1 >/dev/null
is 'the network goes on' reaches v1 final.window $(($(value v1 final.window) + 2))
halt v1 KILL
ended 'killed in its work, all that it did is there' 0 "$qnet" replay "$work/net/v1"
says 'and lived again' 'equal effects in all of them'
says 'it is said how it ended' 'end .*\(died\|killed\)'
says 'with the last lines of its log' 'event=window-final'
for name in v2 v3; do
    halt $name
done
ended 'from a state, ended in order' 0 "$qnet" replay "$work/net/v2"
node v1
is 'the next start keeps it' reaches v1 head.height 1
ended 'where it can be lived again' 0 "$qnet" replay "$work/net/v1/data/died"

# --- damage ---

flip "$(inputs v2)/steps.000001"
ended 'a flipped bit is found' 1 "$qnet" replay "$work/net/v2"
says 'and its place is named' "damaged after step .*steps.000001', byte"
says 'what is before it is equal' 'equal effects'
flip "$(inputs v3)/start"
ended 'one in what it began with, too' 1 "$qnet" replay "$work/net/v3"

rm "$(inputs f1)/steps.000001"
ended 'so are files that are gone' 1 "$qnet" replay "$work/net/f1"
says 'with how much there was' 'the node recorded [1-9]'

# --- a plugin that does something else ---

mkdir -p "$work/refusing/producer"
cp "$top_builddir/tests/e2e/.libs/refusing.so" "$work/refusing/producer/round-robin.so"
usual=$QN_PLUGIN_PATH
QN_PLUGIN_PATH=$work/refusing:$QN_PLUGIN_PATH
ended 'other effects are no equal ones' 5 "$qnet" replay "$work/net/l1"
says 'and the first is named' '^DIFFERENT in step [0-9]* of [0-9]*, effect [0-9]*, field [a-z]'
says 'with its event' '^  event     [a-z]'
says 'what was done then' '^  then      '
says 'and now' '^  now       halt '
QN_PLUGIN_PATH=$usual

# --- a node that dies of a bug ---

halt v1
halt v4
mkdir -p "$work/faulty/producer"
cp "$top_builddir/tests/e2e/.libs/faulty.so" "$work/faulty/producer/round-robin.so"
QN_PLUGIN_PATH=$work/faulty:$QN_PLUGIN_PATH
"$qnet" dev --nodes 1 --dir "$work/dies" --seconds 120 --input-log >"$work/dev.dies" 2>&1 &
dev=$!
pids="$pids $dev"
until_s=$(($(date +%s) + patience))
while [ "$(date +%s)" -lt "$until_s" ] && ! grep -q 'by signal' "$work/dev.dies"; do
    sleep 0.3
done
while [ "$(date +%s)" -lt "$until_s" ] && ! [ -e "$work/dies/v1/data/died/start" ]; do
    sleep 0.3
done
cp -r "$work/dies/v1/data/died" "$work/bundle"
kill -INT $dev
wait $dev
ended 'a node that died of a bug dies of it again' 0 "$qnet" replay "$work/bundle"
says 'in the same step' 'DIED AGAIN in step'
QN_PLUGIN_PATH=${QN_PLUGIN_PATH#*:}
"$qnet" replay "$work/bundle" >"$work/said" 2>&1
says 'without the bug it does not, and the other plugin is named' 'round-robin .* is NOT the file of the log'

# --- a node that halts itself ---

QN_PLUGIN_PATH=$work/refusing:$QN_PLUGIN_PATH
ended 'a node that halts itself ends its network' 1 "$qnet" dev --nodes 1 --dir "$work/halts" \
    --seconds 120 --input-log
ended 'what halted it halts it again' 0 "$qnet" replay "$work/halts/v1"
says 'in the same step' 'halts itself in step .*cannot schedule the next window'
says 'and that was its end' 'end         the node ended with 70'
