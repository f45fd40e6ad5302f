#include "config.h"
#include "os/errout.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"

/* No more than this at once to a terminal that could not be reopened. */
#define TTY_PIECE 128
#define PAUSE_SECONDS 0.1

enum kind {
	KIND_FILE,		/* never makes us wait */
	KIND_OWN,		/* opened anew, with O_NONBLOCK of our own */
	KIND_SOCKET,
	KIND_SHARED		/* as it was inherited: ask before writing */
};

enum outcome { WROTE_ALL, WOULD_BLOCK, READER_GONE };

static struct {
	struct ev_loop	*loop;
	ev_io		 writable;
	ev_timer	 pause;		/* said writable, and was not */
	struct buf	 waiting;
	enum kind	 kind;
	int		 fd;		/* 2, or our own */
	size_t		 piece;		/* most at once, KIND_SHARED */
	uint64_t	 lost;		/* lines, since the last note */
	bool		 full;		/* drop, until half is written */
	bool		 mid_line;	/* what was written ends within one */
	bool		 noting;	/* the line is about what is lost */
	bool		 note_lost;
} out = { .fd = -1 };

/* One write(2) that does not block, whatever it is that stderr is. */
static ssize_t
write_once(const char *p, size_t n)
{
	struct pollfd	 pfd = { .fd = out.fd, .events = POLLOUT };

	if (out.kind == KIND_SOCKET)
		return send(out.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (out.kind == KIND_SHARED) {
		if (poll(&pfd, 1, 0) == 0) {
			errno = EAGAIN;
			return -1;
		}
		if (n > out.piece)
			n = out.piece;
	}
	return write(out.fd, p, n);
}

/* Write as much as goes, and say how far it went. */
static enum outcome
write_most(const char *p, size_t len, size_t *ret_done)
{
	ssize_t	 n;

	*ret_done = 0;
	while (*ret_done < len) {
		n = write_once(p + *ret_done, len - *ret_done);
		if (n > 0) {
			*ret_done += (size_t)n;
			out.mid_line = p[*ret_done - 1] != '\n';
		} else if (n == -1 && errno == EINTR) {
			continue;
		} else {
			return n == -1 && errno == EAGAIN ? WOULD_BLOCK :
			    READER_GONE;
		}
	}
	return WROTE_ALL;
}

static uint64_t
count_lines(const char *p, size_t len)
{
	uint64_t	 lines = 0;
	size_t		 i;

	for (i = 0; i < len; i++)
		if (p[i] == '\n')
			lines++;
	return lines;
}

/* Nobody reads, or the disk is full: only the next line asks again. */
static void
give_up_waiting(void)
{
	out.lost += count_lines(buf_head(&out.waiting),
	    buf_len(&out.waiting));
	buf_free(&out.waiting);
	out.full = false;
	ev_io_stop(out.loop, &out.writable);
}

static void
line_is_lost(void)
{
	if (out.noting)
		out.note_lost = true;
	else
		out.lost++;
}

/* Keep a line, or the end of one, for when there is room. */
static bool
keep(const char *line, size_t len)
{
	if (out.full || buf_append(&out.waiting, line, len) == -1) {
		out.full = buf_len(&out.waiting) > 0;
		return false;
	}
	if (!ev_is_active(&out.pause))
		ev_io_start(out.loop, &out.writable);
	return true;
}

/* Write at once what goes, if nothing waits, and keep the rest. */
static bool
put(const char *line, size_t len)
{
	size_t	 done;

	if (buf_len(&out.waiting) > 0)
		return keep(line, len);
	switch (write_most(line, len, &done)) {
	case WROTE_ALL:
		return true;
	case WOULD_BLOCK:
		return keep(line + done, len - done);
	case READER_GONE:
		break;
	}
	return false;
}

/* Say how much is missing here; the line comes back to errout_write. */
static void
note_lost(void)
{
	uint64_t	 lost = out.lost;

	if (lost == 0)
		return;
	out.noting = true;
	out.note_lost = false;
	log_warn("lines that stderr did not take, and that are lost: %llu",
	    (unsigned long long)lost);
	out.noting = false;
	if (!out.note_lost)
		out.lost = 0;
}

void
errout_write(const char *line, size_t len)
{
	if (buf_len(&out.waiting) == 0 && out.lost > 0 && !out.noting)
		note_lost();
	/* After a line that was cut comes its end, or nothing. */
	if ((buf_len(&out.waiting) == 0 && out.mid_line && !put("\n", 1)) ||
	    !put(line, len))
		line_is_lost();
}

/* Write what waits; *ret_done: how many bytes went. */
static enum outcome
drain(size_t *ret_done)
{
	enum outcome	 o = WROTE_ALL;

	*ret_done = 0;
	if (buf_len(&out.waiting) > 0)
		o = write_most(buf_head(&out.waiting), buf_len(&out.waiting),
		    ret_done);
	buf_consume(&out.waiting, *ret_done);
	if (o == READER_GONE) {
		give_up_waiting();
		return o;
	}
	if (out.full && buf_len(&out.waiting) <= ERROUT_BUFFER / 2) {
		out.full = false;
		note_lost();
	}
	if (buf_len(&out.waiting) == 0) {
		buf_trim(&out.waiting);
		ev_io_stop(out.loop, &out.writable);
	}
	return o;
}

/* A terminal may call itself writable, and not take what is next. */
static void
writable_cb(struct ev_loop *loop, ev_io *w, int revents)
{
	size_t	 done;

	(void)revents;
	if (drain(&done) == WOULD_BLOCK && done == 0) {
		ev_io_stop(loop, w);
		ev_timer_set(&out.pause, PAUSE_SECONDS, 0.);
		ev_timer_start(loop, &out.pause);
	}
}

static void
pause_cb(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)w;
	(void)revents;
	if (buf_len(&out.waiting) > 0)
		ev_io_start(loop, &out.writable);
}

