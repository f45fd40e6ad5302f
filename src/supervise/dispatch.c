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
#include "os/conn.h"
#include "os/listener.h"
#include "os/loop.h"
#include "supervise/aim.h"
#include "supervise/listeners.h"
#include "supervise/parked.h"

#define LOOKS_MOST	8		/* for who has room, for a connection */
#define ACCEPTS_A_TURN	64
#define ACCEPTS_AT_END	65535	/* the largest backlog there is */
#define RETRY_MS	20	/* when the kernel will not tell us */

static void	dispatch_pump(struct dispatch *);
static void	dispatch_acceptable(void *, struct intake *);
static void	dispatch_retry(struct ev_loop *, ev_timer *, int);
static void	dispatch_discard(struct dispatch *);

int
dispatch_init(struct dispatch *d, struct ev_loop *loop, const char *pool,
    size_t slots, struct err *e)
{
	memset(d, 0, sizeof(*d));
	d->loop = loop;
	d->pool = pool;
	intakes_init(&d->intakes, loop, pool, dispatch_acceptable, d);
	list_init(&d->leftovers);
	list_init(&d->parked);
	ev_timer_init(&d->retry, dispatch_retry, 0., 0.);
	d->retry.data = d;
	d->queues = calloc(slots, sizeof(*d->queues));
	if (d->queues == NULL || turn_init(&d->turn, slots) == -1) {
		dispatch_fini(d);
		return err_set(e, ENOMEM, "pool '%s'", pool);
	}
	return 0;
}

int
dispatch_grow(struct dispatch *d, size_t slots, struct err *e)
{
	size_t		 i, old = d->turn.slots;
	struct queue	**queues;

	if (slots <= old)
		return 0;
	queues = realloc(d->queues, slots * sizeof(*queues));
	if (queues == NULL)
		return err_set(e, ENOMEM, "pool '%s'", d->pool);
	d->queues = queues;
	for (i = old; i < slots; i++)
		queues[i] = NULL;
	if (turn_grow(&d->turn, slots) == -1)
		return err_set(e, ENOMEM, "pool '%s'", d->pool);
	return 0;
}

void
dispatch_fini(struct dispatch *d)
{
	struct list	*n, *tmp;

	if (d->loop == NULL)
		return;
	ev_timer_stop(d->loop, &d->retry);
	LIST_FOREACH(n, tmp, &d->leftovers)
		queue_free(LIST_ENTRY(n, struct queue, node));
	LIST_FOREACH(n, tmp, &d->parked)
		parked_free(LIST_ENTRY(n, struct parked, node));
	intakes_fini(&d->intakes);
	free(d->queues);
	turn_fini(&d->turn);
	memset(d, 0, sizeof(*d));
}

void
dispatch_update(struct dispatch *d)
{
	ev_timer_stop(d->loop, &d->retry);
	dispatch_pump(d);
}

/*
 * What waits at a listener that only this queue still takes from, while it
 * still does.
 */
static void
dispatch_last_call(struct dispatch *d, struct queue *q,
    const struct listener_set *next)
{
	struct intake	*in;
	uint64_t	 never = 0;
	unsigned int	 looks;
	size_t		 i;
	int		 conn;

	for (i = 0; i < q->set->count; i++) {
		in = intakes_find(&d->intakes, q->set->list[i]);
		if (in == NULL || in->up > 1 || (q->takes >> i & 1) == 0 ||
		    listener_set_find(next, in->listener) != -1)
			continue;
		while ((conn = listener_accept(in->listener->fd)) != -1) {
			looks = LOOKS_MOST;
			if (queue_is_sated(q, &never, &looks) ||
			    queue_offer(q, (unsigned int)i, conn, true) !=
			    HANDOVER_SENT)
				(void)close(conn);
		}
	}
}

void
dispatch_up(struct dispatch *d, size_t slot, struct queue *q)
{
	struct queue	*old = d->queues[slot];

	queue_keep(q);
	if (old != NULL && old->set != q->set)
		dispatch_last_call(d, old, q->set);
	intakes_count(&d->intakes, q->set, q->takes, true);
	if (old != NULL)
		intakes_count(&d->intakes, old->set, old->takes, false);
	d->queues[slot] = q;
	d->balance = q->balance;
	turn_set(&d->turn, slot, true);
	intakes_sweep(&d->intakes);
	dispatch_update(d);
}

