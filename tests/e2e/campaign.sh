#!/bin/sh
# SPDX-License-Identifier: MIT
# campaign.sh: real nodes under load to which anything happens: killed, stopped, cut off by bans,
# rotten files, a full disk, a clock that steps. Afterwards the final chain is equal on all nodes and
# verifies on each, what was accepted is final once, no key signed twice, and nothing ended by itself
# but with words and advice, which campaign.py follows.
# Usage: tests/e2e/campaign.sh [FAULTS [NODES [TRANSFERS/S]]]; SEED=n repeats the choices.
#
# A full disk needs a file system of its own: a mount in a name space of this script's. Clock steps
# need libfaketime. What this machine does not allow is left out, and said.

# shellcheck disable=SC2016 # for the inner shell
if [ -z "${CAMPAIGN_INSIDE:-}" ] && unshare -rm true 2>/dev/null; then
    CAMPAIGN_INSIDE=yes exec unshare -rm sh "$0" "$@"
fi

. "${top_srcdir:-.}/tests/e2e/network.sh"
faults=${1:-200}
nodes=${2:-4}
rate=${3:-100}
seed=${SEED:-$$}
python=${top_srcdir:-.}/tests/e2e/campaign.py
plan 10
echo "# seed $seed"

checked() {
    "$qnet" storage check -c "$work/net/$1/node.yaml" >"$work/checked" 2>&1
    found=$?
    cat "$work/checked" >>"$work/check"
    # Maps have no checksum of their own: what rots in a page that nobody reads is found here.
    [ "$found" = 0 ] || { [ -f "$work/net/$1/rotten" ] && grep -q DAMAGED "$work/checked"; }
}

# The nodes' disk: it must hold a few logs of 64 MiB of each node, and little more.
mkdir -p "$work/net/v1" "$work/disk"
kinds=kill,stop,both,ban,rot
if mount -t tmpfs -o size=1g tmpfs "$work/disk" 2>/dev/null; then
    mkdir -p "$work/disk/data"
    ln -s "$work/disk/data" "$work/net/v1/data"
    trap 'umount -l "$work/disk"; finish' EXIT
    kinds=$kinds,full
else
    echo '# no mounts here: no full disks'
fi
clock=$(find /usr/lib /usr/lib64 -name libfaketimeMT.so.1 2>/dev/null | head -n 1)
if [ -n "$clock" ]; then
    kinds=$kinds,clock
else
    echo '# no libfaketime here: no clock steps'
fi

# `qnet dev` looks for qnetd beside itself and starts it again when a signal ended it. This one keeps
# the exit codes of the real one, gives it its clock, and ends as if by a signal whenever it ends.
mkdir "$work/bin"
cp "$qnet" "$work/bin/qnet"
cat >"$work/bin/qnetd" <<END
#!/bin/sh
folder=\$(dirname "\$2")
[ -z "$clock" ] || {
    [ -f "\$folder/clock" ] || echo +0 >"\$folder/clock"
    LD_PRELOAD=$clock FAKETIME_TIMESTAMP_FILE=\$folder/clock
    FAKETIME_CACHE_DURATION=1 FAKETIME_DONT_FAKE_MONOTONIC=1
    export LD_PRELOAD FAKETIME_TIMESTAMP_FILE FAKETIME_CACHE_DURATION FAKETIME_DONT_FAKE_MONOTONIC
}
"$qnetd" "\$@" &
node=\$!
unset LD_PRELOAD
ended=
trap 'ended=yes; kill -TERM \$node' TERM
wait \$node
code=\$?
while kill -0 \$node 2>/dev/null; do
    wait \$node
    code=\$?
done
echo \$code >>"\$folder/exits"
[ -n "\$ended" ] && exit \$code
kill -9 \$\$
END
chmod +x "$work/bin/qnetd"

"$work/bin/qnet" dev --nodes "$nodes" --load "$rate" --dir "$work/net" --info "$work/info.json" \
    >"$work/out" 2>&1 &
dev=$!
pids="$pids $dev"
SEED=$seed python3 "$python" "$work" "$faults" "$kinds" >"$work/campaign" 2>&1
campaign=$?
sed 's/^/# /' "$work/campaign"
report 'every fault was stood, and every refusal gave advice that helped' "$campaign"
kill -USR1 "$dev"
wait "$dev"
load_was_kept $? "$work/out"
one_chain "$nodes"
for name in $names; do
    halt "$name"
done
clean=0
for name in $names; do
    checked "$name" || clean=1
done
report 'what is stored is whole, or said to be rotten' $clean
[ "$clean" = 0 ] || sed 's/^/# /' "$work/check"
untold 'no key signed twice' evidence "$work"/net/v*/log.* "$work"/net/v*/out
# Nor does one whose folder was emptied: beside its key stands that it has signed.
untold 'no node saw its own key sign elsewhere' key-abused "$work"/net/v*/log.* "$work"/net/v*/out
! grep -h -E 'AddressSanitizer|assertion|Assertion' "$work"/net/v*/log.* "$work"/net/v*/out >"$work/said"
same 'no node asserted' 0 $?
# 0 in order, 137 killed here; 1, 65 and the like with words. Any other signal is a crash.
cat "$work"/net/v*/exits >"$work/exits"
grep -v -x -E '0|137|[1-9]|6[0-9]|7[0-9]' "$work/exits" >"$work/said"
[ -s "$work/exits" ] && [ ! -s "$work/said" ]
report 'no node crashed' $?
