#ifndef CLI_FIELD_H
#define CLI_FIELD_H
#include <jansson.h>
#include <stdbool.h>

/*
 * Members of what a supervisor has answered.  What is not there, or not of
 * the kind that is asked for, is the value that is given for it: a newer or
 * odd supervisor makes a gap in a table, nothing worse.
 */
const char	*field_text(const json_t *, const char *key,
		    const char *none);
json_int_t	 field_number(const json_t *, const char *key,
		    json_int_t none);
bool		 field_bool(const json_t *, const char *key);
/* NULL: it is no array, which json_array_foreach takes as an empty one. */
json_t		*field_list(const json_t *, const char *key);
/* NULL: it is no object. */
json_t		*field_object(const json_t *, const char *key);
#endif
