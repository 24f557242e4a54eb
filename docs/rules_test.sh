#!/bin/sh
# SPDX-License-Identifier: MIT
# rules_test.sh: docs/rules/ has a page for each rule of the conformance kit, as the program has it.
# Usage: docs/rules_test.sh, with top_builddir and top_srcdir; `docs/rules_test.sh write` writes them.

qnet=${top_builddir:-.}/qnet
pages=${top_srcdir:-.}/docs/rules
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

"$qnet" plugin check --explain list >"$work/list" || exit 99
mkdir "$work/rules"
{
    printf '# Rules that a plugin keeps\n\n'
    printf '`qnet plugin check` looks at each ([check.md](../plugins/check.md)). '
    printf 'Written by `sh docs/rules_test.sh write`.\n\n'
    printf '| rule | level | case |\n|---|---|---|\n'
    while read -r id level name; do
        echo "| [$id]($id.md) | $level | $(echo "$name" | tr _ ' ') |"
    done <"$work/list"
} >"$work/rules/README.md"
while read -r id _; do
    "$qnet" plugin check --explain "$id" >"$work/rules/$id.md" || exit 99
done <"$work/list"

if [ "$1" = write ]; then
    rm -rf "$pages" && cp -R "$work/rules" "$pages"
    exit
fi
echo 1..1
if diff -r "$work/rules" "$pages" >"$work/diff"; then
    echo 'ok 1 - every rule has its page'
else
    sed 's/^/# /' "$work/diff"
    echo 'not ok 1 - every rule has its page # sh docs/rules_test.sh write'
fi
