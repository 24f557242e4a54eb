#!/bin/sh
# SPDX-License-Identifier: MIT
# sim_test.sh: `qnet sim`: a slice of its campaigns, each seed twice, and what people type to follow
# one run. A long campaign is: qnet sim run --seeds 1..10000 --resume FILE

. "${top_srcdir:-.}/tests/e2e/network.sh"
plan 46

# member PATH: of the JSON document in $work/said.
member() {
    python3 -c '
import json, sys
it = json.load(open(sys.argv[1]))
for part in sys.argv[2].split("."):
    it = it[int(part)] if part.isdigit() else it[part]
print(it)' "$work/said" "$1" 2>/dev/null
}

# The runs of the document, whatever order they ended in.
traces() {
    python3 -c '
import json, sys
print(*sorted((it["seed"], it["trace"]) for it in json.load(open(sys.argv[1]))["runs"]))' \
        "$work/said"
}

ended 'four nodes, 30 seeds, a healed core goes on' 0 \
    "$qnet" sim run --seeds 1..30 --nodes 4 --level L1 --twice --json
same 'all of them' 30 "$(member good)"
same 'every oracle was looked at' True "$(python3 -c '
import json, sys
print(all(json.load(open(sys.argv[1]))["checked"].values()))' "$work/said")"
ended 'seven nodes, 8 seeds, faults to the end' 0 \
    "$qnet" sim run --seeds 101..108 --nodes 7 --level L1 --mode safety --twice --json
ended 'an engine without locks, and drawn turns' 0 \
    "$qnet" sim run --seeds 11..16 --nodes 5 --weights uneven --level L1 --liars 1 --json \
    --network "${top_srcdir:-.}/tests/sim/authority.yaml"
same 'all of them' 6 "$(member good)"
ended 'four nodes on the engine bft' 0 \
    "$qnet" sim run --seeds 1..10 --nodes 4 --level L1 --consensus bft --twice --json
same 'what repeats it says so' ' --nodes 4 --level L1 --consensus bft' "$(member options)"
ended 'faults to the end, on bft' 0 \
    "$qnet" sim run --seeds 101..104 --nodes 7 --level L1 --mode safety --consensus bft
ended 'swaps in every seed, to engines that are sick' 0 \
    "$qnet" sim run --seeds 1..10 --nodes 4 --level L1 --always swap,sick --twice --json
same 'all of them' 10 "$(member good)"
ended 'a sick engine is told among the faults' 0 "$qnet" sim show 2 --level L1 --always swap,sick
says 'and left' 'attempt-begins'
ended 'what an attempt bound is decided from another branch too' 0 \
    "$qnet" sim run --seed 30 --nodes 4 --level L1 --consensus bft --always swap,sick
ended 'an engine that is not known' 1 "$qnet" sim run --consensus nope
ended 'all of it real: level L0' 0 "$qnet" sim run --seeds 1..6 --json
first=$(traces)
ended 'and L1 is the same runs' 0 "$qnet" sim run --seeds 1..6 --level L1 --json
same 'with the same traces' "$first" "$(traces)"
ended 'seven uneven nodes at L0' 0 \
    "$qnet" sim run --seeds 5..6 --nodes 7 --weights uneven --mode safety --json
first=$(traces)
ended 'and at L1' 0 \
    "$qnet" sim run --seeds 5..6 --nodes 7 --weights uneven --mode safety --level L1 --json
same 'have the same traces too' "$first" "$(traces)"
ended 'without faults there are none' 0 "$qnet" sim run --seed 3 --faults none --json
same 'at all' 0 "$(member faults)"

ended 'a campaign keeps what it did' 0 "$qnet" sim run --seeds 1..3 --resume "$work/resume"
ended 'and goes on from there' 0 "$qnet" sim run --seeds 1..5 --resume "$work/resume" --json
same 'with what is left' '2 3' "$(member seeds) $(member before)"
ended 'another campaign is refused' 2 "$qnet" sim run --seeds 1..5 --nodes 7 \
    --resume "$work/resume"
ended 'and one with other liars' 2 "$qnet" sim run --seeds 1..3 --liars 0 --resume "$work/resume"
printf 1 >>"$work/resume" # of a line that was cut off
ended 'after a crash it goes on' 0 "$qnet" sim run --seeds 6..6 --resume "$work/resume"
ended 'without seeds that never ran' 0 "$qnet" sim run --seeds 16..16 --resume "$work/resume" --json
same 'as this one' '1 0' "$(member seeds) $(member before)"
ended 'what repeats a run has all that it was asked with' 0 \
    "$qnet" sim run --seed 3 --liars 0 --regions ten --json
same 'its liars and regions too' ' --liars 0 --regions ten' "$(member options)"

ended 'a run is told' 0 "$qnet" sim show 3
says 'with its faults' ' fault  '
says 'and what became final' ' final  '
"$qnet" sim trace 3 >"$work/trace"
ended 'a trace is the run' 0 "$qnet" sim diff 3 "$work/trace"
ended 'two seeds differ' 5 "$qnet" sim diff 3 4
says 'and it says where' '^event [0-9]* differs'
ended 'what does not fail is not shrunk' 0 "$qnet" sim shrink 3
ended 'a fault that is none' 2 "$qnet" sim run --faults plague
ended 'a fault that the seed has not' 2 "$qnet" sim run --seed 3 --only 9,99
{
    cat "${top_srcdir:-.}/tests/sim/authority.yaml"
    head -c 1100000 /dev/zero | tr '\0' '#'
} >"$work/large.yaml"
ended 'a network file of more than 1 MiB' 1 "$qnet" sim run --network "$work/large.yaml"
ended 'seeds that are none' 2 "$qnet" sim run --seeds 5..1
ended 'several seeds are not one' 2 "$qnet" sim show 3..4
ended 'nor are they shrunk' 2 "$qnet" sim shrink 3..4
