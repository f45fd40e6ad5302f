#include "config.h"
#include "supervise/output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "supervise/journal.h"

#define READ_SIZE	65536
#define DRAIN_READS	32

static void	output_readable(struct ev_loop *, ev_io *, int);

void
output_init(struct output *o, struct ev_loop *loop, int fd,
    const struct output_to *to)
{
	memset(o, 0, sizeof(*o));
	o->loop = loop;
	o->fd = fd;
	o->to = *to;
	buf_init(&o->part, LOG_LINE_MAX);
	(void)fd_set_nonblock(fd, true);
	ev_io_init(&o->io, output_readable, fd, EV_READ);
	o->io.data = o;
	ev_io_start(loop, &o->io);
}

static void
output_line(struct output *o, const char *p, size_t n)
{
	struct log_line	 l = { o->to.pool, o->to.slot, o->to.pid, p, n };

	journal_line(o->to.journal, o->to.history, o->to.format, &l);
}

/* Where to cut n bytes without a newline: not inside a character. */
static size_t
split_point(const char *p, size_t n)
{
	size_t	 back;

	for (back = 1; back <= 3 && back < n; back++)
		if ((p[n - back] & 0xc0) == 0xc0 &&
		    text_utf8(p + n - back, back) == 0)
			return n - back;
	return n;
}

/* Give out what is in part, which is full or ends here. */
static void
output_flush(struct output *o, bool is_end)
{
	size_t	 n = buf_len(&o->part);

	if (!is_end)
		n = split_point(buf_head(&o->part), n);
	if (n > 0)
		output_line(o, buf_head(&o->part), n);
	buf_consume(&o->part, n);
	if (is_end)
		buf_trim(&o->part);
}

/* Bytes without a newline: kept until the line is whole or too long. */
static void
output_partial(struct output *o, const char *p, size_t n)
{
	size_t	 k;

	while (n > 0) {
		k = LOG_LINE_MAX - buf_len(&o->part);
		if (k > n)
			k = n;
		if (buf_append(&o->part, p, k) == -1) {
			output_line(o, p, k);	/* no memory: in pieces */
		} else if (buf_len(&o->part) == LOG_LINE_MAX && n > k) {
			output_flush(o, false);
		}
		p += k;
		n -= k;
	}
}

static void
output_input(struct output *o, const char *p, size_t n)
{
	const char	*nl;
	size_t		 len;

	while ((nl = memchr(p, '\n', n)) != NULL) {
		len = (size_t)(nl - p);
		if (buf_len(&o->part) == 0 && len <= LOG_LINE_MAX) {
			output_line(o, p, len);
		} else {
			output_partial(o, p, len);
			output_flush(o, true);
		}
		n -= len + 1;
		p = nl + 1;
	}
	output_partial(o, p, n);
}

void
output_close(struct output *o)
{
	if (o->fd == -1)
		return;
	if (buf_len(&o->part) > 0)
		output_flush(o, true);
	ev_io_stop(o->loop, &o->io);
	fd_close(&o->fd);
	buf_free(&o->part);
}

/* One read; false when there is nothing more to be had now. */
static bool
output_read(struct output *o)
{
	static char	 data[READ_SIZE];	/* used up before we return */
	ssize_t		 n = read(o->fd, data, sizeof(data));

	if (n > 0) {
		output_input(o, data, (size_t)n);
		return true;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	output_close(o);
	return false;
}

static void
output_readable(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	(void)output_read(w->data);
}

void
output_drain(struct output *o)
{
	int	 i;

	for (i = 0; i < DRAIN_READS && o->fd != -1; i++)
		if (!output_read(o))
			break;
}
