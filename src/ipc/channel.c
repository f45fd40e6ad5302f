#include "config.h"
#include "ipc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "ipc/message.h"

#define READ_SIZE	65536
#define AGAIN_SECONDS	0.02
#define DRAIN_READS	64

struct channel_entry {
	struct message	*msg;
	int		 how;
	int		 fd;		/* goes with it, or -1 */
	bool		 borrowed;	/* the descriptor is not ours */
};

static void	channel_readable(struct ev_loop *, ev_io *, int);
static void	channel_again(struct ev_loop *, ev_timer *, int);
static void	channel_writable(struct ev_loop *, ev_io *, int);

void
channel_init(struct channel *c, struct ev_loop *loop, int fd,
    const struct channel_ops *ops, void *arg)
{
	memset(c, 0, sizeof(*c));
	c->loop = loop;
	c->ops = ops;
	c->arg = arg;
	c->fd = fd;
	buf_init(&c->part, MESSAGE_MAX_LEN);
	(void)fd_set_nonblock(fd, true);
	ev_io_init(&c->in, channel_readable, fd, EV_READ);
	ev_io_init(&c->out, channel_writable, fd, EV_WRITE);
	ev_timer_init(&c->again, channel_again, AGAIN_SECONDS, 0.);
	c->in.data = c->out.data = c->again.data = c;
	ev_io_start(loop, &c->in);
}

bool
channel_is_open(const struct channel *c)
{
	return c->fd != -1 && !c->mute;
}

static void
channel_entry_close(struct channel_entry *q)
{
	if (!q->borrowed)
		fd_close(&q->fd);
	q->fd = -1;
}

/* Forget the first n messages. */
static void
channel_pop(struct channel *c, size_t n)
{
	size_t	 i;

	if (n == 0)
		return;
	for (i = 0; i < n; i++) {
		c->bytes -= c->queue[i].msg->len;
		message_unref(c->queue[i].msg);
		channel_entry_close(&c->queue[i]);
	}
	c->count -= n;
	memmove(c->queue, c->queue + n, c->count * sizeof(*c->queue));
	if (c->count == 0) {
		free(c->queue);
		c->queue = NULL;
		c->size = 0;
	}
}

void
channel_close(struct channel *c)
{
	if (c->fd == -1)
		return;
	ev_io_stop(c->loop, &c->in);
	ev_io_stop(c->loop, &c->out);
	ev_timer_stop(c->loop, &c->again);
	fd_close(&c->fd);
	c->unsent = c->unsent || c->count > 0;
	channel_pop(c, c->count);
	buf_free(&c->part);
}

/* Close by our own decision, and say so. */
static void
channel_fail(struct channel *c, const char *why)
{
	channel_close(c);
	c->ops->closed(c->arg, why);
}

/*
 * Some bytes of the first message.  Node takes one descriptor for each
 * read, of 64 KiB at most, and the first line that is complete then gets
 * it: so it goes with the whole line if one read holds all that is new, and
 * with the last byte alone otherwise.
 */
