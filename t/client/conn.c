#include "config.h"
#include "load.h"

#include <sys/epoll.h>

#include <netinet/in.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "answer.h"
#include "base/clock.h"
#include "base/fd.h"

void
conn_close(struct conn *c)
{
	fd_close(&c->fd);
	c->answered = 0;
	c->watched = 0;
	c->port = 0;
}

/* The request is over; the connection waits for its next one. */
static void
conn_free(struct load *l, struct conn *c)
{
	c->state = CONN_FREE;
	list_remove(&c->node);
	if (l->opt.think_ms == 0) {
		list_append(&l->idle, &c->node);
		return;
	}
	c->due_ns = clock_ns() + l->opt.think_ms * 1000000u;
	list_append(&l->thinking, &c->node);
}

static void
conn_fail(struct load *l, struct conn *c, enum load_failure f,
    const char *why)
{
	tally_failure(l->tally, f);
	if (l->failures != NULL)
		(void)fprintf(l->failures, "%u %" PRIu64 " %s %zu %s\n",
		    c->port, clock_ns(), load_failure_name(f), c->in_len,
		    why);
	conn_close(c);
	conn_free(l, c);
}

static void
conn_fail_errno(struct load *l, struct conn *c, int code)
{
	enum load_failure	 f = FAIL_LOCAL;

	if (code == ECONNREFUSED)
		f = FAIL_REFUSED;
	else if (code == ECONNRESET || code == EPIPE)
		f = c->answered > 0 && c->in_len == 0 ? FAIL_REUSED_EOF :
		    FAIL_RESET;
	else if (code == ETIMEDOUT)
		f = FAIL_TIMEOUT;
	conn_fail(l, c, f, strerror(code));
}

static void
conn_note_port(struct conn *c)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len = sizeof(ss);

	if (getsockname(c->fd, (struct sockaddr *)&ss, &len) == -1)
		return;
	if (ss.ss_family == AF_INET)
		c->port = ntohs(((struct sockaddr_in *)&ss)->sin_port);
	else if (ss.ss_family == AF_INET6)
		c->port = ntohs(((struct sockaddr_in6 *)&ss)->sin6_port);
}

/* From 127.1.0.1, 127.1.0.2, ..., one after the other. */
static int
conn_bind(struct load *l, const struct conn *c)
{
	struct sockaddr_in	 in = { .sin_family = AF_INET };
	int			 on = 1;

	in.sin_addr.s_addr = htonl(0x7f010001u +
	    (uint32_t)(l->opened++ % l->opt.sources));
	(void)setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
	    sizeof(on));
	return bind(c->fd, (struct sockaddr *)&in, sizeof(in));
}

/* 0, or -1 with errno. */
static int
conn_open(struct load *l, struct conn *c)
{
	const struct sockaddr	*sa = (struct sockaddr *)&l->opt.addr;

	c->fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	if (c->fd == -1)
		return -1;
	if (l->opt.sources > 0 && conn_bind(l, c) == -1)
		return -1;
	if (connect(c->fd, sa, l->opt.addr_len) == -1 && errno != EINPROGRESS)
		return -1;
	if (l->failures != NULL || l->answers != NULL)
		conn_note_port(c);
	tally_connection(l->tally);
	return 0;
}

/* Wait for input or output, as the state needs it. */
static int
conn_watch(struct load *l, struct conn *c)
{
	struct epoll_event	 ev = {
		.events = c->state == CONN_SENDING ? EPOLLOUT : EPOLLIN,
		.data.ptr = c
	};
	int			 op = c->watched != 0 ? EPOLL_CTL_MOD :
				    EPOLL_CTL_ADD;

	if (c->watched == ev.events)
		return 0;
	c->watched = ev.events;
	return epoll_ctl(l->epoll_fd, op, c->fd, &ev);
}

/* An idle connection has come to its end before the request was begun. */
static void
conn_reopen(struct load *l, struct conn *c)
{
	tally_idle_end(l->tally);
	conn_close(c);
	list_remove(&c->node);
	l->started--;
	conn_begin(l, c);
}

static void
conn_send(struct load *l, struct conn *c)
{
	ssize_t	 n;

	n = send(c->fd, c->request + c->sent, c->request_len - c->sent,
	    MSG_NOSIGNAL);
	if (n == -1 && errno != EAGAIN && errno != EINTR) {
		if (c->answered > 0 && c->sent == 0)
			conn_reopen(l, c);
		else
			conn_fail_errno(l, c, errno);
		return;
	}
	if (n > 0)
		c->sent += (size_t)n;
	if (c->sent == c->request_len)
		c->state = CONN_READING;
	if (conn_watch(l, c) == -1)
		conn_fail_errno(l, c, errno);
}

