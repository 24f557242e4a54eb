#!/bin/sh
# SPDX-License-Identifier: MIT
# net_test.sh: testnets out of one file: checked, run by both providers, judged, compared.

. "${top_srcdir:-.}/tests/e2e/network.sh"
plan 51

# Rules of `dev` with blocks of 300 ms, for real processes.
fast='dev, set: {window: 8, interval: {min: 50ms}, settle: {time: 200ms}, producer: {turn: 3,
    intervals: [300ms, 300ms, 200ms, 100ms]}}'
spec=$work/spec.yaml
runs=$work/runs

# write_spec PRESET EVENTS...: a network of four with a load, and an assertion that may fail.
write_spec() {
    cat >"$spec" <<END
version: qnet.net/v1
name: small
seed: 9
timeout: 90s
network: {preset: $1}
nodes: [{name: v, count: 4, type: super}, {name: late, type: full, start_at: {macro: 1}}]
load: [{name: steady, rate: 40/s, from: 1s, until: $2}]
timeline:
  - {id: crash, at: 3s, do: kill, node: v2, restart_after: 2s}
  - {id: split, at: 7s, do: partition, groups: [[v1], rest], for: 2s}
  - {id: other, at: 5500ms, do: restart, node: v3, set: {mempool: {txs: 2000}}}
  - {id: nap, at: 4s, do: pause, node: {pick: random, type: super}, for: 500ms}
assert:
  - {id: up, that: "node_ready == 1", nodes: all, within: 30s}
  - {id: no-fork, invariant: same_hash_at_height}
  - {id: no-revert, invariant: final_never_changes}
  - {id: no-lost, invariant: accepted_txs_final_once}
  - {id: wish, that: "macroblock_height >= $3", nodes: super, within: 60s}
compare:
  variants: [{name: all}, {name: calm, drop: [crash, split, nap, other]}]
  run: {repeats: 2, fail_if: ["calm.final_tps < 0.5 * all.final_tps"]}
  measure: [final_tps, finality_p99, votes_per_macro, evidence]
END
}

# hash: the event hash that the last run said.
hash() {
    sed -n 's/.*event hash \([0-9a-f]*\).*/\1/p' "$work/said"
}

# folder: where the last run is.
folder() {
    readlink -f "$runs/latest"
}

write_spec sim 10s 2
sed 's/do: kill/do: kil/; s/macroblock_height/macroblok_height/' "$spec" >"$work/bad.yaml"
ended 'a spec with mistakes is refused' 1 "$qnet" net check "$work/bad.yaml"
says 'with the line and the word that is near' "bad.yaml:9:29: error\[E106\]"
says 'all of them at once' "did you mean 'macroblock_height'"
ended 'a good one is not' 0 "$qnet" net check "$spec"
ended 'what a provider cannot measure is refused' 1 "$qnet" net check --provider process "$spec"
says 'by its code' 'E120'

ended 'a virtual network runs and all holds' 0 "$qnet" net test "$spec" --runs "$runs"
first=$(hash)
says 'every transfer is final once' 'lost 0, doubled 0'
here=$(folder)
for file in spec.yaml events.jsonl load.csv samples.csv asserts.json junit.xml report.md \
    report.html report.json env.json nodes/v1/chain.export; do
    [ -s "$here/$file" ] || echo "$file"
done >"$work/missing"
same 'everything of it is kept' '' "$(cat "$work/missing")"
ended 'the same seed runs again' 0 "$qnet" net test "$spec" --runs "$runs"
same 'and is the same run' "$first" "$(hash)"
ended 'another seed runs' 0 "$qnet" net test "$spec" --runs "$runs" --seed 10
[ "$first" != "$(hash)" ]
report 'and is another run' $?

