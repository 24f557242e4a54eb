#!/bin/sh
# SPDX-License-Identifier: MIT
# newer_test.sh: two kernels one minor apart, and plugins of both. The later kernel is this one with
# one slot more in a copy of a description, from which headers and tables are made as always.

cd "${top_srcdir:-.}" || exit 99
# shellcheck source=tests/abi/gate.sh
. tests/abi/gate.sh
build=${top_builddir:-$PWD/build}
work=$(mktemp -d "${TMPDIR:-/tmp}/qnet-newer.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
flags=$(sed -n 's/^HARDEN_CFLAGS = //p' "$build/Makefile")
libraries=$(sed -n 's/^YAML_LIBS = //p; s/^SODIUM_LIBS = //p' "$build/Makefile")
number=0

result() {
    number=$((number + 1))
    if [ "$1" = 0 ]; then
        echo "ok $number - $2"
    else
        echo "not ok $number - $2"
        head -n 20 "$work/said" | sed 's/^/# /'
    fi
}

# is NAME COMMAND...
is() {
    title=$1
    shift
    "$@" >"$work/said" 2>&1
    result $? "$title"
}

# says NAME WORDS: what was said last has these words.
says() {
    grep -qF "$2" "$work/said"
    result $? "$1"
}

# The description, headers and tables of the minor to come.
describe() {
    mkdir -p "$work/abi" "$work/include/qnet" &&
        cp sdk/abi/*.yaml "$work/abi" &&
        sed "s/^minor: 0/minor: 1/; s/^releases: .*/releases: ['0.1', '0.2']/
            s/^check:/  - {name: extra, since: 1, optional: true, thread: any, args: {}, returns: u64, doc: New.}\n&/" \
            sdk/abi/compression.yaml >"$work/abi/compression.yaml" &&
        "$abigen" header "$work/abi/compression.yaml" >"$work/include/qnet/compression.h" &&
        "$abigen" kind "$work/abi/compression.yaml" >"$work/compression.c"
}

# Its objects stand before the archive, whose own table is not taken then.
kernel() {
    # shellcheck disable=SC2086 # lists of flags
    compiles "$work" -D_POSIX_C_SOURCE=200809L -DABI_EXTRA $flags -o "$work/later" \
        tests/abi/museum_test.c "$work/compression.c" "$build/kernel/plugin/libplugin.a" \
        "$build/kernel/config/libconfig.a" "$build/kernel/base/libbase.a" $libraries -pthread
}

# plugin NAME [TARGET]: a plugin of the minor to come.
plugin() {
    mkdir -p "$work/$1" &&
        { cat tests/abi/newer.yaml && echo "${2:-}"; } >"$work/$1/newer.yaml" &&
        "$abigen" manifest "$work/$1/newer.yaml" "$work/abi" >"$work/$1/newer.manifest.h" &&
        compiles "$work" -I"$work/$1" -fPIC -shared -fvisibility=hidden -Wl,-z,relro,-z,now \
            -o "$work/$1.so" tests/abi/newer.c
}

earlier=$build/tests/abi/museum_test
old=$build/tests/abi/museum/0.1/.libs/compression.so

echo 1..11
is 'a minor more is described'                      describe
is 'a later kernel is built'                        kernel
is 'a later plugin is built'                        plugin newer
is 'and one with an older target'                   plugin older 'target: {compression: 0}'
is 'a plugin of today works on the later kernel'    "$work/later" compression old-compression "$old"
says 'through the stub of the slot that it lacks'   'old-compression works, extra gives 0'
is 'the later plugin works on the later kernel' "$work/later" compression newer "$work/newer.so"
says 'with its own slot'                            'newer works, extra gives 42'
"$earlier" compression newer "$work/newer.so" >"$work/said" 2>&1
says 'this kernel refuses it, in words, before its code is mapped' \
    "refused (not mapped): 'newer' needs compression/1.1 (slot 'extra', since qnetd 0.2); this is qnetd"
says 'which name what there is'                     'with compression/1.0'
is 'and takes the one with the older target' "$earlier" compression newer "$work/older.so"
