#include "config.h"
#include "control/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

json_t *
json_number_or_null(bool is_there, json_int_t n)
{
	return is_there ? json_integer(n) : json_null();
}

json_t *
json_text(const char *text, size_t len)
{
	json_t	*v = json_stringn(text, len);
	char	*clean;

	if (v != NULL)
		return v;
	clean = malloc(3 * len + 1);
	if (clean == NULL)
		return NULL;
	v = json_stringn(clean, text_to_utf8(clean, text, len));
	free(clean);
	return v;
}

json_t *
json_text_or_null(const char *text)
{
	return text != NULL ? json_text(text, strlen(text)) : json_null();
}
