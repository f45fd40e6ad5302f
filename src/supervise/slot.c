#include "config.h"
#include "supervise/slot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "config/conf.h"
#include "os/loop.h"
#include "os/tree.h"
#include "policy/start.h"
#include "supervise/generation.h"
#include "supervise/pool.h"
#include "supervise/reload.h"
#include "supervise/worker.h"

static void	slot_restart_due(struct ev_loop *, ev_timer *, int);

void
slot_init(struct slot *s, struct pool *p, unsigned int index)
{
	memset(s, 0, sizeof(*s));
	s->pool = p;
	s->index = index;
	list_init(&s->draining);
	list_init(&s->waiting);
	ev_timer_init(&s->restart, slot_restart_due, 0., 0.);
	s->restart.data = s;
}

/* Called when no process is left. */
void
slot_fini(struct slot *s)
{
	ev_timer_stop(s->pool->loop, &s->restart);
	list_remove(&s->waiting);
	queue_unref(s->queue);
	s->queue = NULL;
	generation_unref(s->gen);
	generation_unref(s->old_gen);
	s->gen = s->old_gen = NULL;
}

bool
slot_is_settled(struct slot *s)
{
	return s->ended || ev_is_active(&s->restart) ||
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
	ev_now_update(s->pool->loop);
	ev_timer_set(&s->restart, loop_seconds(ms), 0.);
	ev_timer_start(s->pool->loop, &s->restart);
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
	struct pool	*p = s->pool;
	uint64_t	 ms;

	if (slot_verdict(s, false) != VERDICT_RESTART) {
		log_err("%s[%u]: cannot start: %s; it is not started again",
		    p->conf->name, s->index, e->msg);
		s->ended = s->ended_badly = true;
		return;
	}
	ms = slot_backoff(s, false, 0);
	log_err("%s[%u]: cannot start: %s; next try in %llu ms",
	    p->conf->name, s->index, e->msg, (unsigned long long)ms);
	slot_set_backoff(s, ms);
}

/* A queue that its last worker has shut down is of no use to the next. */
static int
slot_mend_queue(struct slot *s, struct err *e)
{
	struct queue	*q;

	if (s->queue == NULL || !handover_is_broken(&s->queue->handover))
		return 0;
	q = queue_new(&s->pool->dispatch, e);
	if (q == NULL)
		return -1;
	queue_unref(s->queue);
	s->queue = q;
	return 0;
}

