#include "config.h"
#include "supervise/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "supervise/dispatch.h"
#include "supervise/ledger.h"
#include "supervise/listeners.h"
#include "supervise/nodequeue.h"
#include "supervise/seat.h"

#define LOOK_LATER_MS	5	/* where there are very many to look at */

/* --- ROTA_CONN_FD --------------------------------------------------------- */

static enum handover_result
conn_offer(struct queue *q, unsigned int index, int conn, bool last_call)
{
	enum handover_result	 r;

	(void)last_call;
	r = handover_send(&q->handover, (unsigned char)index, conn);
	if (r == HANDOVER_SENT)
		(void)close(conn);
	else if (r == HANDOVER_BROKEN)
		log_warn("%s: a worker has shut ROTA_CONN_FD down; it gets "
		    "no more connections", q->dispatch->pool);
	return r;
}

static void
conn_await_room(struct queue *q)
{
	ev_io_start(q->dispatch->loop, &q->room);
}

static int
conn_peek(struct queue *q)
{
	return handover_peek(&q->handover);
}

static int
conn_take_back(struct queue *q, unsigned int *ret_index)
{
	unsigned char	 index;
	int		 conn = handover_take_back(&q->handover, &index);

	if (conn != -1)
		*ret_index = index;
	return conn;
}

static bool
conn_is_idle(struct queue *q)
{
	return handover_is_empty(&q->handover);
}

static size_t
conn_waiting(const struct queue *q)
{
	return handover_waiting(&q->handover);
}

static bool
conn_is_broken(const struct queue *q)
{
	return handover_is_broken(&q->handover);
}

static void
conn_fini(struct queue *q)
{
	ev_io_stop(q->dispatch->loop, &q->room);
	handover_close(&q->handover);
}

static const struct queue_ops conn_ops = {
	.offer = conn_offer,
	.await_room = conn_await_room,
	.peek = conn_peek,
	.take_back = conn_take_back,
	.is_idle = conn_is_idle,
	.waiting = conn_waiting,
	.is_broken = conn_is_broken,
	.fini = conn_fini,
};

static void
conn_writable(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)revents;
	ev_io_stop(loop, w);
	queue_has_room(w->data);
}

/* --- all of them ---------------------------------------------------------- */

struct queue *
queue_new_by(const struct queue_ops *ops, struct dispatch *d,
    struct listener_set *set, struct err *e)
{
	static const struct handover	 none = HANDOVER_NONE;
	struct queue			*q = calloc(1, sizeof(*q));

	if (q == NULL) {
		err_set(e, ENOMEM, "queue");
		return NULL;
	}
	q->refs = 1;
	q->ops = ops;
	q->dispatch = d;
	q->set = listener_set_ref(set);
	q->handover = none;
	list_init(&q->node);
	return q;
}

struct queue *
queue_new(struct dispatch *d, struct listener_set *set, struct err *e)
{
	struct queue	*q = queue_new_by(&conn_ops, d, set, e);

	if (q == NULL)
		return NULL;
	ev_io_init(&q->room, conn_writable, -1, EV_WRITE);
	if (handover_open(&q->handover, e) == -1) {
		queue_free(q);
		return NULL;
	}
	ev_io_set(&q->room, q->handover.feed, EV_WRITE);
	q->room.data = q;
	q->takes = ~UINT64_C(0);
	return q;
}

struct queue *
queue_ref(struct queue *q)
{
	q->refs++;
	return q;
}

void
queue_free(struct queue *q)
{
	list_remove(&q->node);
	q->ops->fini(q);
	seat_free(q->seat);
	ledger_free(q->ledger);
	listener_set_unref(q->set);
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
	if (q == NULL || --q->refs > 0)
		return;
	if (q->ops->offer == NULL) {
		queue_free(q);
		return;
	}
	seat_free(q->seat);
	q->seat = NULL;
	dispatch_reclaim(q->dispatch, q);
}

