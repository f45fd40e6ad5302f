#include "config.h"
#include "supervise/reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "config/conf.h"
#include "os/loop.h"
#include "policy/rollout.h"
#include "supervise/dispatch.h"
#include "supervise/generation.h"
#include "supervise/pool.h"
#include "supervise/slot.h"
#include "supervise/worker.h"

struct reload {
	struct pool		*pool;
	struct generation	*gen;
	struct rollout		 plan;
	ev_timer		 soak;
	ev_timer		 step;		/* due at once: go on */
	uint64_t		 began_ms;
	char			 why[640];	/* of the failure */
};

static void	reload_step(struct ev_loop *, ev_timer *, int);
static void	reload_soaked(struct ev_loop *, ev_timer *, int);

struct reload *
reload_new(struct pool *p, struct err *e)
{
	const struct conf_pool	*c = p->conf;
	struct reload		*r = calloc(1, sizeof(*r));
	size_t			 i;

	if (r == NULL || rollout_init(&r->plan, c->count, c->reload.batch,
	    c->reload.order == CONF_OLD_FIRST) == -1) {
		free(r);
		err_set(e, ENOMEM, "pool '%s'", c->name);
		return NULL;
	}
	r->pool = p;
	r->gen = generation_new(c, p->last_generation + 1, e);
	if (r->gen == NULL) {
		rollout_fini(&r->plan);
		free(r);
		return NULL;
	}
	for (i = 0; i < c->count; i++)
		if (p->slots[i].ended)
			rollout_skip(&r->plan, i);
	r->began_ms = clock_ms();
	ev_timer_init(&r->soak, reload_soaked, 0., 0.);
	ev_timer_init(&r->step, reload_step, 0., 0.);
	r->soak.data = r->step.data = r;
	return r;
}

/* News may arrive in the middle of a step: the next one is always later. */
static void
reload_continue(struct reload *r)
{
	ev_timer_set(&r->step, 0., 0.);
	ev_timer_start(r->pool->loop, &r->step);
}

void
reload_begin(struct reload *r)
{
	const struct conf_pool	*c = r->pool->conf;

	r->pool->last_generation = r->gen->number;
	log_info("%s: rolling out generation %u to %llu slots, %s",
	    c->name, r->gen->number, (unsigned long long)c->count,
	    c->reload.order == CONF_OLD_FIRST ? "old first" : "new first");
	reload_continue(r);
}

/* Everything but the pool's own state goes. */
static void
reload_free(struct reload *r)
{
	size_t	 i;

	for (i = 0; i < r->plan.slots; i++) {
		generation_unref(r->pool->slots[i].old_gen);
		r->pool->slots[i].old_gen = NULL;
	}
	ev_timer_stop(r->pool->loop, &r->soak);
	ev_timer_stop(r->pool->loop, &r->step);
	generation_unref(r->gen);
	rollout_fini(&r->plan);
	free(r);
}

/* The worker beside the slot's own is to go. */
static void
reload_drop(struct slot *s)
{
	struct worker	*w = s->beside;

	if (w == NULL)
		return;
	s->beside = NULL;
	slot_let_go(s, w);
	worker_kill(w);
}

void
reload_cancel(struct reload *r)
{
	struct pool	*p = r->pool;
	size_t		 i;

	for (i = 0; i < r->plan.slots; i++) {
		reload_drop(&p->slots[i]);
		p->slots[i].held = false;
	}
	log_warn("%s: the rollout of generation %u is cancelled",
	    p->conf->name, r->gen->number);
	p->reload = NULL;
	reload_free(r);
}

/* Few enough old ones drain there, and in all there are descriptors. */
static bool
reload_has_room(void *arg, size_t slot)
{
	const struct pool	*p = ((struct reload *)arg)->pool;

	return p->slots[slot].draining_count < SLOT_DRAINING_MAX &&
	    p->processes < p->most_processes;
}

static void
reload_set_why(struct reload *r, const struct slot *s, const char *what)
{
	if (r->why[0] == '\0')
		(void)snprintf(r->why, sizeof(r->why), "slot %u: %s",
		    s->index, what);
}

static void
reload_start(struct reload *r, struct slot *s, struct generation *gen)
{
	struct queue	*q = NULL;
	struct err	 e;

	if (r->pool->handover && (q = queue_new(&r->pool->dispatch, &e)) ==
	    NULL)
		s->beside = NULL;
	else
		s->beside = pool_start_worker(s, gen, q, &e);
	queue_unref(q);			/* the worker has its own */
	if (s->beside != NULL)
		return;
	log_err("%s[%u]: cannot start generation %u: %s",
	    r->pool->conf->name, s->index, gen->number, e.msg);
	reload_set_why(r, s, e.msg);
	rollout_failed(&r->plan, s->index);
}

/* Put the slot under the worker beside, and remember what it had. */
static void
reload_switch(struct reload *r, struct slot *s)
{
	struct generation	*had = s->gen;

	log_info("%s[%u] pid %ld: takes the slot, generation %u",
	    r->pool->conf->name, s->index, (long)s->beside->pid,
	    s->beside->gen->number);
	slot_switch(s);
	if (!r->plan.back) {
		s->old_gen = had;
	} else {
		generation_unref(had);
		generation_unref(s->old_gen);
		s->old_gen = NULL;
	}
	pool_changed(r->pool);
}