sed 's/count: 4, type: super/&, lacks: [consensus\/bfd, bft]/' "$spec" >"$work/bad.yaml"
ended 'a plugin that is not there cannot be lacked' 1 "$qnet" net check "$work/bad.yaml"
says 'which is said once for all of a count' '^2 errors'
ended 'a file that is not there is no spec' 1 "$qnet" net test "$work/none.yaml" --runs "$runs"
says 'and is named' "there is no file '.*none.yaml'"
ended 'runs want a folder that is there' 1 "$qnet" net test "$spec" --runs "$work/a/b"
says 'which is named too' "cannot make '.*a/b'"

write_spec sim 10s 100000
ended 'a run of which an assertion fails ends with 5' 5 "$qnet" net test "$spec" --runs "$runs"
says 'names it and the command' 'again: qnet net test'
is 'JUnit has it' grep -q '<failure' "$(folder)/junit.xml"

write_spec sim 10s 2
ended 'variants are compared' 0 "$qnet" net compare "$spec" --runs "$runs"
is 'in a page with plots' grep -qs '</svg>' "$runs/latest/compare.html"
cat >"$work/page.py" <<'END'
# Every table of measures of the page against compare.csv: the same rows, the means of the runs.
import csv, sys, xml.etree.ElementTree as tree

H = "{http://www.w3.org/1999/xhtml}"
page = tree.parse(sys.argv[1] + "/compare.html").getroot()
runs = {}
for row in csv.DictReader(open(sys.argv[1] + "/compare.csv")):
    runs.setdefault((row["measure"], row["variant"]), []).append(float(row["value"]))
seen = set()
for table in page.iter(H + "table"):
    heads = [head.text or "" for head in table.iter(H + "th")]
    if heads[0] != "measure":
        continue
    for row in list(table)[1:]:
        name = row[0].text.split(",")[0]
        for variant, cell in zip(heads[1:], row[1:]):
            data, values = cell.find(H + "data"), runs.get((name, variant))
            if values is None:
                assert data.text == "-", (name, variant)
                continue
            mean = sum(values) / len(values)
            assert abs(float(data.get("value")) - mean) <= 1e-6 * abs(mean), (name, variant)
            seen.add((name, variant))
assert seen == set(runs), set(runs) - seen
assert page.find(".//{http://www.w3.org/2000/svg}polyline") is not None
END
is 'the page is XML, its figures are those of compare.csv' python3 "$work/page.py" "$runs/latest"
for last in "$runs"/2*; do :; done
same 'names of runs are in order' "$(folder)" "$(readlink -f "$last")"
ended 'the last verdict is that of the comparison' 0 "$qnet" net report --runs "$runs"
says 'which is named' 'latest/compare.html'

write_spec "$fast" 9s 2
sed -i '/^compare/,$d' "$spec"
# until_line FILE TEXT: waits for a line of it.
until_line() {
    until_s=$(($(date +%s) + patience))
    until grep -q "$2" "$1"; do
        [ "$(date +%s)" -lt "$until_s" ] || return 1
        sleep 0.2
    done
}
# On a terminal it stays up after its verdict.
python3 -c 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)' "$qnet" net test "$spec" \
    --runs "$runs" --provider process >"$work/term.out" 2>&1 </dev/null &
term=$!
before=$pids
pids="$pids $term"
is 'on a terminal a network of processes is judged and stays up' \
    until_line "$work/term.out" 'it stays up'
pids="$pids $(sed -n 's/.*"pid": \([1-9][0-9]*\).*/\1/p' "$runs/up/net.json")"
ended 'to be looked at' 0 "$qnet" net status --runs "$runs"
ended 'until it is ended' 0 "$qnet" net down --runs "$runs"
ended 'by when all held' 0 wait "$term"
pids=$before
same 'disks of a run that was good are not kept' '' "$(find "$(folder)/nodes" -name data)"
is 'there too every transfer is final once' grep -q 'lost 0, doubled 0' "$work/term.out"
is 'a restart has other settings, if the timeline says so' \
    grep -qx 'mempool: {txs: 2000}' "$(folder)/nodes/v3/node.yaml"
