# AX_NEMEACOMMON_CHECK: libnemea-common.
AC_DEFUN([AX_NEMEACOMMON_CHECK], [
  PKG_CHECK_MODULES([nemeacommon], [nemea-common], [
    LIBS="$nemeacommon_LIBS $LIBS"
    CFLAGS="$nemeacommon_CFLAGS $CFLAGS"
  ], [
    AC_CHECK_LIB([nemea-common], [SuperFastHash], [], [AC_MSG_ERROR([nemea-common was not found: install it or set PKG_CONFIG_PATH])])
  ])
])
