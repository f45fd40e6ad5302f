#include "config.h"
#include "supervise/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "config/conf.h"
#include "ipc/dialect.h"
#include "os/listener.h"
#include "policy/start.h"
#include "supervise/broadcast.h"
#include "supervise/generation.h"
#include "supervise/ledger.h"
#include "supervise/nodequeue.h"
#include "supervise/reload.h"
#include "supervise/seat.h"
#include "supervise/settle.h"
#include "supervise/slot.h"
#include "supervise/worker.h"

static void	pool_probe_holds(struct ev_loop *, ev_timer *, int);
static void	pool_look(struct ev_loop *, ev_timer *, int);
static void	pool_worker_ready(void *, struct worker *);
static void	pool_worker_gone(void *, struct worker *);
static void	pool_worker_ailing(void *, struct worker *, const char *);
static void	pool_worker_publish(void *, struct worker *,
		    struct message *);

static const struct worker_ops worker_ops = {
	.ready = pool_worker_ready,
	.gone = pool_worker_gone,
	.ailing = pool_worker_ailing,
	.publish = pool_worker_publish,
};

struct about
pool_about(const struct pool *p)
{
	struct about	 a = { p->name, -1, 0, 0 };

	return a;
}

/* The kernel makes a backlog smaller without a word. */
static void
pool_say_backlog(const struct pool *p)
{
	uint64_t	 cap = listener_backlog_cap();

	if (p->conf->listen_count > 0 && cap != 0 && p->conf->backlog > cap)
		pool_post(p, LOG_INFO, EV_POOL, "backlog %llu is capped by "
		    "the kernel to %llu (net.core.somaxconn)",
		    (unsigned long long)p->conf->backlog,
		    (unsigned long long)cap);
}

struct generation *
pool_pin(struct pool *p, struct conf *owner, const struct conf_pool *c,
    struct err *e)
{
	struct generation	*g = generation_new(p->last_generation + 1,
				    owner, c, &p->common->listeners, p->gen,
				    e);

	if (g == NULL) {
		err_wrap(e, "pool '%s'", c->name);
		return NULL;
	}
	p->last_generation++;
	if (c->hang_ms > 0 && g->mechanism == MECHANISM_SHARED)
		pool_post(p, LOG_WARN, EV_POOL, "health.hang is without "
		    "effect, as the workers share their listeners: %s",
		    g->why);
	return g;
}

static int
pool_init(struct pool *p, struct err *e)
{
	const struct conf_pool	*c = p->conf;

	p->name = strdup(c->name);
	if (p->name == NULL)
		return err_set(e, ENOMEM, "pool '%s'", c->name);
	pool_say_backlog(p);
	p->gen = pool_pin(p, p->owner, c, e);
	if (p->gen == NULL ||
	    dispatch_init(&p->dispatch, p->common->loop, p->name, c->count,
	    e) == -1)
		return -1;
	return pool_scale(p, c->count, e);
}

struct pool *
pool_new(struct conf *owner, const struct conf_pool *c, size_t most_processes,
    struct common *common, const struct pool_ops *ops, void *arg,
    struct err *e)
{
	struct pool	*p = calloc(1, sizeof(*p));

	if (p == NULL) {
		err_set(e, ENOMEM, "pool '%s'", c->name);
		return NULL;
	}
	p->owner = conf_ref(owner);
	p->conf = c;
	p->most_processes = most_processes;
	p->common = common;
	p->ops = ops;
	p->arg = arg;
	list_init(&p->waiting);
	list_init(&p->newcomers);
	list_init(&p->settles);
	ev_timer_init(&p->probation, pool_probe_holds, 0., 0.);
	ev_timer_init(&p->look, pool_look, 0., 0.);
	p->probation.data = p->look.data = p;
	lookout_init(&p->lookout, p);
	if (pool_init(p, e) == -1) {
		pool_free(p);
		return NULL;
	}
	return p;
}

void
pool_free(struct pool *p)
{
	size_t	 i;

	if (p == NULL)
		return;
	settle_fail_all(p, "the pool is gone");
	ev_timer_stop(p->common->loop, &p->probation);
	ev_timer_stop(p->common->loop, &p->look);
	lookout_stop(&p->lookout);
	broadcaster_free(p->broadcaster);
	for (i = 0; i < p->slot_count; i++)
		slot_free(p->slots[i]);
	dispatch_fini(&p->dispatch);
	generation_unref(p->gen);
	conf_unref(p->owner);
	free(p->slots);
	free(p->name);
	free(p);
}

