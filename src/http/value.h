#ifndef HTTP_VALUE_H
#define HTTP_VALUE_H

/*
 * What a message says, as text to be freed: of an object with one member
 * that member's value, else the value itself, as compact JSON; a string
 * without its quotes.  NULL: out of memory.
 */
char	*value_of(const char *json);
#endif
