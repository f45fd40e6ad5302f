#ifndef SUPERVISE_RELOAD_H
#define SUPERVISE_RELOAD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
struct err;
struct generation;
struct pool;
struct reload;
struct slot;
struct worker;

enum reload_end {
	RELOAD_DONE, RELOAD_ROLLED_BACK, RELOAD_INCOMPLETE, RELOAD_CANCELLED
};

/* How a rollout has ended; all of it borrowed. */
struct reload_result {
	enum reload_end	 end;
	bool		 aborted;	/* by command */
	size_t		 slots;		/* that are of this generation now */
	uint64_t	 ms;
	const char	*why;		/* it has failed, or "" */
	const char	*lines;		/* the worker's last, NUL after each */
	size_t		 lines_len;
};

/*
 * A rollout under way: carries out what policy/rollout decides, and tells
 * it what has become of it.
 *
 * Of the first so many slots.  Takes the generation over, on success; NULL
 * with *e set.
 */
struct reload	*reload_new(struct pool *, struct generation *,
		    size_t slots, struct err *e);
/* The first step, and each after that follows from the news below. */
void		 reload_begin(struct reload *);
/* Forget it; workers that it has started are killed. */
void		 reload_cancel(struct reload *);
/* Go back; false: it does so already. */
bool		 reload_abort(struct reload *, const char *why);

/* The worker beside this slot's is ready. */
void		 reload_worker_ready(struct reload *, struct slot *);
/* A worker of the slot is gone: the one beside, or some other. */
void		 reload_worker_gone(struct reload *, struct slot *,
		    const struct worker *, bool was_beside);

/* How far it is. */
struct reload_view {
	unsigned int	 generation;
	size_t		 replaced, slots;
	bool		 back;
	char		 text[160];	/* "waiting for slot 3 to get ready" */
};
void		 reload_look(const struct reload *, struct reload_view *);
#endif
