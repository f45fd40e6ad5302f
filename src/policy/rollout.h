#ifndef POLICY_ROLLOUT_H
#define POLICY_ROLLOUT_H
#include <stdbool.h>
#include <stddef.h>

/*
 * The order of a rolling restart, without any process: events go in, and
 * what is to be done next comes out, until the answer is ROLLOUT_WAIT.
 *
 *	forward:   for each batch: (old-first: clear the slots,) start the
 *	           new workers, soak, give them the slots
 *	backward:  after a failure: drop the new workers of this batch, then
 *	           bring the old generation back to every slot that has lost
 *	           it, as many at once as a batch has
 */
enum rollout_step {
	ROLLOUT_OLD,		/* the old generation has the slot */
	ROLLOUT_CLEARING,	/* old-first: its worker is leaving */
	ROLLOUT_CLEARED,	/* old-first: the slot is empty */
	ROLLOUT_STARTING,	/* a worker starts beside it */
	ROLLOUT_PASSED,		/* it is ready, and watched */
	ROLLOUT_NEW,		/* the new generation has the slot */
	ROLLOUT_STUCK,		/* new, and could not be put back */
	ROLLOUT_SKIPPED		/* has ended for good, is left alone */
};

enum rollout_action {
	ROLLOUT_WAIT,		/* for the next event */
	ROLLOUT_CLEAR,		/* stop the worker of slot, start none */
	ROLLOUT_START,		/* start a worker of the new generation */
	ROLLOUT_START_OLD,	/* the same, of the old generation */
	ROLLOUT_SOAK,		/* begin to watch the batch */
	ROLLOUT_SWITCH,		/* give slot to the worker beside it */
	ROLLOUT_DROP,		/* kill the worker that was started for slot */
	ROLLOUT_DONE,		/* every slot has the new generation */
	ROLLOUT_BACK,		/* every slot has the old generation */
	ROLLOUT_INCOMPLETE	/* going back has failed for some slots */
};

struct rollout {
	enum rollout_step	*step;		/* of each slot */
	size_t			 slots;
	size_t			 first, last;	/* the batch: first..last-1 */
	size_t			 batch;
	bool			 old_first;
	bool			 back;		/* going back */
	bool			 soaking, soaked;
	bool			 any_stuck;
};

/* batch 0: all.  0, or -1: out of memory. */
int	rollout_init(struct rollout *, size_t slots, size_t batch,
	    bool old_first);
void	rollout_fini(struct rollout *);

/*
 * What to do next, for which slot.  has_room tells whether a slot may get
 * one more worker (few enough old ones still drain there).
 */
enum rollout_action	rollout_next(struct rollout *, size_t *ret_slot,
			    bool (*has_room)(void *arg, size_t slot),
			    void *arg);

/* Events.  Those that do not fit the slot's step are ignored. */
void	rollout_cleared(struct rollout *, size_t slot);
void	rollout_ready(struct rollout *, size_t slot);
void	rollout_soaked(struct rollout *);
/* The worker started for slot is gone, or could not be started. */
void	rollout_failed(struct rollout *, size_t slot);
/* The slot has ended for good: it is left alone. */
void	rollout_skip(struct rollout *, size_t slot);
/* Give up and go back. */
void	rollout_abort(struct rollout *);

/* How many slots have the new generation. */
size_t	rollout_replaced(const struct rollout *);
#endif
