#include "config.h"
#include "supervise/capacity.h"

#include <stdint.h>

#include "base/err.h"
#include "config/conf.h"
#include "ipc/dialect.h"
#include "os/spawn.h"
#include "supervise/nodequeue.h"

/* The supervisor's own: standard ones, loop, signals, log, directories. */
#define FIXED_FDS	32
/* For connections on their way and commands of broadcasts. */
#define SPARE_FDS	32
/* Clients of the control socket, and the socket; see control/server.c. */
#define CONTROL_FDS	65

/* What the supervisor holds for each worker; see launch.c, dispatch.c. */
static uint64_t
fds_per_worker(const struct conf_pool *c)
{
	struct dialect_mix	 mix;
	const struct dialect	*d = &mix.all;
	uint64_t		 n = 1;			/* its output */

	dialect_mix(&mix, c);
	if (d->channel)
		n++;
	if (d->asks)
		n += c->listen_count > NODEQUEUE_WINDOW ? c->listen_count :
		    NODEQUEUE_WINDOW;			/* its own listeners,
					   or what it has not accepted yet */
	else if (c->listen_count > 0 && c->balance != CONF_SHARED)
		n += c->listen_count > 2 ? c->listen_count : 2;	/* its own
					   listeners, or both ends of a queue */
	return n;
}

/* The most workers of a pool at a time: a batch stands beside the rest. */
static uint64_t
most_workers(const struct conf_pool *c)
{
	uint64_t	 batch = c->reload.batch;

	if (batch == CONF_BATCH_ALL || batch > c->count)
		batch = c->count;
	return c->count + batch;
}

static uint64_t
fds_needed(const struct conf *c)
{
	const struct conf_pool	*p;
	uint64_t		 need = FIXED_FDS + SPARE_FDS + CONTROL_FDS +
				    SPAWN_FD_MAX;

	for (p = c->pools; p < c->pools + c->pool_count; p++)
		need += p->listen_count + 2 +
		    most_workers(p) * fds_per_worker(p);
	return need;
}

size_t
capacity_processes(const struct conf *c, const struct conf_pool *p)
{
	uint64_t	 left = spawn_fd_limit() - fds_needed(c);

	return (size_t)(most_workers(p) +
	    left / c->pool_count / fds_per_worker(p));
}

int
capacity_check(const struct conf *c, struct err *e)
{
	const struct conf_pool	*p, *largest = c->pools;
	uint64_t		 need = fds_needed(c);

	for (p = c->pools; p < c->pools + c->pool_count; p++)
		if (most_workers(p) * fds_per_worker(p) >
		    most_workers(largest) * fds_per_worker(largest))
			largest = p;
	if (need <= spawn_fd_limit())
		return 0;
	return err_set(e, 0, "pool '%s': count %llu: all pools together "
	    "need %llu descriptors, and the limit is %zu (see ulimit -Hn); "
	    "make count smaller or the limit larger", largest->name,
	    (unsigned long long)largest->count, (unsigned long long)need,
	    spawn_fd_limit());
}
