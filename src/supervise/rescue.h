#ifndef SUPERVISE_RESCUE_H
#define SUPERVISE_RESCUE_H
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "os/grab.h"
struct worker;

/*
 * What a hung worker has taken, and neither read from nor written to: it goes
 * to others, a few at a time, once the worker stands still.  Only where
 * connections are handed over, since only there others can take them.
 */
struct rescue {
	struct worker	*worker;
	ev_timer	 timer;
	struct grab	 grab;
	bool		 is_begun;
	uint64_t	*inodes;	/* of those that have moved */
	size_t		 count, size;
};

void	rescue_init(struct rescue *, struct worker *);
/* worker_is_rescued is called when it is over, never at once. */
void	rescue_begin(struct rescue *);
/* Over, before its time too.  May be repeated. */
void	rescue_end(struct rescue *);
#endif
