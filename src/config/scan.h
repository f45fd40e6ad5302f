#ifndef CONFIG_SCAN_H
#define CONFIG_SCAN_H
#include <stdbool.h>
#include <stddef.h>
#include "config/conf.h"
struct node;

/*
 * One pass over the events of a YAML text, which must be UTF-8.  Returns
 * the tree, or NULL: nothing of use (then there is a problem).  What YAML
 * has and a config has not (aliases, tags, documents) is reported.
 * *ret_complete is false when reading stopped early: what is missing in
 * the tree may well be in the file.
 */
struct node	*scan_yaml(const char *text, size_t len,
		    struct conf_problems *, bool *ret_complete);

/*
 * What both formats require of the bytes: UTF-8, nothing that a terminal
 * could not show.  Returns 0, or -1 with a problem.
 */
int		 scan_bytes(const char *text, size_t len,
		    struct conf_problems *);
#endif
