#include "config.h"
#include "supervise/nodelink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "config/conf.h"
#include "ipc/cluster.h"
#include "ipc/message.h"
#include "os/listener.h"
#include "os/tree.h"
#include "supervise/common.h"
#include "supervise/dispatch.h"
#include "supervise/generation.h"
#include "supervise/listeners.h"
#include "supervise/nodelisten.h"
#include "supervise/nodequeue.h"
#include "supervise/queue.h"
#include "supervise/seat.h"
#include "supervise/turns.h"
#include "supervise/worker.h"

#define LOOK_SECONDS	5.	/* Node runs, and asks for nothing */
#define END_SECONDS	1.	/* from its channel's end to a signal */
#define DATA_KEPT_MAX	4096

static void	link_look(struct ev_loop *, ev_timer *, int);
static void	link_end_late(struct ev_loop *, ev_timer *, int);

struct ev_loop *
nodelink_loop(const struct nodelink *l)
{
	return l->worker->job.common->loop;
}

/* --- its life ------------------------------------------------------------- */

struct nodelink *
nodelink_open(struct queue *q, struct err *e)
{
	struct nodelink	*l = q != NULL ? q->link : calloc(1, sizeof(*l));

	if (l == NULL) {
		err_set(e, ENOMEM, "channel");
		return NULL;
	}
	l->refs++;
	if (q != NULL)
		return l;
	nodequeue_init(l);
	ev_timer_init(&l->look, link_look, LOOK_SECONDS, 0.);
	ev_timer_init(&l->end, link_end_late, END_SECONDS, 0.);
	l->look.data = l->end.data = l;
	return l;
}

void
nodelink_unref(struct nodelink *l)
{
	if (l == NULL || --l->refs > 0)
		return;
	nodequeue_fini(l);
	free(l);
}

void
nodelink_begin(struct nodelink *l, struct worker *w)
{
	l->worker = w;
}

void
nodelink_close(struct nodelink *l)
{
	if (l->closed)
		return;
	l->closed = true;
	ev_timer_stop(nodelink_loop(l), &l->look);
	if (!l->worker->reaped)
		ev_timer_start(nodelink_loop(l), &l->end);
	nodequeue_close(l);
}

void
nodelink_end(struct nodelink *l)
{
	if (l == NULL || l->worker == NULL)
		return;
	nodelink_close(l);
	ev_timer_stop(nodelink_loop(l), &l->end);
	l->worker = NULL;
}

/* Without a channel it is of no use: if it lives on, it is by mistake. */
static void
link_end_late(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct nodelink	*l = t->data;
	struct worker	*w = l->worker;

	(void)loop;
	(void)revents;
	if (w->reaped)
		return;
	if (w->state == WS_READY || w->state == WS_STARTING)
		worker_post(w, LOG_WARN, EV_TROUBLE, "its channel is closed, "
		    "and it is still there; sending it signal %d",
		    w->gen->conf->stop.signal);
	worker_signal_group(w, w->gen->conf->stop.signal);
}

/* Node runs and asks for nothing: perhaps it is not the program. */
static void
link_look(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct nodelink	*l = t->data;

	(void)loop;
	(void)revents;
	if (l->asked || l->worker->state != WS_STARTING)
		return;
	worker_post(l->worker, LOG_WARN, EV_TROUBLE, "Node runs for %.0f s "
	    "and has not asked for anything to listen on; if the command is "
	    "a wrapper such as 'npm start', which takes the program's place, "
	    "start the program itself: 'node server.js'", LOOK_SECONDS);
}

bool
nodelink_is_listening(const struct nodelink *l)
{
	return l != NULL && l->listens != 0;
}

bool
nodelink_was_rude(const struct nodelink *l)
{
	return l != NULL && l->online && !l->leaving;
}

/* --- what it says --------------------------------------------------------- */

/* An answer to something that it has sent: if it does not read, so be it. */
static void
link_say(struct nodelink *l, struct message *m)
{
	if (m != NULL)
		(void)channel_send(&l->worker->channel, m, CHANNEL_ONCE);
	message_unref(m);
}

static void
link_refuse(struct nodelink *l, const struct cluster_in *in, int code,
    unsigned int key)
{
	struct cluster_reply	 r = {
		.ack = in->seq, .seq = ++l->seq, .error = code, .key = key,
		.data = in->data,
	};

	link_say(l, cluster_reply(&r));
}

