#include "config.h"
#include "supervise/capacity.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "config/conf.h"
#include "ipc/dialect.h"
#include "os/headroom.h"
#include "os/spawn.h"
#include "supervise/nodequeue.h"

/* The supervisor's own: standard ones, loop, signals, log, directories. */
#define FIXED_FDS	32
/* For connections on their way and commands of broadcasts. */
#define SPARE_FDS	32
/* Clients of the control socket, and the socket; see control/server.c. */
#define CONTROL_FDS	65
/* For commands that say whether a worker is ready, and what they start. */
#define SPARE_PROCESSES	4

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
		n += c->listen_count + NODEQUEUE_WINDOW;	/* its own
					   listeners, and what it has not
					   accepted yet */
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
		need += 2 * p->listen_count + 2 +	/* see os/classic.c */
		    most_workers(p) * fds_per_worker(p);
	return need;
}

static uint64_t
processes_needed(const struct conf *c)
{
	const struct conf_pool	*p;
	uint64_t		 need = SPARE_PROCESSES;

	for (p = c->pools; p < c->pools + c->pool_count; p++)
		need += most_workers(p) + p->broadcast_count;
	return need;
}

size_t
capacity_processes(const struct conf *c, const struct conf_pool *p,
    const struct headroom *room)
{
	uint64_t	 left = spawn_fd_limit() - fds_needed(c);
	uint64_t	 by_fds, need = processes_needed(c);

	by_fds = left / c->pool_count / fds_per_worker(p);
	left = room->processes > need ? room->processes - need : 0;
	left /= c->pool_count;
	return (size_t)(most_workers(p) + (left < by_fds ? left : by_fds));
}

/* To blame: the one that takes the most of what there is too little of. */
static const struct conf_pool *
largest(const struct conf *c, bool by_fds)
{
	const struct conf_pool	*p, *most = c->pools;
	uint64_t		 n, max = 0;

	for (p = c->pools; p < c->pools + c->pool_count; p++) {
		n = most_workers(p) * (by_fds ? fds_per_worker(p) : 1);
		if (n > max) {
			max = n;
			most = p;
		}
	}
	return most;
}

int
capacity_check(const struct conf *c, const struct headroom *room,
    struct err *e)
{
	uint64_t		 fds = fds_needed(c);
	uint64_t		 processes = processes_needed(c);
	const struct conf_pool	*p;

	if (fds > spawn_fd_limit()) {
		p = largest(c, true);
		return err_set(e, 0, "pool '%s': count %llu: all pools "
		    "together need %llu descriptors, and the limit is %zu "
		    "(see ulimit -Hn); make count smaller or the limit larger",
		    p->name, (unsigned long long)p->count,
		    (unsigned long long)fds, spawn_fd_limit());
	}
	if (processes > room->processes) {
		p = largest(c, false);
		return err_set(e, 0, "pool '%s': count %llu: all pools "
		    "together need %llu processes, and there is room for "
		    "%llu: %s; make count smaller or the limit larger",
		    p->name, (unsigned long long)p->count,
		    (unsigned long long)processes,
		    (unsigned long long)room->processes, room->limit);
	}
	return 0;
}

void
capacity_look(struct headroom *room, size_t have)
{
	headroom_look(room);
	if (room->processes < UINT64_MAX - have)
		room->processes += have;
}
