#!/bin/sh
# SPDX-License-Identifier: MIT
# broken_test.sh: each plugin of this folder is built as a third party would, and the conformance kit
# has to flag the rule that it breaks, and nothing else. Usage: with top_builddir, top_srcdir and CC.

cd "${top_srcdir:-.}" || exit 99
here=$PWD
built=$(cd "${top_builddir:-.}" && pwd) || exit 99
qnet=$built/qnet
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
linked='-Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed'
all=--fast

# NAME RULES [FLAGS]: what is flagged of tests/broken/NAME.c, each once, in order of levels.
list() {
    cat <<'END'
right_packer -
right_rota -
right_store -
right_tally -
exports_more QN-STA-023
keeps_variable QN-STA-018
runs_at_loading QN-STA-013
reads_clock QN-STA-024
thread_variable QN-STA-015
bound_lazily QN-STA-012
has_own_path QN-STA-019
patched_header QN-STA-003
misses_function QN-LOA-001
wrong_print QN-LOA-002
null_slot QN-LOA-003
ends_the_process QN-LOA-004
needs_key QN-LOA-004
blocks_long QN-LOA-005
prints QN-LOA-006
starts_thread QN-LOA-007,QN-LIF-006
is_alone QN-LOA-008,QN-LOA-009,QN-DET-001
thaws_never QN-LIF-001,QN-LIF-006
wants_to_be_frozen QN-LIF-001,QN-LIF-003
refuses_its_config QN-LIF-001,QN-LIF-004
leaks_heap QN-LIF-002
leaks_descriptor QN-LIF-002
has_every_extension QN-LIF-005
takes_more_bytes QN-CMP-003
shares_between_lanes QN-CMP-005
forgets_its_lock QN-CON-001,QN-CON-002,QN-CON-011
believes_all QN-CON-001,QN-CON-002,QN-CON-003,QN-CON-005,QN-CON-006,QN-CON-007,QN-CON-008
seats_the_excluded QN-PRO-004,QN-PRO-007,QN-PRO-008
snapshots_move QN-STO-004
opens_empty QN-STO-001,QN-STO-006,QN-STO-007,QN-STO-009,QN-STO-010,QN-FLT-006,QN-FLT-007
trusts_take QN-FLT-001
trusts_take_at_work QN-FLT-002
ignores_full_sink QN-FLT-003
crashes_on_garbage QN-FLT-004
hangs_on_garbage QN-FLT-004
needs_what_it_wants QN-FLT-005
forgets_to_flush QN-FLT-007
answers_early QN-FLT-006,QN-FLT-007
halves_batches QN-FLT-006,QN-FLT-007
trusts_the_disk QN-FLT-007
orders_by_address QN-DET-003
minds_the_batch QN-DET-002
follows_the_zone QN-DET-005
reads_unwritten QN-DET-004
forgets_in_swap QN-SWP-001,QN-SWP-002
crashes_on_state QN-SWP-003
has_every_part QN-SWP-004
ends_by_export QN-SWP-002,QN-SWP-005
keeps_pointer QN-MEM-001,QN-MEM-002
writes_borrowed QN-MEM-001,QN-MEM-002
writes_beside QN-MEM-003,QN-MEM-004
grows QN-CST-002
leaks_each_call QN-CST-003
needs_more QN-FLT-003,QN-FLT-004,QN-SWP-002,QN-SWP-005,QN-MEM-002,QN-CST-001,QN-CST-002,QN-CST-003
END
}

# Some are a right plugin that is built wrongly.
source_of() {
    case $1 in
    bound_lazily | has_own_path | misses_function) echo "$here/tests/broken/right_packer.c" ;;
    patched_header) echo "$work/patched/right_packer.c" ;;
    forgets_its_lock | believes_all) echo "$work/engine/$1.c" ;;
    *) echo "$here/tests/broken/$1.c" ;;
    esac
}

# build NAME: $work/NAME.so.
build() {
    flags="-O1 -std=c11 -D_DEFAULT_SOURCE -shared -fPIC -fvisibility=hidden"
    more=$linked
    case $1 in
    bound_lazily) more='-Wl,-z,relro,-z,lazy,-z,noexecstack' ;;
    has_own_path) more="$linked -Wl,-rpath,/nowhere" ;;
    misses_function) flags="$flags -include $work/misses.h" ;;
    esac
    # shellcheck disable=SC2086 # lists of flags
    ${CC:-cc} $flags -I"$here/sdk/include" -I"$here/plugins/producer/round-robin" \
        -I"$here/plugins/storage/memory" \
        "-I$work" "-I$work/engine" -o "$work/$1.so" "$(source_of "$1")" $more
}