void
conn_begin(struct load *l, struct conn *c)
{
	bool	 is_last = !l->opt.keep || (l->opt.per_connection > 0 &&
		    c->answered + 1 >= l->opt.per_connection);

	l->started++;
	list_remove(&c->node);
	list_append(&l->active, &c->node);
	c->begun_ns = clock_ns();
	c->state = CONN_SENDING;
	c->sent = c->in_len = 0;
	c->request = is_last ? l->last_request : l->keep_request;
	if (l->opt.every > 0 && l->started % l->opt.every == 0)
		c->request = l->other_request;
	c->request_len = strlen(c->request);
	if (c->fd == -1 && conn_open(l, c) == -1) {
		conn_fail_errno(l, c, errno);
		return;
	}
	conn_send(l, c);
}

/* The answer that was held is right, to its end. */
static void
conn_succeed(struct load *l, struct conn *c)
{
	tally_answer(l->tally, c->pid, c->value, c->answered == 0,
	    c->latency_ns);
	if (l->answers != NULL)
		(void)fprintf(l->answers, "%" PRIu64 " %u %ld %s\n",
		    clock_ns(), c->port, c->pid, c->value);
	c->answered++;
	c->in_len = 0;
}

static void
conn_answered(struct load *l, struct conn *c, const struct answer *a)
{
	c->latency_ns = clock_ns() - c->begun_ns;
	c->pid = a->pid;
	memcpy(c->value, a->value, sizeof(a->value));
	if (c->in_len > a->length) {
		conn_fail(l, c, FAIL_EXTRA, "bytes after the answer");
		return;
	}
	if ((c->request == l->last_request || !l->opt.keep) && !a->closes) {
		conn_fail(l, c, FAIL_BAD, "does not announce its end");
		return;
	}
	if (a->closes) {
		c->state = CONN_ENDING;
		return;
	}
	conn_succeed(l, c);
	conn_free(l, c);
}

static void
conn_data(struct load *l, struct conn *c)
{
	struct answer	 a;
	const char	*why = "";

	if (c->state == CONN_FREE) {
		conn_fail(l, c, FAIL_EXTRA, "bytes after the answer");
		return;
	}
	if (c->state == CONN_ENDING) {
		conn_fail(l, c, FAIL_EXTRA, "bytes after the last answer");
		return;
	}
	switch (answer_read(c->in, c->in_len, &a, &why)) {
	case ANSWER_COMPLETE:
		conn_answered(l, c, &a);
		break;
	case ANSWER_PARTIAL:
		if (c->in_len == sizeof(c->in))
			conn_fail(l, c, FAIL_BAD, "answer too long");
		break;
	case ANSWER_BAD:
		conn_fail(l, c, FAIL_BAD, why);
		break;
	}
}

static void
conn_eof(struct load *l, struct conn *c)
{
	switch (c->state) {
	case CONN_FREE:
		tally_idle_end(l->tally);
		conn_close(c);
		break;
	case CONN_ENDING:
		conn_succeed(l, c);
		conn_close(c);
		conn_free(l, c);
		break;
	case CONN_SENDING:
	case CONN_READING:
		if (c->answered > 0 && c->in_len == 0)
			conn_fail(l, c, FAIL_REUSED_EOF, "reused");
		else
			conn_fail(l, c, FAIL_EARLY, "closed");
		break;
	}
}

/* Until nothing is left to read: the end may stand behind the answer. */
static void
conn_read(struct load *l, struct conn *c)
{
	ssize_t	 n;

	while (c->fd != -1) {
		n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len,
		    0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1 && c->state == CONN_FREE) {
			conn_eof(l, c);
			return;
		}
		if (n == -1) {
			conn_fail_errno(l, c, errno);
			return;
		}
		if (n == 0) {
			conn_eof(l, c);
			return;
		}
		c->in_len += (size_t)n;
		conn_data(l, c);
	}
}

void
conn_event(struct load *l, struct conn *c)
{
	if (c->fd == -1)
		return;
	if (c->state == CONN_SENDING)
		conn_send(l, c);
	else
		conn_read(l, c);
}

void
conn_expire(struct load *l, struct conn *c)
{
	if (c->state == CONN_ENDING)
		conn_fail(l, c, FAIL_NO_END, "not closed after the answer");
	else
		conn_fail(l, c, FAIL_TIMEOUT, "no whole answer");
}
