#include "config.h"
#include "cli/lines.h"

#include <stdlib.h>
#include <string.h>

void
lines_add(struct lines *l, char *text)
{
	char	**place = &l->texts[l->count % LINES_KEPT];

	if (text == NULL)
		return;
	free(*place);
	*place = text;
	l->count++;
}

size_t
lines_count(const struct lines *l)
{
	return l->count < LINES_KEPT ? l->count : LINES_KEPT;
}

const char *
lines_before(const struct lines *l, size_t ago)
{
	if (ago >= lines_count(l))
		return NULL;
	return l->texts[(l->count - 1 - ago) % LINES_KEPT];
}

void
lines_free(struct lines *l)
{
	size_t	 i;

	for (i = 0; i < LINES_KEPT; i++)
		free(l->texts[i]);
	memset(l, 0, sizeof(*l));
}
