#include "config.h"
#include "supervise/slot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/conf.h"
#include "os/loop.h"
#include "policy/start.h"
#include "supervise/common.h"
#include "supervise/generation.h"
#include "supervise/listeners.h"
#include "supervise/pool.h"
#include "supervise/reload.h"
#include "supervise/worker.h"

static const char *const state_names[SLOT__COUNT] = {
#define X(id, name) [SLOT_##id] = name,
	SLOT_STATES(X)
#undef X
};

static void	slot_restart_due(struct ev_loop *, ev_timer *, int);

struct about
slot_about(const struct slot *s, const struct worker *w)
{
	struct about	 a = { s->pool->name, (int)s->index, 0, 0 };

	return w != NULL ? worker_about(w) : a;
}

struct slot *
slot_new(struct pool *p, unsigned int index)
{
	struct slot	*s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->pool = p;
	s->index = index;
	list_init(&s->draining);
	list_init(&s->waiting);
	history_init(&s->history);
	ev_timer_init(&s->restart, slot_restart_due, 0., 0.);
	s->restart.data = s;
	return s;
}

void
slot_free(struct slot *s)
{
	if (s == NULL)
		return;
	ev_timer_stop(s->pool->common->loop, &s->restart);
	list_remove(&s->waiting);
	queue_unref(s->queue);
	generation_unref(s->gen);
	generation_unref(s->old_gen);
	history_free(&s->history);
	free(s->start_error);
	free(s);
}

const char *
slot_state_name(enum slot_state st)
{
	return state_names[st];
}

enum slot_state
slot_state(const struct slot *s)
{
	if (s->current != NULL)
		return worker_is_ready(s->current) ? SLOT_READY :
		    SLOT_STARTING;
	if (s->ended)
		return s->ended_badly ? SLOT_FAILED : SLOT_ENDED;
	if (!slot_is_wanted(s) && !s->held)
		return s->draining_count > 0 ? SLOT_STOPPING : SLOT_STOPPED;
	if (s->held)
		return SLOT_EMPTY;
	return loop_timer_runs(&s->restart) ? SLOT_BACKOFF : SLOT_WAITING;
}

bool
slot_is_wanted(const struct slot *s)
{
	return !s->pool->stopping && s->index < s->pool->count &&
	    !s->stopped && !s->held && !s->ended;
}

bool
slot_is_settled(struct slot *s)
{
	return s->ended || s->stopped || loop_timer_runs(&s->restart) ||
	    (s->was_started && !list_empty(&s->waiting));
}

/* The slot's last worker died early; it is in back-off or comes from it. */
static bool
slot_is_crashing(const struct slot *s)
{
	return s->backoff.failures > 0;
}

static void
slot_set_backoff(struct slot *s, uint64_t ms)
{
	ev_now_update(s->pool->common->loop);
	ev_timer_set(&s->restart, loop_seconds(ms), 0.);
	ev_timer_start(s->pool->common->loop, &s->restart);
}

/* The next delay of this slot, after a worker that was ready so long. */
static uint64_t
slot_backoff(struct slot *s, bool was_ready, uint64_t ready_ms)
{
	return backoff_delay(&s->backoff, &s->pool->conf->backoff, was_ready,
	    ready_ms, (uint32_t)mrand48());
}

/* What the pool's policy says to an ending. */
static enum verdict
slot_verdict(const struct slot *s, bool success)
{
	enum conf_restart	 r = s->pool->conf->restart;

	return restart_verdict(r == CONF_ALWAYS, r != CONF_NEVER, success);
}

/* It could not even be started: that counts as a death. */
static void
slot_start_failed(struct slot *s, const struct err *e)
{
	uint64_t	 ms;

	if (slot_verdict(s, false) != VERDICT_RESTART) {
		slot_post(s, NULL, LOG_ERR, EV_FAILED, "cannot start: %s; it "
		    "is not started again", e->msg);
		s->ended = s->ended_badly = true;
		if (s->pool->probe == s)
			pool_end_probe(s->pool);
		pool_look_later(s->pool);
		return;
	}
	ms = slot_backoff(s, false, 0);
	slot_post(s, NULL, LOG_ERR, EV_FAILED, "cannot start: %s; next try "
	    "in %llu ms", e->msg, (unsigned long long)ms);
	slot_set_backoff(s, ms);
}

