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
#include "supervise/output.h"
struct conf_pool;
struct dialect;
struct err;
struct generation;
struct message;
struct queue;
struct reaper;
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
	struct ev_loop			*loop;
	struct reaper			*reaper;
	const struct conf_pool		*conf;
	const struct dialect		*dialect;
	unsigned int			 slot;
	const int			*listeners;	/* the pool's */
	const char *const		*addresses;
	size_t				 listener_count;
	uint16_t			 port;
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
	struct limit		 complaints;	/* about what it sends */
	struct limit		 events;	/* what it sends to the log */
};

/* NULL with *e set when it could not be started. */
struct worker	*worker_start(const struct worker_job *, struct err *e);
void		 worker_free(struct worker *);

/* Wishes.  Both may be repeated. */
void		 worker_stop(struct worker *);
void		 worker_kill(struct worker *);

bool		 worker_is_ready(const struct worker *);
/* To a worker that is ready; how as in channel_send. */
void		 worker_send(struct worker *, struct message *, int how);
/* "exit status 3", "signal 9 (Killed)", with a note if we asked for it. */
void		 worker_describe_end(const struct worker *, char *buf,
		    size_t size);
/* How long it has been (or was) ready. */
uint64_t	 worker_ready_time(const struct worker *);
#endif
