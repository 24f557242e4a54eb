#!/bin/sh
# SPDX-License-Identifier: MIT
# refuse_test.sh: what is wrong is refused, with the reason, the place and what to do: node files,
# keys, plugins, a peer of another chain, a folder in use, transactions of every bad kind. The node
# that was asked goes on.

. "${top_srcdir:-.}/tests/e2e/network.sh"
plan 99

network 4 --full 1
net=$work/net
plugins=$top_builddir/plugins
so() {
    echo "$plugins/$1/.libs/${1#*/}.so"
}

# daemon ARGUMENTS...: qnetd, which is to end by itself.
daemon() {
    timeout 30 "$qnetd" "$@"
}

# bad NAME CODE PATTERN SED: f1's node file so changed: `config check` shows the code and a caret
# under the place, and the daemon refuses it with 78.
bad() {
    sed "$4" "$net/f1/node.yaml" >"$net/f1/bad.yaml"
    ended "$1: config check fails" 1 "$qnet" config check "$net/f1/bad.yaml"
    says "$1: and names it" "bad.yaml:[0-9]*:[0-9]*: error\[$2\]: .*$3"
    [ "$2" = E101 ] || says "$1: with a caret" '^ *| *^'
    ended "$1: qnetd refuses it" 78 daemon -c "$net/f1/bad.yaml"
}

# --- node files ---

bad 'not YAML' E101 'not YAML' 's/^data: data/data: [/'
bad 'an unknown key' E102 "unknown key 'listn' of transport nanomsg" 's/listen:/listn:/'
bad 'a missing key' E103 "missing key 'name'" '/^name:/d'
bad 'a key twice' E104 "'guard' is given twice" 's/^guard: class/guard: class\nguard: full/'
bad 'none of its choices' E106 "'type' is none of its choices" 's/type: full/type: fulll/'
bad 'no duration' E107 "'resend' is not a duration" 's/resend: 300ms/resend: 300mss/'
bad 'no such plugin' E108 "no such storage: 'lmbd'" 's/use: lmdb/use: lmbd/'
bad 'no such network file' E110 'no such file' 's#^network:.*#network: nothing.yaml#'
bad 'no such key file' E110 'there is no file' 's/node.key/nothing.key/'

chmod 644 "$net/f1/node.key"
ended 'a key that others can read' 77 daemon -c "$net/f1/node.yaml"
says 'and what to do' 'chmod 600 .*node.key'
chmod 600 "$net/f1/node.key"
printf 'qnet' >"$work/short.key"
chmod 600 "$work/short.key"
sed "s#node.key#$work/short.key#" "$net/f1/node.yaml" >"$net/f1/bad.yaml"
ended 'a key file that is none' 77 daemon -c "$net/f1/bad.yaml"
says 'and which' 'short.key'
ended 'qnetd wants a file' 64 daemon
ended 'qnetd knows its options' 64 daemon --frob

few_files() {
    # shellcheck disable=SC3045 # all shells in use have it
    (ulimit -n 100 && daemon "$@")
}
ended 'too few files for its peers' 78 few_files -c "$net/f1/node.yaml"
says 'and how many' 'LimitNOFILE'

# --- plugins ---

echo 'no plugin' >"$work/text.so"
head -c 5000 "$(so compression/zstd)" >"$work/cut.so"
python3 - "$(so compression/zstd)" "$work/changed.so" <<'PY'
import sys
content = bytearray(open(sys.argv[1], "rb").read())
at = content.find(b"qnet")
content[at : at + 4] = b"tenq"
open(sys.argv[2], "wb").write(content)
PY
foreign=$(ldconfig -p 2>/dev/null | awk '/libz\.so|libm\.so|libzstd\.so/ { print $NF; exit }')
for kind in compression/none compression/zstd consensus/authority consensus/bft \
    consensus/commit-reveal ledger/accounts producer/beacon producer/round-robin signature/sodium \
    storage/lmdb storage/memory transport/inproc \
    transport/nanomsg; do
    ended "plugin inspect $kind" 0 "$qnet" plugin inspect "$(so $kind)"
done
ended 'plugin inspect of a text' 1 "$qnet" plugin inspect "$work/text.so"
says 'says what it is' 'text.so: .*not.*ELF\|text.so: .*no ELF\|text.so: .*ELF'
ended 'plugin inspect of a cut file' 1 "$qnet" plugin inspect "$work/cut.so"
ended 'plugin inspect of another library' 1 "$qnet" plugin inspect "$foreign"

