#!/bin/sh
# SPDX-License-Identifier: MIT
# hostile_test.sh: a peer that means harm (hostile.c), and strangers on the transport's socket. After
# each deed the node runs, it said what it found, and the network makes blocks final.

. "${top_srcdir:-.}/tests/e2e/network.sh"
hostile=$top_builddir/tests/e2e/hostile
plan 32

network 4 --full 1
net=$work/net
cp "$net/v4/validator.key" "$work/stolen.key"
for name in v1 v2 v3; do
    node $name
done
is 'three validators make blocks final' reaches v1 final.window 2
chain=$("$qnet" network id "$net/network.yaml")
link=ipc://$XDG_RUNTIME_DIR/qnet/v1/link
counted=0

# harm DEED [KEY]: how it ended is in $work/harm; what v1 said since is in $work/since.
harm() {
    counted=$((counted + 1))
    lines=$(wc -l <"$net/v1/out")
    timeout 60 "$hostile" "$link" "ipc://$XDG_RUNTIME_DIR/h$counted" "$chain" "$@" \
        >"$work/harm" 2>&1
    sed 's/^/# /' "$work/harm"
    tail -n "+$((lines + 1))" "$net/v1/out" >"$work/since"
}

# named PATTERN: v1 said so during the last harm, or the harmful peer was told.
named() {
    cat "$work/harm" "$work/since"
    grep -q "$1" "$work/since" "$work/harm"
}

# goes_on: v1 lives, and one more window becomes final.
goes_on() {
    kill -0 "$(pid_of v1)" && reaches v1 final.window $(($(value v1 final.window) + 1))
}

# --- strangers ---

# stranger HOW: bytes on the socket itself.
stranger() {
    python3 - "${link#ipc://}" "$1" <<'PY'
import os, socket, struct, sys
path, how = sys.argv[1:]
for turn in range(20):
    it = socket.socket(socket.AF_UNIX)
    it.settimeout(2)
    try:
        it.connect(path)
        if how == "noise":
            it.sendall(os.urandom(5000))
            continue
        it.sendall(b"\0SP\0\0\x51\0\0" if turn % 2 else b"\0SP\0\0\x50\0\0")
        body = os.urandom(200)
        size = {"messages": len(body), "huge": 1 << 40, "wide": 4 << 20}[how]
        if how == "wide":
            body = os.urandom(size)
        it.sendall(struct.pack(">BQ", 1, size) + body)
    except OSError:
        pass
    finally:
        it.close()
PY
}
for how in noise messages huge wide; do
    stranger $how
    is "$how on the socket: the node lives" "$qnet" -n v1 status
done
is 'and the network goes on' goes_on

# --- peers ---

harm hello
is 'no handshake: refused' named 'event=peer-refused\|refused\|down'
for deed in frames types sizes bomb; do
    harm $deed
    is "$deed: named" named 'malformed'
    is "$deed: the peer is banned" named 'event=peer-banned'
done
harm txs "$net/keys/0.key"
is 'txs: named' named 'bad transactions\|bad signatures'
is 'txs: the peer is banned' named 'event=peer-banned'
harm votes
is 'votes: named' named 'bad signatures'
is 'votes: the peer is banned' named 'event=peer-banned'
harm headers
is 'headers: named' named 'bad signatures\|bad blocks'
is 'headers: the peer is banned' named 'event=peer-banned'
# The key is that of one of the four; as any other its signature is bad.
: >"$work/blocks"
owner=0
for member in 0 1 2 3; do
    harm blocks "$work/stolen.key" $member
    cat "$work/since" "$work/harm" >>"$work/blocks"
    is "blocks of member $member: the peer is banned" named 'event=peer-banned'
    grep -q 'event=block-refused' "$work/since" && owner=$member
done
sed -n 's/^.*event=block-refused/# refused:/p' "$work/blocks" | head -n 8
is 'blocks: false ones with a good signature are named' grep -q 'event=block-refused' "$work/blocks"
for _ in $(seq 15); do
    harm effects "$work/stolen.key" "$owner"
    grep 'event=block-refused.*effects' "$work/since" && break
done
is 'a block with false effects in its turn is named' grep -q 'event=block-refused.*effects' "$work/since"
harm flood
is 'flood: the node bears it or ends it' named '.'
is 'the network goes on' goes_on
for name in v1 v2 v3; do
    halt $name
    same "$name ends in order" 0 "$code"
done
