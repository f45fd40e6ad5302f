#include "config.h"
#include "control/target.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/parse.h"
#include "base/text.h"
#include "supervise/pool.h"
#include "supervise/supervisor.h"

/* The pool whose name is nearest, or NULL. */
static const char *
nearest_pool(const struct supervisor *s, const char *name)
{
	const char	**names = calloc(s->pool_count + 1, sizeof(*names));
	const char	*near;
	size_t		 i, n = 0;

	if (names == NULL)
		return NULL;
	for (i = 0; i < s->pool_count; i++)
		if (!s->pools[i]->removed)
			names[n++] = s->pools[i]->name;
	near = text_nearest(name, names);
	if (near == NULL && n == 1)
		near = names[0];
	free(names);
	return near;
}

static struct pool *
find_pool(const struct supervisor *s, const char *name, size_t len,
    struct err *e)
{
	char		 copy[80];
	const char	*near;
	struct pool	*p;

	if (len >= sizeof(copy))
		len = sizeof(copy) - 1;
	memcpy(copy, name, len);
	copy[len] = '\0';
	p = supervisor_find(s, copy);
	if (p != NULL)
		return p;
	near = nearest_pool(s, copy);
	err_set(e, 0, "no pool '%s'%s%s%s", copy,
	    near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
	    near != NULL ? "'?" : "");
	return NULL;
}

struct pool *
target_pool(const struct supervisor *s, const char *name, struct err *e)
{
	return find_pool(s, name, strlen(name), e);
}

int
target_find(const struct supervisor *s, const char *text, struct target *t,
    struct err *e)
{
	const char	*colon = text != NULL ? strchr(text, ':') : NULL;
	uint64_t	 slot;

	memset(t, 0, sizeof(*t));
	if (text == NULL)
		return 0;
	t->pool = find_pool(s, text, colon != NULL ? (size_t)(colon - text) :
	    strlen(text), e);
	if (t->pool == NULL)
		return -1;
	t->last = t->pool->count;
	if (colon == NULL)
		return 0;
	if (parse_count(colon + 1, &slot) != PARSE_OK ||
	    slot >= t->pool->count)
		return err_set(e, 0, "pool '%s' has no slot '%.20s'; its "
		    "slots are 0 to %zu", t->pool->name, colon + 1,
		    t->pool->count - 1);
	t->first = (size_t)slot;
	t->last = t->first + 1;
	t->is_slot = true;
	return 0;
}

bool
target_has(const struct target *t, const char *pool, int slot)
{
	if (t->pool == NULL)
		return true;
	return pool != NULL && strcmp(pool, t->pool->name) == 0 &&
	    (!t->is_slot || (slot >= 0 && (size_t)slot == t->first));
}