/*
 * The queue that its next worker gets: a new one for a new generation, and
 * where the old one has come to an end with its worker.
 */
static int
slot_get_queue(struct slot *s, struct err *e)
{
	struct queue	*q = s->queue;

	if (q != NULL && !queue_is_broken(q)) {
		queue_renew(q);
		return 0;
	}
	if (pool_queue_for(s, s->gen, &s->queue, e) == -1)
		return -1;
	if (q != NULL && s->queue != NULL)
		queue_count_on(s->queue, q);
	queue_unref(q);
	return 0;
}

/* From here on it probes for all that crash while nobody holds. */
static void
slot_probe(struct slot *s)
{
	struct pool	*p = s->pool;

	p->probe = s;
	if (p->count > 1)
		pool_post(p, LOG_WARN, EV_POOL, "no worker has been ready "
		    "for long: slot %u probes, others that crash wait for it",
		    s->index);
}

static void
slot_start(struct slot *s)
{
	struct pool	*p = s->pool;
	struct err	 e;

	if (slot_is_crashing(s) && p->probe == NULL && !pool_holds(p))
		slot_probe(s);
	s->was_started = true;
	s->current = slot_get_queue(s, &e) == -1 ? NULL :
	    pool_start_worker(s, s->gen, s->queue, &e);
	free(s->start_error);
	s->start_error = NULL;
	if (s->current == NULL) {
		s->start_error = strdup(e.msg);	/* NULL: without it */
		slot_start_failed(s, &e);
	} else {
		p->starting++;
	}
}

/*
 * Its old workers are in the way: too many of them still drain, or one
 * where two copies cannot coexist, or there are no descriptors for more.
 */
static bool
slot_is_crowded(const struct slot *s)
{
	const struct pool	*p = s->pool;
	bool			 is_old_first;

	is_old_first = p->conf->reload.order == CONF_OLD_FIRST;
	return s->draining_count >= (is_old_first ? 1 : SLOT_DRAINING_MAX) ||
	    p->processes >= p->most_processes;
}

/* Whether it may start now; if not, it waits in the pool's list. */
static bool
slot_may_start(struct slot *s)
{
	struct pool		*p = s->pool;
	bool			 is_crashing = slot_is_crashing(s);
	struct start_facts	 f = {
		.cpus = p->common->cpus,
		.starting = p->starting,
		.ready = p->ready,
		.is_first = !s->was_started,
		.is_crashing = is_crashing,
		.has_probe = is_crashing && p->probe != NULL &&
		    p->probe != s && !pool_holds(p),
		.is_crowded = slot_is_crowded(s),
	};

	list_remove(&s->waiting);
	if (start_allowed(&f) == START_NOW)
		return true;
	list_append(f.is_first && !is_crashing && !f.is_crowded ?
	    &p->newcomers : &p->waiting, &s->waiting);
	return false;
}

void
slot_reconcile(struct slot *s)
{
	if (!slot_is_wanted(s)) {
		ev_timer_stop(s->pool->common->loop, &s->restart);
		list_remove(&s->waiting);
		if (s->pool->probe == s)
			pool_end_probe(s->pool);
		if (s->current != NULL)
			slot_drain(s);
		return;
	}
	if (s->current != NULL || loop_timer_runs(&s->restart))
		return;
	if (slot_may_start(s))
		slot_start(s);
}

void
slot_set_generation(struct slot *s, struct generation *g)
{
	struct queue	*old = s->queue;
	struct err	 e;

	generation_ref(g);
	generation_unref(s->gen);
	s->gen = g;
	s->queue = NULL;		/* made anew when it is needed... */
	if (old != NULL && !queue_counts(old))
		(void)pool_queue_for(s, g, &s->queue, &e);
	queue_unref(old);		/* ...or before what waits is lost */
}

