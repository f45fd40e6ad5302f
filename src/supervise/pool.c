#include "config.h"
#include "supervise/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "config/conf.h"
#include "config/cpus.h"
#include "ipc/dialect.h"
#include "os/listener.h"
#include "supervise/broadcast.h"
#include "supervise/generation.h"
#include "supervise/reload.h"
#include "supervise/slot.h"
#include "supervise/worker.h"

#define ADDRESS_MAX 160

static void	pool_probe_holds(struct ev_loop *, ev_timer *, int);
static void	pool_worker_ready(void *, struct worker *);
static void	pool_worker_gone(void *, struct worker *);
static void	pool_worker_publish(void *, struct worker *,
		    struct message *);

static const struct worker_ops worker_ops = {
	.ready = pool_worker_ready,
	.gone = pool_worker_gone,
	.publish = pool_worker_publish,
};

/* A worker has shut a shared listener down, for all: undo that. */
static void
pool_listener_shut(struct ev_loop *loop, ev_io *w, int revents)
{
	struct pool	*p = w->data;
	size_t		 i = (size_t)(w - p->mends);
	unsigned int	 more;
	struct err	 e;

	(void)revents;
	if (listener_mend(w->fd, p->conf->backlog, &e) == 0) {
		if (!limit_pass(&p->mend_limit, clock_ms(), &more))
			return;
		log_warn("%s: a worker has shut down the listener %s that it "
		    "shares; it listens again", p->conf->name,
		    p->addresses[i]);
		return;
	}
	ev_io_stop(loop, w);
	log_err("%s: a worker has shut down the listener %s that it shares, "
	    "and it cannot be mended: %s", p->conf->name, p->addresses[i],
	    e.msg);
}

/* Nothing is ever written to a listener: this tells when it is shut. */
static void
pool_watch_listeners(struct pool *p)
{
	size_t	 i;

	for (i = 0; i < p->conf->listen_count; i++) {
		ev_io_init(&p->mends[i], pool_listener_shut, p->listeners[i],
		    EV_WRITE);
		p->mends[i].data = p;
		ev_io_start(p->loop, &p->mends[i]);
	}
}

static void
pool_close_listeners(struct pool *p)
{
	size_t	 i;

	for (i = 0; i < p->conf->listen_count; i++) {
		ev_io_stop(p->loop, &p->mends[i]);
		listener_close(&p->listeners[i]);
	}
}

/* The kernel makes a backlog smaller without a word. */
static void
pool_say_backlog(const struct pool *p)
{
	uint64_t	 cap = listener_backlog_cap();

	if (p->conf->listen_count > 0 && cap != 0 && p->conf->backlog > cap)
		log_info("%s: backlog %llu is capped by the kernel to %llu "
		    "(net.core.somaxconn)", p->conf->name,
		    (unsigned long long)p->conf->backlog,
		    (unsigned long long)cap);
}

static int
pool_open_listeners(struct pool *p, struct err *e)
{
	const struct conf_pool	*c = p->conf;
	size_t			 i;

	pool_say_backlog(p);
	for (i = 0; i < c->listen_count; i++) {
		p->listeners[i] = listener_open(&c->listen[i], c->backlog,
		    c->defer_accept, e);
		p->addresses[i] = malloc(ADDRESS_MAX);
		if (p->listeners[i] == -1)
			return err_wrap(e, "pool '%s': listen %s", c->name,
			    c->listen[i].text);
		if (p->addresses[i] == NULL)
			return err_set(e, ENOMEM, "pool '%s'", c->name);
		listener_address(p->listeners[i], p->addresses[i],
		    ADDRESS_MAX);
		if (p->port == 0)
			p->port = listener_port(p->listeners[i]);
	}
	return 0;
}

