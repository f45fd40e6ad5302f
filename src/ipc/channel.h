#ifndef IPC_CHANNEL_H
#define IPC_CHANNEL_H
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "os/handover.h"
struct channel_entry;
struct message;

/*
 * Lines over a stream socket, both ways, never waiting for the other side.
 * What comes in is cut into lines of at most MESSAGE_MAX_LEN; what goes
 * out waits in a bounded queue.
 */
#define CHANNEL_QUEUE_MAX	256		/* messages, and */
#define CHANNEL_QUEUE_BYTES	(4u << 20)	/* bytes of them */

/* How a message is queued. */
enum {
	CHANNEL_PROTOCOL = -2,	/* never dropped; few by nature */
	CHANNEL_ONCE = -1	/* dropped and counted when there is no room */
	/* 0..: the newest of its number replaces one that still waits */
};

struct channel_ops {
	/* One line, without newline and not NUL-terminated. */
	void	(*line)(void *arg, const char *line, size_t len);
	/* The channel has closed itself; why is NULL at end of file. */
	void	(*closed)(void *arg, const char *why);
	/* There is room again for what channel_offer has refused; or NULL. */
	void	(*room)(void *arg);
};

struct channel {
	struct ev_loop			*loop;
	const struct channel_ops	*ops;
	void				*arg;
	int				 fd;		/* -1: closed */
	ev_io				 in, out;
	struct buf			 part;		/* of a line */
	struct channel_entry		*queue;		/* the first is under
							   way if sent > 0 */
	size_t				 count, size, bytes, sent;
	size_t				 since;		/* bytes after the
							   last descriptor */
	int				 stuck;		/* errno of a write */
	ev_timer			 again;		/* when that is one
							   that passes */
	bool				 wants_room;
	bool				 mute;		/* writing has failed */
	bool				 unsent;	/* at its end */
	uint64_t			 dropped;	/* messages, in all */
};

/* Takes the descriptor and makes it non-blocking; it is closed with it. */
void	channel_init(struct channel *, struct ev_loop *, int fd,
	    const struct channel_ops *, void *arg);
void	channel_close(struct channel *);
/* Something can be sent, as far as we know. */
bool	channel_is_open(const struct channel *);

/*
 * The message is referenced, not taken.  0, or -1: it is dropped, for want
 * of room or memory or since nobody reads there any more.
 */
int	channel_send(struct channel *, struct message *, int how);
/*
 * A message with a descriptor, which is taken whatever happens; queued as
 * CHANNEL_ONCE.
 */
int	channel_send_fd(struct channel *, struct message *, int fd);
/*
 * A line, its newline included, with a descriptor, which is borrowed, now or
 * never.  Refused with anything but HANDOVER_SENT; after HANDOVER_FULL
 * ops->room tells when to try again.
 */
enum handover_result channel_offer(struct channel *, const char *line,
	    size_t len, int fd);
/* Messages that the worker has not read, as far as we can see. */
size_t	channel_lag(const struct channel *);

/*
 * off: what comes in waits until channel_hear reads once, and nothing says
 * that it is there; on, as at first: it is read as it comes.
 */
void	channel_watch(struct channel *, bool on);
void	channel_hear(struct channel *);
/* Read what is there now, up to a limit: the last words of the dead. */
void	channel_drain(struct channel *);
#endif
