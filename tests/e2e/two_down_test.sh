#!/bin/sh
# SPDX-License-Identifier: MIT
# two_down_test.sh: with two of four validators gone nothing becomes final, production slows and
# pauses, and all goes on by itself when one returns. What was final stays. Then its operators give a
# window up that half of them cannot decide.

. "${top_srcdir:-.}/tests/e2e/network.sh"
plan 15
network 4

for name in v1 v2 v3 v4; do
    node $name
done
is 'the network goes on from its disks' reaches v1 final.window 2
before=$(digest v1 2)
halt v3 KILL
halt v4 KILL
window=$(value v1 final.window)
is 'production pauses three windows on' reaches v1 lag.windows 2
# One window may have been on its way when the two were killed.
is 'blocks stop at the end of the third window' sh -c "
    for i in \$(seq 240); do
        a=\$($qnet -n v1 status --json | grep -o '\"phase\": *\"paused\"\|\"phase\":\"paused\"')
        [ -n \"\$a\" ] && exit 0
        sleep 0.5
    done
    exit 1"
now=$(value v1 final.window)
[ "$now" -le $((window + 1)) ]
report 'nothing became final with half of the weight' $?
head=$(value v1 head.height)
sleep 3
same 'no block is made while it is paused' "$head" "$(value v1 head.height)"
node v3
is 'it goes on when one returns' reaches v1 final.window $((now + 3))
is 'three agree' agree $((now + 3)) v1 v2
same 'what was final stayed' "$before" "$(digest v1 2)"

halt v3 KILL
is 'a window waits to be decided' reaches v1 lag.windows 2
ended 'who cannot be asked has to mean it' 2 "$qnet" -n v1 swap abandon </dev/null
is 'one gives it up' "$qnet" -n v1 swap abandon --yes
ended 'once' 7 "$qnet" -n v1 swap abandon --yes
is 'another does' "$qnet" -n v2 swap abandon --yes
now=$(value v1 final.window)
node v3
# It has to come as far as that window first.
is 'a third one makes a quorum' sh -c "
    for i in \$(seq 240); do
        $qnet -n v3 swap abandon --yes && break
        sleep 0.5
    done
    $qnet -n v1 swap history | grep -q 'given-up  *by the operator'"
is 'and all goes on' reaches v2 final.window $((now + 2))
