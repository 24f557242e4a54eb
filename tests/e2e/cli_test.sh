#!/bin/sh
# SPDX-License-Identifier: MIT
# cli_test.sh: what a person types: every command's JSON, exit codes, the life of a transfer, proofs,
# logs, completions, the manual page, and a full node from `qnet init` that joins a network.

. "${top_srcdir:-.}/tests/e2e/network.sh"
top_srcdir=${top_srcdir:-.}

# json TITLE CODE ARGUMENTS...: the command ends so and prints one JSON document, kept in $work/json.
json() {
    title=$1
    wanted=$2
    shift 2
    "$qnet" "$@" --json >"$work/json" 2>"$work/said"
    got=$?
    [ "$got" = "$wanted" ] &&
        python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$work/json" 2>>"$work/said"
    passed=$?
    report "$title" $passed
    [ $passed = 0 ] || {
        echo "# wanted $wanted, got $got"
        head -c 400 "$work/json" | sed 's/^/# /'
        sed 's/^/# /' "$work/said"
    }
}

# member PATH: of the last JSON document.
member() {
    python3 -c '
import json, sys
it = json.load(open(sys.argv[1]))
for part in sys.argv[2].split("."):
    it = it[int(part)] if part.isdigit() else it[part]
print(it)' "$work/json" "$1" 2>/dev/null
}

plan 97

# --- without a node ---

ended 'no command is a usage error' 2 "$qnet"
ended 'an unknown command is a usage error' 2 "$qnet" statsu
says 'and the nearest one is named' "did you mean 'status'"
ended 'so is an unknown option' 2 "$qnet" status --frob
ended 'so is a missing operand' 2 "$qnet" tx get
ended 'so is one too many' 2 "$qnet" micro get 1 2
ended 'nobody answers' 3 "$qnet" -n nobody status
says 'and it says where' "'nobody' does not answer at .*/qnet/nobody/admin.sock"
ended 'help' 0 "$qnet" help tx send
ended 'a folder without an input log' 1 "$qnet" replay "$work" --quiet
says 'is named, on stderr' "refused: there is no input log in '$work'"
json 'and one whose name is no text still gives JSON' 1 replay "$work/$(printf '\377')"
json version 0 version
json 'plugin list' 0 plugin list
json 'config schema' 0 config schema
json 'config schema of a plugin' 0 config schema storage/lmdb
json 'plugin lock' 0 plugin lock "$work/plugins.lock"
json 'key new' 0 key new --purpose account "$work/alice.key"
json 'key show' 0 key show "$work/alice.key"
alice=$(member public)
ended 'key new of a key that is there' 1 "$qnet" key new "$work/alice.key"

# --- what the table writes ---

is 'the manual page has no warnings' sh -c "
    command -v groff >/dev/null || exit 0
    '$qnet' help --format man >'$work/qnet.1' &&
        [ -z \"\$(groff -man -ww -z -Tutf8 '$work/qnet.1' 2>&1 | tee '$work/man.out')\" ]"
is 'docs/cli.md is what qnet writes: qnet help --format markdown >docs/cli.md' sh -c \
    "'$qnet' help --format markdown | diff '$top_srcdir/docs/cli.md' -"
"$qnet" completion bash >"$work/qnet.bash"
is 'completions of bash are bash' bash -n "$work/qnet.bash"
# complete WORDS...: what bash offers for the last of them.
completion() {
    bash -c '
        . "$1"
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _qnet
        printf "%s\n" "${COMPREPLY[@]}"' bash "$work/qnet.bash" "$@" | sort | tr '\n' ' '
}
same 'bash completes a command' 'status storage ' "$(completion qnet st)"
same 'bash completes its second word' 'get list ' "$(completion qnet macro '' | tr ' ' '\n' |
    grep -x -e get -e list | tr '\n' ' ')"
same 'bash completes an option' '--watch ' "$(completion qnet status --w)"
for shell in zsh fish; do
    "$qnet" completion $shell >"$work/qnet.$shell"
    is "completions of $shell load" sh -c "
        command -v $shell >/dev/null || exit 0
        $shell -n '$work/qnet.$shell'"
done
ended 'another shell has none' 2 "$qnet" completion csh

