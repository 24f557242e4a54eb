#!/bin/sh
# SPDX-License-Identifier: MIT
# builds.sh: whole runs of `qnet sim run`, with all faults and lies, on four builds of all of it (gcc
# and clang, -O0 and -O3): one seed must have one trace. builds_test.sh is the slice of `make check`.
# Usage: tests/sim/builds.sh [A..B [OPTIONS OF sim run]]; it needs some minutes and 2 GB below TMPDIR.

set -u
top=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd) || exit 2
seeds=${1:-1..10}
[ $# -eq 0 ] || shift
case $seeds in
-* | '' | *[!0-9.]*) sed -n '3,6s/^# //p' "$0" >&2 && exit 2 ;;
esac
[ -x "$top/configure" ] || { echo "builds.sh: no configure in $top: autoreconf -fi" >&2 && exit 2; }
work=$(mktemp -d "${TMPDIR:-/tmp}/builds.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# build NAME COMPILER LEVEL
build() {
    mkdir "$work/$1" && cd "$work/$1" &&
        "$top/configure" CC="$2" CFLAGS="$3" >log 2>&1 && make -j2 >>log 2>&1 && return
    tail -n 5 log
    return 1
}

# traces NAME OPTIONS: of each seed, in their order
traces() {
    name=$1 && shift
    QN_PLUGIN_PATH=$work/$name/plugins "$work/$name/qnet" sim run --seeds "$seeds" -q "$@" \
        --resume "$work/$name/resume" >"$work/$name/said" || {
        cat "$work/$name/said"
        return 1
    }
    sed 1d "$work/$name/resume" | sort -n >"$work/$name/traces"
    [ -s "$work/$name/traces" ]
}

failed=0
for compiler in "${GCC:-gcc}" "${CLANG:-clang-14}"; do
    for level in -O0 -O3; do
        name=$(echo "$compiler$level" | tr -c 'a-zA-Z0-9\n' -)
        if ! build "$name" "$compiler" "$level" || ! traces "$name" "$@"; then
            echo "not ok - $compiler $level"
            failed=1
            continue
        fi
        [ -f "$work/first" ] || cp "$work/$name/traces" "$work/first"
        if cmp -s "$work/first" "$work/$name/traces"; then
            echo "ok - $compiler $level: $(wc -l <"$work/first") seeds $(sha256sum <"$work/first" | cut -c1-16)"
        else
            echo "not ok - $compiler $level differs:"
            diff "$work/first" "$work/$name/traces"
            failed=1
        fi
        rm -rf "${work:?}/$name"
    done
done
exit $failed
