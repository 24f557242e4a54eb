#!/bin/sh
# SPDX-License-Identifier: MIT
# trust_test.sh: plugins signed and verified by `qnet plugin` and by minisign, each of what the other
# made; and a node that is told whose signatures count: it refuses, or is tainted and says so.

. "${top_srcdir:-.}/tests/e2e/network.sh"
plan 46
own=$work/own
mkdir "$own"
for kind in transport/nanomsg storage/lmdb compression/zstd signature/sodium producer/round-robin \
    consensus/commit-reveal ledger/accounts; do
    mkdir -p "$own/${kind%/*}"
    cp "$top_builddir/plugins/$kind/.libs/${kind#*/}.so" "$own/${kind%/*}/"
done
so=$own/compression/zstd.so
cd "$work" || exit 99

# judged NAME COMMAND...: as `is`, if minisign is there to judge.
judged() {
    if command -v minisign >/dev/null; then
        is "$@"
    else
        number=$((number + 1))
        echo "ok $number - $1 # SKIP minisign is not installed"
    fi
}

# --- keys and signatures ---

is 'a key without a password' "$qnet" plugin keygen --open a.key
is 'lies in a file of its own' test "$(stat -c %a a.key)" = 600
ended 'that is never written over' 1 "$qnet" plugin keygen --open a.key
echo 'correct horse' >password
echo 'wrong horse' >wrong
is 'a key with one' "$qnet" plugin keygen --password password b.key
is 'signs' "$qnet" plugin sign --key a.key "$so"
judged 'and minisign agrees' minisign -V -p a.key.pub -m "$so"
is 'verified by the public key' "$qnet" plugin verify --key a.key.pub "$so"
is 'and by its text' "$qnet" plugin verify --key "$(tail -n 1 a.key.pub)" "$so"
ended 'another key did not sign it' 7 "$qnet" plugin verify --key b.key.pub "$so"
says 'which is said' 'signed by key [0-9A-F]*, which the trust file does not have'
ended 'a wrong password opens nothing' 1 \
    "$qnet" plugin sign --key b.key --password wrong "$so"
says 'and is said to be wrong' 'b.key: another password'
is 'the right one does' "$qnet" plugin sign --key b.key --password password "$so"
judged 'and minisign agrees' minisign -V -p b.key.pub -m "$so"
minisign -G -W -p m.pub -s m.key >/dev/null 2>&1
judged 'a key of minisign signs here' "$qnet" plugin sign --key m.key "$so"
judged 'and minisign agrees' minisign -V -p m.pub -m "$so"
comment="qnet-plugin:1 compression zstd 1.0.0 $(sha256sum "$so" | cut -d ' ' -f 1)"
judged 'minisign signs with a key of ours' minisign -S -s a.key -m "$so" -t "$comment"
is 'a signature, by whichever tool' "$qnet" plugin sign --key a.key "$so"
is 'and it verifies' "$qnet" plugin verify --key a.key.pub "$so"
ended 'who signs must be said' 2 "$qnet" plugin sign "$so"
ended 'and whom to trust' 2 "$qnet" plugin verify "$so"
echo 'no plugin' >text.so
ended 'what is no plugin is not signed' 1 "$qnet" plugin sign --key a.key text.so

# --- moved, changed, out of scope ---

cp "$so" moved.so
cp "$own/ledger/accounts.so" other.so
cp "$so.minisig" other.so.minisig
ended 'a signature that was moved is refused' 7 "$qnet" plugin verify --key a.key.pub other.so
says 'and whose it was is said' 'made for compression/zstd 1.0.0'
printf 'x' >>moved.so
cp "$so.minisig" moved.so.minisig
ended 'a file that was changed is refused' 7 "$qnet" plugin verify --key a.key.pub moved.so
key=$(tail -n 1 a.key.pub)
printf 'version: qnet.trust/v1\nkeys: [{key: %s, kinds: [ledger]}]\n' "$key" >scope.yaml
ended 'a key signs only what it may' 7 "$qnet" plugin verify --trust scope.yaml "$so"
says 'which is said' 'may not sign this kind'
printf 'version: qnet.trust/v1\nkeys: [{key: nonsense, kinds: [ledger]}]\n' >scope.yaml
ended 'a trust file with a mistake is refused' 1 "$qnet" plugin verify --trust scope.yaml "$so"
says 'at its place' 'scope.yaml:2:14: error\[E105\]'

