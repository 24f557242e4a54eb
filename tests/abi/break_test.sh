#!/bin/sh
# SPDX-License-Identifier: MIT
# break_test.sh: every way in which a table can be broken stops the gate, and growing does not. Each
# case changes one line of a copy of a description, has its header made, and asks the gate.

cd "${top_srcdir:-.}" || exit 99
# shellcheck source=tests/abi/gate.sh
. tests/abi/gate.sh
work=$(mktemp -d "${TMPDIR:-/tmp}/qnet-abi.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
number=0

result() {
    number=$((number + 1))
    if [ "$1" = 0 ]; then
        echo "ok $number - $2"
    else
        echo "not ok $number - $2"
        head -n 5 "$work/said" | sed 's/^/# /'
    fi
}

# changed KIND SCRIPT: the headers with that description changed, in $work.
changed() {
    rm -rf "$work/include" "$work/abi"
    mkdir -p "$work/include/qnet" "$work/abi"
    cp sdk/abi/*.yaml "$work/abi"
    sed "$2" "sdk/abi/$1.yaml" >"$work/abi/$1.yaml"
    if cmp -s "sdk/abi/$1.yaml" "$work/abi/$1.yaml"; then
        echo 'the script changes nothing'
        return 1
    fi
    "$abigen" header "$work/abi/$1.yaml" >"$work/include/qnet/$1.h"
}

# breaks PART WORDS KIND SCRIPT: the gate's part stops it, and says these words.
breaks() {
    if ! changed "$3" "$4" >"$work/said" 2>&1; then
        result 1 "$3: $2"
    elif gate "$work" "$1" >"$work/said" 2>&1; then
        echo 'the gate let it pass' >"$work/said"
        result 1 "$3: $2"
    else
        grep -q "$2" "$work/said"
        result $? "$3: $2"
    fi
}

# passes NAME KIND SCRIPT
passes() {
    changed "$2" "$3" >"$work/said" 2>&1 && gate "$work" >>"$work/said" 2>&1
    result $? "$1"
}

new='{name: extra, thread: any, args: {}, returns: u64, doc: New.}'
late='{name: extra, since: 1, optional: true, thread: any, args: {}, returns: u64, doc: New.}'
grown="s/^minor: 0/minor: 1/; s/^releases: .*/releases: ['0.1', '0.2']/"

count=18
command -v abidiff >/dev/null && count=21
echo "1..$count"
mkdir -p "$work/include"
gate "$work" >"$work/said" 2>&1
result $? 'the headers as they are keep what was released'

# A slot
breaks prefix 'moved: struct qn_compression_1.pack' compression "s/^  - {name: pack/  - $new\n&/"
breaks prefix "no member named .pack" compression '/^  - {name: pack/,/returns/d'
breaks prefix 'moved: struct qn_ledger_1.undo' ledger \
    '/^  - {name: undo,/{h;d};/^  - {name: prove,/{p;x}'
breaks prefix 'another type: struct qn_compression_1.bound' compression \
    '/name: bound/s/type: u64/type: u32/'
breaks prefix 'another type: struct qn_storage_1.trim' storage \
    '/name: trim/s/place: {type: u64}/place: {type: u64}, why: {type: u32}/'
breaks prefix 'another type: struct qn_producer_1.close' producer \
    '/name: close/s/returns: void/returns: u64/'
breaks prefix "no member named .cursor" service 's/name: cursor/name: position/'
breaks prints 'released minor was changed: CONSENSUS' consensus \
    '/name: query/s/thread: loop/thread: any/'
breaks prints 'released minor was changed: COMPRESSION' compression \
    '/name: bound/s/, max: plain_max//'

# A record, an event, a number
breaks prefix 'changed: struct qn_producer_ask' producer \
    '/height: u64, view: u32, reserved: u32/s/reserved: u32/reserved: u32, more: u64/'
breaks prefix 'moved: struct qn_ledger_verdict.next' ledger \
    's/{priority: u64, next: u64, code: u32/{code: u32, priority: u64, next: u64/'
breaks prefix "no member named .seed" consensus 's/, seed: hash, saved:/, saved:/'
breaks prefix 'another number: QN_CONSENSUS_EVENT_TIMER' consensus \
    's/^  timer: {id: 6,/  timer: {id: 16,/'
breaks prefix 'another number: QN_STORAGE_KEY_MAX' storage 's/key_max: {value: 255/key_max: {value: 511/'
breaks prefix 'another type: struct qn_host.log' plugin '/name: log,/s/level: {type: u32}/level: {type: u64}/'

# What is allowed
passes 'a slot at the end, of the next minor' compression "$grown; s/^check:/  - $late\n&/"
passes 'an event at the end, of the next minor' consensus \
    "$grown; s/^effects:/  extra: {id: 11, since: 1, fields: {window: u64}, doc: New.}\n&/"

command -v abidiff >/dev/null || {
    echo '# left out: what abidiff says, which is not here (package abigail-tools)'
    exit 0
}
breaks abidiff 'parameter 2' compression '/name: bound/s/type: u64/type: u32/'
breaks abidiff 'offset changed' compression "s/^  - {name: pack/  - $new\n&/"
breaks abidiff 'type size changed' producer \
    '/height: u64, view: u32, reserved: u32/s/reserved: u32/reserved: u32, more: u64/'
