# SPDX-License-Identifier: MIT
# gate.sh: what a header may be, given all that was released. Sourced by the tests of this folder.
#
# gate FOLDER [prefix|prints|abidiff]: whether headers of FOLDER/include, and behind them those of
# this tree, keep what was released; it says what they break. Without a part, all of them.
# shellcheck shell=sh disable=SC2034 # $abigen is for who sources this

cc=${CC:-cc}
abigen=${top_builddir:-$PWD/build}/sdk/abigen/abigen
released=0.1 # the release whose headers tests/abi/museum has

# compiles FOLDER OPTION... FILE: with the headers of FOLDER first.
compiles() {
    folder=$1
    shift
    # shellcheck disable=SC2086 # the compiler may be two words
    $cc -std=c11 -I"$folder/include" -Isdk/include -I. "$@"
}

prefix() {
    compiles "$1" -fsyntax-only tests/abi/prefix_test.c
}

# Each minor's print is still what it was, asked with that minor as the target.
prints() {
    for frozen in tests/abi/frozen/*.def; do
        name=$(basename "$frozen" .def)
        kind=$(echo "${name%%_*}" | tr '[:lower:]' '[:upper:]')
        [ "$kind" != PLUGIN ] || kind=HOST
        compiles "$1" -fsyntax-only -DABI_PRINT_OF="\"$frozen\"" -DQN_TARGET_"$kind"="${name##*_}" \
            tests/abi/prefix_test.c || return
    done
}

# The same types, by debug information of two sets of headers. No suppressions: the usual one, of
# members added at the end, hides a slot whose type changed.
abidiffs() {
    for frozen in tests/abi/frozen/*.def; do
        name=$(basename "$frozen" .def)
        kind=$(echo "${name%%_*}" | tr '[:lower:]' '[:upper:]')
        [ "$kind" != PLUGIN ] || kind=HOST
        # shellcheck disable=SC2086
        $cc -std=c11 -g -shared -fPIC -Itests/abi/museum/$released/include -I. \
            -DABI_FROZEN="\"$frozen\"" -o "$1/old.so" tests/abi/types.c || return
        compiles "$1" -g -shared -fPIC -DABI_FROZEN="\"$frozen\"" -DQN_TARGET_"$kind"="${name##*_}" \
            -o "$1/new.so" tests/abi/types.c || return
        abidiff "$1/old.so" "$1/new.so" || return
    done
}

gate() {
    case ${2:-all} in
    all) prefix "$1" && prints "$1" && { ! command -v abidiff >/dev/null || abidiffs "$1"; } ;;
    abidiff) abidiffs "$1" ;;
    *) "$2" "$1" ;;
    esac
}
