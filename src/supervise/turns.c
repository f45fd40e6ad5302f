#include "config.h"
#include "supervise/turns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "os/listener.h"
#include "os/reuseport.h"
#include "policy/sticky.h"
#include "supervise/buckets.h"
#include "supervise/journal.h"
#include "supervise/listeners.h"
#include "supervise/lots.h"

#define ANCHOR 0		/* the listener itself, in its group */

static void	turns_late(struct ev_loop *, ev_io *, int);
static void	place_was_shut(struct ev_loop *, ev_io *, int);
static void	place_late(struct ev_loop *, ev_io *, int);
static void	place_stirs(struct ev_loop *, ev_io *, int);

/*
 * Can there be others beside it?  Not if it is another user's; found out by
 * opening one, so that no worker is started in vain.
 */
static int
turns_try(struct turns *t, struct listener *l, struct err *e)
{
	unsigned int	 number;
	AUTO_FD		 fd = reuseport_open(t->group, l->backlog, false,
			    &number, e);

	if (fd == -1)
		return -1;
	reuseport_forget(t->group, number);
	return 0;
}

static int
turns_init(struct turns *t, struct listener *l, struct err *e)
{
	t->listener = l;
	list_init(&t->places);
	ev_io_init(&t->late, turns_late, l->fd, EV_READ);
	t->late.data = t;
	if (l->owner->no_kernel != NULL)
		return lots_begin(t, e);
	t->group = reuseport_new(l->fd, l->owner->census, CHOOSER_TURNS, e);
	return t->group != NULL ? turns_try(t, l, e) : -1;
}

int
turns_begin(struct listener *l, struct err *e)
{
	struct turns	*t;

	if (l->turns != NULL)
		return 0;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return err_set(e, ENOMEM, "listen on %s", l->address);
	if (turns_init(t, l, e) == -1) {
		turns_free(t);
		return err_wrap(e, "listen on %s", l->address);
	}
	l->turns = t;
	return 0;
}

void
turns_free(struct turns *t)
{
	if (t == NULL)
		return;
	ev_io_stop(t->listener->owner->loop, &t->late);
	lots_free(t);
	reuseport_free(t->group);
	buckets_free(t->buckets);
	free(t->up);
	free(t);
}

/* --- the list that the kernel goes by ------------------------------------ */

/* The slot that had the last turn; past all of them if none of these had. */
static unsigned int
turns_last_slot(const struct turns *t)
{
	int	 number = t->group != NULL ? reuseport_last(t->group) : -1;
	size_t	 i;

	for (i = 0; i < t->up_count; i++)
		if ((int)t->up[i]->number == number)
			return t->up[i]->slot;
	return UINT32_MAX;
}

/* The turns go on with the first slot after this one. */
static size_t
turns_list(const struct turns *t, unsigned int last, uint16_t *list)
{
	size_t	 i, first = 0, n = t->up_count;

	while (first < n && t->up[first]->slot <= last)
		first++;
	if (first == n)
		first = 0;
	for (i = 0; i < n; i++) {
		list[i] = (uint16_t)t->up[first]->number;
		if (++first == n)
			first = 0;
	}
	return n;
}

/* While others are up, too, so much more of the list is theirs. */
static void
turns_write(struct turns *t, unsigned int last)
{
	static uint16_t	 list[CHOOSER_SOCKETS];
	size_t		 i, n, others = t->listener->others;

	if (t->up_count == 0 && others == 0)
		others = 1;		/* connections wait there */
	if (t->buckets != NULL && t->up_count > 0) {
		n = STICKY_BUCKETS;
		buckets_list(t->buckets, list);
		others = others * STICKY_BUCKETS / t->up_count;
	} else {
		n = turns_list(t, last, list);
	}
	for (i = 0; i < others && n < CHOOSER_SOCKETS; i++)
		list[n++] = ANCHOR;
	if (t->listener->claims == 0)
		n = 0;			/* refused */
	if (t->buckets != NULL && t->up_count > 0)
		reuseport_set_fixed(t->group, list, n);
	else
		reuseport_set(t->group, list, n);
}

/* Another way to choose, where that can be had. */
static void
turns_set_mode(struct turns *t, enum chooser_mode mode)
{
	struct listener	*l = t->listener;
	struct err	 e;

	if (reuseport_mode(t->group) == mode)
		return;
	if (reuseport_set_mode(t->group, mode, &e) == -1) {
		journal_post(l->owner->journal, LOG_ERR, EV_TROUBLE, NULL,
		    "%s: balance stays as it was: %s", l->address, e.msg);
		return;
	}
	buckets_free(t->buckets);
	t->buckets = mode != CHOOSER_CLIENT ? NULL :
	    buckets_new(t->up, t->up_count);
}

