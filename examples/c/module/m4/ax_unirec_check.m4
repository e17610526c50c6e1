# AX_UNIREC_CHECK: libunirec, and its ur_processor.sh as UNIRECPROC.
AC_DEFUN([AX_UNIREC_CHECK], [
  PKG_CHECK_MODULES([unirec], [unirec], [
    LIBS="$unirec_LIBS $LIBS"
    CFLAGS="$unirec_CFLAGS $CFLAGS"
    unirec_bindir=`$PKG_CONFIG --variable=prefix unirec`/bin
  ], [
    AC_CHECK_HEADER([unirec/unirec.h], [], [AC_MSG_ERROR([unirec was not found: install it or set PKG_CONFIG_PATH])])
    AC_CHECK_LIB([unirec], [ur_create_template], [], [AC_MSG_ERROR([unirec was not found: install it or set PKG_CONFIG_PATH])])
  ])
  AC_PATH_PROG([UNIRECPROC], [ur_processor.sh], [], [$unirec_bindir$PATH_SEPARATOR/usr/bin/nemea$PATH_SEPARATOR$PATH])
  AS_IF([test -z "$UNIRECPROC"], [AC_MSG_ERROR([ur_processor.sh was not found: it comes with unirec])])
])
