#ifndef SUPERVISE_NODELINK_H
#define SUPERVISE_NODELINK_H
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct err;
struct queue;
struct worker;

/*
 * The primary's side of Node's cluster protocol (ipc/cluster.h) with one
 * worker: what it says, what it listens on, and the connections that it has
 * been given (nodequeue.h).
 */

/* A descriptor that has been sent. */
struct nodelink_handle {
	int64_t		 seq;		/* of its line */
	int64_t		 query;		/* that it answers, of a listener */
	uint64_t	 sent_ms;
	unsigned int	 index;		/* of the listener */
	int		 conn;		/* ours; -1: a listener itself */
	bool		 acked;		/* it has arrived */
};

struct nodelink {
	unsigned int		 refs;
	struct worker		*worker;	/* NULL: not yet, or gone */
	struct queue		*queue;		/* NULL: its listeners are
						   shared; it holds us.  Its
						   seat: they are its own */
	uint64_t		 listens;	/* on which: one bit each */
	int64_t			 seq;		/* of our last line */
	bool			 online;	/* it is a cluster's worker */
	bool			 asked;		/* it has said anything else */
	bool			 leaving;	/* by its own wish */
	bool			 closed;	/* its channel */
	ev_timer		 look;		/* has it asked for anything? */
	ev_timer		 end;		/* will it end by itself? */
	/* nodequeue.c's */
	struct nodelink_handle	*handles;	/* in the order of sending */
	size_t			 count, size;
	struct nodelink_handle	*returned;	/* nobody's */
	size_t			 returned_count, returned_size;
	uint64_t		 pause_ms;	/* the last; 0: none */
	ev_timer		 pause;		/* it wants none for now */
	uint64_t		 given_since_ms; /* when this began: */
	unsigned int		 given;		/* connections since then */
	ev_timer		 tick;		/* many: it is heard by this */
};

/* The one of that queue, or (NULL) a new one; NULL with *e set. */
struct nodelink	*nodelink_open(struct queue *, struct err *e);
void		 nodelink_unref(struct nodelink *);

/* It belongs to this worker, which has just been started. */
void		 nodelink_begin(struct nodelink *, struct worker *);
/* A line; false: it is none of Node's own. */
bool		 nodelink_line(struct nodelink *, const char *, size_t len);
/*
 * The channel has been closed: what was not accepted goes to others.  The
 * worker is expected to end; the signal that stops it helps it to.
 */
void		 nodelink_close(struct nodelink *);
/* Of its worker. */
struct ev_loop	*nodelink_loop(const struct nodelink *);
/* The worker is gone. */
void		 nodelink_end(struct nodelink *);
/* It listens on something. */
bool		 nodelink_is_listening(const struct nodelink *);
/* It has ended without having said that it leaves. */
bool		 nodelink_was_rude(const struct nodelink *);
#endif
