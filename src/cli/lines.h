#ifndef CLI_LINES_H
#define CLI_LINES_H
#include <stddef.h>

/* The last LINES_KEPT lines of something. */
#define LINES_KEPT 500

struct lines {
	char	*texts[LINES_KEPT];
	size_t	 count;			/* ever added */
};

/* Takes the text, NULL being none; the oldest line goes. */
void		 lines_add(struct lines *, char *text);
/* How many there are. */
size_t		 lines_count(const struct lines *);
/* The line that many before the newest, or NULL. */
const char	*lines_before(const struct lines *, size_t ago);
void		 lines_free(struct lines *);
#endif