/* From here on it probes for all that crash while nobody holds. */
static void
slot_probe(struct slot *s)
{
	struct pool	*p = s->pool;

	p->probe = s;
	if (p->conf->count > 1)
		log_warn("%s: no worker has been ready for long: slot %u "
		    "probes, others that crash wait for it", p->conf->name,
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
	s->current = slot_mend_queue(s, &e) == -1 ? NULL :
	    pool_start_worker(s, s->gen, s->queue, &e);
	if (s->current == NULL)
		slot_start_failed(s, &e);
	else
		p->starting++;
}

/* Whether it may start now; if not, it waits in the pool's list. */
static bool
slot_may_start(struct slot *s)
{
	struct pool		*p = s->pool;
	struct start_facts	 f = {
		.cpus = p->cpus,
		.starting = p->starting,
		.ready = p->ready,
		.is_first = !s->was_started,
		.is_crashing = slot_is_crashing(s),
		.has_probe = p->probe != NULL && p->probe != s &&
		    !pool_holds(p),
	};

	list_remove(&s->waiting);
	if (start_allowed(&f) == START_NOW)
		return true;
	list_append(&p->waiting, &s->waiting);
	return false;
}

void
slot_reconcile(struct slot *s)
{
	bool	 wanted = s->wanted && !s->held && !s->ended;

	if (!wanted) {
		ev_timer_stop(s->pool->loop, &s->restart);
		list_remove(&s->waiting);
		if (s->pool->probe == s)
			pool_end_probe(s->pool);
		if (s->current != NULL)
			slot_drain(s);
		return;
	}
	if (s->current != NULL || ev_is_active(&s->restart))
		return;
	if (slot_may_start(s))
		slot_start(s);
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
	next = LIST_ENTRY(p->waiting.next, struct slot, waiting);
	list_remove(&next->waiting);
	list_append(&p->waiting, &s->waiting);
	next->backoff = s->backoff;
	slot_probe(next);
	slot_start(next);
}

/* The slot takes its turns from now on. */
static void
slot_up(struct slot *s)
{
	s->was_ready = true;
	if (s->queue != NULL)
		dispatch_up(&s->pool->dispatch, s->index, s->queue);
}

/*
 * It takes no turns; what its queue holds goes to others if there are any.
 */
static void
slot_down(struct slot *s)
{
	if (s->queue == NULL)
		return;
	dispatch_down(&s->pool->dispatch, s->index);
	dispatch_reclaim(&s->pool->dispatch, s->queue);
}

/* A worker that has died or is to leave: it is the slot's no more. */
static void
slot_detach(struct slot *s, struct worker *w)
{
	struct pool	*p = s->pool;

	if (w->was_ready)
		p->ready--;
	else
		p->starting--;
	if (p->probe == s)
		ev_timer_stop(p->loop, &p->probation);
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
	slot_down(s);
	worker_stop(w);
}

void
slot_switch(struct slot *s)
{
	struct pool	*p = s->pool;
	struct worker	*new = s->beside, *old = s->current;
	struct queue	*queue = s->queue;

	s->beside = NULL;
	ev_timer_stop(p->loop, &s->restart);
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
	slot_up(s);
	if (queue != NULL)
		dispatch_reclaim(&p->dispatch, queue);
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
	p->starting--;
	p->ready++;
	if (p->probe == s) {
		ev_timer_set(&p->probation,
		    loop_seconds(p->conf->ready.soak_ms), 0.);
		ev_timer_start(p->loop, &p->probation);
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

	if (ms == 0) {
		log_warn("%s[%u] pid %ld: %s%s; restarting now",
		    s->pool->conf->name, s->index, (long)w->pid, end, early);
		return;
	}
	log_warn("%s[%u] pid %ld: %s%s; restarting in %llu ms",
	    s->pool->conf->name, s->index, (long)w->pid, end, early,
	    (unsigned long long)ms);
	slot_set_backoff(s, ms);
}

/* The slot's own worker has died: what becomes of the slot. */
static void
slot_lost(struct slot *s, const struct worker *w)
{
	const struct conf_pool	*c = s->pool->conf;
	char			 end[64];
	bool			 success;

	worker_describe_end(w, end, sizeof(end));
	success = ending_is_success(&w->ending, c->success_exit);
	switch (slot_verdict(s, success)) {
	case VERDICT_RESTART:
		slot_come_back(s, w, end);
		break;
	case VERDICT_DONE:
		s->ended = true;
		log_info("%s[%u] pid %ld: %s; it is not started again",
		    c->name, s->index, (long)w->pid, end);
		break;
	case VERDICT_FAILED:
		s->ended = s->ended_badly = true;
		log_err("%s[%u] pid %ld: %s; it is not started again",
		    c->name, s->index, (long)w->pid, end);
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
	log_info("%s[%u] pid %ld: left, %s", s->pool->conf->name, s->index,
	    (long)w->pid, end);
}

/* When the oldest worker that is alive in this slot was started. */
static unsigned long long
slot_oldest_start(const struct slot *s)
{
	struct list		*n;
	const struct worker	*w[2] = { s->current, s->beside };
	unsigned long long	 t, oldest = 0;
	size_t			 i;

	for (i = 0; i < ARRAY_LEN(w); i++)
		if (w[i] != NULL && (t = tree_start_ticks(w[i]->pid)) != 0 &&
		    (oldest == 0 || t < oldest))
			oldest = t;
	for (n = s->draining.next; n != &s->draining; n = n->next) {
		t = tree_start_ticks(LIST_ENTRY(n, struct worker, node)->pid);
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
	char		 name[16];
	size_t		 killed;
	pid_t		 pid = w->pid;

	if (was_current) {
		slot_detach(s, w);
		slot_down(s);
		slot_lost(s, w);
		slot_reconcile(s);	/* at once, if at all */
	} else if (was_beside) {
		s->beside = NULL;
	} else {
		slot_left(s, w);
	}
	(void)snprintf(name, sizeof(name), "%u", s->index);
	killed = tree_kill_left(p->reaper, pid, p->conf->name, name,
	    slot_oldest_start(s));
	if (killed > 0)
		log_info("%s[%u] pid %ld: killed %zu of its children that it "
		    "had left behind", p->conf->name, s->index, (long)pid,
		    killed);
	p->processes--;
	if (p->reload != NULL)
		reload_worker_gone(p->reload, s, w, was_beside);
	worker_free(w);
	pool_changed(p);
}
