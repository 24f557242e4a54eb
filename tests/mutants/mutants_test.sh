#!/bin/sh
# SPDX-License-Identifier: MIT
# mutants_test.sh: no entry of tests/mutants/list is stale: each still applies and compiles. And a
# slice of run.sh: each machine catches what it is there for.

# shellcheck disable=SC1091,SC2013,SC2046,SC2086,SC2154 # facts come from make; lists are words
set -u
src=${top_srcdir:-.}
build=${top_builddir:-.}
work=$(mktemp -d "${TMPDIR:-/tmp}/mutants.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
names=$(python3 "$src/tests/mutants/plant.py" "$src" names)
python3 "$src/tests/mutants/plant.py" "$src" all "$work" >"$work/planted" 2>"$work/stale"
MAKEFLAGS='' make -s -C "$build" mutants-facts >"$work/facts"
. "$work/facts"
number=0

# case STATUS WORDS
is() {
    number=$((number + 1))
    [ "$1" -eq 0 ] || { printf 'not ' && sed 's/^/# /' "$work/said" >&2; }
    echo "ok $number - $2"
}

# compiles NAME FILE...
compiles() {
    name=$1
    shift
    for file in "$@"; do
        $cc $flags -fsyntax-only -iquote "$src/$(dirname "$file")" "$work/$name/$file" || return 1
    done
}

applies() {
    planted=$(grep "^$1 " "$work/planted") || { cat "$work/stale" && return 1; }
    compiles $planted
}

slice() {
    sh "$src/tests/mutants/run.sh" "$@" >"$work/said" 2>&1
}

echo "1..$(($(echo "$names" | wc -l) + 6))"
for name in $names; do
    applies "$name" >"$work/said" 2>&1
    is $? "$name applies and compiles"
done
slice --only unit no-lock-guard mixed-vr-ballot short-certificate attempts-lower-lock \
    swap-ready-by-heads
is $? "the kernel's own tests catch its mutants"
slice --only contract no-lock-engine bft-no-lock-engine authority-invalid
is $? "what every engine must do catches the engines'"
slice --only trails bft-final-after-time-out seal-after-abandon swap-counted-late
is $? "what the models' searches found catches those that lose what the models hold"
slice --only twins no-lock any-unlock lock-forgotten-guard
is $? 'twins catch those of both'
slice --only unit,contract,seeds --seeds 8 honest
is $? 'nobody blames the honest variant'
slice --only nobody honest
[ $? -eq 2 ]
is $? 'a machine that there is not passes nothing'