# --- with a network ---

network 4
net=$work/net
for name in v1 v2 v3 v4; do
    node $name
done
is 'the network runs' reaches v1 final.window 2

json status 0 status
json 'config check' 0 config check "$net/v1/node.yaml"
json 'config check of mistakes' 1 config check "$net/nothing.yaml"
json 'config show' 0 config show "$net/v1/node.yaml" --origin
json 'network check' 0 network check "$net/network.yaml"
json 'network id' 0 network id "$net/network.yaml"
json 'micro get' 0 micro get
json 'micro get of a height' 0 micro get 3
ended 'micro get of what is not there' 1 "$qnet" micro get 99999999
json 'micro list' 0 micro list --count 3
json 'micro follow' 0 micro follow --count 1
json 'macro get' 0 macro get 1
json 'macro list' 0 macro list
json 'macro verify' 0 macro verify
json 'macro verify against the network file' 0 macro verify 1..2 --network "$net/network.yaml"
sed 's/^\( *time:\).*/\1 "2026-01-01T00:00:00Z"/' "$net/network.yaml" >"$work/other.yaml"
ended 'macro verify against another network fails' 5 \
    "$qnet" macro verify 1..2 --network "$work/other.yaml"
says 'and says how' 'macroblock 1: '
is 'a third window is final' reaches v1 final.window 3
# A node that shows other macroblocks than it was asked for.
mkdir "$XDG_RUNTIME_DIR/qnet/liar"
python3 - "$XDG_RUNTIME_DIR/qnet" <<'PY' &
import json, os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1] + "/liar/soon")
listener.listen()
os.rename(sys.argv[1] + "/liar/soon", sys.argv[1] + "/liar/admin.sock")
client = listener.accept()[0].makefile("rw")
node = socket.socket(socket.AF_UNIX)
node.connect(sys.argv[1] + "/v1/admin.sock")
node = node.makefile("rw")
for line in client:
    call = json.loads(line)
    if call["method"] == "macro":
        call["params"]["at"] += 1
    print(json.dumps(call), file=node, flush=True)
    client.write(node.readline())
    client.flush()
PY
pids="$pids $!"
while [ ! -S "$XDG_RUNTIME_DIR/qnet/liar/admin.sock" ]; do
    sleep 0.1
done
ended 'macro verify of a node that shows others' 5 \
    "$qnet" -n liar macro verify 1..2 --network "$net/network.yaml"
says 'which it says' 'macroblock 1: the node showed another one'
rm -r "$XDG_RUNTIME_DIR/qnet/liar"
ended 'macro verify of what is no range' 2 "$qnet" macro verify -- -5
json 'mempool status' 0 mempool status
json 'peer list' 0 peer list
json 'peer show' 0 peer show "$(member peers.0.key)"
ended 'peer show of nobody' 1 "$qnet" peer show qnp1nobody
json 'storage stats' 0 storage stats

json 'tx send of a dry run' 0 tx send --from 0 --to "$alice" --amount 5 --dry-run
json 'tx send until final' 0 tx send --from 0 --to "$alice" --amount 5 --wait final
id=$(member txs.0.id)
same 'which says where it is' final "$(member txs.0.place.state)"
json 'tx get' 0 tx get "$id"
json 'tx wait' 0 tx wait "$id" --for final
ended 'tx wait of what nobody sent' 6 "$qnet" tx wait "$(printf '%064d' 1)" --timeout 1
json 'account show' 0 account show "$alice"
same 'who got it' 5000000000 "$(member balance)"
json 'tx make' 0 tx make --from "$alice" --to 1 --amount 1
made=$("$qnet" tx make --from "$alice" --to 1 --amount 1)
json 'tx sign' 0 tx sign --key "$work/alice.key" "$made"
chain=$("$qnet" network id "$net/network.yaml")
signed=$("$qnet" tx sign --key "$work/alice.key" --chain "$chain" "$made")
same 'signed offline it is the same' "$signed" "$("$qnet" tx sign --key "$work/alice.key" "$made")"
json 'tx submit' 0 tx submit "$signed" --wait micro
# Their signatures are of the first one alone: that they are judged is enough.
python3 - "$signed" >"$work/many" <<'PY'
import sys
it = bytearray.fromhex(sys.argv[1])
for nonce in range(5000):
    it[6:14] = nonce.to_bytes(8, "little")
    print(it.hex())
