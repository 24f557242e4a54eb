#!/bin/sh
# SPDX-License-Identifier: MIT
# use_test.sh: `qnet dev --use`: another engine, from a file of another name, makes a window final;
# what cannot be chosen is refused.

. "${top_srcdir:-.}/tests/e2e/network.sh"
plan 9

cp "${top_builddir:-.}/plugins/consensus/bft/.libs/bft.so" "$work/mine.so"
(cd "$work" && "$qnet" dev --use consensus=./mine.so,storage=memory --window 8 --load 100 \
    --dir "$work/net" --once >"$work/out" 2>&1)
same 'a dev network on another engine ends with 0' 0 $?
sed 's/^/# /' "$work/out"
grep -q 'macro 1 .*FINAL   micro 1-8' "$work/out"
report 'its first window is final' $?
grep -q '^plugins .* memory .* bft ' "$work/out"
report 'it says what it runs on' $?
grep -q '^consensus: {use: bft, version: "1.0", path: ".*/mine.so"' "$work/net/network.yaml"
report 'the network file names the engine, its version and its file' $?

# refused NAME PATTERN OPTIONS...
refused() {
    name=$1 pattern=$2
    shift 2
    if "$qnet" dev --dir "$work/net" --once "$@" >"$work/out" 2>&1; then
        status=1
    else
        grep -q -e "$pattern" "$work/out"
        status=$?
    fi
    [ $status -eq 0 ] || sed 's/^/# /' "$work/out"
    report "$name" $status
}
refused 'a chain goes on with the engine that it began with' 'began with consensus: bft' \
    --use consensus=commit-reveal
refused 'an engine that is not there is named' "no consensus 'nope'" --use consensus=nope
refused 'a file that is not there is named' "cannot open './nope.so'" --use consensus=./nope.so
refused 'a plugin of another kind is no engine' 'consensus' \
    --use "consensus=$work/mine.so,producer=$work/mine.so"
refused 'what is no kind is refused' 'kinds: transport, storage' --use engine=bft
