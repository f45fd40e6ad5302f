#ifndef SUPERVISE_POOL_H
#define SUPERVISE_POOL_H
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "supervise/common.h"
#include "supervise/dispatch.h"
#include "supervise/lookout.h"
#include "supervise/slot.h"
struct broadcaster;
struct conf;
struct conf_pool;
struct err;
struct generation;
struct message;
struct pool;
struct reload;
struct reload_result;
struct worker;

struct pool_ops {
	/* A worker is ready, or gone. */
	void	(*changed)(void *arg, struct pool *);
	/* Every slot of the pool has ended and every process is gone. */
	void	(*ended)(void *arg, struct pool *);
	/* The rollout that pool_reload began has come one step further. */
	void	(*progress)(void *arg, struct pool *, unsigned int slot,
		    const char *text);
	/* The rollout that pool_reload began is over. */
	void	(*reloaded)(void *arg, struct pool *,
		    const struct reload_result *);
};

struct pool {
	struct common			*common;
	char				*name;
	struct conf			*owner;		/* of conf, counted */
	const struct conf_pool		*conf;
	const struct pool_ops		*ops;
	void				*arg;
	struct slot			**slots;
	size_t				 slot_count;	/* that there are */
	size_t				 count;		/* wanted */
	struct generation		*gen;		/* NULL: closed */
	unsigned int			 last_generation;
	struct dispatch			 dispatch;
	struct broadcaster		*broadcaster;
	struct reload			*reload;	/* under way, or NULL */
	size_t				 processes;	/* not reaped */
	size_t				 starting, ready;
	struct list			 waiting;	/* slots, for a start */
	struct list			 newcomers;	/* for their first */
	struct slot			*probe;
	struct slot			*holder;	/* see pool_holds */
	uint64_t			 holds_from_ms;	/* not before */
	ev_timer			 probation;	/* it is ready */
	size_t				 most_processes;
	struct list			 settles;	/* wait for slots */
	ev_timer			 look;		/* due at once */
	struct lookout			 lookout;	/* for hung workers */
	bool				 stopping, had_to_kill;
	bool				 announced;	/* all ready */
	bool				 settled;	/* all seen once */
	bool				 removed;	/* by a new config */
};

/*
 * Opens the listeners; NULL with *e set.  A start waits rather than have
 * more than most_processes at a time.
 */
struct pool	*pool_new(struct conf *, const struct conf_pool *,
		    size_t most_processes, struct common *,
		    const struct pool_ops *, void *arg, struct err *e);
void		 pool_free(struct pool *);

/* Start every slot.  0, or -1 with *e set. */
int		 pool_start(struct pool *, struct err *e);
/* Wish every slot down for good, gracefully or at once. */
void		 pool_stop(struct pool *, bool at_once);
/*
 * Begin a rollout of a generation that pool_pin has made, to the first so
 * many slots.  It is taken over.  0, or -1 with *e set: it could not even
 * begin.
 */
int		 pool_reload(struct pool *, struct generation *,
		    size_t slots, struct err *e);
/* What a rollout of this config would be; NULL with *e set. */
struct generation *pool_pin(struct pool *, struct conf *,
		    const struct conf_pool *, struct err *e);

/* Commands.  They are not for a pool that has a rollout under way. */
/* More slots or fewer, 1 to 10000.  0, or -1 with *e set. */
int		 pool_scale(struct pool *, size_t count, struct err *e);
/*
 * Have slots first to last-1 down until they are started again; whole: the
 * pool as such, whose listeners are then closed.
 */
void		 pool_halt(struct pool *, size_t first, size_t last,
		    bool whole);
/* Start those of them that are down, whatever has brought them down. */
int		 pool_resume(struct pool *, size_t first, size_t last,
		    struct err *e);
/* Replace their workers now; whole: by those of a new generation. */
int		 pool_restart(struct pool *, size_t first, size_t last,
		    bool whole, struct err *e);
/* Another config that calls for no other workers. */
void		 pool_adopt(struct pool *, struct conf *,
		    const struct conf_pool *);
/* Another config, and the workers that are there keep theirs. */
void		 pool_set_conf(struct pool *, struct conf *,
		    const struct conf_pool *);
/* The broadcasts of the config begin anew.  0, or -1 with *e set. */
int		 pool_broadcast_anew(struct pool *, struct err *e);

/* Nothing of the pool is left to wait for. */
bool		 pool_is_over(const struct pool *);
/* It has no listeners: stopped, or every slot has ended. */
bool		 pool_is_closed(const struct pool *);
/*
 * How it ended: a slot failed for good, or, if it was stopped, workers had
 * to be killed.
 */
bool		 pool_has_failed(const struct pool *);
/* Count again what is counted as it changes; a difference is a bug. */
void		 pool_check(const struct pool *);

/*
 * To every worker of slots first to last-1 that is ready, but one (or
 * NULL); how: channel_send.  Returns to how many that have their slot.
 */
size_t		 pool_send(struct pool *, size_t first, size_t last,
		    struct message *, int how, const struct worker *but);

/* --- for the rest of the folder ---------------------------------------- */
/* A worker of gen, with this queue, started for the slot. */
struct worker	*pool_start_worker(struct slot *, struct generation *,
		    struct queue *, struct err *e);
/* Give up the listeners, and what else costs something while it is idle. */
void		 pool_close(struct pool *);
/* A new queue, or *ret NULL where it shares its listeners.  0, or -1. */
int		 pool_queue_for(struct slot *, struct generation *,
		    struct queue **ret, struct err *e);
/* From now on slots that are empty start from it. */
void		 pool_set_generation(struct pool *, struct generation *);
/* Listeners that only older generations have are closed. */
void		 pool_close_others(struct pool *);
/* Some worker has been ready for ready.soak, and still is. */
bool		 pool_holds(struct pool *);
/* One more may start for the first time, for all that are starting. */
bool		 pool_has_window(const struct pool *);
/* Nobody probes (any more): those that waited for it may start. */
void		 pool_end_probe(struct pool *);
/* A fact has changed: who waits may start, all may be ready or ended. */
void		 pool_changed(struct pool *);
/* The same, once the caller is done. */
void		 pool_look_later(struct pool *);

struct about	 pool_about(const struct pool *);
#define pool_post(p, level, kind, ...) do {				\
	const struct about about_pool = pool_about(p);			\
									\
	journal_post(&(p)->common->journal, level, kind, &about_pool,	\
	    __VA_ARGS__);						\
} while (0)
#endif
