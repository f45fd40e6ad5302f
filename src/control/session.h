#ifndef CONTROL_SESSION_H
#define CONTROL_SESSION_H
#include <ev.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/buf.h"
#include "base/limit.h"
#include "base/list.h"
struct control_limits;
struct control_ops;

/* What the sessions of a server share; the server fills it in. */
struct session_env {
	struct ev_loop			*loop;
	const struct control_limits	*limits;
	const struct control_ops	*ops;
	void				*arg;
	struct list			 sessions;
	size_t				 count;
	size_t				 held_bytes;	/* lines under way */
	struct limit			 log_limit;
};

/* What the session's timer waits for. */
enum session_wait {
	SESSION_WAIT_NONE,
	SESSION_WAIT_IDLE,	/* to begin something */
	SESSION_WAIT_STALL,	/* to take something */
	SESSION_WAIT_PROBE,	/* half-closed: whether it is there at all */
	SESSION_WAIT_END	/* dead: freed on the next turn */
};

/* A client that is connected. */
struct session {
	struct session_env	*env;
	struct list		 node;
	int			 fd;
	uid_t			 uid;
	pid_t			 pid;
	ev_io			 in_io, out_io;
	ev_timer		 timer;
	enum session_wait	 wait;
	struct buf		 in, out;
	struct list		 requests;
	size_t			 request_count;
	bool			 is_half;	/* it sends no more */
	bool			 is_closing;	/* when all is sent */
	bool			 is_dead;	/* nothing is sent any more */
};

/* Takes the descriptor, and greets.  -1: out of memory, it is closed. */
int	 session_new(struct session_env *, int fd, uid_t, pid_t);
/* Its requests are gone. */
void	 session_free(struct session *);

/*
 * Takes the value, and sends it as a line.  Data are dropped when too much
 * waits (-1), for anything else the client is.  Never frees the session.
 */
enum session_line { SESSION_DATA, SESSION_ANSWER };
int	 session_send(struct session *, json_t *, enum session_line);
/* Write until nothing waits or the client takes no more. */
void	 session_flush(struct session *);
/* To be called when a request has begun or ended. */
void	 session_changed(struct session *);
#endif
