#include "config.h"
#include "config/ports.h"

#include <stddef.h>

#include "config/build.h"
#include "config/listen.h"
#include "config/problem.h"

static bool
has_port(const struct conf_pool *pool, uint64_t count, uint64_t port)
{
	return pool->first_port != 0 && port >= pool->first_port &&
	    port - pool->first_port < count;
}

/* A listener of the one at a port of a slot of the other. */
static uint16_t
find_listener(const struct conf_pool *own, uint64_t count,
    const struct conf_pool *other, const struct conf_listen **ret)
{
	uint16_t	 port;
	size_t		 i;

	for (i = 0; i < other->listen_count; i++) {
		port = listen_port(&other->listen[i]);
		if (!has_port(own, count, port))
			continue;
		*ret = &other->listen[i];
		return port;
	}
	return 0;
}

uint16_t
ports_shared(const struct conf_pool *a, uint64_t a_count,
    const struct conf_pool *b, uint64_t b_count,
    const struct conf_listen **ret)
{
	uint16_t	 port = find_listener(a, a_count, b, ret);

	if (port == 0)
		port = find_listener(b, b_count, a, ret);
	if (port != 0)
		return port;
	*ret = NULL;
	if (has_port(a, a_count, b->first_port))
		return (uint16_t)b->first_port;
	return has_port(b, b_count, a->first_port) ?
	    (uint16_t)a->first_port : 0;
}

/* Said where the later of the two has it. */
static void
report(struct build *b, const struct conf_pool *pool,
    const struct conf_pool *before, uint16_t port,
    const struct conf_listen *l)
{
	struct conf_pos			 other = before->port_pos;
	const struct conf_pool		*own = pool;
	unsigned long long		 first, last;

	if (l != NULL && pool->first_port == 0)
		own = before;
	first = own->first_port;
	last = first + own->count - 1;
	if (l == NULL)
		FILE_PROBLEM(b->p, pool->port_pos, "port: %llu to %llu are "
		    "the ports of this pool's slots, and %u is one of those "
		    "of '%llu+' in line %u already", first, last, port,
		    (unsigned long long)before->first_port, other.line);
	else if (own == pool)
		FILE_PROBLEM(b->p, pool->port_pos, "port: %llu to %llu are "
		    "the ports of this pool's slots, and %u is taken by '%s' "
		    "in line %u already", first, last, port, l->text,
		    l->pos.line);
	else
		FILE_PROBLEM(b->p, l->pos, "listen: '%s' is at port %u, which "
		    "is one of %llu to %llu, the ports of the slots of '%llu+' "
		    "in line %u", l->text, port, first, last, first,
		    other.line);
}

/* Its port makes no sense, which has been said. */
static bool
is_bad(const struct conf_pool *pool)
{
	return pool->first_port != 0 && pool->port_pos.line == 0;
}

void
ports_check(struct build *b)
{
	const struct conf_pool		*pools = b->conf->pools;
	const struct conf_listen	*l;
	size_t				 i, k;
	uint16_t			 port;

	for (i = 1; i < b->conf->pool_count; i++)
		for (k = 0; k < i; k++) {
			if (is_bad(&pools[i]) || is_bad(&pools[k]))
				continue;
			port = ports_shared(&pools[i], pools[i].count,
			    &pools[k], pools[k].count, &l);
			if (port != 0)
				report(b, &pools[i], &pools[k], port, l);
		}
}
