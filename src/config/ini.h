#ifndef CONFIG_INI_H
#define CONFIG_INI_H
#include <stdbool.h>
#include <stddef.h>
#include "config/conf.h"
struct node;

/*
 * An INI text, which must be UTF-8, into the tree that YAML would give: a
 * section is a pool, "backoff.initial" is a key in a map, a key of a list
 * is repeated.  NULL: nothing of use, then there is a problem.
 * *ret_complete is false when a line could not be read.
 */
struct node	*ini_read(const char *text, size_t len,
		    struct conf_problems *, bool *ret_complete);
#endif