void
queue_count_on(struct queue *q, const struct queue *old)
{
	q->handed = queue_given(old) + old->taken_back;
	q->taken_back = old->taken_back;
	if (old->link != NULL)		/* what will be taken back */
		q->taken_back += nodequeue_pending(old->link);
}

void
queue_renew(struct queue *q)
{
	if (q->ledger != NULL)
		ledger_renew(q->ledger, queue_waiting(q));
}

bool
queue_is_sated(struct queue *q, uint64_t *look_ms, unsigned int *looks)
{
	struct ledger	*l = q->ledger;
	uint64_t	 now, due;

	if (l == NULL || l->count < l->most)
		return false;
	now = clock_ms();
	if (now >= l->look_ms && *looks == 0) {
		due = now + LOOK_LATER_MS;
	} else {
		if (now >= l->look_ms)
			--*looks;
		if (ledger_has_room(l, now))
			return false;
		due = l->look_ms;
	}
	if (due < *look_ms)
		*look_ms = due;
	return true;
}

/* Its name is only to be had before it is given away. */
enum handover_result
queue_offer(struct queue *q, unsigned int index, int conn, bool last_call)
{
	struct diag_name	 name;
	bool			 is_open;
	enum handover_result	 r;

	is_open = q->ledger != NULL && diag_name(conn, &name);
	r = q->ops->offer(q, index, conn, last_call);
	if (r != HANDOVER_SENT)
		return r;
	q->handed++;
	if (q->ledger != NULL)
		ledger_enter(q->ledger, is_open ? &name : NULL);
	return r;
}

void
queue_lose(struct queue *q, int conn)
{
	struct diag_name	 name;

	q->taken_back++;
	if (q->ledger != NULL && diag_name(conn, &name))
		ledger_drop(q->ledger, &name);
}

int
queue_take_back(struct queue *q)
{
	unsigned int	 index;
	int		 conn = q->ops->take_back(q, &index);

	if (conn != -1)
		queue_lose(q, conn);
	return conn;
}

int
queue_index(const struct queue *q, const struct listener *l)
{
	int	 i = listener_set_find(q->set, l);

	return i != -1 && (q->takes >> i & 1) != 0 ? i : -1;
}

void
queue_has_room(struct queue *q)
{
	if (!q->full)
		return;
	q->full = false;
	dispatch_update(q->dispatch);
}

bool
queue_is_fed(const struct queue *q)
{
	return q != NULL && q->seat == NULL;
}

bool
queue_is_offered(const struct queue *q)
{
	return q != NULL && q->ops->offer != NULL;
}

void
queue_up(struct queue *q, size_t slot)
{
	if (q->seat != NULL)
		seat_up(q->seat);
	if (queue_is_offered(q))
		dispatch_up(q->dispatch, slot, q);
}

/* Another one of the slot may have its turns already. */
void
queue_down(struct queue *q, size_t slot)
{
	if (q->seat != NULL)
		seat_down(q->seat);
	if (queue_is_offered(q) && (q->dispatch->queues[slot] == q ||
	    q->dispatch->queues[slot] == NULL))
		dispatch_down(q->dispatch, slot);
}

void
queue_leave(struct queue *q)
{
	if (q->seat != NULL)
		seat_leave(q->seat);
	if (queue_is_offered(q))
		dispatch_reclaim(q->dispatch, q);
}

bool
queue_counts(const struct queue *q)
{
	return q->seat == NULL || seat_counts(q->seat);
}

uint64_t
queue_given(const struct queue *q)
{
	uint64_t	 n = q->handed - q->taken_back;

	return q->seat != NULL ? n + seat_given(q->seat) : n;
}

size_t
queue_waiting(const struct queue *q)
{
	size_t	 n = q->ops->waiting != NULL ? q->ops->waiting(q) : 0;

	return q->seat != NULL ? n + seat_waiting(q->seat) : n;
}

bool
queue_is_broken(const struct queue *q)
{
	return q->ops->is_broken(q);
}
