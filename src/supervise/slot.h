#ifndef SUPERVISE_SLOT_H
#define SUPERVISE_SLOT_H
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "policy/hang.h"
#include "policy/restart.h"
#include "supervise/history.h"
#include "supervise/journal.h"
struct generation;
struct listener_set;
struct pool;
struct queue;
struct worker;

/* At most so many old workers drain per slot; the next start waits. */
#define SLOT_DRAINING_MAX 2

/*
 * A slot owns what must outlive a process: its number, its queue, its
 * generation, its back-off, its last lines.  Workers come and go.
 */
struct slot {
	struct pool		*pool;
	unsigned int		 index;
	bool			 stopped;	/* by command */
	bool			 held;		/* a rollout keeps it empty */
	struct generation	*gen;		/* NULL: its pool is closed */
	struct generation	*old_gen;	/* to go back to */
	struct queue		*queue;		/* NULL: it shares listeners */
	struct listener_set	*shares;	/* these, while it is up */
	struct worker		*current;	/* occupies the slot */
	struct worker		*beside;	/* a rollout's, not yet in */
	struct list		 draining;	/* old workers, leaving */
	unsigned int		 draining_count;
	struct backoff		 backoff;
	ev_timer		 restart;	/* active: in back-off */
	struct list		 waiting;	/* in pool->waiting */
	struct hang		 hang;		/* does it take what waits? */
	bool			 doubted;	/* and so gets no turns */
	bool			 was_started, was_ready;
	bool			 ended;		/* for good */
	bool			 ended_badly;
	struct history		 history;
	uint64_t		 restarts;	/* after an ending */
	char			*start_error;	/* of the last start; NULL */
	pid_t			 last_pid;	/* who ended last; 0: none */
	struct ending		 last_ending;
	uint64_t		 last_ended_ms;
};

/* What a slot is doing, for people. */
#define SLOT_STATES(X)							\
	X(READY,	"ready")					\
	X(STARTING,	"starting")					\
	X(BACKOFF,	"back-off")	/* waits after a failure */	\
	X(WAITING,	"waiting")	/* for its turn to start */	\
	X(STOPPED,	"stopped")	/* by command */		\
	X(STOPPING,	"stopping")	/* told to leave, still there */ \
	X(ENDED,	"ended")	/* for good, and well */	\
	X(FAILED,	"failed")	/* for good, and not well */	\
	X(EMPTY,	"empty")	/* a rollout keeps it so */

enum slot_state {
#define X(id, name) SLOT_##id,
	SLOT_STATES(X)
#undef X
	SLOT__COUNT
};

enum slot_state	 slot_state(const struct slot *);
const char	*slot_state_name(enum slot_state);

/* NULL: out of memory. */
struct slot	*slot_new(struct pool *, unsigned int index);
/* Called when no process is left. */
void		 slot_free(struct slot *);

/* The wish: a worker is to be here. */
bool		 slot_is_wanted(const struct slot *);
/* Compares the wish with the facts and does what follows. */
void		 slot_reconcile(struct slot *);
/* From now on it starts workers of this generation. */
void		 slot_set_generation(struct slot *, struct generation *);
/* It takes no turns any more. */
void		 slot_take_down(struct slot *);
/* The pool is closed: what waits in the queue of an empty slot goes. */
void		 slot_drop_queue(struct slot *);
/* A command: its past counts no more; whoever is there goes. */
void		 slot_forgive(struct slot *);

/* News of a worker of this slot; gone frees it. */
void		 slot_worker_ready(struct slot *, struct worker *);
void		 slot_worker_gone(struct slot *, struct worker *);
/* It is alive and not well: it is told to leave, and another started. */
void		 slot_worker_ailing(struct slot *, struct worker *,
		    const char *why);
/* So many have waited for it, of which it has taken none for so long. */
void		 slot_worker_hung(struct slot *, uint64_t waiting,
		    uint64_t ms);

/* Give the slot to the worker beside; the one that had it drains. */
void		 slot_switch(struct slot *);
/* Count a worker among those that leave; the caller tells it to. */
void		 slot_let_go(struct slot *, struct worker *);
/* Take the slot out of the turns and its worker out of the slot. */
void		 slot_drain(struct slot *);
/* In back-off, waiting after one, or ended: not to be waited for. */
bool		 slot_is_settled(struct slot *);
/* When the oldest worker that is alive here was started; 0: there is none. */
unsigned long long slot_oldest_start(const struct slot *);
/* How the worker that ended last did: "exit status 3". */
void		 slot_describe_last(const struct slot *, char *buf,
		    size_t size);

struct about	 slot_about(const struct slot *, const struct worker *);
/* An event of this slot, and of a worker of it (or NULL). */
#define slot_post(s, w, level, kind, ...) do {				\
	const struct about about_it = slot_about(s, w);			\
									\
	journal_post(&(s)->pool->common->journal, level, kind,		\
	    &about_it, __VA_ARGS__);					\
} while (0)
#endif
