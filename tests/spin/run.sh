#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh: searches the models of this folder, all states or until an error.
#
#   run.sh            every model as far as it goes: an hour on a busy machine, under 4 GB
#   run.sh --quick    a slice for `make check`, under two minutes on a busy machine
#   run.sh --trails   writes trails/ anew, after a change of a model
#
# A model must have no error. A mutant of it (M_NAME) must have one, and an honest run that is
# wanted (W_NAME) must be found; both are searched in breadth, so the trail is the shortest and is
# always the same: it must be the one that lies in trails/, which conform_test.c plays to the code.
# What each model says is in its head.
set -eu

here=$(cd "${top_srcdir:-$(dirname "$0")/../..}/tests/spin" && pwd)
cc=${CC:-gcc}
mode=${1:-}
count=0
failed=0
level=-O2 # of a search that is longer than its compilation

case $mode in
'' | --quick | --trails) ;;
*)
    sed -n 's/^# \{0,1\}//; 3,7p' "$here/run.sh" >&2
    exit 2
    ;;
esac
if ! command -v spin >/dev/null 2>&1; then
    echo '1..0 # SKIP spin is not installed'
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work"
# shellcheck disable=SC3045 # where the shell knows no such limit it is done without
ulimit -v 4000000 2>/dev/null || true

say() {
    count=$((count + 1))
    [ "$1" = ok ] || failed=$((failed + 1))
    echo "$1 $count - $2"
}

# build MODEL FLAGS DEFINES: ./pan, at the level that is set
build() {
    rm -f pan* ./*.trail
    # shellcheck disable=SC2086 # lists of words
    if ! timeout 60 spin -a $2 "$here/$1.pml" >spin.log 2>&1 ||
        ! $cc $level $3 -w -DMEMLIM=3800 -o pan pan.c >>spin.log 2>&1; then
        sed 's/^/# /' spin.log
        return 1
    fi
}

# search FLAGS: runs ./pan; sets errors and figures
search() {
    before=$(date +%s)
    # shellcheck disable=SC2086
    timeout 1800 ./pan -n -m100000 $1 >pan.log 2>&1 || true
    seconds=$(($(date +%s) - before))
    errors=$(sed -n 's/.*errors: \([0-9]*\)$/\1/p' pan.log)
    states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.log)
    memory=$(sed -n 's/^ *\([0-9]*\)[.0-9]*\ttotal actual memory usage/\1/p' pan.log)
    if [ "$errors" = 0 ] &&
        grep -qE 'depth too small|out of memory|memory limit|not completed' pan.log; then
        errors=incomplete
    fi
    figures="$states states, $seconds s, $memory MB"
}

# clean MODEL FLAGS: there is no error
clean() {
    if build "$1" "$2" '-DSAFETY -DNOCLAIM' && search '' && [ "$errors" = 0 ]; then
        say ok "$1${2:+ $2}: clean: $figures"
    else
        say 'not ok' "$1${2:+ $2}: clean"
        sed 's/^/# /' pan.log 2>/dev/null | head -n 20
    fi
}

# fair MODEL FLAGS: its formula holds under weak fairness
fair() {
    if build "$1" "-DLTL $2" '-DNFAIR=3' && search '-a -f' && [ "$errors" = 0 ]; then
        say ok "$1${2:+ $2}: holds under weak fairness: $figures"
    else
        say 'not ok' "$1${2:+ $2}: holds under weak fairness"
    fi
}

# trail MODEL FLAGS: what the error does, line by line
trail() {
    echo '# SPDX-License-Identifier: MIT'
    echo "# $1.pml $2; written by tests/spin/run.sh --trails"
    # shellcheck disable=SC2086
    timeout 60 spin -t -T $2 -k "$1.pml.trail" "$here/$1.pml" |
        sed -n '/^@ violated/q; s/^@ //p'
}

# found MODEL NAME [FLAGS]: there is an error, and it is the known one
found() {
    flags="-D$2${3:+ $3}"
    kept="$here/trails/$1-$(echo "$2" | tr 'A-Z_' 'a-z-').txt"
    case $2 in
    M_*) what=caught ;;
    *) what='found, as it should be' ;;
    esac
    if ! build "$1" "$flags" '-DSAFETY -DNOCLAIM -DBFS' || ! search '' || [ "$errors" != 1 ]; then
        say 'not ok' "$1 $flags: $what"
        return
    fi
    trail "$1" "$flags" >trail.txt
    if [ "$mode" = --trails ]; then
        cp trail.txt "$kept"
    fi
    if cmp -s trail.txt "$kept"; then
        say ok "$1 $flags: $what: $figures"
    else
        say 'not ok' "$1 $flags: $what, but not by the trail that is kept"
        diff "$kept" trail.txt | sed 's/^/# /' || true
    fi
}

if [ "$mode" = '' ]; then
    clean guard -DS6
    clean engine ''
    clean bft ''
    clean exchange ''
    clean window ''
    clean abandon ''
    clean abandon '-DATTEMPTS=3 -DROUNDS=1'
    clean swap ''
    fair exchange ''
elif [ "$mode" = --quick ]; then
    level=-O1
    clean engine ''
    clean window -DHEIGHTS=3
    level=-O0
    clean guard '-DROUNDS=2 -DS6'
    clean exchange -DROUNDS=1
    clean abandon -DROUNDS=1
    clean swap -DWINDOWS=5
    fair exchange -DROUNDS=1
fi

# Each in under a second or so.
level=-O0
found guard M_NO_LOCK -DROUNDS=2
found guard M_LATE_SEAL -DROUNDS=2
found guard M_FORGET_LOCK -DROUNDS=2
found engine M_NO_RELOCK
found engine M_OLD_SEAL
found engine M_VALID_FORGOTTEN
found bft M_NO_LOCK
found bft M_LATE_FINAL
found bft M_ENTER_FREE
found exchange M_TIMERS
found window M_REORG
found window M_NO_PAUSE
found abandon M_IGNORE_LOCKS -DROUNDS=1
found abandon M_LATE_SEAL -DROUNDS=1
found swap M_CONFIG
found swap M_COUNT_LATE

if [ "$mode" != --quick ]; then
    level=-O1
    found guard M_ANY_UNLOCKS
    found guard M_FORGET_VOTE -DROUNDS=2
    found guard M_NO_PREPARE -DROUNDS=2
    found guard M_HIGHEST_LOCK -DS6
    found guard W_RELOCK
    found guard W_CRASH -DROUNDS=2
    found engine M_ANY_UNLOCKS
    found engine M_LOCK_ON_ANY
    found engine M_TWO_SEALS
    found engine W_RELOCK
    found engine W_CRASH
    found bft M_ANY_UNLOCKS
    found bft M_HIGH_FORGOTTEN
    found bft M_NO_DELTA
    found bft W_RELOCK
    found bft W_CRASH
    found exchange M_NO_EXCHANGE
    found window M_LOCAL_LAG -DHEIGHTS=3
    found abandon M_LAST_ALONE '-DATTEMPTS=3 -DROUNDS=1'
    found abandon W_BOUND -DROUNDS=1
    found abandon W_FREE -DROUNDS=1
    found swap W_SWAPPED -DRESTARTS=0
    found swap W_RETURNED -DRESTARTS=0
fi

echo "1..$count"
[ "$failed" = 0 ]
