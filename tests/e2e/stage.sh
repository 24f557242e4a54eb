# SPDX-License-Identifier: MIT
# stage.sh: QNet as a person has it, installed into a folder of the test's own. Sourced after
# network.sh.
# shellcheck shell=sh disable=SC2154 # $work and $top_builddir are of network.sh

unset QN_PLUGIN_PATH MAKEFLAGS MFLAGS MAKELEVEL

# What `make install` installs, in $work/stage; $prefix is what it was configured for. From then on
# `qnet` and pkg-config are those of there.
stage() {
    make -C "$top_builddir" -s install DESTDIR="$work/stage" >"$work/install.log" 2>&1 || return
    prefix=$work/stage$(sed -n 's/^prefix = //p' "$top_builddir/Makefile")
    PATH=$prefix/bin:$PATH
    PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name qnet-plugin.pc)")
    export PATH PKG_CONFIG_PATH
    [ "$(command -v qnet)" = "$prefix/bin/qnet" ]
}
