#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh: what `make fuzz` does: gives SECONDS to each target, JOBS of them at a time, the one that
# was run least first. So it can be stopped at any time and begun again: what a target has found of
# its code is in fuzz-NAME/, what it did in fuzz-NAME.log, and its next run goes on from there.
#
# Usage: run.sh SECONDS JOBS SOURCE 'TARGETS' PROGRAM_fuzz...   SOURCE: tests/fuzz; TARGETS: '' all
#        run.sh one SECONDS SOURCE PROGRAM_fuzz                 what it runs for each
#
# A hang is an input that takes more than a second on a quiet machine, sanitizers and all. On a busy
# one the second may be somebody else's: what is said to hang is tried three times more, and is a
# finding if it never takes less; else the run goes on. libFuzzer itself may come to a stop while it
# tells of a hang, with a lock that the input held: a minute after its time it is ended.

set -u

# What a target's longest input is: a list of deeds is no better for being longer than its harness
# reads, and texts are slow.
length_of()
{
    case $1 in
    world | copy) echo 1024 ;;
    engine* | peers | store | transfers | turns*) echo 2048 ;;
    network | node | spec) echo 4096 ;;
    *) echo 8192 ;;
    esac
}

# Milliseconds that an input took at best; nothing if it did not come to its end.
best_ms()
{
    for _ in 1 2 3; do
        "$1" -timeout=20 "$2" 2>&1 | sed -n 's/^Executed .* in \([0-9]*\) ms$/\1/p'
    done | sort -n | head -n 1
}

# Whether all that hung lately did so for want of a processor alone; that is no finding then.
are_stalls()
{
    any=1
    for found in "fuzz-$2"-timeout-*; do
        test -e "$found" || continue
        ms=$(best_ms "$1" "$found")
        if test "${ms:-9999}" -ge 1000; then
            return 1
        fi
        echo "$2: $found takes $ms ms: no hang" >>"fuzz-$2.log"
        rm "$found"
        any=0
    done
    return $any
}

one()
{
    left=$1 source=$2 program=$3
    name=$(basename "$program" _fuzz)
    corpus=$source/corpus/${name%%_*} dict=$source/$name.dict
    test -d "$corpus" || corpus=
    test -e "$dict" && dict=-dict=$dict || dict=
    mkdir -p "fuzz-$name" && "./${program}_test" -s "fuzz-$name" || return 1
    echo "$name, $left s"
    while test "$left" -gt 0; do
        begun=$(date +%s)
        # shellcheck disable=SC2086 # what is not there is no word
        timeout -s KILL $((left + 60)) "./$program" -max_total_time="$left" -timeout=1 \
            -rss_limit_mb=2048 -malloc_limit_mb=512 -detect_leaks=1 -print_final_stats=1 \
            -max_len="$(length_of "$name")" $dict \
            -artifact_prefix="fuzz-$name-" "fuzz-$name" $corpus >>"fuzz-$name.log" 2>&1 && return
        left=$((left - $(date +%s) + begun))
        if ! are_stalls "$program" "$name"; then
            tail -n 60 "fuzz-$name.log"
            return 1
        fi
    done
}

if test "$1" = one; then
    shift
    one "$@"
    exit
fi

seconds=$1 jobs=$2 source=$3 targets=$4
shift 4
for program in "$@"; do
    name=$(basename "$program" _fuzz)
    case " $targets " in
    "  " | *" $name "*) echo "$("$source/report.sh" . "$name") $program" ;;
    esac
done | sort -n -s -k 1,1 | cut -d ' ' -f 2 |
    xargs -n 1 -P "$jobs" "$source/run.sh" one "$seconds" "$source"
