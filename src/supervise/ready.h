#ifndef SUPERVISE_READY_H
#define SUPERVISE_READY_H
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/env.h"
#include "config/conf.h"
#include "supervise/command.h"
struct err;
struct ready;
struct worker;

/*
 * How it is found out that one worker is ready.  What the worker says by its
 * channel or by NOTIFY_SOCKET comes in elsewhere; here is the rest, one file
 * for each kind, one row in ready.c.
 */
struct ready_kind {
	/* Look for it from now on: ready_found, sooner or later. */
	void		(*begin)(struct ready *);
	/* Give back what it holds besides timer, io and fd. */
	void		(*end)(struct ready *);
	/* What a worker that is late has not done, or NULL. */
	const char	*missing;
	bool		 has_probe;
};

struct ready {
	struct worker			*worker;
	const struct ready_kind		*kind;
	bool				 busy;	/* between begin and end */
	ev_timer			 timer;
	ev_io				 io;
	int				 fd;	/* of a pipe, or a probe */
	struct ready_probe		*probe;	/* for those who have to ask */
};

/* The others have none: most workers, and there may be thousands. */
struct ready_probe {
	struct command	 command;
	struct env	 env;		/* of the command */
	char		**argv;		/* of the command */
	char		 tag[32];
	char		 text[1024];	/* to send, or received */
	size_t		 len, done;
};

void	ready_init(struct ready *, struct worker *);
/* Take the memory that this kind needs.  0, or -1 with *e set. */
int	ready_prepare(struct ready *, enum conf_ready, struct err *e);
void	ready_fini(struct ready *);
/* The worker runs.  fd: our end of its pipe, or -1; it is taken. */
void	ready_begin(struct ready *, int fd);
/* It is ready, or will never be.  Once is enough. */
void	ready_end(struct ready *);

/* --- for the kinds ------------------------------------------------------- */
/* The worker is ready; the kind is ended. */
void	ready_found(struct ready *);
/* Call this after so long. */
void	ready_after(struct ready *, uint64_t ms,
	    void (*)(struct ev_loop *, ev_timer *, int));
/* Call this when fd can be read or written. */
void	ready_watch(struct ready *, int events,
	    void (*)(struct ev_loop *, ev_io *, int));
/* Watch no more, and close fd. */
void	ready_close(struct ready *);

extern const struct ready_kind ready_by_delay, ready_by_exec, ready_by_fd,
    ready_by_http;
#endif
