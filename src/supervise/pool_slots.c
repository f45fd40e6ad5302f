#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "config/conf.h"
#include "supervise/broadcast.h"
#include "supervise/generation.h"
#include "supervise/pool.h"
#include "supervise/slot.h"
#include "supervise/worker.h"

/* What commands do to the slots of a pool, and what a new config does. */

static int
pool_grow(struct pool *p, size_t count, struct err *e)
{
	struct slot	**slots;

	slots = realloc(p->slots, count * sizeof(struct slot *));
	if (slots == NULL)
		return err_set(e, ENOMEM, "slots");
	p->slots = slots;
	while (p->slot_count < count) {
		slots[p->slot_count] = slot_new(p,
		    (unsigned int)p->slot_count);
		if (slots[p->slot_count] == NULL)
			return err_set(e, ENOMEM, "slots");
		p->slot_count++;
	}
	return 0;
}

/* Nobody is in the slot: whoever comes is of the pool's generation. */
static void
pool_prepare(struct pool *p, struct slot *s)
{
	if (s->current == NULL && p->gen != NULL && s->gen != p->gen)
		slot_set_generation(s, p->gen);
}

int
pool_scale(struct pool *p, size_t count, struct err *e)
{
	size_t	 i, old = p->count;

	if (p->conf->first_port != 0 &&
	    p->conf->first_port + count - 1 > 65535)
		return err_set(e, 0, "%zu slots from port %llu on are too "
		    "many", count, (unsigned long long)p->conf->first_port);
	if (dispatch_grow(&p->dispatch, count, e) == -1 ||
	    (count > p->slot_count && pool_grow(p, count, e) == -1))
		return -1;
	p->count = count;
	for (i = old; i < count; i++) {
		pool_prepare(p, p->slots[i]);
		slot_forgive(p->slots[i]);
		p->slots[i]->was_started = p->slots[i]->was_ready = false;
		p->slots[i]->stopped = pool_is_closed(p);
	}
	if (p->broadcaster == NULL)
		return 0;		/* it has not been started yet */
	p->announced = p->announced && p->ready == count;
	for (i = old < count ? old : count; i < p->slot_count; i++) {
		slot_reconcile(p->slots[i]);
		/* Nobody comes back to an older one, nor to its queue. */
		if (i >= count && p->gen != NULL)
			slot_set_generation(p->slots[i], p->gen);
	}
	pool_look_later(p);
	return 0;
}

bool
pool_is_closed(const struct pool *p)
{
	return p->gen == NULL;
}

/* Every generation that some slot or worker still has, but this one. */
static void
pool_close_generations(struct pool *p, const struct generation *but)
{
	struct list	*n;
	struct slot	*s;
	size_t		 i, k;

	for (i = 0; i < p->slot_count; i++) {
		s = p->slots[i];
		struct generation *gens[] = {
			s->gen, s->old_gen,
			s->current != NULL ? s->current->gen : NULL,
		};

		for (k = 0; k < ARRAY_LEN(gens); k++)
			if (gens[k] != but)
				generation_close(gens[k]);
		for (n = s->draining.next; n != &s->draining; n = n->next)
			if (LIST_ENTRY(n, struct worker, node)->gen != but)
				generation_close(LIST_ENTRY(n, struct worker,
				    node)->gen);
	}
}

void
pool_set_generation(struct pool *p, struct generation *g)
{
	size_t	 i;

	generation_ref(g);
	generation_unref(p->gen);
	p->gen = g;
	for (i = 0; i < p->slot_count; i++)
		pool_prepare(p, p->slots[i]);
}

void
pool_close_others(struct pool *p)
{
	if (p->gen != NULL && generation_is_offered(p->gen))
		dispatch_open(&p->dispatch);
	else
		dispatch_close(&p->dispatch);
	pool_close_generations(p, p->gen);
}

/* What waits is taken in; from then on clients are refused. */
void
pool_close(struct pool *p)
{
	size_t	 i;

	if (p->broadcaster != NULL)
		broadcaster_stop(p->broadcaster);
	dispatch_close(&p->dispatch);
	/* First, or what comes meanwhile would wait for who is next. */
	pool_close_generations(p, NULL);
	generation_close(p->gen);
	for (i = 0; i < p->slot_count; i++)
		slot_take_down(p->slots[i]);
	generation_unref(p->gen);
	p->gen = NULL;
	for (i = 0; i < p->slot_count; i++)
		slot_drop_queue(p->slots[i]);
}

