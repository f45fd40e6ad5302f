#ifndef SUPERVISE_WORKER_H
#define SUPERVISE_WORKER_H
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/limit.h"
#include "base/list.h"
#include "ipc/channel.h"
#include "policy/restart.h"
#include "policy/state.h"
#include "supervise/journal.h"
#include "supervise/output.h"
struct common;
struct err;
struct generation;
struct message;
struct queue;
struct worker;

/* News of a worker. */
struct worker_ops {
	void	(*ready)(void *arg, struct worker *);
	/* It is reaped; the callback frees it with worker_free. */
	void	(*gone)(void *arg, struct worker *);
	/* For every other worker of the pool. */
	void	(*publish)(void *arg, struct worker *, struct message *);
};

/* What a worker is started with; all borrowed, the counted are counted. */
struct worker_job {
	struct common			*common;
	const char			*pool;
	unsigned int			 slot, count;
	struct history			*history;	/* the slot's */
	struct generation		*gen;
	struct queue			*queue;		/* or NULL */
	const struct worker_ops		*ops;
	void				*arg;
};

/*
 * One process, from exec to obituary.  Its state changes in one function,
 * which also sets the limit of the new state.
 */
struct worker {
	struct list		 node;		/* its owner's */
	struct worker_job	 job;
	struct generation	*gen;
	struct queue		*queue;
	pid_t			 pid;
	enum worker_state	 state;
	struct ending		 ending;	/* asked: from the first wish */
	bool			 said_ready;	/* over its channel */
	bool			 was_ready;
	bool			 overdue;	/* outlived stop.timeout */
	bool			 reaped;	/* what it says is old */
	uint64_t		 started_ms, ready_ms, ended_ms;
	ev_timer		 limit;		/* of this state */
	ev_timer		 delay;		/* ready.when: delay */
	struct channel		 channel;
	struct output		 output;
	char			*text;		/* its status, or NULL */
	struct limit		 complaints;	/* about what it sends */
	struct limit		 events;	/* what it sends to the log */
};

/* NULL with *e set when it could not be started. */
struct worker	*worker_start(const struct worker_job *, struct err *e);
void		 worker_free(struct worker *);

/* Wishes.  Both may be repeated. */
void		 worker_stop(struct worker *);
void		 worker_kill(struct worker *);

/* Whatever it makes of it; false: it cannot be sent. */
bool		 worker_signal(const struct worker *, int sig);

bool		 worker_is_ready(const struct worker *);
/* To a worker that is ready; how as in channel_send.  Whether it is sent. */
bool		 worker_send(struct worker *, struct message *, int how);
/* "exit status 3", "signal 9 (Killed)", with a note if we asked for it. */
void		 ending_describe(const struct ending *, char *buf,
		    size_t size);
void		 worker_describe_end(const struct worker *, char *buf,
		    size_t size);
struct about	 worker_about(const struct worker *);
/* How long its state may last from now on; 0: for ever. */
uint64_t	 worker_time_left(struct worker *);
/* How long it has been (or was) ready. */
uint64_t	 worker_ready_time(const struct worker *);
#endif
