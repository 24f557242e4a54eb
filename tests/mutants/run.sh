#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh: plants each mutant of tests/mutants/list into a copy of its source, links the machines
# with it, and runs them in the order of their cost until one catches it. The honest variants, named
# "honest" and "honest:bft", have to pass them all.
#
#   run.sh [--every] [--only MACHINES] [--seeds N] [NAME...]
#
#   --every   go on after the first machine that catches it
#   --only    these machines, apart by commas:
#             unit      the kernel's own tests of what was mutated
#             contract  what every engine must do, and this one
#             trails    what the models' searches found, played to the code: tests/spin
#             twins     schedules of two and three rounds of a network with twins
#             nets      simulated networks that swap engines, leave one that decides nothing, and
#                       have hostile members
#             seeds     simulated networks to which everything happens, also crashes and swaps
#   --seeds   so many of them in each mode, in tight blocks, and with liars whose blocks are wrong
#             in one thing (200)
#
# Twins and seeds run with the engine that the list names, else commit-reveal. For twins the number
# is that of phases run before; S1 and S5 are promises broken, G is an engine that asks for what the
# guard must refuse. For seeds it is the first of them that fails; the others say which program did.
#
# One line a mutant: what each machine said and how long it took: "-" is not run, "ok" is not
# caught. Ends with 1 if a mutant was caught by none, or an honest variant by one. The tree has to
# be built: `make mutants` sees to that.

# shellcheck disable=SC1091,SC2013,SC2046,SC2086,SC2154 # facts come from make; lists are words
set -u
src=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$src/build}
src=$(cd "$src" && pwd) && build=$(cd "$build" && pwd) || exit 2
machines=unit,contract,trails,twins,nets,seeds
seeds=200
every=no

while [ $# -gt 0 ]; do
    case $1 in
    --every) every=yes ;;
    --only) machines=${2:-none} && shift ;;
    --seeds) seeds=${2:-none} && shift ;;
    -*) sed -n '7,27s/^#//p' "$src/tests/mutants/run.sh" >&2 && exit 2 ;;
    *) break ;;
    esac
    shift
done
for machine in $(echo "$machines" | tr , ' '); do
    case $machine in
    unit | contract | trails | twins | nets | seeds) ;;
    *) echo "run.sh: --only: '$machine' is no machine" >&2 && exit 2 ;;
    esac
done
case $seeds in
'' | *[!0-9]* | 0) echo "run.sh: --seeds: '$seeds' is no number of them" >&2 && exit 2 ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/mutants.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' INT TERM
plant() { python3 "$src/tests/mutants/plant.py" "$src" "$@"; }
MAKEFLAGS='' make -s -C "$build" mutants-facts >"$work/facts" || exit 2
. "$work/facts"
names=${*:-honest honest:bft $(plant names)} || exit 2

