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
	size_t	 i;

	for (i = 0; i < q->seat->count; i++)
		if (q->seat->places[i].broken)
			return true;
	return false;
}

static void
seat_fini(struct queue *q)
{
	size_t	 i;

	for (i = 0; i < q->seat->count; i++)
		place_close(&q->seat->places[i]);
	free(q->seat);
}

/* The dispatcher never has it: there is nothing to offer, or to take back. */
static const struct queue_ops seat_ops = {
	.is_broken = seat_is_broken,
	.fini = seat_fini,
};

static int
seat_open(struct seat *s, const struct listener_set *set, unsigned int slot,
    bool defer_accept, struct err *e)
{
	for (; s->count < set->count; s->count++)
		if (place_open(&s->places[s->count], set->list[s->count],
		    slot, defer_accept, e) == -1)
			return -1;
	return 0;
}

struct queue *
seat_queue(struct dispatch *d, struct listener_set *set, unsigned int slot,
    enum chooser_mode mode, bool defer_accept, struct err *e)
{
	struct queue	*q;
	struct seat	*s;

	s = calloc(1, sizeof(*s) + set->count * sizeof(s->places[0]));
	if (s == NULL) {
		err_set(e, ENOMEM, "slot %u", slot);
		return NULL;
	}
	s->mode = mode;
	q = queue_new_by(&seat_ops, d, set, e);
	if (q == NULL) {
		free(s);
		return NULL;
	}
	q->seat = s;
	if (seat_open(s, set, slot, defer_accept, e) == 0)
		return q;
	queue_unref(q);
	return NULL;
}

void
seat_up(struct seat *s)
{
	size_t	 i;

	for (i = 0; i < s->count; i++)
		place_up(&s->places[i], s->mode);
}

void
seat_down(struct seat *s)
{
	size_t	 i;

	for (i = 0; i < s->count; i++)
		place_down(&s->places[i]);
}

void
seat_leave(struct seat *s)
{
	size_t	 i;

	for (i = 0; i < s->count; i++)
		place_leave(&s->places[i]);
}

size_t
seat_waiting(const struct seat *s)
{
	size_t	 i, n = 0;

	for (i = 0; i < s->count; i++)
		n += listener_waiting(s->places[i].fd);
	return n;
}

uint64_t
seat_given(struct seat *s)
{
	uint64_t	 n = 0;
	size_t		 i;

	for (i = 0; i < s->count; i++)
		n += place_given(&s->places[i]);
	return n;
}