static void
dispatch_drop(struct dispatch *d, size_t slot)
{
	const struct queue	*q = d->queues[slot];

	if (!turn_is_up(&d->turn, slot))
		return;
	turn_set(&d->turn, slot, false);
	intakes_count(&d->intakes, q->set, q->takes, false);
	d->queues[slot] = NULL;
	if (d->turn.up_count == 0)
		intakes_listen(&d->intakes, false);
}

void
dispatch_down(struct dispatch *d, size_t slot)
{
	dispatch_drop(d, slot);
	dispatch_discard(d);
	intakes_sweep(&d->intakes);
	dispatch_update(d);		/* perhaps nobody wants what is held */
}

/*
 * What is here already cannot wait where it came from, and after this one
 * nobody takes it: its worker gets it, even if it has as many as it may.
 */
static void
dispatch_hand_on(struct dispatch *d)
{
	d->last_call = d->is_pressing = true;
	dispatch_pump(d);
	d->last_call = d->is_pressing = false;
}

void
dispatch_leave(struct dispatch *d, size_t slot,
    const struct listener_set *next)
{
	if (d->queues[slot] != NULL) {
		dispatch_last_call(d, d->queues[slot], next);
		if (d->turn.up_count == 1)
			dispatch_hand_on(d);
	}
	dispatch_down(d, slot);
}

/* Nobody reads from it: it is emptied when there is room. */
static void
dispatch_adopt(struct dispatch *d, struct queue *q)
{
	if (q->left)
		return;
	list_append(&d->leftovers, &q->node);
	q->left = true;
}

/* Look again in a moment, or earlier if that is planned. */
static void
dispatch_try_again(struct dispatch *d, uint64_t ms)
{
	uint64_t	 at_ms = clock_ms() + ms;

	if (loop_timer_runs(&d->retry) && d->retry_ms <= at_ms)
		return;
	d->retry_ms = at_ms;
	ev_timer_stop(d->loop, &d->retry);
	ev_timer_set(&d->retry, loop_seconds(ms), 0.);
	ev_timer_start(d->loop, &d->retry);
}

/*
 * Whoever reads from this queue does not want any more.  What is in it is
 * given to others, but later: this may be the middle of that.
 */
static void
dispatch_broken(struct dispatch *d, size_t slot)
{
	struct queue	*q = d->queues[slot];

	dispatch_drop(d, slot);
	dispatch_adopt(d, q);
	dispatch_try_again(d, RETRY_MS);
}

/*
 * Offer a connection to each slot that is up, beginning with the one whose
 * turn it is.  A full queue is passed over, which costs it its turn, and so
 * is a worker that has as many connections as it may have, if somebody else
 * takes this one.  True: it is taken; if not, *again_ms is made no later
 * than when to try again, if nobody tells.
 */
static bool
dispatch_offer_to(struct dispatch *d, const struct listener *from, int conn,
    bool only_idle, uint64_t *again_ms)
{
	uint64_t	 sated = 0;
	unsigned int	 looks = LOOKS_MOST;
	struct queue	*q;
	size_t		 i, slot;
	int		 index;

	for (i = d->turn.up_count; i > 0 && d->turn.up_count > 0; i--) {
		slot = (size_t)turn_next(&d->turn);
		q = d->queues[slot];
		index = queue_index(q, from);
		if (index == -1)
			continue;	/* of a generation without it */
		if (only_idle && !q->ops->is_idle(q))
			continue;
		if (q->full && !d->last_call) {
			d->passed_over++;
			continue;
		}
		if (!d->is_pressing && queue_is_sated(q, again_ms, &looks)) {
			sated++;
			continue;
		}
		switch (queue_offer(q, (unsigned int)index, conn,
		    d->last_call)) {
		case HANDOVER_SENT:
			d->passed_over += sated;
			if (d->stirred != NULL)
				d->stirred(d->stirred_arg);
			return true;
		case HANDOVER_FULL:
			q->full = true;
			q->ops->await_room(q);
			break;
		case HANDOVER_BUSY:
			if (clock_ms() + RETRY_MS < *again_ms)
				*again_ms = clock_ms() + RETRY_MS;
			break;
		case HANDOVER_BROKEN:
			dispatch_broken(d, slot);
			continue;
		}
		d->passed_over++;
	}
	return false;
}

