#!/bin/sh
# SPDX-License-Identifier: MIT
# conformance_test.sh: every plugin of the tree passes the conformance kit. Its contract (L3) is run
# by its own test program too, so `make check` leaves that out, and its repetition under the guard.
# Usage: with top_builddir. `make conformance` runs `conformance_test.sh whole`: all levels, all rounds,
# under valgrind too, which takes eight minutes.

built=$(cd "${top_builddir:-.}" && pwd) || exit 99
plugins=$(cd "$built" && find plugins -path '*/.libs/*.so' | sort)
number=0

# kit PLUGIN LEVELS [OPTION]: nothing is flagged.
kit() {
    number=$((number + 1))
    # shellcheck disable=SC2086 # an option, or none
    if words=$("$built/qnet" plugin check "$built/$1" --level "$2" ${3:-} --quiet 2>&1); then
        echo "ok $number - $1 $2: $(echo "$words" | sed 's/.*: //')"
    else
        echo "$words" | sed 's/^/# /'
        echo "not ok $number - $1 $2"
    fi
}

if [ "${1:-}" = whole ]; then
    echo "1..$(echo "$plugins" | wc -l)"
    for plugin in $plugins; do
        kit "$plugin" L0..L8
    done
    exit
fi
echo "1..$((3 * $(echo "$plugins" | wc -l)))"
for plugin in $plugins; do
    kit "$plugin" L0..L2 --fast
    kit "$plugin" L4..L6 --fast
    kit "$plugin" L8 --fast
done
