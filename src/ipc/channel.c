#include "config.h"
#include "ipc/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "ipc/message.h"

#define READ_SIZE	65536
#define DRAIN_READS	64

struct channel_entry {
	struct message	*msg;
	int		 how;
};

static void	channel_readable(struct ev_loop *, ev_io *, int);
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
	c->in.data = c->out.data = c;
	ev_io_start(loop, &c->in);
}

bool
channel_is_open(const struct channel *c)
{
	return c->fd != -1 && !c->mute;
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
 * Write until the queue is empty or the socket is full.  -1: nobody reads
 * there any more; what was written to us may still be heard.
 */
static int
channel_flush(struct channel *c)
{
	struct message	*m;
	ssize_t		 n;
	size_t		 done = 0;
	int		 code = 0;

	while (done < c->count) {
		m = c->queue[done].msg;
		n = send(c->fd, m->data + c->sent, m->len - c->sent,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			code = errno;
			break;
		}
		c->sent += (size_t)n;
		if (c->sent < m->len)
			continue;
		c->sent = 0;
		done++;
	}
	channel_pop(c, done);
	if (c->count == 0) {
		ev_io_stop(c->loop, &c->out);
	} else if (code == EAGAIN || code == ENOBUFS || code == ENOMEM) {
		ev_io_start(c->loop, &c->out);
	} else {
		ev_io_stop(c->loop, &c->out);
		c->mute = c->unsent = true;
		channel_pop(c, c->count);
		return -1;
	}
	return 0;
}

static void
channel_writable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct channel	*c = w->data;

	(void)loop;
	(void)revents;
	if (channel_flush(c) == -1)
		c->ops->closed(c->arg, NULL);
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
	c->queue[c->count].msg = message_ref(m);
	c->queue[c->count].how = how;
	c->bytes += m->len;
	/* That somebody reads no more shows only when one tries to write. */
	return c->count++ == 0 || how == CHANNEL_PROTOCOL ?
	    channel_flush(c) : 0;
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
channel_drain(struct channel *c)
{
	int	 i;

	for (i = 0; i < DRAIN_READS && c->fd != -1; i++)
		if (!channel_read(c))
			break;
}
