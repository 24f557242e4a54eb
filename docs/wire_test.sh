#!/bin/sh
# SPDX-License-Identifier: MIT
# wire_test.sh: the table of frame types in wire.md names what wire.h defines, and nothing else.

cd "${top_srcdir:-.}" || exit 99
number=0

# equal NAME A B: passes if both texts are the same and not empty.
equal() {
    number=$((number + 1))
    if [ -n "$2" ] && [ "$2" = "$3" ]; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        printf '%s\n' "$2" "differs from" "$3" | sed 's/^/# /'
    fi
}

echo 1..3
equal 'types and names' \
    "$(sed -n '/^enum qnk_wire_type {/,/^}/s/^ *QNK_WIRE_\([A-Z_]*\) = \([0-9]*\),.*/\2 \1/p' \
        kernel/chain/wire.h)" \
    "$(sed -n 's/^| \([0-9]*\) | \([A-Z_]*\) | .*/\1 \2/p' docs/wire.md)"
equal 'codes of a refusal' \
    "$(sed -n '/^enum qnk_session_code {/,/^}/p' kernel/host/session.h |
        grep -c '^    QNK_SESSION_.*,' )" \
    "$(sed -n '/^Codes: /,/^$/p' docs/wire.md | grep -o '[0-9][0-9]* [a-z]' |
        awk '{ last = $1 } END { print last + 1 }')"
equal 'frames of lanes' \
    "$(sed -n 's/^    \[QNK_LANE_[A-Z]*\] = {\([0-9]*\), .*/\1/p' kernel/host/lanes.c)" \
    "$(sed -n 's/^| [0-3] [a-z]* | \([0-9 ]*\) | .*/\1/p' docs/wire.md | tr -d ' ')"
