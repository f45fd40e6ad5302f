#ifndef SUPERVISE_QUEUE_H
#define SUPERVISE_QUEUE_H
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "config/conf.h"
#include "os/handover.h"
struct dispatch;
struct err;
struct ledger;
struct listener;
struct listener_set;
struct nodelink;
struct seat;
struct queue;

/* How connections reach the worker that reads from a queue. */
struct queue_ops {
	/*
	 * Give it one of the listener of this number, which it then owns;
	 * anything but HANDOVER_SENT: it does not want it.  In a last call
	 * it takes what it possibly can.
	 */
	enum handover_result	 (*offer)(struct queue *, unsigned int index,
				    int conn, bool last_call);
	/* After HANDOVER_FULL: queue_has_room is to be called. */
	void			 (*await_room)(struct queue *);
	/* The listener's number of the next to be taken back, or -1. */
	int			 (*peek)(struct queue *);
	/* The oldest that nobody has, or -1 with errno, EAGAIN: none. */
	int			 (*take_back)(struct queue *,
				    unsigned int *ret_index);
	/* Nothing waits in it that its reader has not seen. */
	bool			 (*is_idle)(struct queue *);
	/* Connections that its reader has not taken; NULL: none. */
	size_t			 (*waiting)(const struct queue *);
	/* The next worker of the slot needs a new one. */
	bool			 (*is_broken)(const struct queue *);
	void			 (*fini)(struct queue *);
};

/*
 * The connections handed to one slot and generation and not yet taken.
 * Counted by the slot and by each worker that reads from it; when nobody
 * has it any more, what is left in it is given to others.
 */
struct queue {
	struct list	 node;		/* in dispatch's leftovers */
	struct dispatch	*dispatch;
	struct listener_set *set;	/* that its generation takes from */
	uint64_t	 takes;		/* which of them: one bit each */
	unsigned int	 refs;
	uint64_t	 handed;	/* connections given to it */
	uint64_t	 taken_back;	/* and those taken back again */
	enum conf_balance balance;	/* as its generation wants it */
	struct ledger	*ledger;	/* max_connections; or NULL */
	bool		 full;
	bool		 left;		/* in leftovers */
	const struct queue_ops *ops;
	struct handover	 handover;	/* ROTA_CONN_FD, or none */
	ev_io		 room;		/* while that is full */
	struct seat	*seat;		/* its own listeners, at which the
					   kernel takes turns; or NULL */
	struct nodelink	*link;		/* the channel of one worker, or NULL;
					   counted */
};

/* By ROTA_CONN_FD.  With one reference, and one of the set; NULL with *e. */
struct queue	*queue_new(struct dispatch *, struct listener_set *,
		    struct err *e);
/* By some other way; it takes from no listener yet. */
struct queue	*queue_new_by(const struct queue_ops *, struct dispatch *,
		    struct listener_set *, struct err *e);
struct queue	*queue_ref(struct queue *);
void		 queue_unref(struct queue *);
/* It has a reader again: what is still in it is that one's. */
void		 queue_keep(struct queue *);
/* What the slot has been given so far counts on. */
void		 queue_count_on(struct queue *, const struct queue *old);
/* Another worker will read from it. */
void		 queue_renew(struct queue *);
/*
 * Its reader has as many connections open as it may have, as far as is known
 * without more *looks; then *look_ms is made no later than when to ask again.
 */
bool		 queue_is_sated(struct queue *, uint64_t *look_ms,
		    unsigned int *looks);
/* Give it a connection, as by the offer of its ops. */
enum handover_result queue_offer(struct queue *, unsigned int index, int conn,
		    bool last_call);
/* The oldest that nobody has, as by the take_back of its ops. */
int		 queue_take_back(struct queue *);
/* This one was taken back by other means. */
void		 queue_lose(struct queue *, int conn);
/* The number by which it takes from this listener, or -1. */
int		 queue_index(const struct queue *, const struct listener *);
/* Room again. */
void		 queue_has_room(struct queue *);
bool		 queue_is_broken(const struct queue *);
/*
 * All connections are handed over to whoever has it; NULL: they are not.
 * Some may be, where its worker asks for what it listens on.
 */
bool		 queue_is_fed(const struct queue *);
bool		 queue_is_offered(const struct queue *);

/* The slot has its turns from now on, or no more. */
void		 queue_up(struct queue *, size_t slot);
void		 queue_down(struct queue *, size_t slot);
/*
 * Who reads from it does so no more, or is not waited for: what is in it
 * goes to others, if it is not up again.
 */
void		 queue_leave(struct queue *);
/* Connections given to it, and not to others since; false: who knows. */
bool		 queue_counts(const struct queue *);
uint64_t	 queue_given(const struct queue *);
size_t		 queue_waiting(const struct queue *);

/* --- for the dispatcher -------------------------------------------------- */
void		 queue_free(struct queue *);
#endif
