#ifndef SUPERVISE_DISPATCH_H
#define SUPERVISE_DISPATCH_H
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/limit.h"
#include "base/list.h"
#include "os/handover.h"
#include "policy/turn.h"
struct dispatch;
struct err;

/*
 * The connections handed to one slot and generation and not yet taken.
 * Counted by the slot and by each worker that reads from it; when nobody
 * has it any more, what is left in it is given to others.
 */
struct queue {
	struct list	 node;		/* in dispatch's leftovers */
	struct dispatch	*dispatch;
	unsigned int	 refs;
	struct handover	 handover;
	bool		 full;
	bool		 left;		/* in leftovers */
	ev_io		 room;		/* while full */
};

/*
 * Balance by hand-over: accepts the connections of a pool and gives each
 * to the slot whose turn it is.  Where it takes them from, in this order:
 * the one in hand, queues whose reader is gone, the listeners.  While no
 * slot is up, or every queue is full, they wait where they are.
 */
struct dispatch {
	struct ev_loop	*loop;
	const char	*pool;		/* borrowed */
	struct turn	 turn;
	struct queue	**queues;	/* of each slot that is up */
	uint64_t	 passed_over;	/* turns lost to a full queue */
	ev_io		*accepts;	/* one for each listener */
	const int	*listeners;	/* borrowed; in config order */
	size_t		 listener_count;
	struct list	 leftovers;
	int		 held;		/* taken, and no room for it; or -1 */
	unsigned char	 held_index;
	ev_timer	 retry;
	struct limit	 limit;
	bool		 closed;
};

/* listeners: borrowed.  0, or -1 with *e set. */
int	dispatch_init(struct dispatch *, struct ev_loop *, const char *pool,
	    size_t slots, const int *listeners, size_t count, struct err *e);
void	dispatch_fini(struct dispatch *);

/* From now on the slot gets its turns, through this queue. */
void	dispatch_up(struct dispatch *, size_t slot, struct queue *);
void	dispatch_down(struct dispatch *, size_t slot);

/*
 * Nobody is to read from this queue for now, or ever: give what is in it
 * to the slots that are up.  What cannot be given stays; it is tried again
 * whenever there is room, until queue_keep.
 */
void	dispatch_reclaim(struct dispatch *, struct queue *);
/* Take every connection that waits in the listeners, then no more. */
void	dispatch_close(struct dispatch *);

/* With one reference; NULL with *e set. */
struct queue	*queue_new(struct dispatch *, struct err *e);
struct queue	*queue_ref(struct queue *);
void		 queue_unref(struct queue *);
/* It has a reader again: what is still in it is that one's. */
void		 queue_keep(struct queue *);
#endif
