#!/bin/sh
# SPDX-License-Identifier: MIT
# net_test.sh: testnets out of one file: checked, run by both providers, judged, compared.

. "${top_srcdir:-.}/tests/e2e/network.sh"
plan 21

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
  - {id: nap, at: 4s, do: pause, node: {pick: random, type: super}, for: 500ms}
assert:
  - {id: up, that: "node_ready == 1", nodes: all, within: 30s}
  - {id: no-fork, invariant: same_hash_at_height}
  - {id: no-revert, invariant: final_never_changes}
  - {id: no-lost, invariant: accepted_txs_final_once}
  - {id: wish, that: "macroblock_height >= $3", nodes: super, within: 60s}
compare:
  variants: [{name: all}, {name: calm, drop: [crash, split, nap]}]
  run: {repeats: 2, fail_if: ["calm.final_tps < 0.5 * all.final_tps"]}
  measure: [final_tps, finality_p99, votes_per_macro]
END
}

# hash: the event hash that the last run said.
hash() {
    sed -n 's/.*event hash \([0-9a-f]*\).*/\1/p' "$work/said"
}

folder() {
    find "$runs" -mindepth 1 -maxdepth 1 -type d | sort | tail -n 1
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

write_spec sim 10s 100000
ended 'a run of which an assertion fails ends with 5' 5 "$qnet" net test "$spec" --runs "$runs"
says 'names it and the command' 'again: qnet net test'
is 'JUnit has it' grep -q '<failure' "$(folder)/junit.xml"

write_spec sim 10s 2
ended 'variants are compared' 0 "$qnet" net compare "$spec" --runs "$runs"
is 'in a page with plots' grep -q '</svg>' "$(folder)/compare.html"

write_spec dev 12s 2
sed -i '/^compare/,$d' "$spec"
ended 'the same network of processes runs and all holds' 0 "$qnet" net test "$spec" \
    --runs "$runs" --provider process
says 'there too every transfer is final once' 'lost 0, doubled 0'
is 'each start has a log of its own' test -s "$(folder)/nodes/v2/log.2.jsonl"
