# SPDX-License-Identifier: MIT
# network.sh: what the end-to-end tests share: TAP lines, a dev network's folder, nodes that are
# started and ended by pid, and waiting for what a node says of itself. Sourced, never run.
#
# Everything lies in a folder of its own, $work; sockets in $work/run. Only processes that were
# started here are ended, and all of them are when the script ends. Waits are bounded by $patience
# seconds and never shorter than needed: nothing depends on speed.
# shellcheck shell=sh disable=SC2034 # $code is for who sources this

top_builddir=${top_builddir:-$PWD/build}
qnet=${qnet:-$top_builddir/qnet}
qnetd=${qnetd:-$top_builddir/kernel/qnetd/qnetd}
patience=${patience:-120}
work=$(mktemp -d "${TMPDIR:-/tmp}/qnet-e2e.XXXXXX")
XDG_RUNTIME_DIR=$work/run
QN_PLUGIN_PATH=${plugins:-$top_builddir/plugins}
export XDG_RUNTIME_DIR QN_PLUGIN_PATH
pids=
number=0
failures=0
# What a node says before it halts of itself.
halts='state-differs|certificate-contradicts|ledger-stuck'

finish() {
    for pid in $pids; do
        kill -9 "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    if [ "$failures" = 0 ]; then
        rm -rf "$work"
    else
        echo "# kept: $work"
    fi
}
trap finish EXIT
trap 'exit 1' INT TERM

# plan COUNT: how many results follow.
plan() {
    echo "1..$1"
}

# report NAME STATUS: one result.
report() {
    number=$((number + 1))
    if [ "$2" = 0 ]; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        failures=$((failures + 1))
    fi
}

# is NAME COMMAND...: passes if the command does.
is() {
    title=$1
    shift
    "$@" >"$work/said" 2>&1
    status=$?
    report "$title" "$status"
    [ "$status" = 0 ] || sed 's/^/# /' "$work/said"
}

# same NAME WANTED GOT: passes if they are equal.
same() {
    [ "$2" = "$3" ]
    status=$?
    report "$1" "$status"
    [ "$status" = 0 ] || printf '# wanted: %s\n# got:    %s\n' "$2" "$3"
}

# ended NAME CODE COMMAND...: passes if the command ends with CODE; what it said is in $work/said.
ended() {
    title=$1
    wanted=$2
    shift 2
    "$@" >"$work/said" 2>&1
    status=$?
    [ "$status" = "$wanted" ]
    report "$title" $?
    [ "$status" = "$wanted" ] || {
        echo "# wanted $wanted, got $status"
        sed 's/^/# /' "$work/said"
    }
}

# says NAME PATTERN: passes if what the last `ended` said has the pattern.
says() {
    grep -q "$2" "$work/said"
    status=$?
    report "$1" "$status"
    [ "$status" = 0 ] || {
        echo "# not there: $2"
        sed 's/^/# /' "$work/said"
    }
}

# network NODES [OPTIONS]: a dev network in $work/net that made its first window final and stopped.
network() {
    nodes=$1
    shift
    "$qnet" dev --nodes "$nodes" --dir "$work/net" --once "$@" >"$work/dev.out" 2>&1 || {
        sed 's/^/# /' "$work/dev.out"
        tail -n 5 "$work"/net/*/log.* | sed 's/^/# /'
        echo 'Bail out! no network'
        failures=1
        exit 1
    }
    XDG_RUNTIME_DIR=$work/net/run
}

# node NAME: starts it; its pid is then in pid_NAME, its output in its folder.
node() {
    "$qnetd" -c "$work/net/$1/node.yaml" >>"$work/net/$1/out" 2>&1 &
    eval "pid_$1=$!"
    pids="$pids $!"
}

pid_of() {
    eval "echo \$pid_$1"
}

# halt NAME [SIGNAL]: ends it and waits; its exit code is then in $code.
halt() {
    kill "-${2:-TERM}" "$(pid_of "$1")" 2>/dev/null
    wait "$(pid_of "$1")" 2>/dev/null
    code=$?
}

# value NAME FIELD: a field of the node's status, such as final.window; nothing if it does not say.
value() {
    "$qnet" -n "$1" status --json 2>/dev/null | python3 -c '
import json, sys
try:
    it = json.load(sys.stdin)
    for part in sys.argv[1].split("."):
        it = it[part]
    print(it)
except (ValueError, KeyError):
    pass' "$2"
}

# reaches NAME FIELD NUMBER: waits until the field is at least the number.
reaches() {
    until_s=$(($(date +%s) + patience))
    while [ "$(date +%s)" -lt "$until_s" ]; do
        got=$(value "$1" "$2")
        [ -n "$got" ] && [ "$got" -ge "$3" ] && return 0
        sleep 0.3
    done
    echo "$1: $2 is '$got' and not $3 after $patience s"
    tail -n 5 "$work/net/$1/out"
    return 1
}

# digest NAME WINDOW: of a final macroblock.
digest() {
    "$qnet" -n "$1" macro get "$2" --json 2>/dev/null |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["digest"])' 2>/dev/null
}

# agree WINDOW NAME...: all nodes have the same macroblock of that window.
agree() {
    window=$1
    first=
    shift
    for member in "$@"; do
        got=$(digest "$member" "$window")
        [ -n "$got" ] || { echo "$member has no macroblock $window"; return 1; }
        [ -z "$first" ] || [ "$first" = "$got" ] || { echo "$member: $got, others: $first"; return 1; }
        first=$got
    done
}

# load_was_kept CODE FILE: how `qnet dev` ended and what it said; two results.
load_was_kept() {
    same 'all that was accepted is final, and nothing twice' 0 "$1"
    tail -n 12 "$2" | sed 's/^/# /'
    grep -q 'accepted [1-9].*doubled 0 ' "$2"
    report 'some transfers were accepted, and none was doubled' $?
}

# untold NAME EVENTS FILE...: passes if these logs, which are those of nodes that ran, tell of none of
# the events, apart by |. Each has to be one that the sources know.
untold() {
    title=$1
    events=$2
    shift 2
    for event in $(echo "$events" | tr '|' ' '); do
        grep -rqF "\"$event\"" "${top_srcdir:-.}/kernel" || echo "no source tells of $event"
    done >"$work/said"
    grep -q -E 'event=running' "$@" || echo "no node ran: $*" >>"$work/said"
    grep -h -E "event=($events)( |\$)" "$@" >>"$work/said"
    [ ! -s "$work/said" ]
    status=$?
    report "$title" "$status"
    [ "$status" = 0 ] || sed 's/^/# /' "$work/said"
}

# one_chain NODES: starts v1 ... again, from their disks alone, which leaves them in $names; two
# results.
one_chain() {
    XDG_RUNTIME_DIR=$work/net/run
    names=
    for i in $(seq "$1"); do
        node "v$i"
        names="$names v$i"
    done
    for name in $names; do
        reaches "$name" final.window 1 >/dev/null
    done
    last=0
    for name in $names; do
        got=$(value "$name" final.window)
        [ "${got:-0}" -le "$last" ] || last=$got
    done
    verified=0
    for name in $names; do
        reaches "$name" final.window "$last" >/dev/null
        "$qnet" -n "$name" macro verify "1..$last" >>"$work/verify" 2>&1 || verified=1
    done
    report 'each node can show every certificate' $verified
    [ "$verified" = 0 ] || sed 's/^/# /' "$work/verify"
    # shellcheck disable=SC2086 # a list of names
    is 'the final chain is the same on all' agree "$last" $names
}
