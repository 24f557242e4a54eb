#!/bin/sh
# SPDX-License-Identifier: MIT
# refetch_test.sh: bodies of final blocks that a node's disk has lost, some or all of them: each is
# named, fetched from peers, stored again and served; nobody has to start with an empty folder.

. "${top_srcdir:-.}/tests/e2e/network.sh"

# rot NAME HEIGHT: flips a bit in the stored body of the first block from that height on that has
# one, and says its height. It must lie in a file of the log that is full.
rot() {
    python3 - "$work/net/$1/data/storage" "$2" <<'PY'
import glob, os, struct, sys
folder, least = sys.argv[1], int(sys.argv[2])
files = sorted(glob.glob(os.path.join(folder, "log.*.log")))
found = {}
for path in files[:-1]:
    content = open(path, "rb").read()
    at, magic = 8192, content[8192:8196]
    while content[at : at + 4] == magic:
        kind, length = struct.unpack_from("<II", content, at + 4)
        (height,) = struct.unpack_from("<Q", content, at + 48 + 8)
        if kind == 1 and height >= least and length > 300:
            found[height] = path, at + 48 + 250
        at += (48 + length + 7) // 8 * 8
height = min(found)
path, at = found[height]
with open(path, "r+b") as file:
    file.seek(at)
    byte = file.read(1)[0]
    file.seek(at)
    file.write(bytes([byte ^ 0x10]))
print(height)
PY
}

# body NAME HEIGHT: id of the block, and ids of the transactions in its body.
body() {
    python3 - "$XDG_RUNTIME_DIR/qnet/$1/admin.sock" "$2" <<'PY'
import json, socket, sys
it = socket.socket(socket.AF_UNIX)
it.connect(sys.argv[1])
ask = {"jsonrpc": "2.0", "id": 1, "method": "micro", "params": {"at": int(sys.argv[2]), "ids": True}}
it.sendall(json.dumps(ask).encode() + b"\n")
answer = json.loads(it.makefile().readline())
if "error" in answer:
    print(answer["error"]["message"])
    raise SystemExit(1)
block = answer["result"]
assert len(block["ids"]) == block["txs"] > 0, block
print(block["id"], *block["ids"])
PY
}

# same_body HEIGHT NAME NAME: both have it, and it is the same.
same_body() {
    body "$2" "$1" >"$work/one" && body "$3" "$1" >"$work/other" && cmp "$work/one" "$work/other"
}

# told NAME PATTERN [TIMES]: waits until the node has said so, so often.
told() {
    until_s=$(($(date +%s) + patience))
    while [ "$(date +%s)" -lt "$until_s" ]; do
        [ "$(grep -c "$2" "$work/net/$1/out")" -ge "${3:-1}" ] && return 0
        sleep 0.2
    done
    grep 'body\|bodies\|storage' "$work/net/$1/out"
    return 1
}

# stopped NAME: ends it in order, and moves what it said out of the way.
stopped() {
    halt "$1"
    [ "$code" = 0 ] || echo "# $1 ended with $code"
    mv "$work/net/$1/out" "$work/$1.before"
}

# metric NAME METRIC: its number.
metric() {
    python3 - "$XDG_RUNTIME_DIR/qnet/$1/admin.sock" "$2" <<'PY'
import json, socket, sys
it = socket.socket(socket.AF_UNIX)
it.connect(sys.argv[1])
it.sendall(b'{"jsonrpc":"2.0","id":1,"method":"metrics"}\n')
list = json.loads(it.makefile().readline())["result"]["metrics"]
print(*[metric["value"] for metric in list if metric["name"] == sys.argv[2]])
PY
}

check() {
    "$qnet" storage check -c "$work/net/$1/node.yaml"
}

plan 27
network 4 --full 1 --load 200 --window 8

# Small files of the log, so that most of them are full.
for name in v4 f1; do
    sed -i 's/^storage: .*/storage: {use: lmdb, segment: 64KiB}/' "$work/net/$name/node.yaml"
done
rm -rf "$work/net/f1/data"
for name in v1 v2 v3 v4 f1; do
    node $name
done
is 'the network goes on, and one node gets all of it' reaches f1 final.window 6

# --- a body that rotted while the node was off ---

stopped f1
ended 'storage check finds all of it good' 0 check f1
height=$(rot f1 2)
ended 'a flipped bit is a damage' 1 check f1
says 'which is named' "DAMAGED: the body of block $height is damaged"
says 'with what to do' '1 damages, all in the log of blocks: start the node'
node f1
is 'a start finds it and names it' \
    told f1 "level=warn .*event=body-damaged text=\"the stored body of block $height is damaged"
is 'it is mended' told f1 "event=body-mended text=\"the body of block $height is stored again"
is 'and all was looked at' told f1 'event=bodies-checked'
is 'the body is that of the others' same_body "$height" f1 v1
same 'the metrics count both' '1 1' \
    "$(metric f1 qnet_bodies_rotten_total) $(metric f1 qnet_bodies_mended_total)"
stopped f1
ended 'storage check is content' 0 check f1
says 'with all of it' 'all of it is good'

# --- one that rots while the node runs ---

node f1
is 'the node runs' reaches f1 final.window 7
before=$(rot f1 "$((height + 1))")
ended 'whoever asks for it is not given rotten bytes' 1 body f1 "$before"
says 'but told' "body of block $before is damaged; it is fetched from peers"
is 'it is mended' told f1 "event=body-mended text=\"the body of block $before is stored"
is 'and given' same_body "$before" f1 v1

# --- a validator ---

stopped v4
others=$(value v1 final.window)
rm -rf "$work/net/v4/data/storage/log."*
node v4
is 'a validator whose log of blocks is gone says so' told v4 'event=storage-damaged'
is 'and goes on' reaches v4 final.window $((others + 2))
is 'all bodies are mended' told v4 'event=bodies-checked'
is 'also the first' same_body "$height" v4 v1

# --- all of them ---

stopped f1
rm "$work/net/f1/data/storage/log."*
ended 'a lost log is a damage' 1 check f1
says 'that the node can mend' 'all in the log of blocks: start the node'
node f1
is 'all is fetched again' told f1 'event=bodies-checked'
is 'the node goes on' reaches f1 final.window $(($(value v1 final.window) + 2))
stopped f1
ended 'storage check is content again' 0 check f1
node f1
is 'all have one chain' agree "$others" v1 v2 v3 v4