/* The listeners again, and the program as it is now. */
static int
pool_open(struct pool *p, struct err *e)
{
	struct generation	*g;

	if (!pool_is_closed(p))
		return 0;
	g = pool_pin(p, p->owner, p->conf, e);
	if (g == NULL)
		return -1;
	if (pool_broadcast_anew(p, e) == -1) {
		generation_unref(g);
		return -1;
	}
	pool_set_generation(p, g);
	pool_close_others(p);
	generation_unref(g);
	dispatch_open(&p->dispatch);
	p->announced = p->settled = false;
	return 0;
}

int
pool_broadcast_anew(struct pool *p, struct err *e)
{
	struct broadcaster	*b = broadcaster_new(p, e);

	if (b == NULL)
		return -1;
	broadcaster_free(p->broadcaster);
	p->broadcaster = b;
	if (p->settled && !pool_is_closed(p))
		broadcaster_begin(b);
	return 0;
}

void
pool_halt(struct pool *p, size_t first, size_t last, bool whole)
{
	size_t	 i;

	if (whole)
		pool_close(p);
	for (i = first; i < last && i < p->count; i++) {
		p->slots[i]->stopped = true;
		slot_reconcile(p->slots[i]);
	}
	pool_look_later(p);
}

int
pool_resume(struct pool *p, size_t first, size_t last, struct err *e)
{
	struct slot	*s;
	size_t		 i;

	if (pool_open(p, e) == -1)
		return -1;
	for (i = first; i < last && i < p->count; i++) {
		s = p->slots[i];
		if (s->current != NULL)
			continue;
		pool_prepare(p, s);
		slot_forgive(s);
		slot_reconcile(s);
	}
	pool_look_later(p);
	return 0;
}

int
pool_restart(struct pool *p, size_t first, size_t last, bool whole,
    struct err *e)
{
	struct generation	*g;
	struct slot		*s;
	size_t			 i;

	if (pool_is_closed(p))
		return pool_resume(p, first, last, e);
	if (whole) {
		g = pool_pin(p, p->owner, p->conf, e);
		if (g == NULL)
			return -1;
		pool_set_generation(p, g);
		generation_unref(g);
	}
	for (i = first; i < last && i < p->count; i++) {
		s = p->slots[i];
		slot_forgive(s);
		pool_prepare(p, s);
		slot_reconcile(s);
	}
	if (whole)
		pool_close_others(p);
	pool_look_later(p);
	return 0;
}

static void
pool_adopt_format(struct slot *s, enum log_format f)
{
	struct list	*n;

	if (s->current != NULL)
		s->current->output.to.format = f;
	for (n = s->draining.next; n != &s->draining; n = n->next)
		LIST_ENTRY(n, struct worker, node)->output.to.format = f;
}

void
pool_adopt(struct pool *p, struct conf *owner, const struct conf_pool *c)
{
	const struct conf_pool	*old = p->conf;
	struct slot		*s;
	size_t			 i;

	for (i = 0; i < p->slot_count; i++) {
		s = p->slots[i];
		if (s->gen != NULL && s->gen->conf == old)
			generation_adopt(s->gen, owner, c);
		pool_adopt_format(s, c->log_format);
	}
	if (p->gen != NULL && p->gen->conf == old)
		generation_adopt(p->gen, owner, c);
	if (p->gen != NULL)
		listener_set_tune(p->gen->set, c);
	pool_set_conf(p, owner, c);
}

void
pool_set_conf(struct pool *p, struct conf *owner, const struct conf_pool *c)
{
	conf_ref(owner);
	conf_unref(p->owner);
	p->owner = owner;
	p->conf = c;
	lookout_update(&p->lookout);
}

size_t
pool_send(struct pool *p, size_t first, size_t last, struct message *m,
    int how, const struct worker *but)
{
	struct worker	*w[2];
	size_t		 i, k, n = 0;

	for (i = first; i < last && i < p->slot_count; i++) {
		w[0] = p->slots[i]->current;
		w[1] = p->slots[i]->beside;
		for (k = 0; k < 2; k++)
			if (w[k] != NULL && w[k] != but)
				n += worker_send(w[k], m, how) && k == 0;
	}
	return n;
}

void
pool_check(const struct pool *p)
{
	size_t			 i, processes = 0, starting = 0, ready = 0;
	const struct slot	*s;

	for (i = 0; i < p->slot_count; i++) {
		s = p->slots[i];
		processes += (s->current != NULL) + (s->beside != NULL) +
		    s->draining_count;
		if (s->current != NULL && s->current->was_ready)
			ready++;
		else if (s->current != NULL)
			starting++;
	}
	if (processes != p->processes || starting != p->starting ||
	    ready != p->ready)
		log_err("%s: bug: %zu processes, %zu starting, %zu ready are "
		    "there, counted were %zu, %zu, %zu", p->name, processes,
		    starting, ready, p->processes, p->starting, p->ready);
}