/*
 * How many connections of a worker are open is not seen from here, but
 * whether it has taken its last one: who has not is busy with others.
 */
static bool
dispatch_offer(struct dispatch *d, const struct listener *from, int conn,
    uint64_t *again_ms)
{
	if (d->turn.up_count == 0)
		return false;
	aim(&d->turn, d->balance, conn);
	if (d->balance == CONF_LEAST &&
	    dispatch_offer_to(d, from, conn, true, again_ms))
		return true;
	return dispatch_offer_to(d, from, conn, false, again_ms);
}

/* Give a connection away, or keep it in hand; in any case it is taken. */
static bool
dispatch_give(struct dispatch *d, struct listener *from, int conn)
{
	uint64_t	 again_ms = UINT64_MAX, now;

	if (dispatch_offer(d, from, conn, &again_ms))
		return true;
	intakes_hold(&d->intakes, from, conn);
	if (again_ms != UINT64_MAX) {
		now = clock_ms();
		dispatch_try_again(d, again_ms > now ? again_ms - now : 1);
	}
	return false;
}

/* Accepting has failed for want of something: wait a moment. */
static void
dispatch_pause(struct dispatch *d, int code)
{
	unsigned int	 more;

	intakes_listen(&d->intakes, false);
	dispatch_try_again(d, RETRY_MS);
	if (limit_pass(&d->limit, clock_ms(), &more))
		log_warn("%s: cannot take a connection: %s; it waits where "
		    "it is", d->pool, strerror(code));
}

/* Where the oldest connection of a queue comes from, or NULL: look again. */
static struct listener *
queue_next_from(struct queue *q, bool *ret_empty)
{
	int	 index = q->ops->peek(q);

	*ret_empty = index == -1;
	return index >= 0 && (size_t)index < q->set->count ?
	    q->set->list[index] : NULL;
}

/* What is in a queue, from this listener, stays there for now. */
static bool
dispatch_waits(const struct dispatch *d, const struct queue *q,
    const struct listener *from)
{
	if (intakes_have_taker(&d->intakes, from))
		return !intakes_have_room(&d->intakes, from);
	return from->fd != -1 || q->refs > 0;
}

/*
 * Give away what is in a queue; true once it is empty.  It stops at what
 * nobody else takes, for now, or while it has a reader.
 */
static bool
dispatch_empty(struct dispatch *d, struct queue *q)
{
	struct listener	*from;
	bool		 is_empty;
	int		 conn;

	while (d->turn.up_count > 0) {
		from = queue_next_from(q, &is_empty);
		if (is_empty)
			return true;
		if (from != NULL && dispatch_waits(d, q, from))
			return false;
		conn = queue_take_back(q);
		if (conn == -1 && errno != EAGAIN)
			dispatch_pause(d, errno);
		if (conn == -1)
			return errno == EAGAIN;
		if (from != NULL && intakes_have_taker(&d->intakes, from))
			(void)dispatch_give(d, from, conn);
		else
			(void)close(conn);	/* its listener is gone */
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
			continue;
		queue_keep(q);
		if (q->refs == 0)
			queue_free(q);
	}
}

/* Nobody is left, and nobody will come: their clients need not wait. */
static void
dispatch_discard(struct dispatch *d)
{
	struct list	*n, *tmp;
	struct queue	*q;

	if (!d->closed || d->turn.up_count > 0)
		return;
	intakes_drop(&d->intakes);
	LIST_FOREACH(n, tmp, &d->parked)
		parked_free(LIST_ENTRY(n, struct parked, node));
	LIST_FOREACH(n, tmp, &d->leftovers) {
		q = LIST_ENTRY(n, struct queue, node);
		if (q->refs == 0)
			queue_free(q);
	}
}

