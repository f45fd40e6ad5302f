#include "config.h"
#include "supervise/dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "os/listener.h"

#define ACCEPTS_A_TURN	64
#define ACCEPTS_AT_END	65535	/* the largest backlog there is */
#define RETRY_SECONDS	0.02	/* when the kernel will not tell us; as the
				   repeat, which ev_timer_again wants */

static void	dispatch_pump(struct dispatch *);
static void	dispatch_acceptable(struct ev_loop *, ev_io *, int);
static void	dispatch_retry(struct ev_loop *, ev_timer *, int);
static void	queue_writable(struct ev_loop *, ev_io *, int);
static void	queue_free(struct queue *);

int
dispatch_init(struct dispatch *d, struct ev_loop *loop, const char *pool,
    size_t slots, const int *listeners, size_t count, struct err *e)
{
	size_t	 i;

	memset(d, 0, sizeof(*d));
	d->loop = loop;
	d->pool = pool;
	d->listeners = listeners;
	d->held = -1;
	list_init(&d->leftovers);
	ev_timer_init(&d->retry, dispatch_retry, 0., RETRY_SECONDS);
	d->retry.data = d;
	d->queues = calloc(slots, sizeof(*d->queues));
	d->accepts = calloc(count, sizeof(*d->accepts));
	if (d->queues == NULL || d->accepts == NULL ||
	    turn_init(&d->turn, slots) == -1) {
		dispatch_fini(d);
		return err_set(e, ENOMEM, "pool '%s'", pool);
	}
	d->listener_count = count;
	for (i = 0; i < count; i++) {
		ev_io_init(&d->accepts[i], dispatch_acceptable, listeners[i],
		    EV_READ);
		d->accepts[i].data = d;
	}
	return 0;
}

static void
dispatch_listen(struct dispatch *d, bool on)
{
	size_t	 i;

	for (i = 0; i < d->listener_count; i++)
		if (on)
			ev_io_start(d->loop, &d->accepts[i]);
		else
			ev_io_stop(d->loop, &d->accepts[i]);
}

void
dispatch_fini(struct dispatch *d)
{
	struct list	*n, *tmp;

	if (d->loop == NULL)
		return;
	dispatch_listen(d, false);
	ev_timer_stop(d->loop, &d->retry);
	LIST_FOREACH(n, tmp, &d->leftovers)
		queue_free(LIST_ENTRY(n, struct queue, node));
	fd_close(&d->held);
	free(d->queues);
	free(d->accepts);
	turn_fini(&d->turn);
	memset(d, 0, sizeof(*d));
	d->held = -1;
}

/* Something has changed for the better or the worse: look again. */
static void
dispatch_update(struct dispatch *d)
{
	ev_timer_stop(d->loop, &d->retry);
	dispatch_pump(d);
}

void
dispatch_up(struct dispatch *d, size_t slot, struct queue *q)
{
	queue_keep(q);
	d->queues[slot] = q;
	turn_set(&d->turn, slot, true);
	dispatch_update(d);
}

void
dispatch_down(struct dispatch *d, size_t slot)
{
	if (!turn_is_up(&d->turn, slot))
		return;
	turn_set(&d->turn, slot, false);
	d->queues[slot] = NULL;
	if (d->turn.up_count == 0)
		dispatch_listen(d, false);
}

/* Nobody reads from it: it is emptied when there is room. */
static void
queue_leave(struct dispatch *d, struct queue *q)
{
	if (q->left)
		return;
	list_append(&d->leftovers, &q->node);
	q->left = true;
}

/* Why nobody took a connection. */
enum refusal { TAKEN, ALL_FULL, SOME_BUSY };

/*
 * Whoever reads from this queue does not want any more.  What is in it is
 * given to others, but later: this may be the middle of that.
 */
static void
dispatch_broken(struct dispatch *d, size_t slot)
{
	struct queue	*q = d->queues[slot];

	log_warn("%s[%zu]: its worker has shut ROTA_CONN_FD down; it gets no "
	    "more connections", d->pool, slot);
	dispatch_down(d, slot);
	queue_leave(d, q);
	ev_timer_again(d->loop, &d->retry);
}

/*
 * Offer a connection to each slot that is up, beginning with the one whose
 * turn it is.  A full queue is passed over, which costs it its turn.
 */
static enum refusal
dispatch_offer(struct dispatch *d, unsigned char index, int conn)
{
	enum refusal	 r = ALL_FULL;
	struct queue	*q;
	size_t		 i, slot;

	for (i = d->turn.up_count; i > 0 && d->turn.up_count > 0; i--) {
		slot = (size_t)turn_next(&d->turn);
		q = d->queues[slot];
		if (q->full) {
			d->passed_over++;
			continue;
		}
		switch (handover_send(&q->handover, index, conn)) {
		case HANDOVER_SENT:
			return TAKEN;
		case HANDOVER_FULL:
			q->full = true;
			ev_io_start(d->loop, &q->room);
			break;
		case HANDOVER_BUSY:
			r = SOME_BUSY;
			break;
		case HANDOVER_BROKEN:
			dispatch_broken(d, slot);
			continue;
		}
		d->passed_over++;
	}
	return r;
}