# objects LIST: LIST with the mutated engine's objects in place of its own, the kernel's in front.
objects() {
    placed=
    for object in $1; do
        part=${object##*/} && part=${part#*_test-} && part=${part%.o}
        case $object in
        "$folder"/*.o)
            [ ! -f "$dir/engine/$part.o" ] || object=$dir/engine/$part.o
            ;;
        kernel/sim/libsim.a | kernel/node/libnode.a | kernel/chain/libchain.a)
            [ -n "$placed" ] || printf '%s ' "$kernel"
            placed=yes
            ;;
        esac
        printf '%s ' "$object"
    done
}

# linked NAME LIST
linked() {
    objects "$2" >"$dir/objects"
    (cd "$build" && $link -o "$dir/$1" $(cat "$dir/objects")) >"$dir/log" 2>&1 ||
        { cat "$dir/log" >&2 && exit 2; }
}

# sources FILES: the engine's in place of a header that it includes.
sources() {
    for file in $1; do
        case $file in
        *.h) (cd "$src" && find "$folder" -name '*.c' ! -name '*_test.c') ;;
        *) echo "$file" ;;
        esac
    done | sort -u | while read -r file; do
        mkdir -p "$dir/src/$(dirname "$file")"
        [ -f "$dir/src/$file" ] || cp "$src/$file" "$dir/src/$file"
        echo "$file"
    done
}

# compiled FILES: mutated objects, the engine's once more for its .so.
compiled() {
    mkdir -p "$dir/engine" "$dir/pic"
    compile="$cc -I$dir/src/sdk/include $flags"
    for file in $1; do
        out=$dir/$(echo "$file" | tr / _).o
        case $file in $folder/*) out=$dir/engine/$(basename "$file" .c).o ;; *) kernel="$kernel $out" ;; esac
        $compile -iquote "$src/$(dirname "$file")" -o "$out" "$dir/src/$file" || exit 2
        case $file in
        $folder/*)
            $compile -fPIC -iquote "$src/$(dirname "$file")" \
                -o "$dir/pic/$(basename "$file" .c).o" "$dir/src/$file" || exit 2
            ;;
        esac
    done
}

# staged: a build tree's plugins, with the mutated engine in place of its own.
staged() {
    to=$dir/stage/plugins/consensus
    mkdir -p "$to/$engine/.libs"
    for other in "$build"/plugins/*; do
        [ "$other" = "$build/plugins/consensus" ] || ln -sf "$other" "$dir/stage/plugins/"
    done
    for other in "$build"/plugins/consensus/*; do # networks may swap to them
        [ "$other" = "$build/$folder" ] || ln -sf "$other" "$to/"
    done
    list=
    for object in "$build/$folder/.libs"/*.o; do
        part=${object##*_la-}
        [ ! -f "$dir/pic/$part" ] || object=$dir/pic/$part
        list="$list $object"
    done
    $link_plugin -o "$to/$engine/.libs/$engine.so" $list || exit 2
}

# touches PATTERN...: whether a mutated file is one of these.
touches() {
    for pattern in "$@"; do
        for file in $files; do
            # shellcheck disable=SC2254 # it is a pattern
            case $file in $pattern) return 0 ;; esac
        done
    done
    return 1
}

# cases NAME: runs a program of cases; result is how it failed, or ok.
cases() {
    status=0
    CMOCKA_MESSAGE_OUTPUT=TAP top_srcdir=$src top_builddir=$dir/stage \
        timeout 600 "$dir/$1" >"$dir/said" 2>&1 || status=$?
    result=ok
    [ $status -eq 0 ] && return
    result=$1
    [ "$1" != contract ] || result="$(grep -c '^not ok' "$dir/said") cases"
    [ $status -lt 128 ] || result="$1 signal"
}

# What each machine is for: the programs that see one of the files, in order.
unit() {
    result=-
    for pair in chain_certificate: chain_vote: chain_abandon: chain_binding: chain_swap: \
        node_ballot: node_guard: node_attempts: node_swap:binding.c node_swap:swap.c; do
        test=${pair%%:*}
        file=kernel/$(echo "$test" | tr _ /).c
        touches "$file" "kernel/chain/${pair#*:}" honest || continue
        eval "linked $test \"\$$test\""
        cases "$test"
        [ "$result" = ok ] || return
    done
}

contract() {
    result=-
    touches "$folder/*" honest || return
    eval "linked contract \"\$contract_$(echo "$engine" | tr - _)\""
    cases contract
}

trails() {
    result=-
    touches "$folder/*" 'kernel/chain/*' 'kernel/node/*' honest || return
    for test in $conform_programs; do
        eval "linked $test \"\$$test\""
        cases "$test"
        [ "$result" = ok ] || return
    done
}

twins() {
    result=-
    touches "$folder/*" kernel/node/guard.c kernel/node/ballot.c kernel/chain/certificate.c honest || return
    eval "list=\${twins_$(echo "$engine" | tr - _):-}"
    [ -n "$list" ] || return
    linked twins_test "$list"
    result=ok
    before=0
    for options in '--rounds 2 --crashes 1 --changes 1' '--rounds 3 --crashes 0 --changes 1' \
        '--rounds 2 --crashes 0 --changes 2'; do
        status=0
        timeout 900 "$dir/twins_test" $options >"$dir/said" 2>&1 || status=$?
        before=$((before + $(sed -n 's/.*, \([0-9]*\) transitions.*/\1/p' "$dir/said" | grep . || echo 0)))
        [ $status -ne 0 ] || continue
        result="$(sed -n 's/^# \([SG][0-9]*\): .*/\1/p' "$dir/said" | grep . || echo stops) $before"
        return
    done
}

nets() {
    result=-
    touches 'kernel/*' honest || return
    for test in fallback swaps hostile; do
        eval "linked $test \"\$$test\""
        cases "$test"
        [ "$result" = ok ] || return
    done
}

seeds() {
    result=ok
    linked qnet "$qnet"
    first=1
    for last in 8 40 "$seeds"; do
        [ "$last" -le "$seeds" ] || continue
        [ "$first" -le "$last" ] || continue
        for mode in liars liveness safety tight; do
            case $mode in
            liars)
                options="--faults crash,loss,lie,wrong_schedule,wrong_txs --always lie"
                options="$options --consensus $engine"
                ;;
            tight) options="--mode liveness --network $src/tests/mutants/tight.yaml" ;;
            *) options="--mode $mode --consensus $engine" ;;
            esac
            QN_PLUGIN_PATH=$dir/stage/plugins timeout 3000 "$dir/qnet" sim run \
                --seeds "$first..$last" --level L1 $options --json >"$dir/said" 2>"$dir/log" && continue
            result="$mode $(python3 -c '
