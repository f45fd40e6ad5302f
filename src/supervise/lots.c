#include "config.h"
#include "supervise/lots.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "os/classic.h"
#include "os/loop.h"
#include "supervise/journal.h"
#include "supervise/listeners.h"
#include "supervise/turns.h"

#define REST_MS		200	/* until it has stopped to accept */
#define STILL_MS	250	/* a handshake is over by then */
#define END_MS		1500	/* by then all have been told to leave */

static void	lots_end(struct ev_loop *, ev_timer *, int);
static void	lot_rested(struct ev_loop *, ev_timer *, int);

/* Can there be others beside it?  See turns_try. */
static int
lots_try(struct turns *t, struct err *e)
{
	const struct listener	*l = t->listener;
	struct classic_socket	 s;

	if (classic_open(t->lots, &s, l->backlog, false, e) == -1)
		return -1;
	classic_close(t->lots, &s, l->backlog);
	return 0;
}

int
lots_begin(struct turns *t, struct err *e)
{
	ev_timer_init(&t->end, lots_end, 0., 0.);
	t->end.data = t;
	t->lots = classic_new(t->listener->fd, e);
	return t->lots != NULL ? lots_try(t, e) : -1;
}

void
lots_free(struct turns *t)
{
	if (t->lots != NULL)
		ev_timer_stop(t->listener->owner->loop, &t->end);
	classic_free(t->lots);
}

/* --- who gets something --------------------------------------------------- */

static bool
lot_is_up(const struct place *p)
{
	return p->up && !p->broken;
}

static bool
lot_is_listed(const struct place *p)
{
	return lot_is_up(p) && p->hushes == 0 && !loop_timer_runs(&p->rest);
}

static bool
lot_waits(const struct place *p)
{
	return p->listener->turns->waits == p && !p->broken;
}

/* One lot for each of these; false: there is none. */
static bool
lots_weigh(struct turns *t, bool (*has_one)(const struct place *))
{
	struct classic_socket	*anchor = classic_anchor(t->lots);
	bool			 any = t->listener->others > 0;
	struct place		*p;
	struct list		*n;

	anchor->weight = (unsigned int)t->listener->others;
	for (n = t->places.next; n != &t->places; n = n->next) {
		p = LIST_ENTRY(n, struct place, node);
		if (p->socket != anchor)
			p->socket->weight = 0;
		if (!has_one(p))
			continue;
		p->socket->weight++;
		any = true;
	}
	return any;
}

/* Nobody claims it: it is gone when the last has been told to leave. */
static void
lots_time(struct turns *t)
{
	struct ev_loop	*loop = t->listener->owner->loop;

	if (t->listener->claims > 0) {
		ev_timer_stop(loop, &t->end);
	} else if (!loop_timer_runs(&t->end)) {
		ev_timer_set(&t->end, loop_seconds(END_MS), 0.);
		ev_timer_start(loop, &t->end);
	}
}

void
lots_draw(struct turns *t)
{
	struct err	 e;

	if (!lots_weigh(t, lot_is_listed) && !lots_weigh(t, lot_is_up) &&
	    !lots_weigh(t, lot_waits))
		classic_anchor(t->lots)->weight = 1;
	if (classic_apply(t->lots, &e) == -1)
		journal_post(t->listener->owner->journal, LOG_ERR, EV_TROUBLE,
		    NULL, "%s: %s", t->listener->address, e.msg);
	lots_time(t);
}

static void
lot_rested(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct place	*p = w->data;

	(void)loop;
	(void)revents;
	lots_draw(p->listener->turns);
}

void
place_hush(struct place *p, bool on)
{
	struct ev_loop	*loop;

	if (p->listener == NULL || p->listener->turns->lots == NULL)
		return;
	loop = p->listener->owner->loop;
	ev_timer_stop(loop, &p->rest);
	p->hushes = on ? p->hushes + 1 : p->hushes - 1;
	if (!on) {
		ev_timer_set(&p->rest, loop_seconds(REST_MS), 0.);
		ev_timer_start(loop, &p->rest);
	}
	lots_draw(p->listener->turns);
}

/* A connection in its handshake already belongs to one of them. */
bool
place_is_still(const struct place *p)
{
	return p->listener == NULL || p->listener->turns->lots == NULL ||
	    p->up || p->listener->claims == 0 ||
	    clock_ms() - p->down_ms >= STILL_MS;
}

bool
place_gets(const struct place *p)
{
	return p->listener != NULL && (p->listener->turns->lots == NULL ?
	    p->up : p->socket->weight > 0);
}

/* --- the sockets ---------------------------------------------------------- */

struct place *
lots_find(const struct turns *t, unsigned int slot)
{
	struct list	*n;
	struct place	*p;

	for (n = t->places.next; n != &t->places; n = n->next) {
		p = LIST_ENTRY(n, struct place, node);
		if (p->slot == slot && !p->broken)
			return p;
	}
	return NULL;
}

int
lot_open(struct place *p, struct turns *t, bool defer_accept, struct err *e)
{
	struct classic_socket	*anchor = classic_anchor(t->lots);

	p->socket = p->slot == 0 && !anchor->is_out ? anchor : &p->own;
	if (p->socket == &p->own && classic_open(t->lots, &p->own,
	    t->listener->backlog, defer_accept, e) == -1)
		return -1;
	p->fd = p->socket->fd;
	ev_timer_init(&p->rest, lot_rested, 0., 0.);
	p->rest.data = p;
	return 0;
}

void
lot_close(struct place *p, struct turns *t)
{
	ev_timer_stop(t->listener->owner->loop, &p->rest);
	if (t->waits == p)
		t->waits = NULL;
	p->own.weight = 0;
	lots_draw(t);
	if (p->socket == &p->own)
		classic_close(t->lots, &p->own, t->listener->backlog);
}

/* Its worker may still have it, and takes from it as long as it likes. */
static void
lots_end(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct turns	*t = w->data;
	struct listener	*l = t->listener;
	struct list	*n, *tmp;
	struct place	*p;

	(void)revents;
	listener_ref(l);
	LIST_FOREACH(n, tmp, &t->places) {
		p = LIST_ENTRY(n, struct place, node);
		ev_timer_stop(loop, &p->rest);
		place_forget(p);
		if (p->socket == &p->own)
			fd_close(&p->own.fd);
	}
	listener_look(l);		/* this frees t */
	listener_unref(l);
}

void
lots_mend(struct turns *t)
{
	struct listener	*l = t->listener;
	struct list	*n;
	struct place	*p;

	(void)classic_mend(t->lots, l->backlog);
	for (n = t->places.next; n != &t->places; n = n->next) {
		p = LIST_ENTRY(n, struct place, node);
		if (p->broken || !p->socket->is_out)
			continue;
		p->broken = true;
		ev_io_stop(l->owner->loop, &p->shut);
		journal_post(l->owner->journal, LOG_ERR, EV_TROUBLE, NULL,
		    "slot %u: its listener %s cannot be mended", p->slot,
		    l->address);
	}
	lots_draw(t);
}
