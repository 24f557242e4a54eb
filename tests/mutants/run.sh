#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh: plants each mutant of tests/mutants/list into a copy of its source, links the machines
# with it, and runs them in the order of their cost until one catches it. The honest variant, named
# "honest", has to pass them all.
#
#   run.sh [--every] [--only MACHINES] [--seeds N] [NAME...]
#
#   --every   go on after the first machine that catches it
#   --only    these machines, apart by commas:
#             unit      the kernel's own tests of what was mutated
#             contract  what every engine must do, and this one
#             twins     schedules of two and three rounds of a network with twins
#             seeds     simulated networks to which everything happens, also crashes
#   --seeds   so many of them in each mode, and in tight blocks (200)
#
# For twins the number is that of phases run before; S1 and S5 are promises broken, G is an engine
# that asks for what the guard must refuse. For seeds it is the first of them that fails.
#
# One line a mutant: what each machine said and how long it took: "-" is not run, "ok" is not
# caught. Ends with 1 if a mutant was caught by none, or the honest variant by one. The tree has to
# be built: `make mutants` sees to that.

# shellcheck disable=SC1091,SC2013,SC2046,SC2086,SC2154 # facts come from make; lists are words
set -u
src=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$src/build}
src=$(cd "$src" && pwd) && build=$(cd "$build" && pwd) || exit 2
machines=unit,contract,twins,seeds
seeds=200
every=no
engine=plugins/consensus/commit-reveal

while [ $# -gt 0 ]; do
    case $1 in
    --every) every=yes ;;
    --only) machines=$2 && shift ;;
    --seeds) seeds=$2 && shift ;;
    -*) echo "run.sh: $1?" >&2 && exit 2 ;;
    *) break ;;
    esac
    shift
done

