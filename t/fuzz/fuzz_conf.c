#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/conf.h"
#include "config/load.h"
#include "t/fuzz/fuzz.h"

/* A config that loads must print as one that loads to the same. */
static void
round_trip(const struct conf *c)
{
	struct conf_problems	 p = { 0 };
	struct conf		*again;
	char			*first, *second;

	first = conf_print(c);
	if (first == NULL)
		__builtin_trap();
	again = conf_load_text("/f/x.yaml", first, strlen(first), &p);
	if (again == NULL)
		__builtin_trap();
	second = conf_print(again);
	if (second == NULL || strcmp(first, second) != 0)
		__builtin_trap();
	free(first);
	free(second);
	conf_unref(again);
	conf_problems_free(&p);
}

static void
try_as(const char *path, const char *text, size_t len)
{
	struct conf_problems	 p = { 0 };
	struct conf		*c = conf_load_text(path, text, len, &p);

	if ((c == NULL) != (p.count > 0))
		__builtin_trap();
	if (c != NULL)
		round_trip(c);
	conf_unref(c);
	conf_problems_free(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > LOAD_SIZE_MAX)
		return 0;
	try_as("/f/x.yaml", (const char *)data, size);
	try_as("/f/x.ini", (const char *)data, size);
	return 0;
}