static int
pool_init(struct pool *p, struct err *e)
{
	const struct conf_pool	*c = p->conf;
	size_t			 i;

	p->slots = calloc(c->count, sizeof(*p->slots));
	for (i = 0; p->slots != NULL && i < c->count; i++)
		slot_init(&p->slots[i], p, (unsigned int)i);
	p->listeners = calloc(c->listen_count + 1, sizeof(*p->listeners));
	p->addresses = calloc(c->listen_count + 1, sizeof(*p->addresses));
	p->mends = calloc(c->listen_count + 1, sizeof(*p->mends));
	for (i = 0; p->listeners != NULL && i < c->listen_count; i++)
		p->listeners[i] = -1;
	if (p->slots == NULL || p->listeners == NULL ||
	    p->addresses == NULL || p->mends == NULL)
		return err_set(e, ENOMEM, "pool '%s'", c->name);
	if (pool_open_listeners(p, e) == -1)
		return -1;
	if (!p->handover)
		pool_watch_listeners(p);
	else if (dispatch_init(&p->dispatch, p->loop, c->name,
	    c->count, p->listeners, c->listen_count, e) == -1)
		return -1;
	p->broadcaster = broadcaster_new(p, e);
	return p->broadcaster == NULL ? -1 : 0;
}

struct pool *
pool_new(const struct conf_pool *c, size_t most_processes,
    struct ev_loop *loop, struct reaper *r, const struct pool_ops *ops,
    void *arg, struct err *e)
{
	struct pool	*p = calloc(1, sizeof(*p));

	if (p == NULL) {
		err_set(e, ENOMEM, "pool '%s'", c->name);
		return NULL;
	}
	p->conf = c;
	p->most_processes = most_processes;
	p->loop = loop;
	p->reaper = r;
	p->ops = ops;
	p->arg = arg;
	p->dialect = dialect_get(c->dialect);
	p->cpus = cpus_usable();
	p->handover = c->listen_count > 0 && p->dialect->handover &&
	    c->balance == CONF_ROUND_ROBIN;
	list_init(&p->waiting);
	ev_timer_init(&p->probation, pool_probe_holds, 0., 0.);
	p->probation.data = p;
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
	ev_timer_stop(p->loop, &p->probation);
	broadcaster_free(p->broadcaster);
	for (i = 0; p->slots != NULL && i < p->conf->count; i++)
		slot_fini(&p->slots[i]);
	dispatch_fini(&p->dispatch);
	if (p->listeners != NULL && p->mends != NULL)
		pool_close_listeners(p);
	for (i = 0; p->addresses != NULL && i < p->conf->listen_count; i++)
		free(p->addresses[i]);
	free(p->listeners);
	free(p->addresses);
	free(p->mends);
	free(p->slots);
	free(p);
}

struct worker *
pool_start_worker(struct slot *s, struct generation *gen, struct queue *q,
    struct err *e)
{
	struct pool		*p = s->pool;
	struct worker_job	 job = {
		.loop = p->loop,
		.reaper = p->reaper,
		.conf = p->conf,
		.dialect = p->dialect,
		.slot = s->index,
		.listeners = p->listeners,
		.addresses = (const char *const *)p->addresses,
		.listener_count = p->conf->listen_count,
		.port = p->port,
		.gen = gen,
		.queue = q,
		.ops = &worker_ops,
		.arg = p,
	};
	struct worker		*w = worker_start(&job, e);

	if (w == NULL)
		return NULL;
	p->processes++;
	log_info("%s[%u] pid %ld: started, generation %u", p->conf->name,
	    s->index, (long)w->pid, gen->number);
	return w;
}

int
pool_start(struct pool *p, struct err *e)
{
	struct generation	*g = generation_new(p->conf, 1, e);
	size_t			 i;

	if (g == NULL)
		return err_wrap(e, "pool '%s'", p->conf->name);
	p->last_generation = 1;
	for (i = 0; i < p->conf->count; i++) {
		p->slots[i].gen = generation_ref(g);
		if (!p->handover)
			continue;
		p->slots[i].queue = queue_new(&p->dispatch, e);
		if (p->slots[i].queue == NULL) {
			generation_unref(g);
			return err_wrap(e, "pool '%s'", p->conf->name);
		}
	}
	generation_unref(g);
	for (i = 0; i < p->conf->count; i++) {
		p->slots[i].wanted = true;
		slot_reconcile(&p->slots[i]);
	}
	return 0;
}

/* Those that were told to leave: by now that is everybody. */
static void
pool_kill_all(struct pool *p)
{
	struct list	*n, *tmp;
	size_t		 i;

	for (i = 0; i < p->conf->count; i++)
		LIST_FOREACH(n, tmp, &p->slots[i].draining)
			worker_kill(LIST_ENTRY(n, struct worker, node));
}

