#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H
#include <stddef.h>
#include "config/conf.h"

/* The most bytes that a config file may have. */
#define LOAD_SIZE_MAX (1u << 20)

/* conf_load with the text of the file at hand; need not end in NUL. */
struct conf	*conf_load_text(const char *path, const char *text,
		    size_t len, struct conf_problems *);
#endif
