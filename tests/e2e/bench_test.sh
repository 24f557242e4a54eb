#!/bin/sh
# SPDX-License-Identifier: MIT
# bench_test.sh: every bench checks its own result, and says what it measured in one shape. No speed
# is asserted: one short portion of each is run.

. "${top_srcdir:-.}/tests/e2e/network.sh"
TMPDIR=$work
export TMPDIR
plan 15

"$qnet" bench --list >"$work/list"
report 'the benches are listed' $?
for bench in verify hash encode exec log transport pipeline; do
    grep -q "^$bench .*against " "$work/list"
    report "$bench is there and names its baseline" $?
done

"$qnet" bench --seconds 0 --runs 2 --json >"$work/bench.json" 2>"$work/errors"
same 'all checks pass' 0 $?
sed 's/^/# /' "$work/errors"
rows() {
    python3 - "$work/bench.json" "$1" <<'END'
import json, sys
document = json.load(open(sys.argv[1]))
print(all(eval('(' + sys.argv[2] + ')', {'row': row, 'document': document}) for row in document['results']))
END
}
same 'each row has its figures' True "$(rows '{"bench", "value", "unit", "runs", "median", "min",
    "max", "baseline", "ratio", "check"} <= set(row) and len(row["runs"]) == 2 and
    0 < row["min"] <= row["median"] <= row["max"] and row["baseline"]["value"] > 0')"
same 'each row was checked' True "$(rows 'len(row["check"]) > 0')"
same 'all seven gave rows' 7 "$(python3 -c '
import json, sys
print(len({row["bench"] for row in json.load(open(sys.argv[1]))["results"]}))' "$work/bench.json")"
same 'the pipeline says what it includes' True "$(rows 'row["bench"] != "pipeline" or
    {"bytes", "senders", "accounts", "distribution", "first_sends", "bad_share"} <= set(row["tx"])
    and row["durable"] == "fdatasync per block" and row["verified_in_run"]')"
same 'the machine is described' True "$(rows '{"cores", "cpu", "calibration_us", "load", "compiler",
    "kernel", "filesystem", "plugins"} <= set(document) and
    all(len(plugin["code"]) == 64 for plugin in document["plugins"])')"
"$qnet" bench nothing >"$work/said" 2>&1
same 'an unknown bench is a mistake of the caller' 2 $?
