#include "config.h"
#include "base/env.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t
name_len(const char *var)
{
	return strcspn(var, "=");
}

/* The place of the variable of this name, or count. */
static size_t
env_find(const struct env *e, const char *name, size_t len)
{
	size_t	 i;

	for (i = 0; i < e->count; i++)
		if (strncmp(e->vars[i], name, len) == 0 &&
		    e->vars[i][len] == '=')
			return i;
	return e->count;
}

/* Takes the string, NULL included, also on failure. */
static int
env_take(struct env *e, char *var)
{
	size_t	 i, size;
	char	**vars;

	if (var == NULL)
		return -1;
	i = env_find(e, var, name_len(var));
	if (i < e->count) {
		free(e->vars[i]);
		e->vars[i] = var;
		return 0;
	}
	if (e->count + 2 > e->size) {
		size = e->size ? e->size * 2 : 32;
		vars = realloc(e->vars, size * sizeof(*vars));
		if (vars == NULL) {
			free(var);
			return -1;
		}
		e->vars = vars;
		e->size = size;
	}
	e->vars[e->count++] = var;
	e->vars[e->count] = NULL;
	return 0;
}

int
env_set(struct env *e, const char *name, const char *fmt, ...)
{
	va_list	 ap;
	char	*value, *var;
	int	 n;

	va_start(ap, fmt);
	n = vasprintf(&value, fmt, ap);
	va_end(ap);
	if (n == -1)
		return -1;
	n = asprintf(&var, "%s=%s", name, value);
	free(value);
	return n == -1 ? -1 : env_take(e, var);
}

int
env_put(struct env *e, const char *var)
{
	return env_take(e, strdup(var));
}

int
env_put_all(struct env *e, char *const *vars)
{
	for (; vars != NULL && *vars != NULL; vars++)
		if (env_put(e, *vars) == -1)
			return -1;
	return 0;
}

const char *
env_get(const struct env *e, const char *name)
{
	return env_value(e, name);
}

char *
env_value(const struct env *e, const char *name)
{
	size_t	 i = env_find(e, name, strlen(name));

	return i < e->count ? e->vars[i] + strlen(name) + 1 : NULL;
}

bool
env_equal(const struct env *a, const struct env *b)
{
	size_t	 i, at;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++) {
		at = env_find(b, a->vars[i], name_len(a->vars[i]));
		if (at == b->count || strcmp(a->vars[i], b->vars[at]) != 0)
			return false;
	}
	return true;
}

char **
env_over(const struct env *first, const struct env *second)
{
	char	**all = calloc(first->count + second->count + 1,
		    sizeof(*all));
	size_t	 i, n = 0;

	if (all == NULL)
		return NULL;
	for (i = 0; i < first->count; i++)
		all[n++] = first->vars[i];
	for (i = 0; i < second->count; i++)
		if (env_find(first, second->vars[i],
		    name_len(second->vars[i])) == first->count)
			all[n++] = second->vars[i];
	return all;
}

void
env_free(struct env *e)
{
	size_t	 i;

	for (i = 0; i < e->count; i++)
		free(e->vars[i]);
	free(e->vars);
	memset(e, 0, sizeof(*e));
}
