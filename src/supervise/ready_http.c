#include "config.h"
#include "supervise/ready.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "config/conf.h"
#include "os/handover.h"
#include "os/probe.h"
#include "supervise/common.h"
#include "supervise/dispatch.h"
#include "supervise/generation.h"
#include "supervise/launch.h"
#include "supervise/worker.h"

/* "HTTP/1.1 200": what is looked at of an answer. */
#define ANSWER_LEN 12

static void	http_try(struct ev_loop *, ev_timer *, int);

/* That was no answer, or no good one. */
static void
http_again(struct ready *r, const char *why)
{
	worker_post(r->worker, LOG_DEBUG, EV_STATUS, "not ready yet: GET %s: "
	    "%s", r->worker->gen->conf->ready.path, why);
	ready_close(r);
	ready_after(r, r->worker->gen->conf->ready.interval_ms, http_try);
}

/* 2xx and 3xx. */
static bool
is_good(const char *answer)
{
	return strncmp(answer, "HTTP/1.", 7) == 0 && answer[8] == ' ' &&
	    (answer[9] == '2' || answer[9] == '3');
}

static void
http_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct ready		*r = io->data;
	struct ready_probe	*p = r->probe;
	ssize_t			 n;

	(void)loop;
	(void)revents;
	n = recv(r->fd, p->text + p->done, ANSWER_LEN - p->done, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		http_again(r, n == 0 ? "closed without an answer" :
		    strerror(errno));
		return;
	}
	p->done += (size_t)n;
	if (p->done < ANSWER_LEN)
		return;
	p->text[ANSWER_LEN] = '\0';
	if (is_good(p->text))
		ready_found(r);
	else
		http_again(r, p->text);
}

static void
http_writable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct ready		*r = io->data;
	struct ready_probe	*p = r->probe;
	ssize_t			 n;

	(void)loop;
	(void)revents;
	n = send(r->fd, p->text + p->done, p->len - p->done,
	    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == -1) {
		http_again(r, strerror(errno));
		return;
	}
	p->done += (size_t)n;
	if (p->done < p->len)
		return;
	p->done = 0;
	ready_watch(r, EV_READ, http_readable);
}

/*
 * Into the queue of the one worker that is asked.  What its predecessor has
 * left there comes first, so that the probe, as long as it is there, is
 * alone: a slot that is not up is given nothing.
 */
static int
http_push(const struct worker *w, struct err *e)
{
	int			 peer, own;
	enum handover_result	 res;

	if (handover_peek(&w->queue->handover) != -1)
		return err_set(e, 0, "it has not read its queue");
	own = probe_pair(&peer, e);
	if (own == -1)
		return -1;
	res = handover_send(&w->queue->handover, 0, peer);
	(void)close(peer);
	if (res == HANDOVER_SENT)
		return own;
	(void)close(own);
	return err_set(e, 0, "its queue takes nothing");
}

static void
http_try(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct ready		*r = t->data;
	struct ready_probe	*p = r->probe;
	struct worker		*w = r->worker;
	struct err		 e;

	(void)loop;
	(void)revents;
	r->fd = w->queue != NULL ? http_push(w, &e) :
	    probe_connect(launch_port(&w->job), &e);
	if (r->fd == -1) {
		http_again(r, e.msg);
		return;
	}
	p->done = 0;
	p->len = (size_t)snprintf(p->text, sizeof(p->text), "GET %s HTTP/1.1"
	    "\r\nHost: localhost\r\nUser-Agent: rota\r\nConnection: close"
	    "\r\n\r\n", w->gen->conf->ready.path);
	ready_watch(r, EV_WRITE, http_writable);
}

static void
http_begin(struct ready *r)
{
	ready_after(r, 0, http_try);
}

/* Who has not read it never will, and nobody else is to answer it. */
static void
http_end(struct ready *r)
{
	struct queue	*q = r->worker->queue;
	unsigned char	 index;
	int		 conn;

	if (q == NULL || r->fd == -1 || handover_peek(&q->handover) == -1)
		return;
	conn = handover_take_back(&q->handover, &index);
	if (conn == -1)
		return;
	if (!probe_is_pair(r->fd, conn))
		(void)handover_send(&q->handover, index, conn);
	(void)close(conn);
}

/* It answers a request of ours with 2xx or 3xx. */
const struct ready_kind ready_by_http = {
	.begin = http_begin,
	.end = http_end,
	.has_probe = true,
	.missing = "it has not answered ready.path with 2xx or 3xx",
};
