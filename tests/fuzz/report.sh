#!/bin/sh
# SPDX-License-Identifier: MIT
# report.sh: what `make fuzz` has done so far, as a table: of each target how often it was run, for
# how many seconds in all, the edges that it reaches, what its corpus has grown to, findings.
#
# Usage: report.sh FOLDER, the one where fuzz-NAME.log, fuzz-NAME/ and findings lie.

cd "${1:-.}" || exit 1
printf '| %-12s | %12s | %8s | %7s | %7s | %8s |\n' target executions seconds edges corpus findings
printf '|%s|\n' '--------------|-------------:|---------:|--------:|--------:|---------:'
for log in fuzz-*.log; do
    test -e "$log" || continue
    name=${log#fuzz-}
    name=${name%.log}
    # shellcheck disable=SC2012 # the names are ours
    found=$(ls "fuzz-$name"-crash-* "fuzz-$name"-leak-* "fuzz-$name"-timeout-* \
        "fuzz-$name"-oom-* 2>/dev/null | wc -l)
    corpus=$(find "fuzz-$name" -type f | wc -l)
    awk -v name="$name" -v corpus="$corpus" -v found="$found" '
        / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:" && $(i + 1) > edges) edges = $(i + 1) }
        $1 == "Done" && $3 == "runs" { runs += $2; seconds += $5 }
        END {
            printf "| %-12s | %12d | %8d | %7d | %7d | %8d |\n",
                name, runs, seconds, edges, corpus, found
        }' "$log"
done