/*
 * What the first worker has said about it is told to all: the keys of TLS
 * sessions, which then go on with any of them.
 */
static const char *
link_data(struct listener *li, const struct cluster_in *in)
{
	if (in->data == NULL || strlen(in->data) > DATA_KEPT_MAX)
		return in->data;
	if (li->data == NULL)
		li->data = strdup(in->data);
	return li->data != NULL ? li->data : in->data;
}

/* It takes nothing from there any more. */
static void
link_forget(struct nodelink *l, unsigned int index)
{
	if (index >= 64)
		return;
	l->listens &= ~(UINT64_C(1) << index);
	if (l->queue == NULL)
		return;
	dispatch_take(l->queue->dispatch, l->queue, index, false);
	if (l->queue->seat != NULL)
		seat_take(l->queue->seat, index, false);
}

/* It will accept by itself, or read. */
static void
link_share(struct nodelink *l, struct cluster_reply *r, int listener,
    bool is_datagram)
{
	struct message	*m;
	int		 fd;

	if (nodequeue_reserve(l) == -1)
		return;
	fd = fcntl(listener, F_DUPFD_CLOEXEC, 0);
	m = fd != -1 ? cluster_reply_handle(r, is_datagram) : NULL;
	if (m == NULL) {
		r->error = fd == -1 ? errno : ENOMEM;
		fd_close(&fd);
		link_forget(l, r->key);
		link_say(l, cluster_reply(r));
		return;
	}
	if (channel_send_fd(&l->worker->channel, m, fd) == 0)
		nodequeue_add_listener(l, r->seq, r->key, r->ack);
	message_unref(m);
}

/*
 * The slot's own listener there, where the kernel takes turns; -1: what comes
 * there is handed over.  Those that the config has are open already.
 */
static int
link_own_listener(struct nodelink *l, struct listener *li, size_t index)
{
	struct seat	*s = l->queue->seat;
	unsigned int	 more;
	struct err	 e;

	if (s == NULL)
		return -1;
	if (li->asked.ss_family == AF_UNIX)
		err_set(&e, 0, "the kernel takes no turns over unix sockets");
	else if (turns_begin(li, &e) == 0 && seat_open(s, li, index, &e) == 0)
		return seat_fd(s, index);
	if (limit_pass(&li->limit, clock_ms(), &more))
		worker_post(l->worker, LOG_INFO, EV_POOL, "asks for %s, from "
		    "where connections are handed over: %s", li->address,
		    e.msg);
	return -1;
}

static void
link_grant(struct nodelink *l, const struct cluster_in *in,
    unsigned int index)
{
	struct worker		*w = l->worker;
	struct listener		*li = w->gen->set->list[index];
	char			 host[LISTENER_HOST_MAX];
	struct cluster_reply	 r = {
		.ack = in->seq, .seq = ++l->seq, .key = index,
		.data = link_data(li, in),
	};
	int			 own = -1;

	l->listens |= UINT64_C(1) << index;
	if (l->queue != NULL && !li->datagram)
		own = link_own_listener(l, li, index);
	if (l->queue == NULL || li->datagram || own != -1) {
		link_share(l, &r, own != -1 ? own : li->fd, li->datagram);
		return;
	}
	if (listener_host(li->fd, host, &r.is_ipv6)) {
		r.address = host;
		r.port = li->port;
	}
	link_say(l, cluster_reply(&r));
	dispatch_take(l->queue->dispatch, l->queue, index, true);
}

static void
link_query(struct nodelink *l, const struct cluster_in *in)
{
	struct worker	*w = l->worker;
	unsigned int	 more;
	struct err	 e;
	int		 i;

	if (w->reaped || l->leaving ||
	    (w->state != WS_STARTING && w->state != WS_READY))
		return;
	i = nodelisten_find(w->gen->set, &w->job.common->listeners,
	    w->gen->conf, &in->query, &e);
	if (i == -1) {
		if (limit_pass(&w->complaints, clock_ms(), &more))
			worker_post(w, LOG_WARN, EV_TROUBLE, "asks for %s",
			    e.msg);
		link_refuse(l, in, e.code != 0 ? e.code : EINVAL, 0);
	} else if ((l->listens >> i & 1) != 0) {
		link_refuse(l, in, EADDRINUSE, (unsigned int)i);
	} else {
		link_grant(l, in, (unsigned int)i);
	}
}

