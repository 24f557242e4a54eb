#!/bin/sh
# SPDX-License-Identifier: MIT
# demo_test.sh: what ./bootstrap demo --once shows: four processes, signed transfers, a final window;
# and again without a folder.

. "${top_srcdir:-.}/tests/e2e/network.sh"
plan 10

"$qnet" dev --nodes 4 --load 200 --dir "$work/net" --once --info "$work/info.json" >"$work/out" 2>&1
same 'the demo ends with 0' 0 $?
sed 's/^/# /' "$work/out"
grep -q 'macro 1 .*FINAL   micro 1-10' "$work/out"
report 'the first window is final' $?
grep -q '^head [0-9]*   final [0-9]*   lag [0-9]*$' "$work/out"
report 'the three heights are shown' $?
grep -q 'doubled 0 ' "$work/out"
report 'no transfer is final twice' $?
made=$(sed -n 's/^transfers .* final \([0-9]*\), each counted once .*/\1/p' "$work/out")
[ "${made:-0}" -gt 0 ]
report 'transfers of the window are final' $?
same 'the four nodes show one digest' 1 \
    "$(awk '/^v[1-4] / && $5 == 10 { print $8 }' "$work/out" | sort -u | wc -l | tr -d ' ')"
same 'four processes ran' 4 "$(python3 -c '
import json, sys
print(len({n["pid"] for n in json.load(open(sys.argv[1]))["nodes"]}))' "$work/info.json")"
# The network file that dev writes has the rules of the preset.
rules() {
    grep -v -e '^#' -e '^ *time:' "$1" | sed -e 's/ *#.*//' -e '/^genesis/,$d' | tr -d '\n '
}
same 'the rules are those of the preset' "$(rules "${top_srcdir:-.}/conf/network/dev.yaml")" \
    "$(rules "$work/net/network.yaml")"

# A validator whose folder is gone does not sign, and whoever looks on is told so.
rm -rf "$work/net/v2/data"
"$qnet" dev --nodes 4 --dir "$work/net" --once >"$work/out" 2>&1
same 'the three others go on' 0 $?
grep -q 'v2 does not sign: this key has signed in this network .*qnet dev --reset' "$work/out"
report 'that the fourth is silent is said' $?