/* By the kernel, and by hand where a worker asks for what has none. */
static struct queue *
pool_seat_queue(struct slot *s, struct generation *g, struct err *e)
{
	struct dispatch	*d = &s->pool->dispatch;
	bool		 asks = g->dialect->asks;
	struct queue	*q = asks ? nodequeue_new(d, g->set, e) :
			    seat_queue(d, g->set, e);

	if (q == NULL)
		return NULL;
	q->seat = seat_new(g->set, g->conf->listen_count, s->index, g->mode,
	    g->conf->defer_accept, asks, e);
	if (q->seat != NULL)
		return q;
	queue_unref(q);
	return NULL;
}

/* By hand; max_connections is a matter of these alone. */
static struct queue *
pool_fed_queue(struct slot *s, struct generation *g, struct err *e)
{
	struct dispatch	*d = &s->pool->dispatch;
	size_t		 most = g->conf->max_connections;
	struct queue	*q = g->dialect->asks ? nodequeue_new(d, g->set, e) :
			    queue_new(d, g->set, e);

	if (q == NULL || most == 0)
		return q;
	q->ledger = ledger_new(&s->pool->common->listeners.diag, most, e);
	if (q->ledger != NULL)
		return q;
	queue_unref(q);
	return NULL;
}

int
pool_queue_for(struct slot *s, struct generation *g, struct queue **ret,
    struct err *e)
{
	*ret = NULL;
	switch (g->mechanism) {
	case MECHANISM_KERNEL:
	case MECHANISM_CLASSIC:
		*ret = pool_seat_queue(s, g, e);
		break;
	case MECHANISM_HANDOVER:
		*ret = pool_fed_queue(s, g, e);
		break;
	case MECHANISM_NONE:
	case MECHANISM_SHARED:
	case MECHANISM__COUNT:
		return 0;
	}
	if (*ret == NULL)
		return -1;
	(*ret)->balance = g->conf->balance;
	return 0;
}

struct worker *
pool_start_worker(struct slot *s, struct generation *gen, struct queue *q,
    struct err *e)
{
	struct pool		*p = s->pool;
	struct worker_job	 job = {
		.common = p->common,
		.pool = p->name,
		.slot = s->index,
		.count = (unsigned int)p->count,
		.history = &s->history,
		.gen = gen,
		.queue = q,
		.ops = &worker_ops,
		.arg = p,
	};
	struct worker		*w = worker_start(&job, e);

	if (w == NULL)
		return NULL;
	p->processes++;
	slot_post(s, w, LOG_INFO, EV_STARTED, "started, generation %u",
	    gen->number);
	return w;
}

int
pool_start(struct pool *p, struct err *e)
{
	size_t	 i;

	p->broadcaster = broadcaster_new(p, e);
	if (p->broadcaster == NULL)
		return -1;
	for (i = 0; i < p->count; i++)
		slot_reconcile(p->slots[i]);
	return 0;
}

/* Those that were told to leave: by now that is everybody. */
static void
pool_kill_all(struct pool *p)
{
	struct list	*n, *tmp;
	size_t		 i;

	for (i = 0; i < p->slot_count; i++)
		LIST_FOREACH(n, tmp, &p->slots[i]->draining)
			worker_kill(LIST_ENTRY(n, struct worker, node));
}

bool
pool_is_over(const struct pool *p)
{
	size_t	 i;

	if (p->processes > 0 || p->reload != NULL)
		return false;
	for (i = 0; i < p->count && !p->stopping; i++)
		if (!p->slots[i]->ended)
			return false;
	return true;
}

void
pool_stop(struct pool *p, bool at_once)
{
	size_t	 i;

	p->stopping = true;
	if (p->reload != NULL)
		reload_cancel(p->reload);
	settle_fail_all(p, "it is stopping");
	pool_close(p);			/* the last worker refuses the rest */
	for (i = 0; i < p->slot_count; i++)
		slot_reconcile(p->slots[i]);
	if (at_once) {
		p->had_to_kill = p->had_to_kill || p->processes > 0;
		pool_kill_all(p);
	}
	if (pool_is_over(p))
		p->ops->ended(p->arg, p);
}

int
pool_reload(struct pool *p, struct generation *g, size_t slots,
    struct err *e)
{
	p->reload = reload_new(p, g, slots, e);
	if (p->reload == NULL)
		return -1;
	if (generation_is_offered(g))
		dispatch_open(&p->dispatch);	/* it may have been shared */
	reload_begin(p->reload);
	return 0;
}

bool
pool_has_failed(const struct pool *p)
{
	size_t	 i;

	if (p->stopping)
		return p->had_to_kill;
	for (i = 0; i < p->count; i++)
		if (p->slots[i]->ended_badly)
			return true;
	return false;
}

