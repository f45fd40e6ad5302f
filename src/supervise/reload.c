#include "config.h"
#include "supervise/reload.h"

#include <errno.h>
#include <stdarg.h>
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
	uint64_t		 began_ms, step_ms;
	bool			 aborted;
	char			 why[640];	/* of the failure */
	struct buf		 lines;		/* and what was said last */
};

static void	reload_step(struct ev_loop *, ev_timer *, int);
static void	reload_soaked(struct ev_loop *, ev_timer *, int);

/* As many at a time as the config says and descriptors permit. */
static size_t
reload_batch(const struct pool *p, const struct conf_pool *c, size_t slots)
{
	size_t	 batch = c->reload.batch, room = 0;
	size_t	 there = p->starting + p->ready;

	if (batch == CONF_BATCH_ALL || batch > slots)
		batch = slots > 0 ? slots : 1;
	if (c->reload.order == CONF_OLD_FIRST)
		return batch;		/* it takes the place of another */
	if (p->most_processes > there)
		room = p->most_processes - there;
	if (room > 0 && room < batch)
		pool_post(p, LOG_WARN, EV_ROLLOUT, "descriptors permit only "
		    "%zu of a batch of %zu at a time", room, batch);
	return room < batch ? room : batch;
}

struct reload *
reload_new(struct pool *p, struct generation *g, size_t slots,
    struct err *e)
{
	const struct conf_pool	*c = g->conf;
	struct reload		*r;
	size_t			 i, batch = reload_batch(p, c, slots);

