#include "config.h"
#include "cli/spark.h"

#include <stdio.h>

#define LEVELS 8

void
spark_add(struct spark *s, uint64_t value)
{
	s->values[s->count++ % SPARK_MAX] = value;
}

/* The value that many before the newest. */
static uint64_t
value_before(const struct spark *s, size_t ago)
{
	if (ago >= s->count || ago >= SPARK_MAX)
		return 0;
	return s->values[(s->count - 1 - ago) % SPARK_MAX];
}

uint64_t
spark_last(const struct spark *s)
{
	return value_before(s, 0);
}

static uint64_t
highest(const struct spark *s, size_t columns)
{
	uint64_t	 max = 0, v;
	size_t		 i;

	for (i = 0; i < columns; i++) {
		v = value_before(s, i);
		if (v > max)
			max = v;
	}
	return max;
}

/* 0: nothing; 1 to LEVELS otherwise. */
static unsigned int
level_of(uint64_t value, uint64_t max)
{
	double	 part;

	if (value == 0 || max == 0)
		return 0;
	part = (double)value * LEVELS / (double)max;
	return part <= 1 ? 1 : (unsigned int)(part + 0.5);
}

void
spark_draw(const struct spark *s, size_t columns, bool is_utf8, char *buf,
    size_t size)
{
	static const char	 ascii[] = " ..:-=+*#";
	uint64_t		 max = highest(s, columns);
	unsigned int		 level;
	size_t			 i, n = 0;

	buf[0] = '\0';
	for (i = columns; i-- > 0 && n + SPARK_BYTES < size; ) {
		level = level_of(value_before(s, i), max);
		if (level == 0 || !is_utf8)
			buf[n++] = ascii[level];
		else
			n += (size_t)snprintf(buf + n, size - n,
			    "\xe2\x96%c", (char)(0x80 + level));
		buf[n] = '\0';
	}
}
