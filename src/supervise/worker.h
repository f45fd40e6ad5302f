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
#include "supervise/ready.h"
#include "supervise/rescue.h"
struct common;
struct err;
struct generation;
struct message;
struct nodelink;
struct queue;
struct reaper;
struct sdnotify;
struct worker;

/* News of a worker. */
struct worker_ops {
	void	(*ready)(void *arg, struct worker *);
	/* It is reaped; the callback frees it with worker_free. */
	void	(*gone)(void *arg, struct worker *);
	/* It is ready, and not well; why continues "it ...". */
	void	(*ailing)(void *arg, struct worker *, const char *why);
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

/* Which of its processes is the worker; see worker_main.c. */
struct worker_main {
	pid_t			 leader;	/* was started first */
	bool			 leader_gone;
	pid_t			 before;	/* was it before; 0: none */
	int			 fd;		/* of another than the leader,
						   else -1 */
	ev_io			 io;
	ev_timer		 lost;
	unsigned long long	 start_ticks;	/* of the leader; 0: ask */
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
	pid_t			 pid;		/* of its main process */
	struct worker_main	 main;
	enum worker_state	 state;
	struct ending		 ending;	/* asked: from the first wish */
	bool			 said_ready;	/* over its channel */
	bool			 was_ready;
	bool			 overdue;	/* outlived stop.timeout */
	bool			 reaped;	/* what it says is old */
	bool			 refused_fds, refused_main; /* told it so */
	uint64_t		 started_ms, ready_ms, ended_ms;
	ev_timer		 limit;		/* of this state */
	ev_timer		 emptying;	/* looks at what waits for it */
	bool			 was_empty;	/* at the last look */
	bool			 hushes;	/* while it is emptied */
	struct ready		 readiness;	/* until it is there */
	struct rescue		 rescue;	/* while it is hung */
	ev_timer		 heartbeat;	/* health.heartbeat */
	struct channel		 channel;
	struct nodelink		*link;		/* of Node, over that; NULL */
	struct output		 output;
	char			*text;		/* its status, or NULL */
	struct limit		 complaints;	/* about what it sends */
	struct limit		 events;	/* what it sends to the log */
};

/* NULL with *e set when it could not be started. */
struct worker	*worker_start(const struct worker_job *, struct err *e);
void		 worker_free(struct worker *);

/* The one whose process this is, or whose session it is in; or NULL. */
struct worker	*worker_find(const struct reaper *, pid_t);
/* A line of its dialect, by whatever way. */
void		 worker_heard(struct worker *, const char *line, size_t len);
/* It has sent this, with so many descriptors, which are closed. */
void		 worker_notified(struct worker *, const struct sdnotify *,
		    size_t fds);

/* Wishes, which may be repeated. */
void		 worker_stop(struct worker *);
void		 worker_kill(struct worker *);
/* It is ready, and hung: stopped at once, emptied, and killed. */
void		 worker_hang(struct worker *);

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
/* Start of the first of its processes, see tree_start_ticks. */
unsigned long long worker_start_ticks(const struct worker *);
/* How long its state may last from now on; 0: for ever. */
uint64_t	 worker_time_left(struct worker *);
/* How long it has been (or was) ready. */
uint64_t	 worker_ready_time(const struct worker *);

/* --- for the parts of a worker ------------------------------------------ */
/* Nothing more can be had of it. */
void		 worker_is_rescued(struct worker *);
/* By what its pool waits for, it is ready; a second time does nothing. */
void		 worker_is_up(struct worker *);
/* What it says of itself, for status and the log. */
void		 worker_set_status(struct worker *, const char *text);
/* Something bad that it does, at a limited rate. */
void		 worker_complain(struct worker *, const char *what,
		    const char *detail);
/* The limit of its state is at least so long from now on. */
void		 worker_extend(struct worker *, uint64_t ms);
/*
 * One of its processes was reaped: the main one, or one that was it before.
 */
void		 worker_exited(void *worker, pid_t, int status);
void		 worker_main_init(struct worker *);
void		 worker_main_begin(struct worker *, pid_t);
void		 worker_main_fini(struct worker *);
/* It says that this is its main process: believe it where that is safe. */
void		 worker_follow(struct worker *, pid_t);
/* Whether the end of this process is not the worker's. */
bool		 worker_main_goes_on(struct worker *, pid_t);
/* It is: whatever is left of the worker is killed. */
void		 worker_main_over(struct worker *, pid_t);
/* To all that is below it, too. */
void		 worker_main_kill(const struct worker *);
/* To all of its group, and to its main process. */
void		 worker_signal_group(const struct worker *, int sig);
void		 worker_heartbeat_init(struct worker *);
/* A sign of life, or another state: the next is due within its time. */
void		 worker_heartbeat(struct worker *);

/* An event of this worker. */
#define worker_post(w, level, kind, ...) do {				\
	const struct about about_it = worker_about(w);			\
									\
	journal_post(&(w)->job.common->journal, level, kind, &about_it,	\
	    __VA_ARGS__);						\
} while (0)
#endif
