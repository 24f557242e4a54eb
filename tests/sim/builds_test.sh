#!/bin/sh
# SPDX-License-Identifier: MIT
# builds_test.sh: one seed is one run, whatever compiler and optimisation built node, plugins and
# world: a slice of chaos_test by gcc and clang at -O0 and -O3, each in a folder of its own, and by
# the tree's own build.

# shellcheck disable=SC2086,SC2046 # flags are words
set -u
top=$(cd "${top_srcdir:-.}" && pwd)
own=$(cd "${top_builddir:-.}" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

sources() { # of folders, without tests
    for folder; do
        find "$top/$folder" -maxdepth 1 -name '*.c' ! -name '*_test.c'
    done
}

# objects COMPILER FLAGS FOLDER FLOOR < sources: floors apart, as names repeat.
objects() {
    mkdir -p "$3/objects/$4"
    xargs -P 2 -n 8 sh -c 'cd "$0" && exec "$@"' "$3/objects/$4" $1 $2 -c
}

# build COMPILER LEVEL FOLDER: the program, and the plugins where it looks for them.
build() {
    flags="-std=c11 -D_DEFAULT_SOURCE $2 -fPIC -I$top/sdk/include -I$top"
    flags="$flags $(pkg-config --cflags libsodium)"
    sources kernel/base kernel/chain | objects $1 "$flags" "$3" chain || return 1
    sources kernel/node | grep -v /genesis.c | objects $1 "$flags" "$3" node || return 1
    for part in drive links perform plug queue stage stream wires world writes; do
        echo "$top/kernel/sim/$part.c"
    done | objects $1 "$flags" "$3" sim || return 1
    printf '%s\n' "$top/tests/sim/chaos_test.c" "$top/tests/sim/net.c" \
        "$top/tests/sim/shipped.c" "$top/tests/test.c" |
        objects $1 "$flags" "$3" test || return 1
    $1 -o "$3/chaos" "$3"/objects/*/*.o $(pkg-config --libs libsodium cmocka) -lpthread -ldl || return 1
    for plugin in producer/round-robin consensus/commit-reveal consensus/bft ledger/accounts \
        signature/sodium storage/memory; do
        mkdir -p "$3/plugins/$plugin/.libs"
        $1 $flags -fvisibility=hidden -shared -o "$3/plugins/$plugin/.libs/${plugin#*/}.so" \
            $(sources "plugins/$plugin") $(pkg-config --libs libsodium) || return 1
    done
}

traces() { # PROGRAM BUILD
    top_builddir=$2 QNET_SEED=2 "$1" 2>&1 | grep '^# seed .*trace'
}

plan=4
if ! command -v clang-14 >/dev/null && ! command -v clang >/dev/null; then
    plan=2
fi
echo "1..$plan"
traces "$own/tests/sim/chaos_test" "$own" >"$work/own"
if [ "$(wc -l <"$work/own")" -lt 2 ]; then
    echo "Bail out! chaos_test of this build gave no traces"
    exit 1
fi
number=0
failed=0
for compiler in gcc clang; do
    [ $plan = 2 ] && [ $compiler = clang ] && continue
    [ $compiler = clang ] && command -v clang-14 >/dev/null && compiler=clang-14
    for level in -O0 -O3; do
        number=$((number + 1))
        folder=$work/$number
        if build "$compiler" "$level" "$folder" >"$work/log" 2>&1 &&
            traces "$folder/chaos" "$folder" >"$folder/traces" &&
            cmp -s "$work/own" "$folder/traces"; then
            echo "ok $number - $compiler $level gives the traces of this build"
        else
            failed=1
            echo "not ok $number - $compiler $level gives the traces of this build"
            sed 's/^/# /' "$work/log" | head -n 20
            [ -f "$folder/traces" ] && diff "$work/own" "$folder/traces" | sed 's/^/# /'
        fi
        rm -rf "$folder"
    done
done
exit $failed
