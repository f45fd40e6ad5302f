#ifndef SUPERVISE_NODEQUEUE_H
#define SUPERVISE_NODEQUEUE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct dispatch;
struct err;
struct listener_set;
struct nodelink;
struct nodelink_handle;
struct queue;

/*
 * The connections that a worker of Node's cluster has been given and has
 * not accepted yet, and what is given to it next.  Each is kept open here
 * until it is accepted, so that it can be given to somebody else.
 */
#define NODEQUEUE_WINDOW	4	/* always, not yet accepted */
#define NODEQUEUE_BURST		64	/* while it is quick to accept */
#define NODEQUEUE_QUICK_MS	250

/* A queue of which the worker is told over its channel; NULL with *e. */
struct queue	*nodequeue_new(struct dispatch *, struct listener_set *,
		    struct err *e);
/* The channel may be written to again. */
void		 nodequeue_room(struct nodelink *);
/* Connections given to it and not accepted. */
size_t		 nodequeue_pending(const struct nodelink *);
/* This one is kept here, until it is accepted; by the number of its inode. */
bool		 nodequeue_has(const struct nodelink *, uint64_t inode);

/* --- for the link -------------------------------------------------------- */
void		 nodequeue_init(struct nodelink *);
/* The channel is closed: what was not accepted goes to others. */
void		 nodequeue_close(struct nodelink *);
void		 nodequeue_fini(struct nodelink *);

/* Room for one more; -1: out of memory. */
int		 nodequeue_reserve(struct nodelink *);
/* A connection has been sent. */
void		 nodequeue_add(struct nodelink *, int64_t seq,
		    unsigned int index, int conn);
/* A listener, in answer to the query of this number. */
void		 nodequeue_add_listener(struct nodelink *, int64_t seq,
		    unsigned int index, int64_t query);
/*
 * The next has arrived, or not; -1: there is none.  *ret is what it was: a
 * listener, whose conn is -1, is the caller's business.
 */
int		 nodequeue_ack(struct nodelink *, struct nodelink_handle *ret);
int		 nodequeue_nack(struct nodelink *,
		    struct nodelink_handle *ret);
/* It has accepted or refused the one of this number. */
void		 nodequeue_answer(struct nodelink *, int64_t seq,
		    bool accepted);
#endif
