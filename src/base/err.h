#ifndef BASE_ERR_H
#define BASE_ERR_H
#include "base/util.h"

/*
 * The one way a failure travels: a fallible function takes a struct err
 * last, returns -1 (or NULL) and sets it; on success it is not touched.
 */
struct err {
	int	code;		/* errno value, 0 when none applies */
	char	msg[512];
};

/* Always return -1, so that a failure is one statement. */
int	err_set(struct err *, int code, const char *fmt, ...)
	    PRINTFLIKE(3, 4);
/* Puts context in front of what is already there: "context: message". */
int	err_wrap(struct err *, const char *fmt, ...) PRINTFLIKE(2, 3);
#endif