static void
link_leaving(struct nodelink *l, const struct cluster_in *in)
{
	unsigned int	 i;

	l->leaving = true;
	for (i = 0; i < 64; i++)
		if ((l->listens >> i & 1) != 0)
			link_forget(l, i);
	link_say(l, cluster_leave(in->seq, ++l->seq));
}

/* It accepts from a listener of its own as soon as it has that. */
static void
link_ack(struct nodelink *l)
{
	struct nodelink_handle	 h;

	if (nodequeue_ack(l, &h) == -1)
		worker_complain(l->worker, "bad message", "an acknowledgement "
		    "of nothing");
	else if (h.conn == -1 && (l->listens >> h.index & 1) != 0 &&
	    l->queue != NULL && l->queue->seat != NULL)
		seat_take(l->queue->seat, h.index, true);
}

/* Its table of descriptors is full, most likely. */
static void
link_nack(struct nodelink *l)
{
	unsigned int		 more;
	struct worker		*w = l->worker;
	struct nodelink_handle	 h;
	struct cluster_in	 query = { 0 };

	if (nodequeue_nack(l, &h) == -1) {
		worker_complain(w, "bad message", "a refusal of nothing");
		return;
	}
	if (limit_pass(&w->complaints, clock_ms(), &more))
		worker_post(w, LOG_WARN, EV_TROUBLE, "cannot take a "
		    "descriptor; has it too many open?");
	if (h.conn != -1)
		return;
	link_forget(l, h.index);	/* it waits for a listener */
	query.seq = h.query;
	query.data = w->gen->set->list[h.index]->data;
	link_refuse(l, &query, EMFILE, h.index);
}

static void
link_online(struct nodelink *l)
{
	if (l->online)
		return;
	l->online = true;
	if (l->worker->gen->conf->ready.when == CONF_READY_LISTENING &&
	    !l->asked && !l->closed)
		ev_timer_start(nodelink_loop(l), &l->look);
}

static void
link_listening(struct nodelink *l)
{
	struct worker	*w = l->worker;

	w->said_ready = true;
	/* Node has given a listener of its own the program's backlog. */
	if (l->queue != NULL && l->queue->seat != NULL)
		seat_tune(l->queue->seat, w->gen->conf->backlog,
		    w->gen->conf->defer_accept);
	if (w->gen->conf->ready.when == CONF_READY_LISTENING)
		worker_is_up(w);
}

bool
nodelink_line(struct nodelink *l, const char *line, size_t len)
{
	struct cluster_in	 in;

	cluster_parse(line, len, &in);
	if (in.kind != CLUSTER_ONLINE && !l->asked) {
		l->asked = true;
		ev_timer_stop(nodelink_loop(l), &l->look);
	}
	switch (in.kind) {
	case CLUSTER_USER:
		return false;
	case CLUSTER_BAD:
		worker_complain(l->worker, "bad message", in.why);
		break;
	case CLUSTER_ONLINE:
		link_online(l);
		break;
	case CLUSTER_QUERY:
		link_query(l, &in);
		break;
	case CLUSTER_LISTENING:
		link_listening(l);
		break;
	case CLUSTER_CLOSE:
		link_forget(l, in.key);
		break;
	case CLUSTER_LEAVING:
		link_leaving(l, &in);
		break;
	case CLUSTER_ANSWER:
		nodequeue_answer(l, in.ack, in.accepted);
		break;
	case CLUSTER_ACK:
		link_ack(l);
		break;
	case CLUSTER_NACK:
		link_nack(l);
		break;
	case CLUSTER_HANDLE:
		worker_complain(l->worker, "bad message", "a descriptor, "
		    "which nobody here wants");
		link_say(l, cluster_handle_ack());
		break;
	case CLUSTER_GET_COUNT:
	case CLUSTER_NOTIFY_CLOSE:
		link_say(l, cluster_no_sockets(&in));
		break;
	case CLUSTER_OTHER:
		break;
	}
	cluster_in_free(&in);
	return true;
}