/* What waits in the listener itself goes to those that are up. */
static void
turns_pass_on(struct turns *t)
{
	struct listener	*l = t->listener;
	struct err	 e;

	if (listener_waiting(l->fd) > 0 && reuseport_renew(t->group, ANCHOR,
	    l->fd, l->backlog, &e) == -1)
		journal_post(l->owner->journal, LOG_ERR, EV_TROUBLE, NULL,
		    "%s", e.msg);
}

static void
turns_changed(struct turns *t, unsigned int last)
{
	struct ev_loop	*loop = t->listener->owner->loop;

	if (t->lots != NULL) {
		lots_draw(t);
		return;
	}
	turns_write(t, last);
	if (t->up_count > 0 && t->listener->others == 0)
		turns_pass_on(t);
	if (t->up_count > 0 && t->listener->others == 0 &&
	    t->listener->claims > 0)
		ev_io_start(loop, &t->late);
	else
		ev_io_stop(loop, &t->late);
}

void
turns_update(struct turns *t)
{
	turns_changed(t, turns_last_slot(t));
}

/* It was on its way to the listener when others were up again. */
static void
turns_late(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	turns_pass_on(w->data);
}

int
turns_mend(struct turns *t, struct err *e)
{
	if (t->lots != NULL) {
		lots_mend(t);
		return classic_anchor(t->lots)->is_out ?
		    err_set(e, 0, "it does not listen again") : 0;
	}
	return reuseport_renew(t->group, ANCHOR, t->listener->fd,
	    t->listener->backlog, e);
}

void
turns_tune(struct turns *t, uint64_t backlog, bool defer_accept)
{
	struct list	*n;
	struct place	*p;

	if (t->lots != NULL)
		lots_mend(t);		/* to listen would hide it */
	for (n = t->places.next; n != &t->places; n = n->next) {
		p = LIST_ENTRY(n, struct place, node);
		if (!p->broken)
			listener_tune(p->fd, backlog, defer_accept);
	}
}

/* --- one place ------------------------------------------------------------ */

/* Room for one more, so that going up cannot fail. */
static int
turns_make_room(struct turns *t)
{
	size_t		 size = t->up_size == 0 ? 8 : 2 * t->up_size;
	struct place	**up;

	if (t->count < t->up_size)
		return 0;
	up = realloc(t->up, size * sizeof(struct place *));
	if (up == NULL)
		return -1;
	t->up = up;
	t->up_size = size;
	return 0;
}

/* Its socket; 0, or -1 with *e set. */
static int
place_init(struct place *p, struct turns *t, bool defer_accept, struct err *e)
{
	if (t->lots != NULL)
		return lot_open(p, t, defer_accept, e);
	p->fd = reuseport_open(t->group, t->listener->backlog, defer_accept,
	    &p->number, e);
	if (p->fd == -1)
		return -1;
	p->last_given = reuseport_given(t->group, p->number);
	return 0;
}

static struct place *
place_new(struct turns *t, unsigned int slot, bool defer_accept,
    struct err *e)
{
	struct listener	*l = t->listener;
	struct place	*p = calloc(1, sizeof(*p));

	if (p == NULL || turns_make_room(t) == -1) {
		free(p);
		err_set(e, ENOMEM, "listen on %s", l->address);
		return NULL;
	}
	p->slot = slot;
	if (place_init(p, t, defer_accept, e) == -1) {
		free(p);
		return NULL;
	}
	p->listener = listener_ref(l);
	list_append(&t->places, &p->node);
	t->count++;
	ev_io_init(&p->shut, place_was_shut, p->fd, EV_WRITE);
	ev_io_init(&p->late, place_late, p->fd, EV_READ);
	ev_io_init(&p->stir, place_stirs, p->fd, EV_READ);
	p->shut.data = p->late.data = p->stir.data = p;
	ev_io_start(l->owner->loop, &p->shut);
	return p;
}

struct place *
place_open(struct listener *l, unsigned int slot, bool defer_accept,
    struct err *e)
{
	struct turns	*t = l->turns;
	struct place	*p = NULL;

	if (t->lots != NULL)
		p = lots_find(t, slot);
	if (p == NULL)
		p = place_new(t, slot, defer_accept, e);
	if (p != NULL)
		p->seats++;
	return p;
}

void
place_forget(struct place *p)
{
	struct listener	*l = p->listener;

	ev_io_stop(l->owner->loop, &p->shut);
	ev_io_stop(l->owner->loop, &p->late);
	ev_io_stop(l->owner->loop, &p->stir);
	list_remove(&p->node);
	l->turns->count--;
	p->up = false;
	p->listener = NULL;
	p->fd = -1;
	listener_unref(l);
}

static void
place_end(struct place *p)
{
	struct listener	*l = p->listener;
	struct turns	*t = l->turns;
	int		 fd = p->fd;

	while (p->ups > 0)
		place_down(p);
	listener_ref(l);
	place_forget(p);
	if (t->lots != NULL) {
		lot_close(p, t);
	} else {
		reuseport_forget(t->group, p->number);
		(void)close(fd);
	}
	listener_look(l);
	listener_unref(l);
}

