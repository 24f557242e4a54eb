#!/bin/sh
# SPDX-License-Identifier: MIT
# plugin_author_test.sh: who has QNet installed, and no source of it, makes a plugin of each kind,
# builds it, and runs a network on it. QNet is installed into a folder of the test's own.

# shellcheck source=tests/e2e/network.sh
. "${top_srcdir:-.}/tests/e2e/network.sh"
# shellcheck source=tests/e2e/stage.sh
. "${top_srcdir:-.}/tests/e2e/stage.sh"
here=$(cd "${top_srcdir:-.}" && pwd)/tests/e2e
kinds='compression consensus ledger producer service signature storage transport'
plan 35

is 'QNet is installed' stage
mkdir "$work/empty"
cd "$work/empty" || exit 99

is 'its plugins are found where it was moved to' grep -q "^consensus " <<END
$(qnet plugin list)
END

# made KIND: a plugin of that kind is written, built without a warning, and passes its own test.
made() {
    qnet plugin new "$1" "my-$1" && make -C "my-$1" CFLAGS='-O1 -g -Werror' &&
        make -C "my-$1" CFLAGS='-O1 -g' "my-$1_test" && "my-$1/my-$1_test" &&
        qnet plugin inspect "my-$1/my-$1.so" | grep 'fits this kernel'
}
for kind in $kinds; do
    is "a $kind is made, built and tested" made "$kind"
    is 'which passes the conformance kit' \
        qnet plugin check "my-$kind/my-$kind.so" --fast
done

# served: a network on the engine makes its first window final.
served() {
    qnet dev --use consensus=my-consensus/my-consensus.so --dir "$work/dev" --once &&
        grep 'consensus: .*my-consensus' "$work/dev/network.yaml"
}
is 'a network on the engine makes a window final' served

ended 'a folder that is there is not written to' 1 qnet plugin new consensus my-consensus
says 'which is said' 'my-consensus.*exists'
ended 'there are eight kinds and no more' 2 qnet plugin new cheese mine
says 'which are named' 'cheese.*compression, consensus, ledger, producer.*storage, transport'
ended 'a name is that of a file' 2 qnet plugin new consensus ../mine

echo 'no plugin at all' >text.so
ended 'a text is no plugin' 5 qnet plugin check text.so
same 'which is said in one line, how to see it alone, and the counts' 4 "$(wc -l <"$work/said")"
ended 'a case that there is not is told' 2 qnet plugin check my-ledger/my-ledger.so --case NOPE
ended 'also in this process' 2 qnet plugin check my-ledger/my-ledger.so --case NOPE --here
ended 'a limit of nothing is none' 2 qnet plugin check my-ledger/my-ledger.so --limit 0
says 'which is said too' 'limit is 1 to'

is 'make install puts it where it is found' make -C my-compression install DESTDIR="$work/there"
found() {
    find "$work/there" -path '*/qnet/compression/my-compression.so' | grep .
}
is 'under its kind' found

# with PROGRAM NAME COMMAND...: one result, where there is that program.
with() {
    needs=$1
    shift
    if command -v "$needs" >/dev/null; then
        is "$@"
    else
        number=$((number + 1))
        echo "ok $number - $1 # SKIP $needs is not there"
    fi
}

# cxx: a plugin in C++, by the same rules.
cxx() {
    mkdir cxx && cp "$here/stored.cc" "$here/stored.yaml" cxx &&
        printf 'NAME = stored\nKIND = compression\nSOURCES = stored.cc\nPACKAGES =\n%s\n' \
            "include \$(shell pkg-config --variable=makefile qnet-plugin)" >cxx/Makefile &&
        make -C cxx && qnet plugin check cxx/stored.so --level L0..L3
}
with c++ 'a plugin in C++ is built and passes' cxx

# autotools: a project that asks for QNet by the macro.
autotools() {
    mkdir auto && cp my-producer/my-producer.c my-producer/my-producer.yaml auto && cd auto &&
        printf '%s\n' 'AC_INIT([mine], [1])' 'AC_PROG_CC' 'QNET_PLUGIN([producer])' \
            'AC_CONFIG_FILES([Makefile])' AC_OUTPUT >configure.ac &&
        printf '%s\n' 'my-producer.so: my-producer.c my-producer.manifest.h' \
            '	@CC@ @QNET_CFLAGS@ -shared -o $@ my-producer.c @QNET_LIBS@' \
            'my-producer.manifest.h: my-producer.yaml' \
            '	@QNET_ABIGEN@ manifest my-producer.yaml @QNET_ABIDIR@ >$@' >Makefile.in &&
        ACLOCAL_PATH=$prefix/share/aclocal autoreconf -i && ./configure && make &&
        qnet plugin inspect ./my-producer.so | grep 'fits this kernel'
    status=$?
    cd "$work/empty" && return "$status"
}
with autoreconf 'autotools find QNet by its macro' autotools
no_kind() {
    ! (cd auto && sed -i 's/producer/cheese/' configure.ac &&
        ACLOCAL_PATH=$prefix/share/aclocal autoconf)
}
with autoreconf 'which knows the kinds' no_kind