is 'each start has a log of its own' test -s "$(folder)/nodes/v2/log.2.jsonl"

# Engines are exchanged under load, and one node lacks the new one for a while.
cat >"$spec" <<END
version: qnet.net/v1
name: swaps
timeout: 90s
network: {preset: sim}
nodes: [{name: v, count: 3, type: super}, {name: poor, type: super, lacks: [consensus/bft]}]
load: [{rate: 40/s, to: v1, from: 1s, until: 20s}]
timeline:
  - {id: there, at: 2s, do: swap, plan: consensus=bft, windows_later: 5}
  - {id: got, at: 11s, do: install, node: poor, plan: consensus=bft}
  - {id: back, at: 13s, do: swap, plan: consensus=commit-reveal, windows_later: 5}
assert:
  - {id: done, that: "swap.done == 1", for_each: swap}
  - {id: pause, that: "swap.microblock_gap_intervals <= 8", for_each: swap}
  - {id: held, that: "node_held == 1", nodes: poor, within: 30s}
  - {id: no-lost, invariant: accepted_txs_final_once}
  - {id: one-chain, invariant: every_node_on_one_chain}
END
ended 'engines are exchanged and all holds' 0 "$qnet" net test "$spec" --runs "$runs"
says 'who lacks the new one holds, and says what to do' \
    'poor holds: window [0-9]* needs bft .*qnet plugin load consensus=bft'
says 'and goes on once it has it' 'poor goes on'
is 'the report repeats that' grep -q 'poor holds: window' "$(folder)/report.html"

# A run that is interrupted, while one of its nodes is stopped and one was never started.
cat >"$spec" <<END
version: qnet.net/v1
name: cut
network: {preset: $fast}
nodes: [{name: v, count: 4, type: super}, {name: never, type: full, start_at: {macro: 1000}}]
timeline: [{at: 500ms, do: pause, node: v1, for: 1m}]
END
"$qnet" net test "$spec" --runs "$runs" --provider process >"$work/cut.out" 2>&1 &
cut=$!
before=$pids
pids="$pids $cut"
is 'a run of processes is under way' until_line "$work/cut.out" 'do *pause v1'
nodes=$(sed -n 's/.*"pid": \([1-9][0-9]*\).*/\1/p' "$runs/latest/net.json")
pids="$pids $nodes"
same 'its process and those of four nodes are known' 5 "$(echo "$nodes" | wc -l)"
ended 'who does not run is not killed' 1 setsid "$qnet" net 'do' kill node=never --runs "$runs"
says 'which is said' 'never does not run'
kill -INT "$cut"
ended 'an interrupt ends the run, and is no verdict' 130 wait "$cut"
left=$(for pid in $nodes; do kill -0 "$pid" 2>/dev/null && echo "$pid"; done)
same 'no process is left' '' "$left"
[ -n "$left" ] || pids=$before
same 'nor a pid that others could kill' '' "$(grep '"pid": [1-9]' "$runs/latest/net.json")"

# A network that stays up.
cat >"$spec" <<END
version: qnet.net/v1
name: up
network: {preset: $fast}
nodes: [{name: v, count: 4, type: super}]
END
"$qnet" net up "$spec" --runs "$runs" >"$work/up.out" 2>&1 &
pids="$pids $!"
answers() {
    until_s=$(($(date +%s) + patience))
    while [ "$(date +%s)" -lt "$until_s" ]; do
        "$qnet" net status --runs "$runs" >"$work/status" 2>&1 && return 0
        sleep 0.3
    done
    cat "$work/status"
    return 1
}
is 'a network stays up and answers' answers
ended 'it takes a load, final to the last' 0 "$qnet" net load --runs "$runs" --rate 20 --seconds 2
ended 'it is ended' 0 "$qnet" net down --runs "$runs"
ended 'once' 0 "$qnet" net down --runs "$runs"
