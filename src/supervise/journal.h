#ifndef SUPERVISE_JOURNAL_H
#define SUPERVISE_JOURNAL_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/list.h"
#include "base/log.h"
#include "base/util.h"
struct history;

/*
 * What has happened: every event is logged, the newest are remembered, and
 * who watches is told, of events and of the lines that workers print.
 */
#define JOURNAL_EVENTS	1000
#define JOURNAL_BYTES	(1u << 20)

#define EVENT_KINDS(X)						\
	X(STARTED,	"started")	/* a process */		\
	X(READY,	"ready")				\
	X(SERVING,	"serving")	/* given its slot */	\
	X(ENDED,	"ended")	/* on its own */	\
	X(LEFT,		"left")		/* told to leave, has */ \
	X(FAILED,	"failed")	/* could not be started */ \
	X(LATE,		"late")		/* overstepped a limit */ \
	X(HUNG,		"hung")		/* takes nothing of what waits */ \
	X(POOL,		"pool")		/* of a pool as a whole */ \
	X(ROLLOUT,	"rollout")	/* a step of one */	\
	X(CONFIG,	"config")	/* a change of it */	\
	X(COMMAND,	"command")	/* somebody wants something */ \
	X(MESSAGE,	"message")	/* a worker's own */	\
	X(PUBLISH,	"publish")	/* to its siblings */	\
	X(STATUS,	"status")	/* a worker's own words */ \
	X(TROUBLE,	"trouble")	/* something is not as it should be */

enum event_kind {
#define X(id, name) EV_##id,
	EVENT_KINDS(X)
#undef X
	EV__COUNT
};

const char	*event_kind_name(enum event_kind);

/* Whom an event is about. */
struct about {
	const char	*pool;		/* NULL: the supervisor */
	int		 slot;		/* -1: the pool */
	pid_t		 pid;		/* 0: no process */
	unsigned int	 generation;	/* 0: none */
};

struct event {
	struct list	 node;
	uint64_t	 seq;
	int64_t		 real_ms;
	enum log_level	 level;
	enum event_kind	 kind;
	struct about	 about;
	const char	*text;
	const char	*message;	/* JSON of a worker's, or NULL */
	size_t		 message_len;
	size_t		 size;		/* of all this */
};

/* Somebody who watches; both may be NULL, neither may unwatch another. */
struct watcher {
	struct list	 node;
	void		(*event)(void *arg, const struct event *);
	void		(*line)(void *arg, uint64_t seq,
			    const struct log_line *);
	void		*arg;
};

struct journal {
	struct list	 events;	/* the oldest first */
	size_t		 count, bytes;
	uint64_t	 next_event, next_line;
	struct list	 watchers;
};

void	journal_init(struct journal *);
void	journal_fini(struct journal *);
void	journal_watch(struct journal *, struct watcher *);
void	journal_unwatch(struct watcher *);

/* Log it and remember it. */
void	journal_post(struct journal *, enum log_level, enum event_kind,
	    const struct about *, const char *fmt, ...) PRINTFLIKE(5, 6);
/* Remember what a worker sent; the log is the caller's business. */
void	journal_message(struct journal *, enum event_kind,
	    const struct about *, const char *json, size_t len);
/* A line that a worker printed; into the history of its slot, if any. */
void	journal_line(struct journal *, struct history *, enum log_format,
	    const struct log_line *);
#endif