void
place_close(struct place *p)
{
	if (--p->seats > 0)
		return;
	if (p->listener != NULL)
		place_end(p);
	free(p);
}

void
place_up(struct place *p, enum chooser_mode mode)
{
	struct turns	*t;
	unsigned int	 last;
	size_t		 i;

	if (p->ups++ > 0 || p->listener == NULL || p->broken)
		return;
	t = p->listener->turns;
	last = turns_last_slot(t);
	ev_io_stop(p->listener->owner->loop, &p->late);
	if (t->group != NULL)
		turns_set_mode(t, mode);
	for (i = t->up_count; i > 0 && t->up[i - 1]->slot > p->slot; i--)
		t->up[i] = t->up[i - 1];
	t->up[i] = p;
	t->up_count++;
	p->up = true;
	place_await(p, p->stirred, p->stirred_arg);
	if (t->buckets != NULL)
		buckets_up(t->buckets, p);
	turns_changed(t, last);
}

void
place_down(struct place *p)
{
	struct turns	*t;
	unsigned int	 last;
	size_t		 i = 0;

	if (p->ups == 0 || --p->ups > 0 || !p->up)
		return;
	t = p->listener->turns;
	ev_io_stop(t->listener->owner->loop, &p->stir);
	last = turns_last_slot(t);
	while (t->up[i] != p)
		i++;
	t->up_count--;
	memmove(&t->up[i], &t->up[i + 1],
	    (t->up_count - i) * sizeof(struct place *));
	p->up = false;
	p->down_ms = clock_ms();
	if (t->lots != NULL)
		t->waits = p;
	if (t->buckets != NULL)
		buckets_down(t->buckets, p, t->up, t->up_count);
	turns_changed(t, last);
}

/* It listens again, with nothing in it. */
static int
place_renew(struct place *p)
{
	struct listener	*l = p->listener;
	struct err	 e;

	if (reuseport_renew(l->turns->group, p->number, p->fd, l->backlog,
	    &e) == 0)
		return 0;
	p->broken = true;
	ev_io_stop(l->owner->loop, &p->shut);
	journal_post(l->owner->journal, LOG_ERR, EV_TROUBLE, NULL,
	    "slot %u: %s", p->slot, e.msg);
	return -1;
}

/* Where connections are refused there is nobody to move them to. */
static void
place_pass_on(struct place *p)
{
	if (p->listener->claims > 0 && listener_waiting(p->fd) > 0)
		(void)place_renew(p);
}

void
place_leave(struct place *p)
{
	if (p->listener == NULL || p->up || p->broken || !place_counts(p))
		return;
	place_pass_on(p);
	if (p->listener->claims > 0)
		ev_io_start(p->listener->owner->loop, &p->late);
}

/* It was on its way there when the place had its last turn. */
static void
place_late(struct ev_loop *loop, ev_io *w, int revents)
{
	struct place	*p = w->data;

	(void)revents;
	place_pass_on(p);
	if (p->listener->claims == 0 || p->broken)
		ev_io_stop(loop, w);
}

void
place_await(struct place *p, void (*stirred)(void *), void *arg)
{
	if (p->listener == NULL)
		return;
	p->stirred = stirred;
	p->stirred_arg = arg;
	if (stirred != NULL && p->up)
		ev_io_start(p->listener->owner->loop, &p->stir);
	else
		ev_io_stop(p->listener->owner->loop, &p->stir);
}

static void
place_stirs(struct ev_loop *loop, ev_io *w, int revents)
{
	struct place	*p = w->data;

	(void)revents;
	ev_io_stop(loop, w);
	p->stirred(p->stirred_arg);
}

/* Again, with nothing in it, and with its turns if it had them. */
static void
place_mend(struct place *p)
{
	struct turns	*t = p->listener->turns;
	bool		 was_up = p->up;

	if (t->lots != NULL) {
		lots_mend(t);
		return;
	}
	if (was_up)
		place_down(p);
	if (place_renew(p) == 0 && was_up)
		place_up(p, reuseport_mode(t->group));
}

/* A worker has shut it down; what was in it has moved already. */
static void
place_was_shut(struct ev_loop *loop, ev_io *w, int revents)
{
	struct place		*p = w->data;
	struct listener		*l = p->listener;
	unsigned int		 more;

	(void)loop;
	(void)revents;
	place_mend(p);
	if (!p->broken && limit_pass(&l->limit, clock_ms(), &more))
		journal_post(l->owner->journal, LOG_WARN, EV_TROUBLE, NULL,
		    "the worker of slot %u has shut down its listener %s; it "
		    "listens again", p->slot, l->address);
}

bool
place_counts(const struct place *p)
{
	return p->socket == NULL;	/* no lot */
}

uint64_t
place_given(struct place *p)
{
	uint32_t	 now;

	if (p->listener == NULL || !place_counts(p))
		return p->given;
	now = reuseport_given(p->listener->turns->group, p->number);
	p->given += now - p->last_given;
	p->last_given = now;
	return p->given;
}