static ssize_t
channel_write(struct channel *c, struct channel_entry *q)
{
	const char	*p = q->msg->data + c->sent;
	size_t		 left = q->msg->len - c->sent;
	ssize_t		 n;

	if (q->fd != -1 && (left == 1 || (c->sent == 0 &&
	    c->since + left <= READ_SIZE))) {
		n = handover_write(c->fd, p, left, q->fd);
		if (n == -1)
			return -1;
		channel_entry_close(q);
		c->since = 0;
		return n;
	}
	if (q->fd != -1)
		left--;
	n = send(c->fd, p, left, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		c->since += (size_t)n;
	return n;
}

/* Go on when the socket, or some time, makes it possible. */
static void
channel_wait(struct channel *c)
{
	if (c->stuck == ETOOMANYREFS) {
		ev_io_stop(c->loop, &c->out);
		ev_timer_set(&c->again, AGAIN_SECONDS, 0.);
		ev_timer_start(c->loop, &c->again);
	} else {
		ev_io_start(c->loop, &c->out);
	}
}

static bool
is_passing(int code)
{
	return code == EAGAIN || code == ENOBUFS || code == ENOMEM ||
	    code == ETOOMANYREFS;
}

/*
 * Write until the queue is empty or the socket is full.  -1: nobody reads
 * there any more; what was written to us may still be heard.
 */
static int
channel_flush(struct channel *c)
{
	ssize_t		 n;
	size_t		 done = 0;

	c->stuck = 0;
	while (done < c->count) {
		n = channel_write(c, &c->queue[done]);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			c->stuck = errno;
			break;
		}
		c->sent += (size_t)n;
		if (c->sent < c->queue[done].msg->len)
			continue;
		c->sent = 0;
		done++;
	}
	channel_pop(c, done);
	if (c->count == 0) {
		ev_io_stop(c->loop, &c->out);
	} else if (is_passing(c->stuck)) {
		channel_wait(c);
	} else {
		ev_io_stop(c->loop, &c->out);
		c->mute = c->unsent = true;
		channel_pop(c, c->count);
		return -1;
	}
	return 0;
}

/* Write on; what was refused before may be tried again. */
static void
channel_go_on(struct channel *c)
{
	if (channel_flush(c) == -1) {
		c->ops->closed(c->arg, NULL);
		return;
	}
	if (c->count > 0 || !c->wants_room)
		return;
	c->wants_room = false;
	c->ops->room(c->arg);
}

static void
channel_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	channel_go_on(t->data);
}

static void
channel_writable(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	channel_go_on(w->data);
}

/* A waiting message of this number, not yet begun, or count. */
static size_t
channel_find(const struct channel *c, int how)
{
	size_t	 i;

	for (i = c->sent > 0 ? 1 : 0; i < c->count; i++)
		if (c->queue[i].how == how)
			return i;
	return c->count;
}

static bool
channel_has_room(const struct channel *c, size_t len)
{
	return c->count < CHANNEL_QUEUE_MAX &&
	    c->bytes + len <= CHANNEL_QUEUE_BYTES;
}

static int
channel_grow(struct channel *c)
{
	size_t			 size = c->size ? c->size * 2 : 4;
	struct channel_entry	*q;

	if (c->count < c->size)
		return 0;
	q = realloc(c->queue, size * sizeof(*q));
	if (q == NULL)
		return -1;
	c->queue = q;
	c->size = size;
	return 0;
}

static void
channel_append(struct channel *c, struct message *m, int how, int fd)
{
	struct channel_entry	*q = &c->queue[c->count++];

	q->msg = message_ref(m);
	q->how = how;
	q->fd = fd;
	q->borrowed = false;
	c->bytes += m->len;
}

int
channel_send(struct channel *c, struct message *m, int how)
{
	size_t	 i;

	if (!channel_is_open(c))
		return -1;
	if (how >= 0 && (i = channel_find(c, how)) < c->count) {
		c->bytes += m->len - c->queue[i].msg->len;
		message_unref(c->queue[i].msg);
		c->queue[i].msg = message_ref(m);
		c->dropped++;
		return 0;
	}
	if ((how == CHANNEL_ONCE && !channel_has_room(c, m->len)) ||
	    channel_grow(c) == -1) {
		c->dropped++;
		return -1;
	}
	channel_append(c, m, how, -1);
	/* That somebody reads no more shows only when one tries to write. */
	return c->count == 1 || how == CHANNEL_PROTOCOL ?
	    channel_flush(c) : 0;
}

int
channel_send_fd(struct channel *c, struct message *m, int fd)
{
	if (!channel_is_open(c) || !channel_has_room(c, m->len) ||
	    channel_grow(c) == -1) {
		fd_close(&fd);
		c->dropped++;
		return -1;
	}
	channel_append(c, m, CHANNEL_PROTOCOL, fd);
	return channel_flush(c);
}

/*
 * Offer it by way of the queue, which is empty; some of it may have been
 * sent, and its descriptor then was.
 */
