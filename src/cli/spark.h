#ifndef CLI_SPARK_H
#define CLI_SPARK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The last so many values of something, and a small graph of them. */
#define SPARK_MAX 60

struct spark {
	uint64_t	 values[SPARK_MAX];
	size_t		 count;		/* ever added */
};

void	spark_add(struct spark *, uint64_t value);
/* The newest one, 0 if there is none. */
uint64_t spark_last(const struct spark *);

/* What one column takes of a buffer. */
#define SPARK_BYTES 3
/*
 * The newest values, the newest to the right, in so many columns: blocks of
 * an eighth, or in ASCII.  The highest of them is as high as it gets.
 */
void	spark_draw(const struct spark *, size_t columns, bool is_utf8,
	    char *buf, size_t size);
#endif
