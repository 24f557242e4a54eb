#!/bin/sh
# SPDX-License-Identifier: MIT
# tutorial_test.sh: tutorial.md is true: each line of its `sh` blocks is run, in one shell, in an
# empty folder, with QNet as it is installed; each line of a `text` block comes in what the lines of
# the block before it said.

# shellcheck source=tests/e2e/network.sh
. "${top_srcdir:-.}/tests/e2e/network.sh"
# shellcheck source=tests/e2e/stage.sh
. "${top_srcdir:-.}/tests/e2e/stage.sh"
awk '/^```/ { block = block == "" ? substr($0, 4) : ""; if (block == "sh") print "begin"; next }
    block == "sh" { print "run " $0 }
    block == "text" { print "see " $0 }' "${top_srcdir:-.}/docs/plugins/tutorial.md" >"$work/lines"
plan $((1 + $(grep -c '^run \|^see ' "$work/lines")))

is 'QNet is installed' stage
mkdir "$work/empty"
cd "$work/empty" || exit 99
while read -r what line <&3; do
    case $what in
    begin) : >"$work/output" ;;
    run)
        eval "$line" >"$work/said" 2>&1
        status=$?
        cat "$work/said" >>"$work/output"
        report "$line" "$status"
        [ "$status" = 0 ] || tail -n 20 "$work/said" | sed 's/^/# /'
        ;;
    see)
        grep -qF -e "$line" "$work/output"
        status=$?
        report "says: $line" "$status"
        [ "$status" = 0 ] || tail -n 20 "$work/output" | sed 's/^/# /'
        ;;
    esac
done 3<"$work/lines"
