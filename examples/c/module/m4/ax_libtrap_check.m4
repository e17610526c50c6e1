# AX_LIBTRAP_CHECK: libtrap, by pkg-config or, where that does not know it, by trying to link.
AC_DEFUN([AX_LIBTRAP_CHECK], [
  PKG_CHECK_MODULES([libtrap], [libtrap], [
    LIBS="$libtrap_LIBS $LIBS"
    CFLAGS="$libtrap_CFLAGS $CFLAGS"
  ], [
    AC_CHECK_HEADER([libtrap/trap.h], [], [AC_MSG_ERROR([libtrap was not found: install it or set PKG_CONFIG_PATH])])
    AC_CHECK_LIB([trap], [trap_init], [], [AC_MSG_ERROR([libtrap was not found: install it or set PKG_CONFIG_PATH])])
  ])
])
