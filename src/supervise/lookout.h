#ifndef SUPERVISE_LOOKOUT_H
#define SUPERVISE_LOOKOUT_H
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
struct pool;
struct slot;

/*
 * Looks now and then whether the workers of a pool take what waits for them
 * (health.hang).  While nothing waits, and nothing comes, no timer runs: the
 * next connection wakes it.
 */
struct lookout {
	struct pool	*pool;
	ev_timer	 timer;
	bool		 sleeps;
	uint64_t	 given;		/* to all, at the last look */
};

void	lookout_init(struct lookout *, struct pool *);
void	lookout_stop(struct lookout *);
/* The config has changed. */
void	lookout_update(struct lookout *);
/* The slot takes turns, with a worker of which nothing is known yet. */
void	lookout_slot_up(struct lookout *, struct slot *);
#endif