bool
pool_is_over(const struct pool *p)
{
	size_t	 i;

	if (p->processes > 0 || p->reload != NULL)
		return false;
	for (i = 0; i < p->conf->count; i++)
		if (p->slots[i].wanted && !p->slots[i].ended)
			return false;
	return true;
}

/* The pool is over, and others may run on: it costs nothing any more. */
static void
pool_retire(struct pool *p)
{
	if (!p->retired) {
		p->retired = true;
		broadcaster_stop(p->broadcaster);
		if (p->handover)
			dispatch_close(&p->dispatch);
		pool_close_listeners(p);
	}
	p->ops->ended(p->arg, p);
}

void
pool_stop(struct pool *p, bool at_once)
{
	size_t	 i;

	p->stopping = true;
	if (p->reload != NULL)
		reload_cancel(p->reload);
	broadcaster_stop(p->broadcaster);
	if (p->handover) {
		dispatch_close(&p->dispatch);
		for (i = 0; i < p->conf->count; i++)
			dispatch_down(&p->dispatch, i);
	}
	pool_close_listeners(p);	/* the last worker refuses the rest */
	for (i = 0; i < p->conf->count; i++) {
		p->slots[i].wanted = false;
		slot_reconcile(&p->slots[i]);
	}
	if (at_once) {
		p->had_to_kill = p->had_to_kill || p->processes > 0;
		pool_kill_all(p);
	}
	if (pool_is_over(p))
		pool_retire(p);
}

int
pool_reload(struct pool *p, struct err *e)
{
	p->reload = reload_new(p, e);
	if (p->reload == NULL)
		return -1;
	reload_begin(p->reload);
	return 0;
}

bool
pool_has_failed(const struct pool *p)
{
	size_t	 i;

	if (p->stopping)
		return p->had_to_kill;
	for (i = 0; i < p->conf->count; i++)
		if (p->slots[i].ended_badly)
			return true;
	return false;
}

void
pool_send(struct pool *p, struct message *m, int how,
    const struct worker *but)
{
	struct worker	*w[2];
	size_t		 i, k;

	for (i = 0; i < p->conf->count; i++) {
		w[0] = p->slots[i].current;
		w[1] = p->slots[i].beside;
		for (k = 0; k < 2; k++)
			if (w[k] != NULL && w[k] != but)
				worker_send(w[k], m, how);
	}
}

/* Every slot has been ready once, or is in no hurry to be. */
static bool
pool_is_settled(const struct pool *p)
{
	size_t	 i;

	for (i = 0; i < p->conf->count; i++)
		if (!p->slots[i].was_ready && !slot_is_settled(&p->slots[i]))
			return false;
	return true;
}

/* Slots that wait for a start ask again; they may wait again. */
static void
pool_wake_waiting(struct pool *p)
{
	struct list	 asking, *n;

	if (list_empty(&p->waiting))
		return;
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

bool
pool_holds(const struct pool *p)
{
	const struct worker	*w;
	size_t			 i;

	for (i = 0; i < p->conf->count; i++) {
		w = p->slots[i].current;
		if (w != NULL && worker_is_ready(w) &&
		    worker_ready_time(w) >= p->conf->ready.soak_ms)
			return true;
	}
	return false;
}

void
pool_end_probe(struct pool *p)
{
	ev_timer_stop(p->loop, &p->probation);
	p->probe = NULL;
}

void
pool_changed(struct pool *p)
{
	if (!p->stopping)
		pool_wake_waiting(p);
	if (!p->announced && p->ready == p->conf->count) {
		p->announced = true;
		log_info("%s: all %zu workers are ready", p->conf->name,
		    p->ready);
	}
	if (!p->stopping && !p->settled && pool_is_settled(p)) {
		p->settled = true;
		broadcaster_begin(p->broadcaster);
	}
	if (pool_is_over(p))
		pool_retire(p);
}

static void
pool_worker_ready(void *arg, struct worker *w)
{
	struct pool	*p = arg;

	broadcaster_greet(p->broadcaster, w);
	slot_worker_ready(&p->slots[w->job.slot], w);
}

static void
pool_worker_gone(void *arg, struct worker *w)
{
	struct pool	*p = arg;

	slot_worker_gone(&p->slots[w->job.slot], w);
}

static void
pool_worker_publish(void *arg, struct worker *w, struct message *m)
{
	pool_send(arg, m, CHANNEL_ONCE, w);
}
