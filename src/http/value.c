#include "config.h"
#include "http/value.h"

#include <jansson.h>
#include <string.h>

/* Fifteen digits: what people wrote comes out as they wrote it. */
#define ENCODE_FLAGS \
	(JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

static char *
value_text(json_t *v)
{
	if (json_is_string(v))
		return strdup(json_string_value(v));
	return json_dumps(v, ENCODE_FLAGS);
}

char *
value_of(const char *json)
{
	json_t	*v = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	char	*text;

	/* Such as an integer that is too large for us. */
	if (v == NULL)
		return strdup(json);
	if (json_object_size(v) == 1)
		text = value_text(json_object_iter_value(json_object_iter(v)));
	else
		text = value_text(v);
	json_decref(v);
	return text;
}
