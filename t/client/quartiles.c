#include "config.h"
#include "quartiles.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"

static int
compare(const void *a, const void *b)
{
	const uint64_t	*x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void
sort_times(uint64_t *ns, size_t count)
{
	qsort(ns, count, sizeof(*ns), compare);
}

void
quartiles_print(const char *prefix, uint64_t *ns, size_t count)
{
	static const char *const	 names[] = {
		"min", "q1", "median", "q3", "max"
	};
	size_t				 i;

	sort_times(ns, count);
	for (i = 0; i < ARRAY_LEN(names); i++)
		(void)printf("%s%s_us=%" PRIu64 "\n", prefix, names[i],
		    ns[(count - 1) * i / 4] / 1000);
}
