#!/bin/sh
# SPDX-License-Identifier: MIT
# installed.sh: what `make install` installed works: plugins are found and can be pinned, every
# preset is right, a node of a preset runs and ends, four nodes make a window final. Not of `make
# check`, which installs nothing; .ci/run calls it.
# Usage: tests/e2e/installed.sh PREFIX [DESTDIR]

prefix=${2:-}$1
qnet=$prefix/bin/qnet
qnetd=$prefix/sbin/qnetd
plugins=
[ -z "${2:-}" ] || plugins=$prefix/lib/qnet
presets=$prefix/share/qnet
# shellcheck source=tests/e2e/network.sh
. "${top_srcdir:-.}/tests/e2e/network.sh"
[ -n "$plugins" ] || unset QN_PLUGIN_PATH
plan 18

plugins_found() {
    "$qnet" plugin list >"$work/list"
    found=$(wc -l <"$work/list")
    [ "$found" -gt 0 ] && [ "$found" = "$(find "$prefix/lib/qnet" -name '*.so' | wc -l)" ]
}
is 'the installed plugins are found, and no others' plugins_found
for kind in transport storage compression signature producer consensus ledger; do
    is "one is a $kind" grep -q "^$kind " "$work/list"
done

# A copy, as a person makes one: keys beside it, plugins pinned, a socket that nobody else has.
cp -r "$presets" "$work/etc"
cd "$work/etc/node" || exit 99
for name in dev production testnet; do
    is "the network preset $name is right" "$qnet" network check "../network/$name.yaml"
done
"$qnet" key new --purpose node node.key >"$work/said" 2>&1
"$qnet" key new --purpose validator validator.key >>"$work/said" 2>&1
is 'plugins are pinned' "$qnet" plugin lock plugins.lock
for type in light full super; do
    sed -i "s,tcp://127.0.0.1:[0-9]*,ipc://$work/link-$type,; s,^# data: [^ ]*,data: $work/$type," \
        "$type.yaml"
    # Who enforces takes plugins from where they were configured to be, and from nowhere else.
    [ -z "$plugins" ] || sed -i 's,policy: enforce,policy: warn,' "$type.yaml"
    is "the node preset $type is right" "$qnet" config check "$type.yaml"
done
mkdir -p "$work/net/full1"
"$qnetd" -c full.yaml >"$work/net/full1/out" 2>&1 &
daemon=$!
pids="$pids $daemon"
is 'a node of a preset runs' reaches full1 head.height 0
"$qnet" -n full1 node stop --yes >"$work/said" 2>&1
wait "$daemon"
same 'and ends when it is told to' 0 $?

is 'four nodes make a window final' \
    "$qnet" dev --nodes 4 --load 50 --dir "$work/dev" --once