# check NAME RULES: one line for `report`, in a file of its own.
check() {
    levels=L0..L8
    options=$all
    if [ "$1" = writes_beside ]; then
        command -v valgrind >/dev/null || { echo skip >"$work/$1.found"; return; }
        levels=L7
        options=
    fi
    case $1 in
    blocks_long) levels=L0..L1 ;; # it blocks everywhere
    forgets_its_lock | believes_all) levels=L0..L3 ;; # an engine's work is long
    esac
    build "$1" >"$work/$1.words" 2>&1 || { echo 'not built' >"$work/$1.found"; return; }
    # shellcheck disable=SC2086 # a list of options, or none
    "$qnet" plugin check "$work/$1.so" $options --level $levels --limit 5 --quiet \
        >"$work/$1.words" 2>&1
    sed -n 's/^L[0-9] FAIL \([A-Z0-9-]*\) .*/\1/p' "$work/$1.words" | uniq | tr '\n' ',' |
        sed 's/,$//' >"$work/$1.found"
}

# A function that is nowhere, and a header with another print.
echo 'int nowhere(void); __attribute__((used)) static int uses(void) { return nowhere(); }' \
    >"$work/misses.h"
mkdir -p "$work/patched"
cp tests/broken/packer.h tests/broken/right_packer.c "$work/patched"
sed 's/0xf9, 0x44, 0x46, 0x94,/0xf8, 0x44, 0x46, 0x94,/' tests/broken/packer.manifest.h \
    >"$work/patched/packer.manifest.h"

# The template of an engine, with one line that is another.
mkdir -p "$work/engine"
"$built/sdk/abigen/abigen" manifest sdk/template/consensus/mine.yaml sdk/abi \
    >"$work/engine/mine.manifest.h"
engine() {
    sed "s/^    return $2.*/    return $3;/" sdk/template/consensus/mine.c >"$work/engine/$1.c"
}
engine forgets_its_lock 'qn_lock_allows(' 'self != NULL \&\& it != NULL'
engine believes_all 'qn_verdicts_allow(' 'self != NULL \&\& digest != NULL'

echo "1..$(($(list | wc -l) + 3))"
if nm -D "$qnet" 2>/dev/null | grep -q __asan; then
    list | while read -r name _; do
        number=$((number + 1))
        echo "ok $number - $name # SKIP built with sanitizers, which let plugins be otherwise"
    done
    for name in 'a valgrind that does not start' 'a leak to the last descriptor' 'a key'; do
        more=$((${more:-0} + 1))
        echo "ok $(($(list | wc -l) + more)) - $name # SKIP built with sanitizers"
    done
    exit
fi
list >"$work/list"
jobs=0
while read -r name rules; do
    check "$name" "$rules" &
    jobs=$((jobs + 1))
    [ $((jobs % 4)) -ne 0 ] || wait
done <"$work/list"
wait
number=0
while read -r name rules; do
    number=$((number + 1))
    found=$(cat "$work/$name.found")
    if [ "$found" = skip ]; then
        echo "ok $number - $name # SKIP there is no valgrind"
    elif [ "${found:--}" = "$rules" ]; then
        echo "ok $number - $name is flagged by $rules"
    else
        sed 's/^/# /' "$work/$name.words"
        echo "not ok $number - $name is flagged by $rules, not ${found:--}"
    fi
done <"$work/list"

# found NAME PATTERN COUNT: so many lines of what was said last have the pattern.
found() {
    number=$((number + 1))
    if [ "$(grep -c "$2" "$work/words")" = "$3" ]; then
        echo "ok $number - $1"
    else
        sed 's/^/# /' "$work/words"
        echo "not ok $number - $1"
    fi
}

mkdir "$work/bin"
printf '#!/bin/sh\nexit 1\n' >"$work/bin/valgrind"
chmod +x "$work/bin/valgrind"
PATH=$work/bin:$PATH "$qnet" plugin check "$work/right_packer.so" --level L7 >"$work/words" 2>&1
found 'a valgrind that does not start is no pass' 'skip QN-MEM-00[34]' 2
# shellcheck disable=SC3045 # every sh of today has -n
(ulimit -n 64 && "$qnet" plugin check "$work/leaks_descriptor.so" --case QN-LIF-002 $all) \
    >"$work/words" 2>&1
found 'a leak to the last descriptor is seen' 'FAIL QN-LIF-002' 1
echo 'owner: me' | "$qnet" plugin check "$work/needs_key.so" --config - $all >"$work/words" 2>&1
found 'a key that is said is one' ' 0 failed' 1
