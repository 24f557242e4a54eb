#!/bin/sh
# SPDX-License-Identifier: MIT
# report.sh: what `make fuzz` has done so far, as a table: of each target how often it was run, for
# how many seconds in all, the edges that it reaches, what its corpus has grown to, findings. Of a
# run that was killed the last line that it wrote counts.
#
# Usage: report.sh FOLDER         the one where fuzz-NAME.log, fuzz-NAME/ and findings lie
#        report.sh FOLDER NAME    only the seconds of that target

cd "${1:-.}" || exit 1

# "runs seconds edges" of a log.
sums()
{
    awk '
        function run_add() {
            if (is_done) { runs += now; seconds += took }
            else { runs += now; seconds += now / (rate + 1) }
            now = rate = took = is_done = 0
        }
        $1 == "INFO:" && $2 == "Seed:" { run_add() }
        $1 == "Done" && $3 == "runs" { now = $2; took = $5; is_done = 1 }
        $1 == "stat::number_of_executed_units:" { now = $2 }
        $1 == "stat::average_exec_per_sec:" { rate = $2 }
        /^#[0-9]+[ \t]/ {
            now = substr($1, 2)
            for (i = 1; i < NF; i++) {
                if ($i == "exec/s:") rate = $(i + 1)
                if ($i == "cov:" && $(i + 1) > edges) edges = $(i + 1)
            }
        }
        END { run_add(); printf "%d %d %d\n", runs, seconds, edges }' "$1"
}

if test -n "${2:-}"; then
    if test -e "fuzz-$2.log"; then sums "fuzz-$2.log" | cut -d ' ' -f 2; else echo 0; fi
    exit
fi

row='| %-12s | %12s | %8s | %7s | %7s | %8s |\n'
# shellcheck disable=SC2059 # the row is ours
printf "$row" target executions seconds edges corpus findings
printf '|%s|\n' '--------------|-------------:|---------:|--------:|--------:|---------:'
for log in fuzz-*.log; do
    test -e "$log" || continue
    name=${log#fuzz-}
    name=${name%.log}
    # shellcheck disable=SC2012 # the names are ours
    found=$(ls "fuzz-$name"-crash-* "fuzz-$name"-leak-* "fuzz-$name"-timeout-* \
        "fuzz-$name"-oom-* 2>/dev/null | wc -l)
    corpus=$(find "fuzz-$name" -type f | wc -l)
    sums "$log" | while read -r runs seconds edges; do
        # shellcheck disable=SC2059
        printf "$row" "$name" "$runs" "$seconds" "$edges" "$corpus" "$found"
    done
done