static enum handover_result
channel_offer_rest(struct channel *c, const char *line, size_t len,
    size_t sent, int fd)
{
	struct message		*m = message_new(line, len - 1);
	struct channel_entry	*q;

	if (m == NULL || channel_grow(c) == -1) {
		message_unref(m);
		c->mute = c->unsent = sent > 0;		/* half a line */
		return sent > 0 ? HANDOVER_BROKEN : HANDOVER_BUSY;
	}
	channel_append(c, m, CHANNEL_PROTOCOL, sent > 0 ? -1 : fd);
	message_unref(m);
	c->queue[0].borrowed = true;
	c->sent = sent;
	if (channel_flush(c) == -1)
		return HANDOVER_BROKEN;
	if (c->count == 0)
		return HANDOVER_SENT;
	q = &c->queue[0];
	if (c->sent > 0) {
		/* Begun; without its descriptor the worker says so. */
		if (q->fd != -1)
			q->fd = fcntl(q->fd, F_DUPFD_CLOEXEC, 0);
		q->borrowed = false;
		return HANDOVER_SENT;
	}
	c->wants_room = true;
	channel_pop(c, 1);
	return handover_refusal(c->stuck);
}

enum handover_result
channel_offer(struct channel *c, const char *line, size_t len, int fd)
{
	ssize_t	 n = -1;

	if (!channel_is_open(c))
		return HANDOVER_BROKEN;
	if (c->count > 0) {
		c->wants_room = true;
		return HANDOVER_FULL;
	}
	if (c->since + len <= READ_SIZE)	/* see channel_write */
		n = handover_write(c->fd, line, len, fd);
	if (n > 0)
		c->since = 0;
	if (n == (ssize_t)len)
		return HANDOVER_SENT;
	return channel_offer_rest(c, line, len, n > 0 ? (size_t)n : 0, fd);
}

size_t
channel_lag(const struct channel *c)
{
	return c->count;
}

/* Keep a part of a line; without room for it the channel closes. */
static int
channel_keep(struct channel *c, const char *p, size_t n)
{
	if (buf_append(&c->part, p, n) == 0)
		return 0;
	channel_fail(c, buf_len(&c->part) + n > MESSAGE_MAX_LEN ?
	    "a line is longer than 1 MiB" : "out of memory");
	return -1;
}

/* The part of a line that is kept, completed by n more bytes. */
static void
channel_line(struct channel *c, const char *p, size_t n)
{
	if (buf_len(&c->part) == 0) {
		c->ops->line(c->arg, p, n);
		return;
	}
	if (channel_keep(c, p, n) == -1)
		return;
	c->ops->line(c->arg, buf_head(&c->part), buf_len(&c->part));
	buf_free(&c->part);
}

static void
channel_input(struct channel *c, const char *p, size_t n)
{
	const char	*nl;

	while (c->fd != -1 && n > 0 && (nl = memchr(p, '\n', n)) != NULL) {
		channel_line(c, p, (size_t)(nl - p));
		n -= (size_t)(nl - p) + 1;
		p = nl + 1;
	}
	if (c->fd != -1)
		(void)channel_keep(c, p, n);
}

/* One read; false when there is nothing more to be had now. */
static bool
channel_read(struct channel *c)
{
	static char	 data[READ_SIZE];	/* used up before we return */
	ssize_t		 n = recv(c->fd, data, sizeof(data), MSG_DONTWAIT);

	if (n > 0) {
		channel_input(c, data, (size_t)n);
		return true;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	channel_fail(c, NULL);
	return false;
}

/* One read a turn, so that a talkative worker cannot keep the loop. */
static void
channel_readable(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	(void)channel_read(w->data);
}

void
channel_watch(struct channel *c, bool on)
{
	if (on && c->fd != -1)
		ev_io_start(c->loop, &c->in);
	else
		ev_io_stop(c->loop, &c->in);
}

void
channel_hear(struct channel *c)
{
	if (c->fd != -1)
		(void)channel_read(c);
}

void
channel_drain(struct channel *c)
{
	int	 i;

	for (i = 0; i < DRAIN_READS && c->fd != -1; i++)
		if (!channel_read(c))
			break;
}
