#!/bin/sh
# SPDX-License-Identifier: MIT
# headers_test.sh: every public header stands alone, in C and in C++, under each compiler that is
# there, without a warning and without hidden padding.

cd "${top_srcdir:-.}" || exit 99
warnings='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align
          -Wundef -Wpadded -Werror'
number=0

# compiles COMPILER LANGUAGE STANDARD: one TAP line for all headers.
compiles() {
    number=$((number + 1))
    name="public headers as $3 by $1"
    if ! echo 'int x;' | "$1" -x "$2" -std="$3" -fsyntax-only - 2>/dev/null; then
        echo "ok $number - $name # SKIP $1 does not compile that"
        return
    fi
    failed=
    for header in sdk/include/qnet/*.h; do
        # shellcheck disable=SC2086 # a list of flags
        printf '#include <qnet/%s>\nextern int not_empty;\n' "${header##*/}" |
            "$1" -x "$2" -std="$3" -Isdk/include $warnings -fsyntax-only - >&2 || failed="$failed $header"
    done
    if [ -z "$failed" ]; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name:$failed"
    fi
}

echo 1..6
compiles gcc c c11
compiles gcc c c17
compiles g++ c++ c++17
compiles clang-14 c c11
compiles clang-14 c c17
compiles clang++-14 c++ c++17