import json, sys
bad = [it for it in json.load(open(sys.argv[1]))["runs"] if not it["good"]]
first = min(bad, key=lambda it: it["seed"])
print(first["violated"], "seed", first["seed"])' "$dir/said" 2>/dev/null)"
            case $result in *seed*) ;; *) cat "$dir/said" "$dir/log" >&2 && exit 2 ;; esac
            return
        done
        first=$((last + 1))
    done
}

now() { date +%s; }
printf '%-24s %-18s %-10s %-18s %-12s %-14s %-24s %s\n' \
    mutant unit contract trails twins nets seeds seconds
failed=0
for name in $names; do
    dir=$work/$(echo "$name" | tr : -) # paths of plugins have colons between them
    mkdir -p "$dir/src"
    files=honest
    engine=commit-reveal
    kernel=
    case $name in
    honest) ;;
    honest:*) engine=${name#*:} ;;
    *)
        engine=$(plant engine "$name") && files=$(plant plant "$name" "$dir/src") || exit 2
        ;;
    esac
    folder=plugins/consensus/$engine
    if [ "$files" != honest ]; then
        files=$(sources "$files")
        compiled "$files"
    fi
    staged
    begin=$(now)
    is_caught=no
    printf '%-24s ' "$name"
    for machine in unit contract trails twins nets seeds; do
        result=-
        if [ $is_caught = no ] || [ $every = yes ]; then
            case ,$machines, in *,$machine,*) $machine ;; esac
        fi
        case $result in - | ok) ;; *) is_caught=yes ;; esac
        case $machine in
        unit | trails) printf '%-18s ' "$result" ;;
        contract) printf '%-10s ' "$result" ;;
        twins) printf '%-12s ' "$result" ;;
        nets) printf '%-14s ' "$result" ;;
        seeds) printf '%-24s ' "$result" ;;
        esac
    done
    printf '%s\n' $(($(now) - begin))
    case $name:$is_caught in honest*:yes | [!h]*:no) failed=$((failed + 1)) ;; esac
    rm -rf "$dir"
done
[ $failed -eq 0 ] || { echo "$failed of these were not as they have to be" && exit 1; }
