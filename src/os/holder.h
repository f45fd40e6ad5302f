#ifndef OS_HOLDER_H
#define OS_HOLDER_H
#include <stdbool.h>
#include <stddef.h>
struct conf_listen;

/*
 * Who listens at an address that could not be had, as far as /proc shows
 * it: "pid 123 (nginx)", "user 33", or an empty string.  Returns whether
 * anybody was found.
 */
bool	holder_find(const struct conf_listen *, char *buf, size_t size);
#endif
