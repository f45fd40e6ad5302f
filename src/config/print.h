#ifndef CONFIG_PRINT_H
#define CONFIG_PRINT_H
#include <stddef.h>
#include "config/conf.h"

/*
 * The value of a key of keys_pool or keys_top in one line, as YAML of the
 * effective config.  *ret is NULL where it has none: the default is
 * "none", or another key says it (command: argv; port: listen).  The caller
 * frees it.  0, or -1: out of memory.
 */
int	 print_pool_value(const struct conf_pool *, size_t key, char **ret);
int	 print_top_value(const struct conf *, size_t key, char **ret);
#endif
