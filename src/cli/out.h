#ifndef CLI_OUT_H
#define CLI_OUT_H
#include <jansson.h>
#include <stdio.h>
#include "base/util.h"

/*
 * Printing what may have come from outside: everything but the newline at
 * the end is escaped.
 */
void	out_line(FILE *, const char *fmt, ...) PRINTFLIKE(2, 3);
/* "rota: ...", to stderr. */
void	out_complain(const char *fmt, ...) PRINTFLIKE(1, 2);
/* From now on out_complain calls this with the text; NULL: it prints. */
void	out_divert(void (*)(const char *));
/* One line of JSON; on a terminal in ASCII only. */
void	out_json(FILE *, const json_t *);
/* A copy without anything that a terminal might act upon, or NULL. */
char	*out_escape(const char *);
#endif