void
slot_forgive(struct slot *s)
{
	ev_timer_stop(s->pool->common->loop, &s->restart);
	list_remove(&s->waiting);
	if (s->pool->probe == s)
		pool_end_probe(s->pool);
	s->backoff.failures = 0;
	s->ended = s->ended_badly = s->stopped = false;
	if (s->current != NULL)
		slot_drain(s);
}

/* Who waits for the probe, and could start. */
static struct slot *
pool_next_crashing(struct pool *p)
{
	struct list	*n;
	struct slot	*s;

	for (n = p->waiting.next; n != &p->waiting; n = n->next) {
		s = LIST_ENTRY(n, struct slot, waiting);
		if (slot_is_crashing(s) && !slot_is_crowded(s))
			return s;
	}
	return NULL;
}

/*
 * The back-off of a slot is over.  If it probes for others, the next of them
 * has a try, with the same back-off: the fault may be this slot's alone.
 */
static void
slot_restart_due(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct slot	*s = t->data, *next;
	struct pool	*p = s->pool;

	(void)loop;
	(void)revents;
	if (p->probe != s || list_empty(&p->waiting) || pool_holds(p)) {
		slot_reconcile(s);
		return;
	}
	next = pool_next_crashing(p);
	if (next == NULL) {
		slot_reconcile(s);
		return;
	}
	list_remove(&next->waiting);
	list_append(&p->waiting, &s->waiting);
	next->backoff = s->backoff;
	slot_probe(next);
	slot_start(next);
}

/* From now on it shares these listeners with others, or (NULL) none. */
static void
slot_share(struct slot *s, struct listener_set *set)
{
	struct listener_set	*old = s->shares;

	if (set == old)
		return;
	s->shares = set != NULL ? listener_set_ref(set) : NULL;
	if (set != NULL)
		listener_set_take(set, true);
	if (old != NULL)
		listener_set_take(old, false);
	listener_set_unref(old);
}

/* The slot takes its turns from now on. */
static void
slot_up(struct slot *s)
{
	s->was_ready = true;
	if (s->queue != NULL)
		queue_up(s->queue, s->index);
	slot_share(s, s->gen->mechanism == MECHANISM_SHARED ? s->gen->set :
	    NULL);
	s->doubted = false;
	lookout_slot_up(&s->pool->lookout, s);
}

void
slot_take_down(struct slot *s)
{
	s->doubted = false;
	slot_share(s, NULL);
	if (s->queue != NULL)
		queue_down(s->queue, s->index);
}

/*
 * It takes no turns.  What its queue holds goes to others if there are any,
 * but for listeners of its own: the worker takes what is there before it is
 * told to leave.
 */
static void
slot_down(struct slot *s, bool is_dead)
{
	slot_take_down(s);
	if (s->queue != NULL && (is_dead || queue_is_fed(s->queue)))
		queue_leave(s->queue);
}

/* A worker that has died or is to leave: it is the slot's no more. */
static void
slot_detach(struct slot *s, struct worker *w)
{
	struct pool	*p = s->pool;

	ready_end(&w->readiness);
	if (w->was_ready)
		p->ready--;
	else
		p->starting--;
	if (p->probe == s)
		ev_timer_stop(p->common->loop, &p->probation);
	s->current = NULL;
}

void
slot_let_go(struct slot *s, struct worker *w)
{
	list_append(&s->draining, &w->node);
	s->draining_count++;
}

void
slot_drain(struct slot *s)
{
	struct worker	*w = s->current;

	slot_detach(s, w);
	slot_let_go(s, w);
	slot_down(s, false);
	worker_stop(w);
}

/*
 * The queue that the slot had goes to others; listeners of its own only once
 * its worker, if there is one, has been told to leave.
 */
static void
slot_leave_queue(struct slot *s, struct queue *old, bool has_worker)
{
	if (queue_is_offered(old) && !queue_is_offered(s->queue))
		dispatch_leave(&s->pool->dispatch, s->index, s->gen->set);
	if (!queue_is_fed(old))
		queue_down(old, s->index);
	if (queue_is_fed(old) || !has_worker)
		queue_leave(old);
}

