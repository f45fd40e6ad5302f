#ifndef SUPERVISE_RELOAD_H
#define SUPERVISE_RELOAD_H
#include <stdbool.h>
struct err;
struct pool;
struct reload;
struct slot;
struct worker;

/*
 * A rollout under way: carries out what policy/rollout decides, and tells
 * it what has become of it.
 */
/* NULL with *e set when the new generation cannot be pinned. */
struct reload	*reload_new(struct pool *, struct err *e);
/* The first step, and each after that follows from the news below. */
void		 reload_begin(struct reload *);
/* Forget it; workers that it has started are killed. */
void		 reload_cancel(struct reload *);

/* The worker beside this slot's is ready. */
void		 reload_worker_ready(struct reload *, struct slot *);
/* A worker of the slot is gone: the one beside, or some other. */
void		 reload_worker_gone(struct reload *, struct slot *,
		    const struct worker *, bool was_beside);
#endif
