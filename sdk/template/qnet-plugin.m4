# SPDX-License-Identifier: MIT
# qnet-plugin.m4: a QNet plugin in a project of autotools.
#
# QNET_PLUGIN(KIND)
#   Looks for an installed QNet through pkg-config and ends if there is none. Sets and substitutes
#     QNET_CFLAGS, QNET_LIBS   to compile and to link a plugin of KIND
#     QNET_PLUGINDIR           where plugins of KIND are installed
#     QNET_ABIGEN, QNET_ABIDIR `$(QNET_ABIGEN) manifest mine.yaml $(QNET_ABIDIR) >mine.manifest.h`
#     QNET                     the program, for `$(QNET) plugin check ./mine.so`
# serial 1

AC_DEFUN([QNET_PLUGIN], [dnl
m4_if(m4_bregexp([$1],
  [^\(transport\|storage\|compression\|signature\|producer\|consensus\|ledger\|service\)$]), [-1],
  [m4_fatal([QNET_PLUGIN: '$1' is no kind of plugin])])dnl
AC_REQUIRE([PKG_PROG_PKG_CONFIG])dnl
AC_MSG_CHECKING([for QNet])
AS_IF([$PKG_CONFIG --exists qnet-plugin],
  [AC_MSG_RESULT([`$PKG_CONFIG --modversion qnet-plugin`])],
  [AC_MSG_RESULT([no])
   AC_MSG_ERROR([QNet is not found: set PKG_CONFIG_PATH to the folder of its qnet-plugin.pc])])
AC_SUBST([QNET_CFLAGS], ["-fPIC `$PKG_CONFIG --cflags qnet-plugin` `$PKG_CONFIG --variable=cflags_$1 qnet-plugin`"])
AC_SUBST([QNET_LIBS], ["`$PKG_CONFIG --libs qnet-plugin`"])
AC_SUBST([QNET_PLUGINDIR], ["`$PKG_CONFIG --variable=plugindir qnet-plugin`/$1"])
AC_SUBST([QNET_ABIGEN], ["`$PKG_CONFIG --variable=abigen qnet-plugin`"])
AC_SUBST([QNET_ABIDIR], ["`$PKG_CONFIG --variable=abidir qnet-plugin`"])
AC_SUBST([QNET], ["`$PKG_CONFIG --variable=qnet qnet-plugin`"])
])