PY
json 'tx submit of more lines than go at once' 1 tx submit - <"$work/many"
same 'each of which has its verdict' 5000 \
    "$(python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["txs"]))' "$work/json")"
echo 00 >>"$work/many"
ended 'a line that is none is refused' 2 "$qnet" tx submit - --quiet <"$work/many"
says 'and which one is said' 'number 5001 is no transaction'
json 'proof tx' 0 proof tx "$id"
ended 'proof tx into a file' 0 "$qnet" proof tx "$id" -o "$work/proof.json"
json 'proof verify' 0 proof verify "$work/proof.json" --network "$net/network.yaml"
same 'which is good' True "$(member good)"
ended 'proof verify for people' 0 \
    "$qnet" proof verify "$work/proof.json" --network "$net/network.yaml"
says 'says what it is about' "$id"
says 'who gets what' "to   $alice"
ended 'proof verify against another network' 5 \
    "$qnet" proof verify "$work/proof.json" --network "$work/other.yaml"
python3 - "$work/proof.json" "$work/bad.json" <<'PY'
import json, sys
it = json.load(open(sys.argv[1]))
it["tx"] = it["tx"][:-1] + ("0" if it["tx"][-1] != "0" else "1")
json.dump(it, open(sys.argv[2], "w"))
PY
ended 'proof verify of a changed transaction' 5 \
    "$qnet" proof verify "$work/bad.json" --network "$net/network.yaml"
says 'and says what does not fit' 'the transaction is not in that block'
python3 - "$work/proof.json" "$work/bad.json" <<'PY'
import json, sys
it = json.load(open(sys.argv[1]))
it["id"] = it["id"][::-1]
json.dump(it, open(sys.argv[2], "w"))
PY
ended 'proof verify of a proof that names another transaction' 5 \
    "$qnet" proof verify "$work/bad.json" --network "$net/network.yaml"
says 'and says so' 'another one than it names'

json 'log tail' 0 log tail --lines 1
json 'log level' 0 log level consensus=debug --for 5
ended 'log level of no level' 2 "$qnet" log level consensus=loud
ended 'log level of no part' 2 "$qnet" log level nopart=debug

# --- a node of one's own ---

json 'init of a full node' 0 init --type full --network "$net/network.yaml" --name mine "$work/mine"
python3 - "$work/mine/node.yaml" "$net/v1/node.yaml" "$work" <<'PY'
import re, sys
mine, v1, work = sys.argv[1:]
own = open(v1).read()
text = open(mine).read()
link = re.search(r'listen: "(ipc://[^"]*)"', own).group(1).replace("/v1/", "/mine/")
peers = re.search(r"peers:\n((?:  - .*\n)+)", own).group(1)
text = re.sub(r"(?m)^ *peers:.*\n(?:  - .*\n)*", "", text)
text = re.sub(r"(?m)^transport:.*\n(?:  .*\n)*", "", text)
text = re.sub(r"(?m)^#? *data:.*\n", "", text)
text += "peers:\n%stransport: {use: nanomsg, listen: \"%s\"}\ndata: data\n" % (peers, link)
open(mine, "w").write(text)
PY
ended 'its file is in order' 0 "$qnet" config check "$work/mine/node.yaml"
mkdir -p "$XDG_RUNTIME_DIR/qnet/mine"
"$qnet" run -c "$work/mine/node.yaml" >"$work/mine/out" 2>&1 &
pids="$pids $!"
mine=$!
mkdir -p "$net/mine"
ln -s "$work/mine/out" "$net/mine/out"
is 'it joins and has what is final' reaches mine final.window 2
same 'it does not vote' False "$(value mine vote.signing)"
is 'it has the same chain' agree 2 v1 mine
json 'node stop' 0 -n mine node stop --yes
wait "$mine"
same 'and it ends with 0' 0 $?
json 'storage check' 0 storage check -c "$work/mine/node.yaml"
ended 'node stop asks first' 2 "$qnet" -n v2 node stop