/*
 * O_NONBLOCK belongs to the open file description, which others share: get
 * one of our own.  That fails for a socket, and for the terminal or pipe
 * of another user.
 */
static void
open_output(mode_t mode)
{
	out.fd = STDERR_FILENO;
	out.piece = S_ISCHR(mode) ? TTY_PIECE : PIPE_BUF;
	if (S_ISSOCK(mode)) {
		out.kind = KIND_SOCKET;
	} else if (S_ISFIFO(mode) || S_ISCHR(mode)) {
		out.kind = KIND_SHARED;
		out.fd = open("/proc/self/fd/2",
		    O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (out.fd == -1)
			out.fd = STDERR_FILENO;
		else
			out.kind = KIND_OWN;
	} else {
		out.kind = KIND_FILE;
	}
}

int
errout_start(struct ev_loop *loop, struct err *e)
{
	struct stat	 st;

	if (fstat(STDERR_FILENO, &st) == -1)
		return err_set(e, errno, "stderr");
	open_output(st.st_mode);
	buf_init(&out.waiting, ERROUT_BUFFER);
	ev_io_init(&out.writable, writable_cb, out.fd, EV_WRITE);
	ev_timer_init(&out.pause, pause_cb, PAUSE_SECONDS, 0.);
	out.lost = 0;
	out.full = out.mid_line = out.noting = false;
	out.loop = loop;
	log_set_writer(errout_write);
	return 0;
}

static void
drain_until(uint64_t until_ms)
{
	struct pollfd	 pfd = { .fd = out.fd, .events = POLLOUT };
	uint64_t	 now;
	size_t		 done;

	while (drain(&done) == WOULD_BLOCK) {
		now = clock_ms();
		if (now >= until_ms ||
		    (poll(&pfd, 1, (int)(until_ms - now)) == -1 &&
		    errno != EINTR))
			return;
	}
}

void
errout_stop(unsigned int limit_ms)
{
	uint64_t	 until_ms = clock_ms() + limit_ms;

	if (out.loop == NULL)
		return;
	drain_until(until_ms);
	if (buf_len(&out.waiting) == 0) {
		note_lost();
		drain_until(until_ms);
	}
	log_set_writer(NULL);
	ev_io_stop(out.loop, &out.writable);
	ev_timer_stop(out.loop, &out.pause);
	buf_free(&out.waiting);
	if (out.fd != STDERR_FILENO)
		fd_close(&out.fd);
	out.fd = -1;
	out.loop = NULL;
}
