#include "config.h"
#include "cli/field.h"

const char *
field_text(const json_t *o, const char *key, const char *none)
{
	const char	*s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : none;
}

json_int_t
field_number(const json_t *o, const char *key, json_int_t none)
{
	const json_t	*v = json_object_get(o, key);

	return json_is_integer(v) ? json_integer_value(v) : none;
}

bool
field_bool(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

json_t *
field_list(const json_t *o, const char *key)
{
	json_t	*v = json_object_get(o, key);

	return json_is_array(v) ? v : NULL;
}

json_t *
field_object(const json_t *o, const char *key)
{
	json_t	*v = json_object_get(o, key);

	return json_is_object(v) ? v : NULL;
}