/* Give a connection away, or keep it in hand.  It is ours to close. */
static bool
dispatch_give(struct dispatch *d, unsigned char index, int conn)
{
	enum refusal	 r = dispatch_offer(d, index, conn);

	if (r == TAKEN) {
		(void)close(conn);
		return true;
	}
	d->held = conn;
	d->held_index = index;
	dispatch_listen(d, false);
	if (r == SOME_BUSY)
		ev_timer_again(d->loop, &d->retry);
	return false;
}

static bool
dispatch_has_room(const struct dispatch *d)
{
	return d->turn.up_count > 0 && d->held == -1;
}

/* Accepting has failed for want of something: wait a moment. */
static void
dispatch_pause(struct dispatch *d, int code)
{
	unsigned int	 more;

	dispatch_listen(d, false);
	ev_timer_again(d->loop, &d->retry);
	if (limit_pass(&d->limit, clock_ms(), &more))
		log_warn("%s: cannot take a connection: %s; it waits where "
		    "it is", d->pool, strerror(code));
}

/* Give away what is in a queue; true once it is empty. */
static bool
dispatch_empty(struct dispatch *d, struct queue *q)
{
	unsigned char	 index;
	int		 conn;

	while (dispatch_has_room(d)) {
		conn = handover_take_back(&q->handover, &index);
		if (conn != -1) {
			(void)dispatch_give(d, index, conn);
			continue;
		}
		if (errno == EAGAIN)
			return true;
		dispatch_pause(d, errno);
		return false;
	}
	return false;
}

/* Empty the queues without a reader as far as others take it. */
static void
dispatch_leftovers(struct dispatch *d)
{
	struct list	*n, *tmp;
	struct queue	*q;

	LIST_FOREACH(n, tmp, &d->leftovers) {
		q = LIST_ENTRY(n, struct queue, node);
		if (!dispatch_empty(d, q))
			return;
		queue_keep(q);
		if (q->refs == 0)
			queue_free(q);
	}
}

/* Accept from one listener: all there is, or as many as a turn allows. */
static void
dispatch_accept(struct dispatch *d, size_t i, unsigned int most)
{
	int	 conn;

	while (most-- > 0 && dispatch_has_room(d)) {
		conn = listener_accept(d->listeners[i]);
		if (conn == -1) {
			if (errno != EAGAIN)
				dispatch_pause(d, errno);
			return;
		}
		(void)dispatch_give(d, (unsigned char)i, conn);
	}
}

/* Hand on what waits, in the order of the header; then listen again. */
static void
dispatch_pump(struct dispatch *d)
{
	int	 conn;

	if (d->turn.up_count == 0)
		return;
	if (d->held != -1) {
		conn = fd_take(&d->held);
		if (!dispatch_give(d, d->held_index, conn))
			return;
	}
	dispatch_leftovers(d);
	if (dispatch_has_room(d) && !d->closed)
		dispatch_listen(d, true);
}

static void
dispatch_acceptable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct dispatch	*d = w->data;

	(void)loop;
	(void)revents;
	dispatch_accept(d, (size_t)(w - d->accepts), ACCEPTS_A_TURN);
}

static void
dispatch_retry(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	dispatch_update(w->data);
}

void
dispatch_reclaim(struct dispatch *d, struct queue *q)
{
	queue_leave(d, q);
	if (dispatch_has_room(d))
		dispatch_leftovers(d);
}

void
dispatch_close(struct dispatch *d)
{
	size_t	 i;

	for (i = 0; i < d->listener_count && !d->closed; i++)
		dispatch_accept(d, i, ACCEPTS_AT_END);
	dispatch_listen(d, false);
	d->closed = true;
}

struct queue *
queue_new(struct dispatch *d, struct err *e)
{
	struct queue	*q = calloc(1, sizeof(*q));

	if (q == NULL) {
		err_set(e, ENOMEM, "queue");
		return NULL;
	}
	if (handover_open(&q->handover, e) == -1) {
		free(q);
		return NULL;
	}
	q->refs = 1;
	q->dispatch = d;
	list_init(&q->node);
	ev_io_init(&q->room, queue_writable, q->handover.feed, EV_WRITE);
	q->room.data = q;
	return q;
}

struct queue *
queue_ref(struct queue *q)
{
	q->refs++;
	return q;
}

static void
queue_free(struct queue *q)
{
	ev_io_stop(q->dispatch->loop, &q->room);
	list_remove(&q->node);
	handover_close(&q->handover);
	free(q);
}

void
queue_keep(struct queue *q)
{
	list_remove(&q->node);
	q->left = false;
}

/* The last one out leaves it to the dispatcher, which empties it first. */
void
queue_unref(struct queue *q)
{
	if (q != NULL && --q->refs == 0)
		dispatch_reclaim(q->dispatch, q);
}

static void
queue_writable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct queue	*q = w->data;

	(void)revents;
	ev_io_stop(loop, w);
	q->full = false;
	dispatch_update(q->dispatch);
}