/*
 * Every slot has been ready once, or is in no hurry to be.  Those that start
 * last are asked first.
 */
static bool
pool_is_settled(const struct pool *p)
{
	size_t	 i;

	for (i = p->count; i-- > 0; )
		if (!p->slots[i]->was_ready && !slot_is_settled(p->slots[i]))
			return false;
	return true;
}

bool
pool_has_window(const struct pool *p)
{
	const struct start_facts	 f = {
		.cpus = p->common->cpus,
		.starting = p->starting,
		.ready = p->ready,
		.is_first = true,
	};

	return start_allowed(&f) == START_NOW;
}

/*
 * Slots that wait for a start ask again; they may wait again.  Newcomers are
 * many, and ask when their turn has come.
 */
static void
pool_wake_waiting(struct pool *p)
{
	struct list	 asking, *n;

	list_init(&asking);
	while (!list_empty(&p->waiting)) {
		n = p->waiting.next;
		list_remove(n);
		list_append(&asking, n);
	}
	while (!list_empty(&asking)) {
		n = asking.next;
		list_remove(n);
		slot_reconcile(LIST_ENTRY(n, struct slot, waiting));
	}
	while (!list_empty(&p->newcomers) && pool_has_window(p)) {
		n = p->newcomers.next;
		list_remove(n);
		slot_reconcile(LIST_ENTRY(n, struct slot, waiting));
	}
}

/* The probe has been ready for a while: the others are believed, too. */
static void
pool_probe_holds(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct pool	*p = t->data;

	(void)loop;
	(void)revents;
	pool_end_probe(p);
	pool_changed(p);
}

/* From when on its worker has been ready for so long, if it stays. */
static uint64_t
slot_holds_from(const struct slot *s)
{
	const struct worker	*w = s->current;

	return w != NULL && worker_is_ready(w) ?
	    w->ready_ms + s->pool->conf->ready.soak_ms : UINT64_MAX;
}

/*
 * Asked for each slot of a pool that crashes, and so remembered: who held
 * last, or when the first of those that are ready now will.
 */
bool
pool_holds(struct pool *p)
{
	uint64_t	 now = clock_ms(), from, first;
	size_t		 i;

	if (p->holder != NULL && p->holder->index < p->count &&
	    slot_holds_from(p->holder) <= now)
		return true;
	p->holder = NULL;
	if (p->ready == 0 || now < p->holds_from_ms)
		return false;
	first = now + p->conf->ready.soak_ms;
	for (i = 0; i < p->count; i++) {
		from = slot_holds_from(p->slots[i]);
		if (from <= now) {
			p->holder = p->slots[i];
			return true;
		}
		if (from < first)
			first = from;
	}
	p->holds_from_ms = first;
	return false;
}

void
pool_end_probe(struct pool *p)
{
	ev_timer_stop(p->common->loop, &p->probation);
	p->probe = NULL;
}

static void
pool_look(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	pool_changed(t->data);
}

void
pool_look_later(struct pool *p)
{
	ev_timer_set(&p->look, 0., 0.);
	ev_timer_start(p->common->loop, &p->look);
}

void
pool_changed(struct pool *p)
{
	if (!p->stopping)
		pool_wake_waiting(p);
	if (!p->announced && p->ready == p->count) {
		p->announced = true;
		pool_post(p, LOG_INFO, EV_POOL, "all %zu workers are ready",
		    p->ready);
	}
	if (!p->stopping && !p->settled && pool_is_settled(p)) {
		p->settled = true;
		broadcaster_begin(p->broadcaster);
	}
	p->ops->changed(p->arg, p);
	if (!list_empty(&p->settles))
		settle_look(p);
	if (!pool_is_over(p))
		return;
	pool_close(p);			/* others may run on */
	p->ops->ended(p->arg, p);
}

static void
pool_worker_ready(void *arg, struct worker *w)
{
	struct pool	*p = arg;

	broadcaster_greet(p->broadcaster, w);
	slot_worker_ready(p->slots[w->job.slot], w);
}

static void
pool_worker_gone(void *arg, struct worker *w)
{
	struct pool	*p = arg;

	slot_worker_gone(p->slots[w->job.slot], w);
}

static void
pool_worker_ailing(void *arg, struct worker *w, const char *why)
{
	struct pool	*p = arg;

	slot_worker_ailing(p->slots[w->job.slot], w, why);
}

static void
pool_worker_publish(void *arg, struct worker *w, struct message *m)
{
	struct pool	*p = arg;

	(void)pool_send(p, 0, p->slot_count, m, CHANNEL_ONCE, w);
}