	if (batch == 0) {
		err_set(e, 0, "no descriptors for one more worker beside the "
		    "%zu that run (see ulimit -Hn)", p->processes);
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	if (r == NULL || rollout_init(&r->plan, slots, batch,
	    c->reload.order == CONF_OLD_FIRST) == -1) {
		free(r);
		err_set(e, ENOMEM, "rollout");
		return NULL;
	}
	r->pool = p;
	r->gen = g;
	for (i = 0; i < slots; i++)
		if (!slot_is_wanted(p->slots[i]))
			rollout_skip(&r->plan, i);
	r->began_ms = r->step_ms = clock_ms();
	buf_init(&r->lines, HISTORY_TAIL_BYTES);
	ev_timer_init(&r->soak, reload_soaked, 0., 0.);
	ev_timer_init(&r->step, reload_step, 0., 0.);
	r->soak.data = r->step.data = r;
	return r;
}

/* A step is done: whoever waits for the end is told. */
PRINTFLIKE(3, 4) static void
reload_progress(struct reload *r, const struct slot *s, const char *fmt, ...)
{
	char	 text[128];
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->step_ms = clock_ms();
	r->pool->ops->progress(r->pool->arg, r->pool, s->index, text);
}

/* News may arrive in the middle of a step: the next one is always later. */
static void
reload_continue(struct reload *r)
{
	ev_timer_set(&r->step, 0., 0.);
	ev_timer_start(r->pool->common->loop, &r->step);
}

void
reload_begin(struct reload *r)
{
	const struct conf_pool	*c = r->gen->conf;

	pool_post(r->pool, LOG_INFO, EV_ROLLOUT, "rolling out generation %u "
	    "to %zu slots, %s", r->gen->number, r->plan.slots,
	    c->reload.order == CONF_OLD_FIRST ? "old first" : "new first");
	reload_continue(r);
}

/* Everything but the pool's own state goes. */
static void
reload_free(struct reload *r)
{
	size_t	 i;

	for (i = 0; i < r->plan.slots; i++) {
		generation_unref(r->pool->slots[i]->old_gen);
		r->pool->slots[i]->old_gen = NULL;
	}
	ev_timer_stop(r->pool->common->loop, &r->soak);
	ev_timer_stop(r->pool->common->loop, &r->step);
	generation_unref(r->gen);
	rollout_fini(&r->plan);
	buf_free(&r->lines);
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

/* Tell the pool's owner; the rollout is over. */
static void
reload_report(struct reload *r, enum reload_end end)
{
	struct pool		*p = r->pool;
	struct reload_result	 res = {
		.end = end,
		.aborted = r->aborted,
		.slots = rollout_replaced(&r->plan),
		.ms = clock_ms() - r->began_ms,
		.why = r->why,
		.lines = buf_head(&r->lines),
		.lines_len = buf_len(&r->lines),
	};

	p->reload = NULL;
	if (end != RELOAD_CANCELLED)
		pool_changed(p);	/* it may have ended meanwhile */
	p->ops->reloaded(p->arg, p, &res);
	reload_free(r);
}

void
reload_cancel(struct reload *r)
{
	struct pool	*p = r->pool;
	size_t		 i;

	for (i = 0; i < r->plan.slots; i++) {
		reload_drop(p->slots[i]);
		p->slots[i]->held = false;
	}
	pool_post(p, LOG_WARN, EV_ROLLOUT, "the rollout of generation %u is "
	    "cancelled", r->gen->number);
	reload_report(r, RELOAD_CANCELLED);
}

bool
reload_abort(struct reload *r, const char *why)
{
	if (r->plan.back)
		return false;
	r->aborted = true;
	(void)snprintf(r->why, sizeof(r->why), "%s", why);
	ev_timer_stop(r->pool->common->loop, &r->soak);
	rollout_abort(&r->plan);
	reload_continue(r);
	return true;
}

/* Few enough old ones drain there, and in all there are descriptors. */
static bool
reload_has_room(void *arg, size_t slot)
{
	const struct pool	*p = ((struct reload *)arg)->pool;

	return p->slots[slot]->draining_count < SLOT_DRAINING_MAX &&
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

	s->beside = pool_queue_for(s, gen, &q, &e) == -1 ? NULL :
	    pool_start_worker(s, gen, q, &e);
	queue_unref(q);			/* the worker has its own */
	if (s->beside != NULL) {
		reload_progress(r, s, "starting generation %u, pid %ld",
		    gen->number, (long)s->beside->pid);
		return;
	}
	slot_post(s, NULL, LOG_ERR, EV_FAILED, "cannot start generation %u: "
	    "%s", gen->number, e.msg);
	reload_set_why(r, s, e.msg);
	rollout_failed(&r->plan, s->index);
}

/* Put the slot under the worker beside, and remember what it had. */
static void
reload_switch(struct reload *r, struct slot *s)
{
	struct generation	*had = s->gen;

	slot_post(s, s->beside, LOG_INFO, EV_SERVING,
	    "takes the slot, generation %u", s->beside->gen->number);
	slot_switch(s);
	if (!r->plan.back) {
		s->old_gen = had;
	} else {
		generation_unref(had);
		generation_unref(s->old_gen);
		s->old_gen = NULL;
	}
	reload_progress(r, s, "generation %u has it", s->gen->number);
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
	uint64_t	 ms = r->gen->conf->ready.soak_ms;

	ev_timer_set(&r->soak, loop_seconds(ms), 0.);
	ev_timer_start(r->pool->common->loop, &r->soak);
	r->step_ms = clock_ms();
	log_debug("%s: slots %zu to %zu are ready; watching them for %llu ms",
	    r->pool->name, r->plan.first, r->plan.last - 1,
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
		s = r->pool->slots[i];
		if (!s->held)
			continue;
		if (s->old_gen != NULL)
			slot_set_generation(s, s->old_gen);
		s->held = false;
		slot_reconcile(s);
	}
}

/*
 * With incomplete the listeners of both generations stay open, until the
 * next one.
 */
static void
reload_end(struct reload *r, enum rollout_action how)
{
	struct pool	*p = r->pool;
	unsigned int	 number = r->gen->number;
	uint64_t	 ms = clock_ms() - r->began_ms;

	reload_release(r);
	if (how == ROLLOUT_DONE) {
		pool_set_generation(p, r->gen);
		pool_post(p, LOG_INFO, EV_ROLLOUT, "generation %u is rolled "
		    "out to %zu slots, after %llu ms", number, r->plan.slots,
		    (unsigned long long)ms);
		reload_report(r, RELOAD_DONE);
	} else if (how == ROLLOUT_BACK) {
		pool_post(p, LOG_ERR, EV_ROLLOUT, "rollout of generation %u "
		    "failed and is rolled back: %s", number, r->why);
		generation_close(r->gen);
		reload_report(r, RELOAD_ROLLED_BACK);
	} else {
		pool_post(p, LOG_ERR, EV_ROLLOUT, "rollout of generation %u "
		    "failed, roll back incomplete: %zu slots could not be "
		    "put back: %s", number, rollout_replaced(&r->plan),
		    r->why);
		reload_report(r, RELOAD_INCOMPLETE);
	}
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
		s = r->pool->slots[i];
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
	slot_post(s, s->beside, LOG_INFO, EV_READY, "ready, generation %u",
	    s->beside->gen->number);
	reload_progress(r, s, "ready, watching it for %llu ms",
	    (unsigned long long)r->gen->conf->ready.soak_ms);
	rollout_ready(&r->plan, s->index);
	reload_continue(r);
}

/* Why a new worker was not good enough, with what it said last. */
static void
reload_obituary(struct reload *r, const struct slot *s,
    const struct worker *w)
{
	char		 end[64], what[192];
	const char	*p;
	size_t		 at;

	worker_describe_end(w, end, sizeof(end));
	if (w->was_ready)
		(void)snprintf(what, sizeof(what), "pid %ld ended %llu ms "
		    "after it was ready: %s", (long)w->pid,
		    (unsigned long long)worker_ready_time(w), end);
	else
		(void)snprintf(what, sizeof(what), "pid %ld ended before it "
		    "was ready: %s", (long)w->pid, end);
	reload_set_why(r, s, what);
	slot_post(s, NULL, LOG_ERR, EV_ROLLOUT, "generation %u: %s",
	    w->gen->number, what);
	if (buf_len(&r->lines) > 0)
		return;			/* one is enough */
	history_tail(&s->history, w->pid, &r->lines);
	for (at = 0; at < buf_len(&r->lines); at += strlen(p) + 1) {
		p = buf_head(&r->lines) + at;
		slot_post(s, w, LOG_ERR, EV_ROLLOUT, "last line: %s", p);
	}
}

void
reload_worker_gone(struct reload *r, struct slot *s, const struct worker *w,
    bool was_beside)
{
	if (s->index >= r->plan.slots) {
		reload_continue(r);	/* there may be room now */
		return;
	}
	if (was_beside) {
		ev_timer_stop(r->pool->common->loop, &r->soak);
		reload_obituary(r, s, w);
		rollout_failed(&r->plan, s->index);
	} else if (s->draining_count == 0) {
		rollout_cleared(&r->plan, s->index);
	}
	if (s->ended)
		rollout_skip(&r->plan, s->index);
	reload_continue(r);
}

/* What the rollout waits for now. */
static void
reload_describe(const struct reload *r, char *buf, size_t size)
{
	const struct slot	*s;
	uint64_t		 ms = clock_ms() - r->step_ms;
	size_t			 i;

	for (i = 0; i < r->plan.slots; i++) {
		s = r->pool->slots[i];
		if (s->held && s->current == NULL && s->beside == NULL) {
			(void)snprintf(buf, size, "waiting for slot %zu to "
			    "be left", i);
			return;
		}
		if (s->beside == NULL || worker_is_ready(s->beside))
			continue;
		(void)snprintf(buf, size, "waiting for slot %zu to get "
		    "ready, %.1f s of %.1f s", i, (double)(clock_ms() -
		    s->beside->started_ms) / 1000., (double)
		    s->beside->gen->conf->ready.timeout_ms / 1000.);
		return;
	}
	if (r->plan.soaking && !r->plan.soaked && !r->plan.back)
		(void)snprintf(buf, size, "watching what is ready, %.1f s of "
		    "%.1f s", (double)ms / 1000.,
		    (double)r->gen->conf->ready.soak_ms / 1000.);
	else
		(void)snprintf(buf, size, "waiting for old workers to leave");
}

void
reload_look(const struct reload *r, struct reload_view *v)
{
	v->generation = r->gen->number;
	v->replaced = rollout_replaced(&r->plan);
	v->slots = r->plan.slots;
	v->back = r->plan.back;
	reload_describe(r, v->text, sizeof(v->text));
}