# plugged NAME FILE PATTERN: as the compression of f1.
plugged() {
    sed "s#^compression:.*#compression: {use: zstd, path: $2}#" "$net/f1/node.yaml" \
        >"$net/f1/bad.yaml"
    ended "$1: qnetd refuses it" 78 daemon -c "$net/f1/bad.yaml"
    says "$1: and says why" "error\[E109\].*$3"
}
plugged 'a text file' "$work/text.so" 'not an ELF file'
plugged 'a cut plugin' "$work/cut.so" 'the file is cut short'
plugged 'another library' "$foreign" 'is refused'
plugged 'a plugin of another kind' "$(so ledger/accounts)" 'of the kind ledger, and compression'
plugged 'no file' "$work/nothing.so" 'it cannot be opened: No such file'

sed 's/policy: "off"/policy: enforce/' "$net/f1/node.yaml" >"$net/f1/bad.yaml"
ended 'no lock file under enforce' 78 daemon -c "$net/f1/bad.yaml"
says 'and what to do' 'qnet plugin lock'
"$qnet" plugin lock "$net/f1/plugins.lock" >/dev/null
cp "$net/f1/plugins.lock" "$work/plugins.lock"
sed -i '/zstd/d' "$net/f1/plugins.lock"
ended 'a plugin that is not locked' 78 daemon -c "$net/f1/bad.yaml"
says 'and which' 'zstd'
cp "$work/plugins.lock" "$net/f1/plugins.lock"
sed -i "s#^compression:.*#compression: {use: zstd, path: $work/changed.so}#" "$net/f1/bad.yaml"
ended 'a plugin that was changed since it was locked' 78 daemon -c "$net/f1/bad.yaml"
says 'and which' 'zstd'
rm -f "$net/f1/plugins.lock"

# --- a peer of another chain ---

sed 's/^\( *time:\).*/\1 "2026-01-01T00:00:00Z"/' "$net/network.yaml" >"$net/other.yaml"
for name in v1 v2 v3 v4; do
    node $name
done
is 'the network runs' reaches v1 final.window 2
rm -rf "$net/f1/data"
cp "$net/f1/node.yaml" "$net/f1/right.yaml"
sed -i 's#network: .*#network: ../other.yaml#' "$net/f1/node.yaml"
node f1
waits() {
    for _ in $(seq $((patience * 4))); do
        grep -q "$2" "$net/$1/out" && return 0
        sleep 0.25
    done
    tail -n 5 "$net/$1/out"
    return 1
}
is 'a peer of another chain is refused there' waits v1 'event=peer-refused .*network'
is 'and here' waits f1 'event=peer-refused .*network'
halt f1
cp "$net/f1/right.yaml" "$net/f1/node.yaml"

# --- a folder in use ---

ended 'a data folder in use' 75 daemon -c "$net/v1/node.yaml"
says 'and what to do' 'in use by another qnetd: stop that one'

# --- transactions ---

# refused NAME PATTERN HEX: `tx submit` fails and says why.
refused() {
    ended "$1" "${4:-1}" "$qnet" tx submit "$3"
    says "$1: why" "$2"
}
make() {
    "$qnet" tx make --from 0 --to 1 "$@"
}
sign() {
    "$qnet" tx sign --key 0 "$1"
}
refused 'no transaction at all' 'number 1 is no transaction' 0100 2
refused 'zeros' 'number 1 is no transaction' "$(printf '%0400d' 0)" 2
good=$(sign "$(make --amount 1)")
case $good in
*0) changed=${good%?}1 ;;
*) changed=${good%?}0 ;;
esac
refused 'a bad signature' 'bad signature' "$changed"
refused 'signed for another chain' 'bad signature' \
    "$("$qnet" tx sign --key "$net/keys/0.key" --chain "$(printf '%064d' 1)" "$(make --amount 1)")"
refused 'too poor' 'cannot pay' "$(sign "$(make --amount 999999999)")"
refused 'expired' 'expired' "$(sign "$(make --amount 1 --valid-until 1)")"
ended 'a nonce in the future waits' 0 "$qnet" tx submit "$(sign "$(make --amount 1 --nonce 9)")"
ended 'a good one is taken' 0 "$qnet" tx submit "$good" --wait micro
refused 'the same again' 'its nonce was used already' "$good"
ended 'an amount that is none' 2 "$qnet" tx send --from 0 --to 1 --amount 0.0000000001
ended 'the node goes on' 0 "$qnet" -n v1 status
