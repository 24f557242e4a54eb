#!/bin/sh
# SPDX-License-Identifier: MIT
# sim_test.sh: `qnet sim`: a slice of its campaigns, each seed twice, and what people type to follow
# one run. A long campaign is: qnet sim run --seeds 1..10000 --resume FILE

. "${top_srcdir:-.}/tests/e2e/network.sh"
plan 77

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
    "$qnet" sim run --seeds 31..60 --nodes 4 --level L1 --twice --json
same 'all of them' 30 "$(member good)"
same 'every oracle was looked at' True "$(python3 -c '
import json, sys
print(all(json.load(open(sys.argv[1]))["checked"].values()))' "$work/said")"
same 'every kind of fault came' True "$(python3 -c '
import json, sys
print(all(json.load(open(sys.argv[1]))["came"].values()))' "$work/said")"
same 'and every lie was told' True "$(python3 -c '
import json, sys
print(all(json.load(open(sys.argv[1]))["lies"].values()))' "$work/said")"
same 'honest nodes found them' True "$(python3 -c '
import json, sys
found = json.load(open(sys.argv[1]))["found"]
print(all(found[it] for it in
    "malformed signature block contradictions evidence".split()))' "$work/said")"
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
says 'with the rounds until then' ' round  *window [0-9]* round 0 phase 3, '
ended 'so is what liars do' 0 "$qnet" sim show 3 --faults double_vote --always lie
says 'when they do it' ' lie  *double_vote$'
ended 'a run is told for machines too' 0 "$qnet" sim show 3 --faults none --json
same 'line by line' True "$(python3 -c '
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
print(lines[-1]["good"] and all("what" in line for line in lines[:-1]))' "$work/said")"
"$qnet" sim trace 3 >"$work/trace"
ended 'a trace is the run' 0 "$qnet" sim diff 3 "$work/trace"
ended 'two seeds differ' 5 "$qnet" sim diff 3 4
says 'and it says where' '^event [0-9]* differs'
head -n 100 "$work/trace" >"$work/short"
ended 'a trace that ends before' 5 "$qnet" sim diff "$work/short" "$work/trace"
says 'differs there' '^event 101 differs'
ended 'a folder is no trace' 1 "$qnet" sim diff "$work" "$work/trace"
ended 'what does not fail is not shrunk' 0 "$qnet" sim shrink 3
ended 'a fault that is none' 2 "$qnet" sim run --faults plague
ended 'no list of faults is a mistake' 2 "$qnet" sim run --faults ''
ended 'more liars than may be' 2 "$qnet" sim run --liars 2
ended 'windows of nothing' 2 "$qnet" sim run --window 0
ended 'one seed and several' 2 "$qnet" sim run --seed 1 --seeds 2..3
ended 'a seed without one behind it' 2 "$qnet" sim run --seed 18446744073709551615
ended 'a fault that the seed has not' 2 "$qnet" sim run --seed 3 --only 9,99
{
    cat "${top_srcdir:-.}/tests/sim/authority.yaml"
    head -c 1100000 /dev/zero | tr '\0' '#'
} >"$work/large.yaml"
ended 'a network file of more than 1 MiB' 1 "$qnet" sim run --network "$work/large.yaml"
ended 'seeds that are none' 2 "$qnet" sim run --seeds 5..1
ended 'several seeds are not one' 2 "$qnet" sim show 3..4
ended 'nor are they shrunk' 2 "$qnet" sim shrink 3..4
sed 's/^consensus:.*/consensus: {use: commit-reveal, version: "1.0", reveal: 300ms, base: 60s}/' \
    "${top_srcdir:-.}/tests/sim/authority.yaml" >"$work/never.yaml"
ended 'settings that the engine refuses' 1 "$qnet" sim run --network "$work/never.yaml"
says 'with its words' 'base is longer'

# --- what fails: plugins with a bug ---

usual=$QN_PLUGIN_PATH
mkdir -p "$work/refusing/producer" "$work/faulty/producer"
for bug in refusing faulty; do
    cp "$top_builddir/tests/e2e/.libs/$bug.so" "$work/$bug/producer/round-robin.so"
done
QN_PLUGIN_PATH=$work/refusing:$usual
ended 'a node that halts has failed its seed' 5 "$qnet" sim run --seeds 3..4 --level L1
says 'which is said with what broke' '^seed 3  FAILED  H1 at v[1-4], .*cannot schedule'
says 'and what repeats it' '^  qnet sim run --seed 3 --level L1$'
ended 'which repeats it' 5 "$qnet" sim run --seed 3 --level L1 --json
same 'for machines too' 'qnet sim run --seed 3 --level L1' "$(member runs.0.repeat)"
ended 'it needs no fault for that' 5 "$qnet" sim shrink 3 --level L1
says 'of those that it has' 'with 0 of its [1-9]'
says 'nor does what repeats it' '^  qnet sim run --seed 3 --level L1 --only 0$'
ended 'a run that is told ends the same way' 5 "$qnet" sim show 3 --level L1
QN_PLUGIN_PATH=$work/faulty:$usual
ended 'a process that dies has, too' 5 "$qnet" sim run --seeds 3..4 --level L1
says 'with its signal' '^seed 4  FAILED  P0, .*of signal 11'
QN_PLUGIN_PATH=$usual

# --- an end before the end ---

"$qnet" sim run --seeds 1..500 --level L1 --resume "$work/many" >"$work/said" 2>&1 &
run=$!
pids="$pids $run"
until_s=$(($(date +%s) + patience))
while [ "$(date +%s)" -lt "$until_s" ] && ! grep -q ' ok ' "$work/many" 2>/dev/null; do
    sleep 0.2
done
kill -TERM $run
wait $run
same 'a campaign that is ended says so' 130 $?
says 'and what it did until then' '^[1-9][0-9]* seeds: [1-9]'
