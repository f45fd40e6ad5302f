#include "config.h"
#include "supervise/source.h"

#include <string.h>

#include "config/conf.h"

/* The value that stands in the config. */
void
source_constant(struct source *s)
{
	source_value(s, s->conf->value, strlen(s->conf->value));
}