/* Nobody will read from it any more. */
void
slot_drop_queue(struct slot *s)
{
	if (s->current != NULL || s->draining_count > 0)
		return;
	queue_unref(s->queue);
	s->queue = NULL;
}

void
slot_switch(struct slot *s)
{
	struct pool	*p = s->pool;
	struct worker	*new = s->beside, *old = s->current;
	struct queue	*queue = s->queue;

	s->beside = NULL;
	ev_timer_stop(p->common->loop, &s->restart);
	list_remove(&s->waiting);
	if (p->probe == s)
		pool_end_probe(p);
	if (old != NULL)
		slot_detach(s, old);
	s->current = new;
	s->queue = new->queue != NULL ? queue_ref(new->queue) : NULL;
	s->gen = generation_ref(new->gen);	/* the caller keeps the old */
	s->backoff.failures = 0;
	s->ended = s->ended_badly = s->held = false;
	p->ready++;
	p->holds_from_ms = 0;		/* it has been ready before */
	slot_up(s);
	if (queue != NULL)
		slot_leave_queue(s, queue, old != NULL);
	queue_unref(queue);
	if (old == NULL)
		return;
	slot_let_go(s, old);
	worker_stop(old);
}

void
slot_worker_ready(struct slot *s, struct worker *w)
{
	struct pool	*p = s->pool;

	if (w == s->beside) {
		reload_worker_ready(p->reload, s);
		return;
	}
	slot_post(s, w, LOG_DEBUG, EV_READY, "ready, generation %u",
	    w->gen->number);
	p->starting--;
	p->ready++;
	if (p->probe == s) {
		ev_timer_set(&p->probation,
		    loop_seconds(p->conf->ready.soak_ms), 0.);
		ev_timer_start(p->common->loop, &p->probation);
	}
	slot_up(s);
	pool_changed(p);
}

/* It died and is to be started again: at once, or after its back-off. */
static void
slot_come_back(struct slot *s, const struct worker *w, const char *end)
{
	const char	*early = w->was_ready ? "" : " before it was ready";
	uint64_t	 ms = slot_backoff(s, w->was_ready,
			    worker_ready_time(w));

	s->restarts++;
	if (ms == 0) {
		slot_post(s, w, LOG_WARN, EV_ENDED, "%s%s; restarting now",
		    end, early);
		return;
	}
	slot_post(s, w, LOG_WARN, EV_ENDED, "%s%s; restarting in %llu ms",
	    end, early, (unsigned long long)ms);
	slot_set_backoff(s, ms);
}

/* The slot's own worker has died: what becomes of the slot. */
static void
slot_lost(struct slot *s, const struct worker *w)
{
	char	 end[64];
	bool	 success = ending_is_success(&w->ending,
		    s->pool->conf->success_exit);

	worker_describe_end(w, end, sizeof(end));
	switch (slot_verdict(s, success)) {
	case VERDICT_RESTART:
		slot_come_back(s, w, end);
		break;
	case VERDICT_DONE:
		s->ended = true;
		slot_post(s, w, LOG_INFO, EV_ENDED,
		    "%s; it is not started again", end);
		break;
	case VERDICT_FAILED:
		s->ended = s->ended_badly = true;
		slot_post(s, w, LOG_ERR, EV_ENDED,
		    "%s; it is not started again", end);
		break;
	}
}

/* A worker that was told to leave has left. */
static void
slot_left(struct slot *s, struct worker *w)
{
	char	 end[64];

	list_remove(&w->node);
	s->draining_count--;
	if (s->pool->stopping && w->overdue)
		s->pool->had_to_kill = true;
	worker_describe_end(w, end, sizeof(end));
	slot_post(s, w, LOG_INFO, EV_LEFT, "left, %s", end);
	if (pool_is_closed(s->pool))
		slot_drop_queue(s);
}

