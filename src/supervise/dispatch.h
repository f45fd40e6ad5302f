#ifndef SUPERVISE_DISPATCH_H
#define SUPERVISE_DISPATCH_H
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/limit.h"
#include "base/list.h"
#include "config/conf.h"
#include "policy/turn.h"
#include "supervise/intakes.h"
#include "supervise/queue.h"
struct err;
struct listener;
struct listener_set;

/*
 * Balance by hand-over: accepts the connections of a pool and gives each
 * to the slot whose turn it is.  Where it takes them from, in this order:
 * those in hand, one for each listener at most, what has come back, the
 * listeners.  While no slot is up that takes those of a listener, or every
 * such queue is full, they wait where they are.
 */
struct dispatch {
	struct ev_loop	*loop;
	const char	*pool;		/* borrowed */
	struct turn	 turn;
	enum conf_balance balance;	/* of who came up last */
	struct queue	**queues;	/* of each slot that is up */
	uint64_t	 passed_over;	/* turns lost to a full queue */
	struct intakes	 intakes;
	struct list	 leftovers;
	struct list	 parked;	/* taken back, and nobody takes from
					   their listener now */
	ev_timer	 retry;
	uint64_t	 retry_ms;	/* when, if it runs */
	struct limit	 limit;
	bool		 closed;
	bool		 last_call;	/* queues take what they can... */
	bool		 is_pressing;	/* ...and workers what they get */
	void		(*stirred)(void *arg); /* something is given; or NULL */
	void		*stirred_arg;
};

/* 0, or -1 with *e set. */
int	dispatch_init(struct dispatch *, struct ev_loop *, const char *pool,
	    size_t slots, struct err *e);
/* Room for more slots; never fewer. */
int	dispatch_grow(struct dispatch *, size_t slots, struct err *e);
void	dispatch_fini(struct dispatch *);

/*
 * From now on the slot gets its turns, through this queue.  A listener that
 * no slot that is up takes from any more is emptied into the queue that the
 * slot had before.
 */
void	dispatch_up(struct dispatch *, size_t slot, struct queue *);
void	dispatch_down(struct dispatch *, size_t slot);
/* The same of a slot that goes on without a queue, with this set. */
void	dispatch_leave(struct dispatch *, size_t slot,
	    const struct listener_set *);

/*
 * Nobody is to read from this queue for now, or ever: give what is in it
 * to the slots that are up.  What cannot be given stays; it is tried again
 * whenever there is room, until queue_keep.  What nobody will ever take,
 * since its listener is gone, is closed.
 */
void	dispatch_reclaim(struct dispatch *, struct queue *);
/*
 * One of this listener that a worker had taken, and another is to have; the
 * descriptor is taken.
 */
void	dispatch_pass(struct dispatch *, struct listener *, int conn);
/*
 * Take every connection that waits in the listeners, then no more.  Once no
 * slot is up, what is left in queues that have no reader is closed.
 */
void	dispatch_close(struct dispatch *);
/* Take them again. */
void	dispatch_open(struct dispatch *);

/* Something has changed for the better or the worse: look again. */
void	dispatch_update(struct dispatch *);
/* From now on this queue takes from the listener of this number, or not. */
void	dispatch_take(struct dispatch *, struct queue *, unsigned int index,
	    bool on);
/* Nobody will read from this queue again: its slot gets no more turns. */
void	dispatch_lose(struct dispatch *, struct queue *);
#endif
