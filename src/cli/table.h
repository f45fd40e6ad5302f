#ifndef CLI_TABLE_H
#define CLI_TABLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "base/util.h"

/*
 * A table of text for people: columns as wide as what is in them, numbers
 * to the right, the last column cut where the terminal ends.
 */
struct table;

struct table_column {
	const char	*title;
	bool		 is_number;	/* stands to the right */
};

/* The columns must stay.  NULL: out of memory. */
struct table	*table_new(const struct table_column *, size_t count);
void		 table_free(struct table *);
/*
 * The next cell; a row is full after the last column.  Escaped; "" stays
 * empty.  What there is no memory for is left out.
 */
void		 table_cell(struct table *, const char *fmt, ...)
		    PRINTFLIKE(2, 3);
/* No line longer than width columns; 0: no limit. */
void		 table_print(const struct table *, FILE *, size_t width);

/* How many columns of a terminal UTF-8 takes. */
size_t		 table_width(const char *text);
/* How many bytes of it fit into so many columns. */
size_t		 table_fit(const char *text, size_t width);
/* Columns of the terminal behind a stream; 0: it is none. */
size_t		 table_terminal(FILE *);
#endif
