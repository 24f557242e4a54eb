#!/bin/sh
# SPDX-License-Identifier: MIT
# late_join_test.sh: nodes that come late, full and light, sync by certificates and reach the head.

. "${top_srcdir:-.}/tests/e2e/network.sh"
plan 13
network 4 --full 1 --light 1 --load 100
rm -rf "$work/net/f1/data" "$work/net/l1/data"

for name in v1 v2 v3 v4; do
    node $name
done
is 'the network is some windows on' reaches v1 final.window 4
node f1
node l1
is 'the full node reaches the final window' reaches f1 final.window 4
is 'and the head' reaches f1 head.height 41
is 'the light node reaches the final window' reaches l1 final.window 4
is 'the full node has the same chain' agree 4 v1 f1 l1
is 'the light node can show every certificate' "$qnet" -n l1 macro verify 1..4
address=$(grep -o 'qn1[a-z0-9]*' "$work/net/network.yaml" | head -n 1)
ended 'it knows of no balance' 7 "$qnet" -n l1 account show "$address"
says 'and who does' 'ask a full one'
ended 'nor how a swap goes' 7 "$qnet" -n l1 swap status
same 'neither of them votes' 'False False' "$(value f1 vote.signing) $(value l1 vote.signing)"

# What a light node stored, the other types cannot go on from.
halt l1
sed -i 's/^type: light/type: full/' "$work/net/l1/node.yaml"
ended "a light node's folder under another type" 78 timeout 30 "$qnetd" -c "$work/net/l1/node.yaml"
says 'and what to do' 'is of a light node.*empty folder'
sed -i 's/^type: full/type: light/' "$work/net/l1/node.yaml"
node l1
is 'it is a light node as before' reaches l1 final.window 5
