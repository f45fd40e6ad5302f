#include "config.h"
#include "librota/link.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* How often to look for the parent where there is no pidfd. */
#define PARENT_LOOK_MS 1000

static int64_t
now_ms(void)
{
	struct timespec	 t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- the supervisor is gone ---------------------------------------------- */

/* Both ends of the queue are the supervisor's: it hangs up when that ends. */
static bool
conn_hung_up(const struct rota *r)
{
	struct pollfd	 p = { .fd = r->conn };

	return r->conn != -1 && poll(&p, 1, 0) == 1 &&
	    (p.revents & POLLHUP) != 0;
}

static bool
supervisor_is_gone(const struct rota *r)
{
	return !r->greeted || getppid() != r->parent || conn_hung_up(r);
}

/*
 * The channel of a dying supervisor closes before its children get another
 * parent: watch for that too.
 */
static void
parent_watch(struct rota *r)
{
#ifdef SYS_pidfd_open
	r->parent_fd = (int)syscall(SYS_pidfd_open, r->parent, 0);
#endif
}

static bool
parent_is_watched(const struct rota *r)
{
	return r->told_closed && !r->told_gone && !r->draining &&
	    r->hello.stop_on_exit;
}

static int
event_gone(struct rota *r, struct rota_event *ret)
{
	r->told_closed = r->told_gone = r->draining = true;
	if (r->taking == LIBROTA_TAKING)
		r->taking = LIBROTA_LAST;
	ret->type = ROTA_GONE;
	ret->deadline_ms = r->hello.stop_timeout_ms;
	return 1;
}

/* After the end of the channel: what there is still to say. */
static int
event_after_end(struct rota *r, struct rota_event *ret)
{
	if (!r->told_closed) {
		if (!r->draining && r->hello.stop_on_exit &&
		    supervisor_is_gone(r))
			return event_gone(r, ret);
		r->told_closed = true;
		if (parent_is_watched(r))
			parent_watch(r);
		ret->type = ROTA_CLOSED;
		return 1;
	}
	if (parent_is_watched(r) && supervisor_is_gone(r))
		return event_gone(r, ret);
	return 0;
}

/* --- lines ---------------------------------------------------------------- */

static void
answer_ping(struct rota *r, int64_t id)
{
	char	*line;
	int	 len;

	len = asprintf(&line, "{\"rota\":\"pong\",\"id\":%" PRId64 "}\n", id);
	if (len != -1)
		(void)librota_send_line(r, line, (size_t)len);
}

static int
event_hello(struct rota *r, struct librota_hello *h, struct rota_event *ret)
{
	if (r->greeted) {
		librota_hello_free(h);
		return 0;
	}
	r->greeted = true;
	librota_hello_free(&r->hello);
	r->hello = *h;
	librota_take_setup(r);
	ret->type = ROTA_HELLO;
	return 1;
}

static int
event_disconnect(struct rota *r, uint64_t deadline_ms,
    struct rota_event *ret)
{
	r->draining = true;
	if (r->taking == LIBROTA_TAKING)
		r->taking = LIBROTA_LAST;
	ret->type = ROTA_DISCONNECT;
	ret->deadline_ms = deadline_ms;
	return 1;
}

/* 1 if this line is an event of the caller's. */
static int
event_line(struct rota *r, const char *line, size_t len,
    struct rota_event *ret)
{
	struct librota_wire	 w;

	librota_wire_parse(line, len, &w);
	switch (w.kind) {
	case LIBROTA_WIRE_USER:
		ret->type = ROTA_MESSAGE;
		ret->json = line;
		ret->len = len;
		return 1;
	case LIBROTA_WIRE_HELLO:
		return event_hello(r, &w.hello, ret);
	case LIBROTA_WIRE_DISCONNECT:
		return event_disconnect(r, w.deadline_ms, ret);
	case LIBROTA_WIRE_PING:
		answer_ping(r, w.id);
		return 0;
	case LIBROTA_WIRE_BAD:
	case LIBROTA_WIRE_UNKNOWN:
		return 0;
	}
	return 0;
}

/* More bytes: 1, 0 when there are none now, -1: no memory. */
static int
read_more(struct rota *r)
{
	size_t	 room;
	char	*to = librota_line_room(&r->in, &room);
	ssize_t	 n;

	if (to == NULL && errno != EMSGSIZE)
		return -1;
	if (to == NULL) {
		r->readable = r->writable = false;
		return 0;
	}
	do {
		n = recv(r->ipc, to, room, MSG_DONTWAIT);
	} while (n == -1 && errno == EINTR);
	if (n > 0) {
		librota_line_filled(&r->in, (size_t)n);
		return 1;
	}
	if (n == 0 || errno != EAGAIN)
		r->readable = r->writable = false;
	return 0;
}

/* What is there without waiting. */
static int
event_now(struct rota *r, struct rota_event *ret)
{
	char	*line;
	size_t	 len;
	int	 n;

	for (;;) {
		while ((line = librota_line_next(&r->in, &len)) != NULL)
			if (event_line(r, line, len, ret) == 1)
				return 1;
		if (!r->readable)
			return event_after_end(r, ret);
		n = read_more(r);
		if (n == -1)
			return -1;
		if (n == 0 && r->readable)
			return 0;
	}
}

/* --- waiting -------------------------------------------------------------- */

int
rota_fd(const struct rota *r)
{
	if (r->readable || !r->told_closed)
		return r->ipc;
	return parent_is_watched(r) ? r->parent_fd : -1;
}

short
rota_fd_events(const struct rota *r)
{
	return r->writable && r->out != NULL ? POLLIN | POLLOUT : POLLIN;
}

/*
 * Wait: 1 there may be an event, 2 a connection waits, 0 time is over, -1
 * with ESHUTDOWN when nothing will ever happen.
 */
static int
event_wait(struct rota *r, int timeout_ms)
{
	struct pollfd	 p[LIBROTA_WIRE_LISTENERS + 1];
	const int	*fds;
	size_t		 i, n = rota_accept_fds(r, &fds);
	bool		 look = parent_is_watched(r) && r->parent_fd == -1;
	int		 wait_ms = timeout_ms, got;

	p[0].fd = rota_fd(r);
	p[0].events = rota_fd_events(r);
	for (i = 0; i < n; i++) {
		p[i + 1].fd = fds[i];
		p[i + 1].events = POLLIN;
	}
	if (n == 0 && p[0].fd == -1 && !look) {
		errno = ESHUTDOWN;
		return -1;
	}
	if (look && (wait_ms < 0 || wait_ms > PARENT_LOOK_MS))
		wait_ms = PARENT_LOOK_MS;
	got = poll(p, n + 1, wait_ms);
	if (got == 0 && wait_ms != timeout_ms)
		return 1;
	if (got <= 0)
		return got;
	return p[0].revents != 0 ? 1 : 2;
}

int
rota_next(struct rota *r, struct rota_event *ret, int timeout_ms)
{
	int64_t	 end = timeout_ms > 0 ? now_ms() + timeout_ms : 0, left;
	int	 n;

	if (librota_check_pid(r) == -1)
		return -1;
	memset(ret, 0, sizeof(*ret));
	for (;;) {
		librota_flush(r);
		n = event_now(r, ret);
		if (n != 0 || timeout_ms == 0)
			return n;
		if (timeout_ms > 0) {
			left = end - now_ms();
			timeout_ms = left > 0 ? (int)left : 0;
		}
		n = event_wait(r, timeout_ms);
		if (n == 2)
			ret->type = ROTA_CONNECTION;
		if (n != 1)
			return n == 2 ? 1 : n;
	}
}