/* Accept from one listener: all there is, or as many as a turn allows. */
static void
dispatch_accept(struct dispatch *d, struct intake *in, unsigned int most)
{
	int	 conn;

	while (most-- > 0 && in->up > 0 && in->held == -1) {
		conn = listener_accept(in->listener->fd);
		if (conn == -1) {
			if (errno != EAGAIN)
				dispatch_pause(d, errno);
			return;
		}
		(void)dispatch_give(d, in->listener, conn);
	}
}

/* Those whose listener has somebody now, or never will have. */
static void
dispatch_unpark(struct dispatch *d)
{
	struct list	*n, *tmp;
	struct parked	*p;

	LIST_FOREACH(n, tmp, &d->parked) {
		p = LIST_ENTRY(n, struct parked, node);
		if (intakes_have_taker(&d->intakes, p->from)) {
			if (!intakes_have_room(&d->intakes, p->from))
				continue;
			(void)dispatch_give(d, p->from, fd_take(&p->conn));
			parked_free(p);
		} else if (p->from->fd == -1) {
			parked_free(p);
		}
	}
}

/*
 * Try the one in hand again.  One that nobody takes now waits, if it may ever
 * be taken, and if its client does.
 */
static void
dispatch_held(struct dispatch *d, struct intake *in)
{
	if (in->listener->fd == -1 || conn_is_over(in->held))
		fd_close(&in->held);
	else if (in->up > 0)
		(void)dispatch_give(d, in->listener, fd_take(&in->held));
}

/* Hand on what waits, in the order of the header; then listen again. */
static void
dispatch_pump(struct dispatch *d)
{
	struct list	*n;
	struct intake	*in;

	if (d->turn.up_count == 0)
		return;
	for (n = d->intakes.list.next; n != &d->intakes.list; n = n->next) {
		in = LIST_ENTRY(n, struct intake, node);
		if (in->held != -1)
			dispatch_held(d, in);
	}
	dispatch_unpark(d);
	dispatch_leftovers(d);
	if (d->turn.up_count > 0 && !d->closed)
		intakes_listen(&d->intakes, true);
}

static void
dispatch_acceptable(void *arg, struct intake *in)
{
	dispatch_accept(arg, in, ACCEPTS_A_TURN);
}

static void
dispatch_retry(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	dispatch_update(w->data);
}

/* The slot that has its turns through this queue, or -1. */
static long
dispatch_slot_of(const struct dispatch *d, const struct queue *q)
{
	size_t	 i;

	for (i = 0; i < d->turn.slots; i++)
		if (turn_is_up(&d->turn, i) && d->queues[i] == q)
			return (long)i;
	return -1;
}

void
dispatch_reclaim(struct dispatch *d, struct queue *q)
{
	dispatch_adopt(d, q);
	if (d->turn.up_count > 0)
		dispatch_leftovers(d);
	dispatch_discard(d);
}

void
dispatch_pass(struct dispatch *d, struct listener *from, int conn)
{
	parked_add(&d->parked, from, conn);
	if (d->turn.up_count > 0)
		dispatch_unpark(d);
	dispatch_discard(d);
}

void
dispatch_close(struct dispatch *d)
{
	struct list	*n, *tmp;

	d->last_call = true;
	LIST_FOREACH(n, tmp, &d->intakes.list)
		if (!d->closed)
			dispatch_accept(d, LIST_ENTRY(n, struct intake, node),
			    ACCEPTS_AT_END);
	d->last_call = false;
	intakes_listen(&d->intakes, false);
	d->closed = true;
	dispatch_discard(d);
}

void
dispatch_take(struct dispatch *d, struct queue *q, unsigned int index,
    bool on)
{
	uint64_t	 bit = UINT64_C(1) << index;
	long		 slot = dispatch_slot_of(d, q);

	if (((q->takes & bit) != 0) == on)
		return;
	q->takes ^= bit;
	if (slot == -1)
		return;
	intakes_count_one(&d->intakes, q->set->list[index], on);
	if (!on)
		intakes_sweep(&d->intakes);
	dispatch_update(d);
}

void
dispatch_lose(struct dispatch *d, struct queue *q)
{
	long	 slot = dispatch_slot_of(d, q);

	if (slot != -1)
		dispatch_down(d, (size_t)slot);
	dispatch_reclaim(d, q);
}

void
dispatch_open(struct dispatch *d)
{
	d->closed = false;
	dispatch_update(d);
}
