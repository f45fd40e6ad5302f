#include "config.h"
#include "supervise/source.h"

#include <inttypes.h>
#include <stdio.h>

/* One more each time, up to the largest number there is. */
void
source_counter(struct source *s)
{
	char	 text[24];
	int	 n = snprintf(text, sizeof(text), "%" PRId64, s->counter);

	if (s->counter < INT64_MAX)
		s->counter++;
	source_value(s, text, (size_t)n);
}
