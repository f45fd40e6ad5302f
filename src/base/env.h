#ifndef BASE_ENV_H
#define BASE_ENV_H
#include <stdbool.h>
#include <stddef.h>
#include "base/util.h"

/* An environment in the making: "NAME=value" strings, each name once. */
struct env {
	char	**vars;		/* NULL-terminated once there is one */
	size_t	  count, size;
};

/* All return 0, or -1: out of memory. */
int	env_set(struct env *, const char *name, const char *fmt, ...)
	    PRINTFLIKE(3, 4);
/* "NAME=value"; the string is copied. */
int	env_put(struct env *, const char *var);
/* Every string of a NULL-terminated list. */
int	env_put_all(struct env *, char *const *vars);
/* NULL if it is not there; borrowed. */
const char *env_get(const struct env *, const char *name);
/*
 * The value of a variable, to be written over in place with no more than it
 * has; NULL if it is not there.
 */
char	*env_value(const struct env *, const char *name);
/* They have the same variables, in whatever order. */
bool	env_equal(const struct env *, const struct env *);
/*
 * Both together, the first winning where both have a name: an array to be
 * freed, of strings that stay theirs.  NULL: out of memory.
 */
char	**env_over(const struct env *first, const struct env *second);
void	env_free(struct env *);
#endif