unsigned long long
slot_oldest_start(const struct slot *s)
{
	struct list		*n;
	const struct worker	*w[2] = { s->current, s->beside };
	unsigned long long	 t, oldest = 0;
	size_t			 i;

	for (i = 0; i < ARRAY_LEN(w); i++)
		if (w[i] != NULL && (t = worker_start_ticks(w[i])) != 0 &&
		    (oldest == 0 || t < oldest))
			oldest = t;
	for (n = s->draining.next; n != &s->draining; n = n->next) {
		t = worker_start_ticks(LIST_ENTRY(n, struct worker, node));
		if (t != 0 && (oldest == 0 || t < oldest))
			oldest = t;
	}
	return oldest;
}

void
slot_worker_gone(struct slot *s, struct worker *w)
{
	struct pool	*p = s->pool;
	bool		 was_current = w == s->current;
	bool		 was_beside = w == s->beside;
	struct about	 about = worker_about(w);

	s->last_pid = w->pid;
	s->last_ending = w->ending;
	s->last_ended_ms = w->ended_ms;
	if (was_current) {
		slot_detach(s, w);
		slot_down(s, true);
		slot_lost(s, w);
		slot_reconcile(s);	/* at once, if at all */
	} else if (was_beside) {
		s->beside = NULL;
	} else {
		if (w->queue != NULL && !queue_is_fed(w->queue))
			queue_leave(w->queue);
		slot_left(s, w);
	}
	p->processes--;
	leftovers_of_worker(&p->common->leftovers, w->main.leader, s, &about);
	if (p->processes == 0)
		leftovers_settle(&p->common->leftovers);
	if (p->reload != NULL)
		reload_worker_gone(p->reload, s, w, was_beside);
	worker_free(w);
	pool_changed(p);
}

/* What becomes of a slot whose worker was alive: "restarting in 100 ms". */
static void
slot_say_next(const struct slot *s, uint64_t ms, char *buf, size_t size)
{
	if (slot_verdict(s, false) != VERDICT_RESTART)
		(void)snprintf(buf, size, "it is not started again");
	else if (ms == 0)
		(void)snprintf(buf, size, "restarting now");
	else
		(void)snprintf(buf, size, "restarting in %llu ms",
		    (unsigned long long)ms);
}

/* Another takes its place after so long, or none. */
static void
slot_succeed(struct slot *s, uint64_t ms)
{
	if (slot_verdict(s, false) != VERDICT_RESTART) {
		s->ended = s->ended_badly = true;
	} else {
		s->restarts++;
		if (ms > 0)
			slot_set_backoff(s, ms);
		slot_reconcile(s);
	}
	pool_changed(s->pool);
}

void
slot_worker_ailing(struct slot *s, struct worker *w, const char *why)
{
	uint64_t	 ms;

	if (w == s->beside) {
		slot_post(s, w, LOG_WARN, EV_TROUBLE, "%s; killing it", why);
		worker_kill(w);
		return;
	}
	if (w != s->current)
		return;
	slot_post(s, w, LOG_WARN, EV_TROUBLE, "%s; replacing it", why);
	ms = slot_backoff(s, w->was_ready, worker_ready_time(w));
	slot_drain(s);
	slot_succeed(s, ms);
}

/* It is stopped before what waits for it goes to others. */
void
slot_worker_hung(struct slot *s, uint64_t waiting, uint64_t after_ms)
{
	struct worker	*w = s->current;
	uint64_t	 ms = slot_backoff(s, w->was_ready,
			    worker_ready_time(w));
	char		 next[48];

	slot_say_next(s, ms, next, sizeof(next));
	slot_post(s, w, LOG_WARN, EV_HUNG, "hung: %llu connections wait, and "
	    "it has taken none for %llu ms; killing it, %s",
	    (unsigned long long)waiting, (unsigned long long)after_ms, next);
	slot_detach(s, w);
	slot_let_go(s, w);
	worker_hang(w);
	slot_down(s, true);
	slot_succeed(s, ms);
}

void
slot_describe_last(const struct slot *s, char *buf, size_t size)
{
	ending_describe(&s->last_ending, buf, size);
}
