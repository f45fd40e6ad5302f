#include "config.h"
#include "supervise/nodequeue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "ipc/cluster.h"
#include "os/conn.h"
#include "supervise/common.h"
#include "supervise/dispatch.h"
#include "supervise/nodelink.h"
#include "supervise/queue.h"
#include "supervise/seat.h"
#include "supervise/worker.h"

#define PAUSE_FIRST_MS	10	/* after a connection that it refused... */
#define PAUSE_MOST_MS	640	/* ...doubling up to this */
#define MANY		4	/* connections... */
#define MANY_MS		10	/* ...in so short a time */
#define FEW		2	/* in a tick */
#define TICK_SECONDS	0.005

static int
handles_grow(struct nodelink_handle **list, size_t count, size_t *size)
{
	size_t			 more = *size > 0 ? *size * 2 : 8;
	struct nodelink_handle	*h;

	if (count < *size)
		return 0;
	h = realloc(*list, more * sizeof(*h));
	if (h == NULL)
		return -1;
	*list = h;
	*size = more;
	return 0;
}

static struct nodelink_handle
handles_take(struct nodelink_handle *list, size_t *count, size_t i)
{
	struct nodelink_handle	 h = list[i];

	(*count)--;
	memmove(list + i, list + i + 1, (*count - i) * sizeof(*list));
	return h;
}

int
nodequeue_reserve(struct nodelink *l)
{
	return handles_grow(&l->handles, l->count, &l->size);
}

void
nodequeue_add(struct nodelink *l, int64_t seq, unsigned int index, int conn)
{
	l->handles[l->count++] = (struct nodelink_handle){
		.seq = seq, .sent_ms = clock_ms(), .index = index,
		.conn = conn,
	};
}

void
nodequeue_add_listener(struct nodelink *l, int64_t seq, unsigned int index,
    int64_t query)
{
	nodequeue_add(l, seq, index, -1);
	l->handles[l->count - 1].query = query;
}

static bool
link_has_window(const struct nodelink *l)
{
	return l->count < NODEQUEUE_WINDOW || (l->count < NODEQUEUE_BURST &&
	    clock_ms() - l->handles[0].sent_ms < NODEQUEUE_QUICK_MS);
}

/* Other handles are listeners. */
static size_t
link_conns(const struct nodelink *l)
{
	size_t	 i, n = 0;

	for (i = 0; i < l->count; i++)
		n += l->handles[i].conn != -1;
	return n;
}

/* It does not want what it is given: leave it alone for a moment. */
static void
link_pause(struct nodelink *l)
{
	if (ev_is_active(&l->pause))
		return;
	l->pause_ms = l->pause_ms == 0 ? PAUSE_FIRST_MS :
	    l->pause_ms < PAUSE_MOST_MS ? l->pause_ms * 2 : PAUSE_MOST_MS;
	ev_timer_set(&l->pause, (double)l->pause_ms / 1000., 0.);
	ev_timer_start(nodelink_loop(l), &l->pause);
}

void
nodequeue_room(struct nodelink *l)
{
	if (l->queue != NULL && !ev_is_active(&l->pause) &&
	    (l->closed || link_has_window(l)))
		queue_has_room(l->queue);
}

static void
link_pause_over(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	nodequeue_room(t->data);
}

/* This one goes to somebody else. */
static void
link_return(struct nodelink *l, size_t i)
{
	struct nodelink_handle	 h = handles_take(l->handles, &l->count, i);

	if (handles_grow(&l->returned, l->returned_count,
	    &l->returned_size) == -1) {
		fd_close(&h.conn);	/* no memory to keep it by */
		return;
	}
	l->returned[l->returned_count++] = h;
	if (!l->closed)
		link_pause(l);
	dispatch_reclaim(l->queue->dispatch, l->queue);
}

/*
 * To be woken for each line of a busy worker, and it says two for each
 * connection, costs more than all the rest.  While many are given to it, it
 * is heard a few times in a hundredth of a second instead.
 */
static void
link_count(struct nodelink *l)
{
	uint64_t	 now = l->handles[l->count - 1].sent_ms;

	l->given++;
	if (ev_is_active(&l->tick)) {
		if (l->count >= NODEQUEUE_BURST / 2)
			ev_feed_event(nodelink_loop(l), &l->tick, EV_TIMER);
	} else if (now - l->given_since_ms >= MANY_MS) {
		l->given_since_ms = now;
		l->given = 1;
	} else if (l->given >= MANY) {
		channel_watch(&l->worker->channel, false);
		ev_timer_again(nodelink_loop(l), &l->tick);
	}
}

static void
link_tick(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct nodelink	*l = t->data;

	(void)revents;
	if (l->given < FEW) {
		ev_timer_stop(loop, t);
		channel_watch(&l->worker->channel, true);
	}
	l->given = 0;
	channel_hear(&l->worker->channel);
}

/* --- the queue ------------------------------------------------------------ */

static enum handover_result
link_offer(struct queue *q, unsigned int index, int conn, bool last_call)
{
	struct nodelink		*l = q->link;
	char			 line[CLUSTER_CONN_MAX];
	size_t			 len;
	enum handover_result	 r;

	if (l->closed || l->worker == NULL)
		return HANDOVER_BROKEN;
	if (!last_call && (ev_is_active(&l->pause) || !link_has_window(l)))
		return HANDOVER_FULL;
	if (nodequeue_reserve(l) == -1)
		return HANDOVER_BUSY;
	len = cluster_conn(line, index, l->seq + 1);
	r = channel_offer(&l->worker->channel, line, len, conn);
	if (r != HANDOVER_SENT)
		return r;
	nodequeue_add(l, ++l->seq, index, conn);
	link_count(l);
	return r;
}

