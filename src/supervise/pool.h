#ifndef SUPERVISE_POOL_H
#define SUPERVISE_POOL_H
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "policy/restart.h"
#include "supervise/dispatch.h"
struct broadcaster;
struct conf_pool;
struct dialect;
struct err;
struct generation;
struct message;
struct pool;
struct reaper;
struct reload;
struct worker;

/* At most so many old workers drain per slot; a rollout waits for room. */
#define SLOT_DRAINING_MAX 2

/*
 * A slot owns what must outlive a process: its number, its queue, its
 * generation, its back-off.  Workers come and go.
 */
struct slot {
	struct pool		*pool;
	unsigned int		 index;
	bool			 wanted;	/* the wish: a worker is here */
	bool			 held;		/* a rollout keeps it empty */
	struct generation	*gen;
	struct generation	*old_gen;	/* to go back to */
	struct queue		*queue;		/* NULL: no hand-over */
	struct worker		*current;	/* occupies the slot */
	struct worker		*beside;	/* a rollout's, not yet in */
	struct list		 draining;	/* old workers, leaving */
	unsigned int		 draining_count;
	struct backoff		 backoff;
	ev_timer		 restart;	/* active: in back-off */
	struct list		 waiting;	/* in pool->waiting */
	bool			 was_started, was_ready;
	bool			 ended;		/* for good */
	bool			 ended_badly;
};

struct pool_ops {
	/* Every slot of the pool has ended and every process is gone. */
	void	(*ended)(void *arg, struct pool *);
	/* The rollout that pool_reload began is over. */
	void	(*reloaded)(void *arg, struct pool *, bool ok);
};

struct pool {
	struct ev_loop			*loop;
	struct reaper			*reaper;
	const struct conf_pool		*conf;
	const struct dialect		*dialect;
	const struct pool_ops		*ops;
	void				*arg;
	size_t				 cpus;
	struct slot			*slots;
	int				*listeners;
	ev_io				*mends;		/* shared ones */
	char				**addresses;	/* of these */
	uint16_t			 port;
	bool				 handover;
	struct dispatch			 dispatch;
	struct broadcaster		*broadcaster;
	struct reload			*reload;	/* under way, or NULL */
	unsigned int			 last_generation;
	size_t				 processes;	/* not reaped */
	size_t				 starting, ready;
	struct list			 waiting;	/* slots, for a start */
	struct slot			*probe;
	ev_timer			 probation;	/* it is ready */
	size_t				 most_processes;
	struct limit			 mend_limit;
	bool				 stopping, had_to_kill;
	bool				 announced;	/* all ready */
	bool				 settled;	/* all seen once */
	bool				 retired;	/* over, others run */
};

/*
 * Opens the listeners; NULL with *e set.  A rollout waits rather than have
 * more than most_processes at a time.
 */
struct pool	*pool_new(const struct conf_pool *, size_t most_processes,
		    struct ev_loop *, struct reaper *,
		    const struct pool_ops *, void *arg, struct err *e);
void		 pool_free(struct pool *);

/* Wish every slot up, of a first generation.  0, or -1 with *e set. */
int		 pool_start(struct pool *, struct err *e);
/* Wish every slot down, gracefully or at once. */
void		 pool_stop(struct pool *, bool at_once);
/* Begin a rollout.  0, or -1 with *e set: it could not even begin. */
int		 pool_reload(struct pool *, struct err *e);
/* Nothing of the pool is left to wait for. */
bool		 pool_is_over(const struct pool *);
/*
 * How it ended: a slot failed for good, or, if it was stopped, workers had
 * to be killed.
 */
bool		 pool_has_failed(const struct pool *);

/* To every worker that is ready but one (or NULL); how: channel_send. */
void		 pool_send(struct pool *, struct message *, int how,
		    const struct worker *but);

/* --- for slot.c and reload.c ------------------------------------------- */
/* A worker of gen, with this queue, started for the slot. */
struct worker	*pool_start_worker(struct slot *, struct generation *,
		    struct queue *, struct err *e);
/* Some worker has been ready for ready.soak, and still is. */
bool		 pool_holds(const struct pool *);
/* Nobody probes (any more): those that waited for it may start. */
void		 pool_end_probe(struct pool *);
/* A fact has changed: who waits may start, all may be ready or ended. */
void		 pool_changed(struct pool *);
#endif
