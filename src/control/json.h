#ifndef CONTROL_JSON_H
#define CONTROL_JSON_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Values of answers; NULL is out of memory. */

/* null if it is not there. */
json_t	*json_number_or_null(bool is_there, json_int_t);
/* Bytes that are no UTF-8 become U+FFFD. */
json_t	*json_text(const char *, size_t len);
/* null for NULL. */
json_t	*json_text_or_null(const char *);
#endif