/* Leave the slot empty until a worker of the other generation has it. */
static void
reload_clear(struct reload *r, struct slot *s)
{
	s->held = true;
	slot_reconcile(s);
	if (s->draining_count == 0)
		rollout_cleared(&r->plan, s->index);
}

static void
reload_soak(struct reload *r)
{
	uint64_t	 ms = r->pool->conf->ready.soak_ms;

	ev_timer_set(&r->soak, loop_seconds(ms), 0.);
	ev_timer_start(r->pool->loop, &r->soak);
	log_debug("%s: slots %zu to %zu are ready; watching them for %llu ms",
	    r->pool->conf->name, r->plan.first, r->plan.last - 1,
	    (unsigned long long)ms);
}

static void
reload_soaked(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct reload	*r = t->data;

	(void)loop;
	(void)revents;
	rollout_soaked(&r->plan);
	reload_continue(r);
}

/*
 * Slots that are stuck: where the new worker still is it stays; an empty
 * one (old-first) is left to ordinary restarts of the old generation.
 */
static void
reload_release(struct reload *r)
{
	struct slot	*s;
	size_t		 i;

	for (i = 0; i < r->plan.slots; i++) {
		s = &r->pool->slots[i];
		if (!s->held)
			continue;
		if (s->old_gen != NULL) {
			generation_unref(s->gen);
			s->gen = s->old_gen;
			s->old_gen = NULL;
		}
		s->held = false;
		slot_reconcile(s);
	}
}

static void
reload_end(struct reload *r, enum rollout_action how)
{
	struct pool	*p = r->pool;
	const char	*name = p->conf->name;
	unsigned int	 number = r->gen->number;
	uint64_t	 ms = clock_ms() - r->began_ms;

	if (how == ROLLOUT_DONE)
		log_info("%s: generation %u is rolled out to %zu slots, "
		    "after %llu ms", name, number, r->plan.slots,
		    (unsigned long long)ms);
	else if (how == ROLLOUT_BACK)
		log_err("%s: rollout of generation %u failed and is rolled "
		    "back: %s", name, number, r->why);
	else
		log_err("%s: rollout of generation %u failed, roll back "
		    "incomplete: %zu slots could not be put back: %s", name,
		    number, rollout_replaced(&r->plan), r->why);
	reload_release(r);
	p->reload = NULL;
	reload_free(r);
	pool_changed(p);		/* it may have ended meanwhile */
	p->ops->reloaded(p->arg, p, how == ROLLOUT_DONE);
}

static void
reload_step(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct reload		*r = t->data;
	enum rollout_action	 a;
	struct slot		*s;
	size_t			 i = 0;

	(void)loop;
	(void)revents;
	while ((a = rollout_next(&r->plan, &i, reload_has_room, r)) !=
	    ROLLOUT_WAIT) {
		s = &r->pool->slots[i];
		switch (a) {
		case ROLLOUT_CLEAR:
			reload_clear(r, s);
			break;
		case ROLLOUT_START:
			reload_start(r, s, r->gen);
			break;
		case ROLLOUT_START_OLD:
			reload_start(r, s, s->old_gen ? s->old_gen : s->gen);
			break;
		case ROLLOUT_SOAK:
			reload_soak(r);
			break;
		case ROLLOUT_SWITCH:
			reload_switch(r, s);
			break;
		case ROLLOUT_DROP:
			reload_drop(s);
			if (s->draining_count == 0)
				rollout_cleared(&r->plan, s->index);
			break;
		case ROLLOUT_DONE:
		case ROLLOUT_BACK:
		case ROLLOUT_INCOMPLETE:
			reload_end(r, a);
			return;
		case ROLLOUT_WAIT:
			break;
		}
	}
}

void
reload_worker_ready(struct reload *r, struct slot *s)
{
	log_info("%s[%u] pid %ld: ready, generation %u",
	    r->pool->conf->name, s->index, (long)s->beside->pid,
	    s->beside->gen->number);
	rollout_ready(&r->plan, s->index);
	reload_continue(r);
}

static void
reload_tail_line(void *arg, const char *line)
{
	const struct worker	*w = arg;

	log_err("%s[%u] pid %ld: last line: %s", w->job.conf->name,
	    w->job.slot, (long)w->pid, line);
}

/* Why a new worker was not good enough, with what it said last. */
static void
reload_obituary(struct reload *r, const struct slot *s,
    const struct worker *w)
{
	char	 end[64], what[192];

	worker_describe_end(w, end, sizeof(end));
	if (w->was_ready)
		(void)snprintf(what, sizeof(what), "pid %ld ended %llu ms "
		    "after it was ready: %s", (long)w->pid,
		    (unsigned long long)worker_ready_time(w), end);
	else
		(void)snprintf(what, sizeof(what), "pid %ld ended before it "
		    "was ready: %s", (long)w->pid, end);
	reload_set_why(r, s, what);
	log_err("%s[%u]: generation %u: %s", r->pool->conf->name, s->index,
	    w->gen->number, what);
	output_tail(&w->output, reload_tail_line, (void *)(uintptr_t)w);
}

void
reload_worker_gone(struct reload *r, struct slot *s, const struct worker *w,
    bool was_beside)
{
	if (was_beside) {
		ev_timer_stop(r->pool->loop, &r->soak);
		reload_obituary(r, s, w);
		rollout_failed(&r->plan, s->index);
	} else if (s->draining_count == 0) {
		rollout_cleared(&r->plan, s->index);
	}
	if (s->ended)
		rollout_skip(&r->plan, s->index);
	reload_continue(r);
}
