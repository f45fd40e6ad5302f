#ifndef CONFIG_QUOTE_H
#define CONFIG_QUOTE_H
#include "base/util.h"
struct buf;

/* Most bytes of YAML that are ever written. */
#define QUOTE_BUF_MAX (64u << 20)

/* All return 0, or -1: out of memory, or over the buffer's limit. */
int	 quote_printf(struct buf *, const char *fmt, ...) PRINTFLIKE(2, 3);
/* The text as a scalar in double quotes, which any YAML reader takes. */
int	 quote_scalar(struct buf *, const char *text);
/* The same, plain where nobody could misread it. */
int	 quote_nicely(struct buf *, const char *text);
#endif
