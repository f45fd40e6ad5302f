#ifndef ROTA_H
#define ROTA_H
/*
 * librota: the worker's side of rota, a process supervisor; librota(3) is
 * the manual, rota-ipc(7) the protocol underneath.
 *
 * One object is one worker's link to its supervisor.  It is not locked: its
 * calls must not overlap.  No call blocks, but for a rota_next that was
 * given a timeout.  What returns an int returns -1 with errno set when it
 * fails, and nothing here ends the process or raises SIGPIPE.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rota;

/*
 * Take the link from the environment.  NULL with ENOENT when this program
 * was not started by a supervisor, so that it can run alone; EINVAL, EBADF
 * or ENOTSOCK when what the environment says makes no sense; ENOMEM.  On
 * success the descriptors are made close-on-exec and leave the environment:
 * children do not inherit the link, and a second call finds nothing.
 */
struct rota	*rota_connect(void);

/*
 * Close the link and free it; NULL is harmless.  Take the descriptors out
 * of your epoll set first: the supervisor keeps the sockets open, and so
 * the set would keep them too.
 */
void		 rota_close(struct rota *);

/* --- who am I ------------------------------------------------------------ */

/* Borrowed; "" if it is not known. */
const char	*rota_pool(const struct rota *);
unsigned int	 rota_slot(const struct rota *);	/* 0..count-1 */
unsigned int	 rota_count(const struct rota *);
unsigned int	 rota_generation(const struct rota *);

/* What follows is known once ROTA_HELLO has come. */
unsigned int	 rota_listener_count(const struct rota *);
/* Borrowed; NULL: it has no name, or there is no such listener. */
const char	*rota_listener_name(const struct rota *, unsigned int);
/* Borrowed, such as "[::]:7000"; NULL: there is no such listener. */
const char	*rota_listener_address(const struct rota *, unsigned int);

/* --- what happens -------------------------------------------------------- */

enum rota_event_type {
	/* The first event: the supervisor has introduced itself. */
	ROTA_HELLO = 1,
	/* A message of the user's: event.json, event.len. */
	ROTA_MESSAGE,
	/*
	 * Leave: take what rota_accept still gives, finish what was begun,
	 * and exit within event.deadline_ms, or be killed.
	 */
	ROTA_DISCONNECT,
	/*
	 * The supervisor is gone, and its workers are meant to stop.  The
	 * same as ROTA_DISCONNECT, but nobody will kill.
	 */
	ROTA_GONE,
	/* No more messages will come; go on without.  Comes at most once. */
	ROTA_CLOSED,
	/* rota_accept has something (only from a rota_next that waited). */
	ROTA_CONNECTION
};

struct rota_event {
	enum rota_event_type	 type;
	/* One JSON value, NUL-terminated; valid until the next rota_next. */
	const char		*json;
	size_t			 len;
	uint64_t		 deadline_ms;
};

/*
 * The next event: 1, 0 if there is none, -1 on failure (EINTR: a signal
 * came while waiting; EPERM: called in a forked child; ENOMEM).
 * timeout_ms 0 only looks; -1 waits for ever.  In a loop of your own call
 * it with 0 until it returns 0.  Pings are answered inside.  Later versions
 * may add types: ignore those that you do not know.
 */
int		 rota_next(struct rota *, struct rota_event *ret,
		    int timeout_ms);

/*
 * For a loop of your own: the descriptor to poll, and for what (POLLIN,
 * and POLLOUT while something waits to be sent).  Ask again after each
 * event and each send: both may change, -1 means nothing more to poll.
 */
int		 rota_fd(const struct rota *);
short		 rota_fd_events(const struct rota *);

/*
 * The descriptors that are readable when rota_accept has something: the
 * queue of connections handed over, or the listeners.  Returns how many,
 * *ret is borrowed; 0 when nothing (more) is to be had.  Ask again after
 * ROTA_HELLO, ROTA_DISCONNECT and ROTA_GONE, and when rota_accept fails
 * with ESHUTDOWN.  They are shared: never change their flags.
 */
size_t		 rota_accept_fds(const struct rota *, const int **ret);

/* The worker has been told to leave. */
int		 rota_is_draining(const struct rota *);

/* --- connections --------------------------------------------------------- */

/*
 * The next connection, handed over by the supervisor or accepted from an
 * own listener: a descriptor, non-blocking and close-on-exec, yours to
 * close.  ret_listener may be NULL, else gets the listener's index.
 *
 *	EAGAIN		none now
 *	EMFILE, ENFILE	no free descriptor: nothing was taken, close one
 *			and come again
 *	ECONNABORTED	a connection was lost on the way: go on
 *	ESHUTDOWN	no more will come (draining, or supervisor gone)
 *	EOPNOTSUPP	this worker has no port, or no ROTA_HELLO yet
 */
int		 rota_accept(struct rota *, unsigned int *ret_listener);

/*
 * Close the listeners: to be called after ESHUTDOWN and once they are not
 * polled any more, so that who connects now is refused, or served by
 * somebody else, instead of waiting for nobody.  Nothing happens where
 * connections are handed over.
 */
void		 rota_close_listeners(struct rota *);

/* --- messages ------------------------------------------------------------ */

/*
 * All return 0 when the message was sent, or kept to be sent by a later
 * call of this library; -1 and nothing is sent: EAGAIN (too much waits,
 * try later), EINVAL (not one JSON value, not UTF-8, or an object with the
 * key "rota"), EMSGSIZE (over 1 MiB), EPIPE (the channel is closed), EPERM
 * (in a forked child), ENOMEM.
 */
#define ROTA_MESSAGE_MAX 1048576

/* The worker can take connections.  Once is enough. */
int		 rota_ready(struct rota *);
/* A JSON value to the supervisor, for its log and `rota events`. */
int		 rota_send(struct rota *, const char *json);
/* A JSON value to every other worker of the pool. */
int		 rota_publish(struct rota *, const char *json);
/* A line for `rota status`, in UTF-8; cut after 256 bytes there. */
int		 rota_status(struct rota *, const char *text);

#ifdef __cplusplus
}
#endif
#endif
