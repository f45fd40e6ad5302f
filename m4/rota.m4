dnl ROTA_MISSING(WHAT, PACKAGE): stop, and name the Debian package.
AC_DEFUN([ROTA_MISSING],
	[AC_MSG_ERROR([$1 is missing or too old; Debian has it as $2])])

dnl ROTA_NEED(VARIABLE, MODULE, PACKAGE): a library that must be there.
AC_DEFUN([ROTA_NEED],
	[PKG_CHECK_MODULES([$1], [$2], [], [ROTA_MISSING([$2], [$3])])])