work=$(mktemp -d "${TMPDIR:-/tmp}/mutants.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' INT TERM
plant() { python3 "$src/tests/mutants/plant.py" "$src" "$@"; }
MAKEFLAGS='' make -s -C "$build" mutants-facts >"$work/facts" || exit 2
. "$work/facts"
names=${*:-honest $(plant names)} || exit 2

# objects LIST: LIST with the mutated engine's objects in place of its own, the kernel's in front.
objects() {
    for object in $1; do
        part=${object##*-} && part=${part%.o}
        if [ -f "$dir/engine/$part.o" ] && case $object in $engine/*) ;; *) false ;; esac then
            printf '%s ' "$dir/engine/$part.o"
        elif [ "$object" = kernel/sim/libsim.a ] || [ "$object" = kernel/node/libnode.a ] ||
            [ "$object" = kernel/chain/libchain.a ]; then
            [ -n "$placed" ] || printf '%s ' "$kernel"
            placed=yes
            printf '%s ' "$object"
        else
            printf '%s ' "$object"
        fi
    done
}

# linked NAME LIST
linked() {
    placed=
    objects "$2" >"$dir/objects"
    (cd "$build" && $link -o "$dir/$1" $(cat "$dir/objects")) >"$dir/log" 2>&1 ||
        { cat "$dir/log" >&2 && exit 2; }
}

# sources FILES: the engine's in place of a header that it includes.
sources() {
    for file in $1; do
        case $file in
        *.h) (cd "$src" && find "$engine" -name '*.c' ! -name '*_test.c') ;;
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
    kernel=
    mkdir -p "$dir/engine" "$dir/pic"
    compile="$cc -I$dir/src/sdk/include $flags"
    for file in $1; do
        out=$dir/$(echo "$file" | tr / _).o
        case $file in $engine/*) out=$dir/engine/$(basename "$file" .c).o ;; *) kernel="$kernel $out" ;; esac
        $compile -iquote "$src/$(dirname "$file")" -o "$out" "$dir/src/$file" || exit 2
        case $file in
        $engine/*)
            $compile -fPIC -iquote "$src/$(dirname "$file")" \
                -o "$dir/pic/$(basename "$file" .c).o" "$dir/src/$file" || exit 2
            ;;
        esac
    done
}

caught() { result=$1; }

unit() {
    result=-
    for test in certificate_test vote_test ballot_test guard_test swap_test; do
        case $test:$files in
        certificate_test:*chain/certificate.c* | vote_test:*chain/vote.c* | *:*node/${test%_test}.c* | *:honest) ;;
        *) continue ;;
        esac
        eval "linked $test \"\$$test\""
        result=ok
        CMOCKA_MESSAGE_OUTPUT=TAP timeout 60 "$dir/$test" >"$dir/said" 2>&1 ||
            { caught "$test" && return; }
    done
}

contract() {
    result=-
    case $files in *$engine/* | honest) ;; *) return ;; esac
    linked contract_test "$contract"
    result=ok
    CMOCKA_MESSAGE_OUTPUT=TAP timeout 300 "$dir/contract_test" >"$dir/said" 2>&1 ||
        caught "$(grep -c '^not ok' "$dir/said") cases"
}

twins() {
    result=-
    case $files in *$engine/* | *node/guard.c* | *node/ballot.c* | *chain/certificate.c* | honest) ;; *) return ;; esac
    linked twins_test "$twins"
    result=ok
    before=0
    for options in '--rounds 2 --crashes 1 --changes 1' '--rounds 3 --crashes 0 --changes 1' \
        '--rounds 2 --crashes 0 --changes 2'; do
        status=0
        timeout 900 "$dir/twins_test" $options >"$dir/said" 2>&1 || status=$?
        before=$((before + $(sed -n 's/.*, \([0-9]*\) transitions.*/\1/p' "$dir/said" | grep . || echo 0)))
        [ $status -ne 0 ] || continue
        caught "$(sed -n 's/^# \([SG][0-9]*\): .*/\1/p' "$dir/said" | grep . || echo stops) $before"
        return
    done
}

seeds() {
    result=ok
    linked qnet "$qnet"
    mkdir -p "$dir/plugins/consensus"
    for kind in "$build"/plugins/*; do
        [ "$kind" = "$build/plugins/consensus" ] || ln -sf "$kind" "$dir/plugins/"
    done
    for other in "$build"/plugins/consensus/*; do # networks may swap to them
        [ "$other" = "$build/$engine" ] || ln -sf "$other" "$dir/plugins/consensus/"
    done
    list=
    for part in commit-reveal rules; do
        object=$build/$engine/.libs/commit_reveal_la-$part.o
        [ ! -f "$dir/pic/$part.o" ] || object=$dir/pic/$part.o
        list="$list $object"
    done
    $link_plugin -o "$dir/plugins/consensus/commit-reveal.so" $list || exit 2
    first=1
    for last in 8 40 "$seeds"; do
        [ "$last" -le "$seeds" ] || continue
        [ "$first" -le "$last" ] || continue
        for mode in liveness safety tight; do
            case $mode in
            tight) options="--mode liveness --network $src/tests/mutants/tight.yaml" ;;
            *) options="--mode $mode" ;;
            esac
            QN_PLUGIN_PATH=$dir/plugins timeout 3000 "$dir/qnet" sim run --seeds "$first..$last" \
                --level L1 $options --json >"$dir/said" 2>"$dir/log" && continue
            caught "$mode $(python3 -c '
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
printf '%-24s %-18s %-12s %-14s %-24s %s\n' mutant unit contract twins seeds seconds
failed=0
for name in $names; do
    dir=$work/$name
    mkdir -p "$dir/src"
    files=honest
    if [ "$name" != honest ]; then
        files=$(plant plant "$name" "$dir/src") || exit 2
        files=$(sources "$files")
        compiled "$files"
    else
        kernel=
    fi
    begin=$(now)
    is_caught=no
    printf '%-24s ' "$name"
    for machine in unit contract twins seeds; do
        result=-
        if [ $is_caught = no ] || [ $every = yes ]; then
            case ,$machines, in *,$machine,*) $machine ;; esac
        fi
        case $result in - | ok) ;; *) is_caught=yes ;; esac
        case $machine in
        unit) printf '%-18s ' "$result" ;;
        contract) printf '%-12s ' "$result" ;;
        twins) printf '%-14s ' "$result" ;;
        seeds) printf '%-24s ' "$result" ;;
        esac
    done
    printf '%s\n' $(($(now) - begin))
    case $name:$is_caught in honest:yes | [!h]*:no) failed=$((failed + 1)) ;; esac
    rm -rf "$dir"
done
[ $failed -eq 0 ] || { echo "$failed of these were not as they have to be" && exit 1; }