/* An answer, the end of a pause or the channel says so by itself. */
static void
link_await_room(struct queue *q)
{
	(void)q;
}

/* What is to be taken back next, and from which list; count: nothing. */
static size_t
link_next_back(const struct nodelink *l)
{
	size_t	 i;

	for (i = 0; i < l->count; i++)
		if (l->handles[i].conn != -1)
			break;
	return l->closed ? i : l->count;
}

static int
link_peek(struct queue *q)
{
	const struct nodelink	*l = q->link;
	size_t			 i = link_next_back(l);

	if (l->returned_count > 0)
		return (int)l->returned[0].index;
	return i < l->count ? (int)l->handles[i].index : -1;
}

static int
link_take_back(struct queue *q, unsigned int *ret_index)
{
	struct nodelink		*l = q->link;
	struct nodelink_handle	 h;
	size_t			 i = link_next_back(l);

	if (l->returned_count > 0) {
		h = handles_take(l->returned, &l->returned_count, 0);
	} else if (i < l->count) {
		h = handles_take(l->handles, &l->count, i);
	} else {
		errno = EAGAIN;
		return -1;
	}
	*ret_index = h.index;
	return h.conn;
}

static bool
link_is_idle(struct queue *q)
{
	return nodequeue_pending(q->link) == 0;
}

static size_t
link_waiting(const struct queue *q)
{
	return link_conns(q->link);
}

/* A channel is one worker's. */
static bool
link_is_broken(const struct queue *q)
{
	(void)q;
	return true;
}

static void
link_fini(struct queue *q)
{
	q->link->queue = NULL;
	nodelink_unref(q->link);
}

static const struct queue_ops link_ops = {
	.offer = link_offer,
	.await_room = link_await_room,
	.peek = link_peek,
	.take_back = link_take_back,
	.is_idle = link_is_idle,
	.waiting = link_waiting,
	.is_broken = link_is_broken,
	.fini = link_fini,
};

struct queue *
nodequeue_new(struct dispatch *d, struct listener_set *set, struct err *e)
{
	struct nodelink	*l = nodelink_open(NULL, e);
	struct queue	*q;

	if (l == NULL)
		return NULL;
	q = queue_new_by(&link_ops, d, set, e);
	if (q == NULL) {
		nodelink_unref(l);
		return NULL;
	}
	q->link = l;
	l->queue = q;
	return q;
}

/* --- what it says about them ---------------------------------------------- */

/* The first that it has not told the arrival of, or count. */
static size_t
link_unacked(const struct nodelink *l)
{
	size_t	 i;

	for (i = 0; i < l->count; i++)
		if (!l->handles[i].acked)
			break;
	return i;
}

int
nodequeue_ack(struct nodelink *l, struct nodelink_handle *ret)
{
	size_t	 i = link_unacked(l);

	if (i == l->count)
		return -1;
	*ret = l->handles[i];
	if (ret->conn == -1)
		(void)handles_take(l->handles, &l->count, i);
	else
		l->handles[i].acked = true;
	return 0;
}

int
nodequeue_nack(struct nodelink *l, struct nodelink_handle *ret)
{
	size_t	 i = link_unacked(l);

	if (i == l->count)
		return -1;
	*ret = l->handles[i];
	if (ret->conn == -1)
		(void)handles_take(l->handles, &l->count, i);
	else
		link_return(l, i);
	return 0;
}

void
nodequeue_answer(struct nodelink *l, int64_t seq, bool accepted)
{
	struct nodelink_handle	 h;
	size_t			 i;

	for (i = 0; i < l->count; i++)
		if (l->handles[i].acked && l->handles[i].seq == seq)
			break;
	if (i == l->count)
		return;
	if (!accepted) {
		link_return(l, i);
		return;
	}
	h = handles_take(l->handles, &l->count, i);
	fd_close(&h.conn);
	l->pause_ms = 0;
	if (!ev_is_active(&l->pause))
		nodequeue_room(l);
}

size_t
nodequeue_pending(const struct nodelink *l)
{
	return link_conns(l) + l->returned_count;
}

bool
nodequeue_has(const struct nodelink *l, uint64_t inode)
{
	size_t	 i;

	for (i = 0; i < l->count; i++)
		if (l->handles[i].conn != -1 &&
		    conn_inode(l->handles[i].conn) == inode)
			return true;
	return false;
}

/* --- its life ------------------------------------------------------------- */

void
nodequeue_init(struct nodelink *l)
{
	ev_timer_init(&l->pause, link_pause_over, 0., 0.);
	ev_timer_init(&l->tick, link_tick, 0., TICK_SECONDS);
	l->pause.data = l->tick.data = l;
}

void
nodequeue_close(struct nodelink *l)
{
	ev_timer_stop(nodelink_loop(l), &l->pause);
	ev_timer_stop(nodelink_loop(l), &l->tick);
	if (l->queue == NULL)
		return;
	if (l->queue->seat != NULL)
		seat_lose(l->queue->seat);
	dispatch_lose(l->queue->dispatch, l->queue);
}

void
nodequeue_fini(struct nodelink *l)
{
	size_t	 i;

	for (i = 0; i < l->count; i++)
		fd_close(&l->handles[i].conn);
	for (i = 0; i < l->returned_count; i++)
		fd_close(&l->returned[i].conn);
	free(l->handles);
	free(l->returned);
}
