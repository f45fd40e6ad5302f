#ifndef POLICY_HANG_H
#define POLICY_HANG_H
#include <stdbool.h>
#include <stdint.h>

/*
 * Is a worker hung: does something wait for it, and it does not take it?
 * Of a queue only its length is seen, and what was put into it; as many may
 * come as go.  What was given and does not wait has been taken, for certain
 * if is_exact.  Else it may just as well have been lost on its way there: to
 * know better, the slot then gets no turns for a while.
 */
struct hang_sight {
	uint64_t	 now_ms;
	uint64_t	 waiting;	/* in the queue */
	uint64_t	 given;		/* so far */
	bool		 is_exact;
	bool		 is_blind;	/* of what was given nothing is known */
};

enum hang_verdict {
	HANG_NONE,		/* nothing waits for it */
	HANG_WAITS,		/* something does, and not for long */
	HANG_DOUBT,		/* give it nothing more, and look again */
	HANG_HUNG
};

/* What is known of a slot; all zero at first, and when its worker changes. */
struct hang {
	bool		 waits;		/* at the last look */
	bool		 doubted;
	unsigned int	 doubts;	/* looks since then */
	uint64_t	 last_ms, waiting;
	int64_t		 most;		/* taken, or so it seems */
	uint64_t	 sure_ms;	/* since it has surely taken one */
	uint64_t	 still_ms;	/* since it may have taken one */
};

/* What one look tells, if nothing may be left waiting for after_ms. */
enum hang_verdict	 hang_look(struct hang *, const struct hang_sight *,
			    uint64_t after_ms);
/* The time from one look to the next, after so many in doubt. */
uint64_t		 hang_pause(uint64_t after_ms, unsigned int doubts);
#endif
