#include "config.h"
#include "supervise/seat.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "os/listener.h"
#include "supervise/dispatch.h"
#include "supervise/listeners.h"
#include "supervise/queue.h"

/* Its worker cannot be helped any more: the next one gets a new seat. */
static bool
seat_is_broken(const struct queue *q)
{
	const struct place	*p;
	size_t			 i;

	for (i = 0; i < LISTENER_SET_MAX; i++) {
		p = q->seat->places[i];
		if (p != NULL && p->broken)
			return true;
	}
	return false;
}

static void
seat_fini(struct queue *q)
{
	(void)q;			/* queue.c frees every seat */
}

/* The dispatcher never has it: there is nothing to offer, or to take back. */
static const struct queue_ops seat_ops = {
	.is_broken = seat_is_broken,
	.fini = seat_fini,
};

struct queue *
seat_queue(struct dispatch *d, struct listener_set *set, struct err *e)
{
	return queue_new_by(&seat_ops, d, set, e);
}

struct seat *
seat_new(const struct listener_set *set, size_t first, unsigned int slot,
    enum chooser_mode mode, bool defer_accept, bool asks, struct err *e)
{
	struct seat	*s = calloc(1, sizeof(*s));
	size_t		 i;

	if (s == NULL) {
		err_set(e, ENOMEM, "slot %u", slot);
		return NULL;
	}
	s->slot = slot;
	s->mode = mode;
	s->defer_accept = defer_accept;
	s->takes = asks ? 0 : ~UINT64_C(0);
	for (i = 0; i < first; i++)
		if (seat_open(s, set->list[i], i, e) == -1) {
			seat_free(s);
			return NULL;
		}
	return s;
}

void
seat_free(struct seat *s)
{
	size_t	 i;

	if (s == NULL)
		return;
	seat_down(s);			/* others may have the places */
	seat_await(s, NULL, NULL);
	for (i = 0; i < LISTENER_SET_MAX; i++)
		if (s->places[i] != NULL)
			place_close(s->places[i]);
	free(s);
}

static void
seat_stirs(void *seat)
{
	struct seat	*s = seat;

	s->stirred(s->stirred_arg);
}

/* Another seat may have the place, and await it. */
static void
seat_await_at(struct seat *s, struct place *p)
{
	if (s->stirred != NULL)
		place_await(p, seat_stirs, s);
	else if (p->stirred_arg == s)
		place_await(p, NULL, NULL);
}

int
seat_open(struct seat *s, struct listener *l, size_t index, struct err *e)
{
	struct place	*p;

	if (s->places[index] != NULL)
		return 0;
	p = place_open(l, s->slot, s->defer_accept, e);
	if (p == NULL)
		return -1;
	seat_await_at(s, p);
	s->places[index] = p;
	return 0;
}

int
seat_fd(const struct seat *s, size_t index)
{
	return s->places[index] != NULL ? s->places[index]->fd : -1;
}

/* What there is at this listener if the worker takes from it, or NULL. */
static struct place *
seat_taken(const struct seat *s, size_t index)
{
	return (s->takes >> index & 1) != 0 ? s->places[index] : NULL;
}

void
seat_take(struct seat *s, size_t index, bool on)
{
	struct place	*p = s->places[index];
	bool		 was_up = s->is_up && seat_taken(s, index) != NULL;

	if (p == NULL)
		return;
	if (on) {
		s->takes |= UINT64_C(1) << index;
		if (s->is_up && !was_up)
			place_up(p, s->mode);
	} else {
		s->takes &= ~(UINT64_C(1) << index);
		if (was_up)
			place_down(p);
		place_leave(p);
	}
}

void
seat_lose(struct seat *s)
{
	size_t	 i;

	for (i = 0; i < LISTENER_SET_MAX; i++)
		seat_take(s, i, false);
}

void
seat_tune(struct seat *s, uint64_t backlog, bool defer_accept)
{
	size_t	 i;

	for (i = 0; i < LISTENER_SET_MAX; i++)
		if (seat_taken(s, i) != NULL)
			listener_tune(s->places[i]->fd, backlog,
			    defer_accept);
}

void
seat_up(struct seat *s)
{
	struct place	*p;
	size_t		 i;

	if (s->is_up)
		return;
	s->is_up = true;
	for (i = 0; i < LISTENER_SET_MAX; i++)
		if ((p = seat_taken(s, i)) != NULL)
			place_up(p, s->mode);
}

void
seat_down(struct seat *s)
{
	struct place	*p;
	size_t		 i;

	if (!s->is_up)
		return;
	s->is_up = false;
	for (i = 0; i < LISTENER_SET_MAX; i++)
		if ((p = seat_taken(s, i)) != NULL)
			place_down(p);
}

void
seat_leave(struct seat *s)
{
	size_t	 i;

	for (i = 0; i < LISTENER_SET_MAX; i++)
		if (s->places[i] != NULL)
			place_leave(s->places[i]);
}

void
seat_hush(struct seat *s, bool on)
{
	size_t	 i;

	for (i = 0; i < LISTENER_SET_MAX; i++)
		if (s->places[i] != NULL)
			place_hush(s->places[i], on);
}

bool
seat_is_still(const struct seat *s)
{
	size_t	 i;

	for (i = 0; i < LISTENER_SET_MAX; i++)
		if (s->places[i] != NULL && !place_is_still(s->places[i]))
			return false;
	return true;
}

bool
seat_gets(const struct seat *s)
{
	size_t	 i;

	for (i = 0; i < LISTENER_SET_MAX; i++)
		if (s->places[i] != NULL && place_gets(s->places[i]))
			return true;
	return false;
}

size_t
seat_waiting(const struct seat *s)
{
	size_t	 i, n = 0;

	for (i = 0; i < LISTENER_SET_MAX; i++)
		if (s->places[i] != NULL)
			n += listener_waiting(s->places[i]->fd);
	return n;
}

bool
seat_counts(const struct seat *s)
{
	size_t	 i;

	for (i = 0; i < LISTENER_SET_MAX; i++)
		if (s->places[i] != NULL && !place_counts(s->places[i]))
			return false;
	return true;
}

uint64_t
seat_given(struct seat *s)
{
	uint64_t	 n = 0;
	size_t		 i;

	for (i = 0; i < LISTENER_SET_MAX; i++)
		if (s->places[i] != NULL)
			n += place_given(s->places[i]);
	return n;
}

void
seat_await(struct seat *s, void (*stirred)(void *), void *arg)
{
	size_t	 i;

	s->stirred = stirred;
	s->stirred_arg = arg;
	for (i = 0; i < LISTENER_SET_MAX; i++)
		if (s->places[i] != NULL)
			seat_await_at(s, s->places[i]);
}