# --- a node ---

network 1
sed 's#^trust:.*#trust: {policy: warn, keys: trust.yaml}#' net/v1/node.yaml >net/v1/warn.yaml
printf 'version: qnet.trust/v1\nkeys:\n  - key: %s\n    kinds: [transport, storage, compression,' \
    "$key" >net/v1/trust.yaml
printf ' signature, producer, consensus, ledger]\n' >>net/v1/trust.yaml
QN_PLUGIN_PATH=$own
mv net/v1/warn.yaml net/v1/node.yaml
for file in "$own"/*/*.so; do
    [ "$file" = "$own/ledger/accounts.so" ] || "$qnet" plugin sign -q --key a.key "$file"
done
cp "$so.minisig" "$own/ledger/accounts.so.minisig"
ended 'a node refuses a signature that was moved' 78 timeout 60 "$qnetd" -c net/v1/node.yaml
says 'and says why' 'accounts.*moved here from another plugin'
rm "$own/ledger/accounts.so.minisig"
node v1
until_running() {
    for _ in $(seq "$patience"); do
        [ "$(value v1 phase)" = running ] && return 0
        sleep 1
    done
    return 1
}
is 'under warn it runs with one that nobody signed' until_running
same 'and is tainted by that alone' 1 "$("$qnet" -n v1 status --json |
    python3 -c 'import json, sys; print(len(json.load(sys.stdin)["tainted"]))')"
ended 'which its status says' 0 "$qnet" -n v1 status
says 'with the reason' 'tainted .* ledger/accounts: not signed'
same 'and its metrics' 1 "$(python3 - "$XDG_RUNTIME_DIR/qnet/v1/admin.sock" <<'PY'
import json, socket, sys
it = socket.socket(socket.AF_UNIX)
it.connect(sys.argv[1])
it.sendall(b'{"jsonrpc":"2.0","id":1,"method":"metrics"}\n')
list = json.loads(it.makefile().readline())["result"]["metrics"]
print(*[metric["value"] for metric in list if metric["name"] == "qnet_tainted_plugins"])
PY
)"
grep -q 'tainted.*not signed' net/v1/log.* net/v1/out 2>/dev/null
report 'and its log' $?

# --- what the trust file says later ---

cp net/v1/trust.yaml trusted.yaml
cp "$top_builddir/plugins/compression/none/.libs/none.so" late.so
"$qnet" plugin sign -q --key a.key late.so
is 'a plugin that came later is loaded' "$qnet" -n v1 plugin load "compression={use: none, path: $work/late.so}"
printf 'revoked: [%s]\n' "$(sha256sum late.so | cut -c 1-64)" >>net/v1/trust.yaml
ended 'one that is revoked meanwhile is not exchanged' 7 "$qnet" -n v1 plugin swap \
    "compression={use: none, path: $work/late.so}"
says 'because the file is read again' 'the trust file revokes this very file'
# reload: as SIGHUP makes it, with an answer.
reload() {
    python3 - "$XDG_RUNTIME_DIR/qnet/v1/admin.sock" <<'PY'
import json, socket, sys
it = socket.socket(socket.AF_UNIX)
it.connect(sys.argv[1])
it.sendall(b'{"jsonrpc":"2.0","id":1,"method":"node.reload"}\n')
answer = json.loads(it.makefile().readline())
print(answer.get("error", {}).get("message"))
sys.exit("error" in answer)
PY
}
is 'and at a reload' reload
printf 'least: [{kind: compression, name: zstd, version: "9.0.0"}]\n' >>net/v1/trust.yaml
ended 'which says it if the node would not start with it' 1 reload
says 'and why' '9.0.0'
echo 'nonsense: 1' >>net/v1/trust.yaml
ended 'or if it cannot be read' 1 reload
says 'where' 'trust.yaml:[0-9]*:1'
cp trusted.yaml net/v1/trust.yaml
is 'what it trusts again is exchanged' "$qnet" -n v1 plugin swap \
    "compression={use: none, path: $work/late.so}"
halt v1
