#include "config.h"
#include "supervise/intakes.h"

#include <stdlib.h>

#include "base/fd.h"
#include "base/log.h"
#include "supervise/listeners.h"

static void
intake_readable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct intake	*in = w->data;

	(void)loop;
	(void)revents;
	in->all->come(in->all->arg, in);
}

static void
intake_free(struct intake *in)
{
	ev_io_stop(in->all->loop, &in->io);
	fd_close(&in->held);
	list_remove(&in->node);
	listener_unref(in->listener);
	free(in);
}

/* NULL: out of memory, and its connections wait until one slot less does. */
static struct intake *
intake_new(struct intakes *all, struct listener *l)
{
	struct intake	*in = calloc(1, sizeof(*in));

	if (in == NULL) {
		log_err("%s: out of memory: connections to %s wait", all->pool,
		    l->address);
		return NULL;
	}
	in->all = all;
	in->held = -1;
	in->listener = listener_ref(l);
	ev_io_init(&in->io, intake_readable, l->fd, EV_READ);
	in->io.data = in;
	list_append(&all->list, &in->node);
	return in;
}

void
intakes_init(struct intakes *all, struct ev_loop *loop, const char *pool,
    void (*come)(void *, struct intake *), void *arg)
{
	all->loop = loop;
	all->pool = pool;
	list_init(&all->list);
	all->listening = false;
	all->come = come;
	all->arg = arg;
}

void
intakes_fini(struct intakes *all)
{
	struct list	*n, *tmp;

	LIST_FOREACH(n, tmp, &all->list)
		intake_free(LIST_ENTRY(n, struct intake, node));
}

void
intakes_listen(struct intakes *all, bool on)
{
	struct list	*n;
	struct intake	*in;

	all->listening = on;
	for (n = all->list.next; n != &all->list; n = n->next) {
		in = LIST_ENTRY(n, struct intake, node);
		if (on && in->up > 0 && in->held == -1)
			ev_io_start(all->loop, &in->io);
		else
			ev_io_stop(all->loop, &in->io);
	}
}

struct intake *
intakes_find(const struct intakes *all, const struct listener *l)
{
	struct list	*n;
	struct intake	*in;

	for (n = all->list.next; n != &all->list; n = n->next) {
		in = LIST_ENTRY(n, struct intake, node);
		if (listener_is_same(in->listener, l))
			return in;
	}
	return NULL;
}

bool
intakes_have_taker(const struct intakes *all, const struct listener *l)
{
	const struct intake	*in = intakes_find(all, l);

	return in != NULL && in->up > 0;
}

bool
intakes_have_room(const struct intakes *all, const struct listener *l)
{
	const struct intake	*in = intakes_find(all, l);

	return in != NULL && in->up > 0 && in->held == -1;
}

void
intakes_hold(struct intakes *all, const struct listener *l, int conn)
{
	struct intake	*in = intakes_find(all, l);

	in->held = conn;
	ev_io_stop(all->loop, &in->io);
}

void
intakes_drop(struct intakes *all)
{
	struct list	*n;

	for (n = all->list.next; n != &all->list; n = n->next)
		fd_close(&LIST_ENTRY(n, struct intake, node)->held);
}

void
intakes_count_one(struct intakes *all, struct listener *l, bool up)
{
	struct intake	*in = intakes_find(all, l);

	if (in == NULL && up)
		in = intake_new(all, l);
	if (in == NULL || (!up && in->up == 0))
		return;
	in->up = up ? in->up + 1 : in->up - 1;
	listener_take(l, up);
	if (in->up == 0)
		ev_io_stop(all->loop, &in->io);
}

void
intakes_count(struct intakes *all, const struct listener_set *s,
    uint64_t takes, bool up)
{
	size_t	 i;

	for (i = 0; i < s->count; i++)
		if ((takes >> i & 1) != 0)
			intakes_count_one(all, s->list[i], up);
}

void
intakes_sweep(struct intakes *all)
{
	struct list	*n, *tmp;
	struct intake	*in;

	LIST_FOREACH(n, tmp, &all->list) {
		in = LIST_ENTRY(n, struct intake, node);
		if (in->up == 0 && in->held == -1)
			intake_free(in);
	}
}
