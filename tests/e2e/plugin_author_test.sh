#!/bin/sh
# SPDX-License-Identifier: MIT
# plugin_author_test.sh: who has QNet installed, and no source of it, makes a plugin of each kind,
# builds it, and runs a network on it. QNet is installed into a folder of the test's own.

# shellcheck source=tests/e2e/network.sh
. "${top_srcdir:-.}/tests/e2e/network.sh"
unset QN_PLUGIN_PATH MAKEFLAGS MFLAGS MAKELEVEL
kinds='compression consensus ledger producer service signature storage transport'
plan 26

# stage: what `make install` installs, in $work/stage; $prefix is what it was configured for.
stage() {
    make -C "$top_builddir" -s install DESTDIR="$work/stage" >"$work/install.log" 2>&1 || return
    prefix=$work/stage$(sed -n 's/^prefix = //p' "$top_builddir/Makefile")
    PATH=$prefix/bin:$PATH
    PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name qnet-plugin.pc)")
    export PATH PKG_CONFIG_PATH
    [ "$(command -v qnet)" = "$prefix/bin/qnet" ]
}
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
says 'which are named' 'cheese.*transport.*service'
ended 'a name is that of a file' 2 qnet plugin new consensus ../mine

is 'make install puts it where it is found' make -C my-compression install DESTDIR="$work/there"
found() {
    find "$work/there" -path '*/qnet/compression/my-compression.so' | grep .
}
is 'under its kind' found
