#!/bin/sh
# SPDX-License-Identifier: MIT
# corrupt_test.sh: files of a stopped node that were cut, changed or lost. Each damage is named and
# then either mended from peers or refused with what to do; no signal ends a node, and a validator
# that may have forgotten what it signed signs nothing until a person says so. Meanwhile the others
# go on.

. "${top_srcdir:-.}/tests/e2e/network.sh"

# damage FILE HOW: changes a bit of its content (at a third, half or the end of what is not zero,
# once in each 4 KiB, or in the last record of a log), cuts it at half of its content or in the last
# record, or takes the last record away without a trace.
damage() {
    python3 - "$1" "$2" <<'PY'
import struct, sys
path, how = sys.argv[1:]
content = bytearray(open(path, "rb").read())
extent = len(content.rstrip(b"\0"))
assert extent > 64, path

def last_record():
    """Where the payload of the last record lies and ends: heads are 48 bytes, from 8192 on."""
    at, found, end = 8192, None, None
    while at + 48 <= len(content):
        magic, kind, length = struct.unpack_from("<III", content, at)
        if magic != struct.unpack_from("<I", content, 8192)[0]:
            break
        found, end = (at + 48, at + 48 + length) if kind == 1 else (found, end)
        at += (48 + length + 7) // 8 * 8
    return found, end

if how == "cut":
    content = content[: extent // 2]
elif how == "short":
    content = content[: last_record()[0] + 4]
elif how == "gone":
    found, end = last_record()
    content[found - 48 : end] = bytes(end - found + 48)
elif how == "pages":
    for at in range(2 * 4096 + 2000, len(content), 4096):
        content[at] ^= 0x10
else:
    at = last_record()[0] if how == "last" else {"third": extent // 3, "half": extent // 2}[how]
    content[at] ^= 0x10
with open(path, "r+b") as out:
    out.write(content)
    out.truncate(len(content))
PY
}

# storage NAME: its folder.
storage() {
    echo "$work/net/$1/data/storage"
}

log_of_blocks=log.0000000000000001.log

# guard_log NAME: the file that the sign guard of a validator writes to. A record that was damaged
# or begun anew goes on in the next one.
guard_log() {
    find "$(storage "$1")" -name 'guard.*.log' | sort | tail -n 1
}

# stopped NAME: ends it in order, and moves what it said out of the way.
stopped() {
    halt "$1"
    [ "$code" = 0 ] || echo "# $1 ended with $code"
    mv "$work/net/$1/out" "$work/$1.before"
}

# killed NAME: the same with SIGKILL.
killed() {
    halt "$1" KILL
    mv "$work/net/$1/out" "$work/$1.before"
}

# catches_up NAME: it runs, and has what the others have as final by now.
catches_up() {
    reaches "$1" final.window "$(value v1 final.window)"
}

# named NAME PATTERN: the node said so.
named() {
    grep -q "$2" "$work/net/$1/out" || {
        cat "$work/net/$1/out"
        return 1
    }
}

# refuses NAME PATTERN: it does not start, but says why and what to do.
refuses() {
    "$qnetd" -c "$work/net/$1/node.yaml" >"$work/net/$1/out" 2>&1
    got=$?
    cat "$work/net/$1/out"
    [ "$got" = 65 ] && grep -q "$2.*damaged.*start with an empty folder" "$work/net/$1/out"
}

# anew NAME: what the refusal advises: the folder put away, the node starts with an empty one.
anew() {
    rm -rf "$work/kept"
    mv "$(storage "$1")" "$work/kept"
    node "$1"
    catches_up "$1"
}

# follows_silently NAME: it follows two windows more and signs nothing, while the others go on.
follows_silently() {
    reaches "$1" final.window $(($(value v1 final.window) + 2)) &&
        [ "$(value "$1" vote.signing)" = False ]
}

# signs NAME: waits until it does.
signs() {
    until_s=$(($(date +%s) + patience))
    while [ "$(date +%s)" -lt "$until_s" ]; do
        [ "$(value "$1" vote.signing)" = True ] && return 0
        sleep 0.3
    done
    "$qnet" -n "$1" status
    return 1
}

plan 46
network 4 --full 1 --load 50 --window 8
for name in v1 v2 v3 v4 f1; do
    node $name
done
is 'the network goes on from its disks' reaches f1 final.window 3

# --- the log of blocks: peers have them ---

ended 'storage check wants a node that does not run' 1 "$qnet" storage check -c "$work/net/f1/node.yaml"
stopped f1
ended 'storage check finds all of it good' 0 "$qnet" storage check -c "$work/net/f1/node.yaml"
node f1
is 'and changes nothing in it' catches_up f1

for how in third half last cut; do
    stopped f1
    damage "$(storage f1)/$log_of_blocks" $how
    node f1
    is "blocks, $how: the node gets what is final" catches_up f1
    is "blocks, $how: it says what is damaged" named f1 'level=warn .*log.*\(damaged\|lacks\)'
done
stopped f1
rm "$(storage f1)"/log.*.log
ended 'storage check finds the damage' 1 "$qnet" storage check -c "$work/net/f1/node.yaml"
says 'and names it' 'DAMAGED: the log of blocks lacks block'
node f1
is 'blocks, lost: the node gets what is final' catches_up f1
is 'blocks, lost: it says what is missing' named f1 'event=storage-damaged text="the log of blocks lacks'

# --- maps: pages, headers, macroblocks ---

stopped f1
damage "$(storage f1)/data.mdb" pages
is 'maps, changed: refused with what to do' refuses f1 ''
is 'maps, changed: that helps' anew f1
stopped f1
damage "$(storage f1)/data.mdb" cut
is 'maps, cut: refused with what to do' refuses f1 data.mdb
is 'maps, cut: that helps' anew f1
stopped f1
rm "$(storage f1)/data.mdb"
node f1
is 'maps, lost: the node gets all from its peers' catches_up f1
is 'maps, lost: it says what is missing' named f1 "level=warn .*'data.mdb' is missing"

# --- the sign guard's record ---

stopped v4
damage "$(guard_log v4)" last
ended 'storage check finds it' 1 "$qnet" storage check -c "$work/net/v4/node.yaml"
says 'and names it' 'DAMAGED: the sign guard.s record'
node v4
is 'sign record, changed: the validator follows and does not sign' follows_silently v4
is 'sign record, changed: it says why' named v4 'event=not-signing text="the sign record is damaged'
ended 'a node that signs has nothing to resume' 7 "$qnet" -n v1 key resume --yes
ended 'a person lets it sign again' 0 "$qnet" -n v4 key resume --yes
is 'and it does, some windows later' signs v4
stopped v4
node v4
is 'and still after a restart' signs v4

# What is known to be durable is more than the records tell: not even the very last one goes unseen
# after a kill. The node signs nothing meanwhile, so its record stays what it is.
killed v4
cp "$(guard_log v4)" "$work/guard"
for how in last short gone; do
    cp "$work/guard" "$(guard_log v4)"
    damage "$(guard_log v4)" $how
    node v4
    is "killed, last sign record $how: the validator follows and does not sign" follows_silently v4
    is "killed, last sign record $how: it says where" named v4 \
        "level=warn .*log 'guard': .*damaged are the records from .* in 'guard.*log' from byte"
    is "killed, last sign record $how: it says why" named v4 \
        'event=not-signing text="the sign record is damaged'
    killed v4
done
cp "$work/guard" "$(guard_log v4)"
node v4
is 'killed, and nothing is damaged: it signs' signs v4

stopped v4
damage "$(guard_log v4)" cut
node v4
is 'sign record, cut: the validator follows and does not sign' follows_silently v4
is 'sign record, cut: it says why' named v4 'level=warn .*event=not-signing'
stopped v4
rm "$(storage v4)"/guard.*.log
node v4
is 'sign record, lost: the validator follows and does not sign' follows_silently v4
is 'sign record, lost: it says why' named v4 'event=not-signing text="this key has signed in this network'
is 'sign record, lost: it names what says so' named v4 "event=sign-record-gone .*v4/.*\.key\.signed-"

is 'all have one chain' agree "$(value f1 final.window)" v1 v2 v3 f1
