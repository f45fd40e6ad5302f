#include "config.h"
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Set the message, followed by the text of the errno value, if any. */
int
err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list	 ap;
	size_t	 n;

	e->code = code;
	va_start(ap, fmt);
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	if (code != 0)
		(void)snprintf(e->msg + n, sizeof(e->msg) - n, ": %s",
		    strerror(code));
	return -1;
}

int
err_wrap(struct err *e, const char *fmt, ...)
{
	char	 old[sizeof(e->msg)];
	va_list	 ap;
	size_t	 n;

	memcpy(old, e->msg, sizeof(old));
	va_start(ap, fmt);
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	(void)snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", old);
	return -1;
}
