#include "config.h"
#include "supervise/change_step.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/conf.h"
#include "os/reaper.h"
#include "supervise/capacity.h"
#include "supervise/change.h"
#include "supervise/generation.h"
#include "supervise/pool.h"
#include "supervise/reload.h"
#include "supervise/slot.h"
#include "supervise/supervisor.h"
#include "supervise/worker.h"

/* --- making them ---------------------------------------------------------- */

void
step_fini(struct change_step *st)
{
	generation_unref(st->old_gen);
	conf_unref(st->old_owner);
	free(st->was);
}

static bool
is_named(char *const *names, const char *name)
{
	if (names == NULL)
		return true;
	for (; *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

/* Of the pools that are named; nothing for those that have ended. */
static int
steps_of_reload(struct change *c, struct err *e)
{
	struct supervisor	*s = c->supervisor;
	struct pool		*p;
	size_t			 i;
	char			**name;

	for (name = c->names; name != NULL && *name != NULL; name++)
		if (supervisor_find(s, *name) == NULL)
			return err_set(e, 0, "pool '%s' is gone", *name);
	c->steps = calloc(s->pool_count + 1, sizeof(*c->steps));
	if (c->steps == NULL)
		return err_set(e, ENOMEM, "rollout");
	for (i = 0; i < s->pool_count; i++) {
		p = s->pools[i];
		if (p->removed || !is_named(c->names, p->name))
			continue;
		if (!pool_is_closed(p)) {
			c->steps[c->count].kind = PLAN_ROLLOUT;
			c->steps[c->count].pool = p;
			c->steps[c->count++].to = p->conf;
		} else if (c->names != NULL) {
			return err_set(e, 0, "pool '%s': no worker is there "
			    "to be replaced; see 'rota start'", p->name);
		}
	}
	return 0;
}

/* supervisor_read has seen that the new config fits.  Never less room yet. */
static void
make_room(struct change *c)
{
	struct pool	*p;
	struct headroom	*room = &c->supervisor->room;
	size_t		 i, most;

	capacity_look(room, reaper_count(c->supervisor->common.reaper));
	for (i = 0; i < c->conf->pool_count; i++) {
		p = supervisor_find(c->supervisor, c->conf->pools[i].name);
		most = capacity_processes(c->conf, &c->conf->pools[i],
		    room);
		if (p != NULL && most > p->most_processes)
			p->most_processes = most;
	}
}

static int
steps_of_config(struct change *c, struct err *e)
{
	size_t	 i;

	e->msg[0] = '\0';
	c->conf = supervisor_read(c->supervisor, c->path, &c->file,
	    &c->problems, e);
	if (c->conf == NULL && c->problems.count > 0)
		return err_set(e, 0, "%s:%u:%u: %s", c->path,
		    c->problems.list[0].pos.line, c->problems.list[0].pos.col,
		    c->problems.list[0].text != NULL ?
		    c->problems.list[0].text : "out of memory");
	if (c->conf == NULL ||
	    plan_make(&c->plan, c->supervisor, c->conf, e) == -1)
		return -1;
	c->steps = calloc(c->plan.count + 1, sizeof(*c->steps));
	if (c->steps == NULL)
		return err_set(e, ENOMEM, "config");
	for (i = 0; i < c->plan.count; i++) {
		c->steps[i].kind = c->plan.list[i].kind;
		c->steps[i].pool = c->plan.list[i].pool;
		c->steps[i].to = c->plan.list[i].to;
		c->steps[i].text = c->plan.list[i].text;
		c->steps[i].with_ended = c->plan.list[i].with_ended;
	}
	c->count = c->plan.count;
	make_room(c);
	return 0;
}

int
steps_make(struct change *c, struct err *e)
{
	return c->kind == CHANGE_APPLY ? steps_of_config(c, e) :
	    steps_of_reload(c, e);
}

/* --- waiting for slots ---------------------------------------------------- */

/* The slots that a step starts are among these. */
static void
step_range(const struct change_step *st, size_t *ret_first, size_t *ret_last)
{
	*ret_first = st->kind == PLAN_GROW ? st->old_count : 0;
	*ret_last = st->kind == PLAN_START ? st->old_count :
	    st->pool->count;
}

/* Those of them that it does start. */
static bool
step_starts(void *arg, size_t slot)
{
	const struct change_step	*st = arg;

	return st->was == NULL || st->was[slot].down;
}

uint64_t
step_restarts(struct change_step *st)
{
	size_t		 i, first, last;
	uint64_t	 n = 0;

	step_range(st, &first, &last);
	for (i = first; i < last; i++)
		if (step_starts(st, i))
			n += st->pool->slots[i]->restarts;
	return n;
}

void
step_settle(struct change *c, struct change_step *st)
{
	size_t	 first, last;

	step_range(st, &first, &last);
	c->settle.concerns = step_starts;
	c->settle.concerns_arg = st;
	settle_begin(&c->settle, st->pool, first, last, true);
}

static int
step_wait(struct change *c, struct change_step *st)
{
	c->soaking = false;
	c->restarts = step_restarts(st);
	step_settle(c, st);
	return STEP_WAIT;
}

void
step_tail(struct change *c, struct change_step *st)
{
	const struct slot	*s;
	size_t			 i, first, last;

	step_range(st, &first, &last);
	for (i = first; i < last && buf_len(&c->bad_lines) == 0; i++) {
		s = st->pool->slots[i];
		if (step_starts(st, i) && s->start_error == NULL &&
		    (s->current == NULL || !worker_is_ready(s->current)))
			history_tail(&s->history, s->last_pid, &c->bad_lines);
	}
}

/* --- ADD and REMOVE ------------------------------------------------------- */

static int
add_begin(struct change *c, struct change_step *st, struct err *e)
{
	struct pool	*p;

	p = supervisor_add_pool(c->supervisor, c->conf,
	    (size_t)(st->to - c->conf->pools), e);
	if (p == NULL)
		return STEP_FAILED;
	if (pool_start(p, e) == -1) {
		supervisor_remove_pool(c->supervisor, p);
		return STEP_FAILED;
	}
	st->pool = p;
	return step_wait(c, st);
}

static int
add_undo(struct change *c, struct change_step *st, struct err *e)
{
	(void)e;
	supervisor_remove_pool(c->supervisor, st->pool);
	st->pool = NULL;
	return STEP_DONE;
}

static void
remove_commit(struct change *c, struct change_step *st)
{
	supervisor_remove_pool(c->supervisor, st->pool);
}

/* --- ROLLOUT -------------------------------------------------------------- */

/* Remember the config that the pool has now. */
static void
step_keep(struct change_step *st)
{
	st->old_owner = conf_ref(st->pool->owner);
	st->old_conf = st->pool->conf;
}

void
step_forget(struct change_step *st)
{
	if (st->old_owner != NULL)
		pool_set_conf(st->pool, st->old_owner, st->old_conf);
}

/* Of the slots that will be there, too. */
static size_t
rollout_slots(const struct change_step *st)
{
	return st->pool->count < st->to->count || st->text == NULL ?
	    st->pool->count : st->to->count;
}

static int
rollout_begin(struct change *c, struct change_step *st, struct err *e)
{
	struct pool		*p = st->pool;
	struct conf		*owner = c->conf != NULL ? c->conf : p->owner;
	struct generation	*g;

	if (pool_is_closed(p))
		return STEP_DONE;		/* it has ended meanwhile */
	step_keep(st);
	st->old_gen = generation_ref(p->gen);
	g = pool_pin(p, owner, st->to, e);
	if (g == NULL)
		return STEP_FAILED;
	st->generation = g->number;
	pool_set_conf(p, owner, st->to);
	if (pool_reload(p, g, rollout_slots(st), e) == -1) {
		generation_unref(g);
		step_forget(st);
		return STEP_FAILED;
	}
	return STEP_WAIT;
}

/* The way back is a rollout of the generation that was there before. */
static int
rollout_undo(struct change *c, struct change_step *st, struct err *e)
{
	(void)c;
	step_forget(st);
	if (st->old_gen == NULL || pool_is_closed(st->pool))
		return STEP_DONE;
	if (pool_reload(st->pool, generation_ref(st->old_gen),
	    rollout_slots(st), e) == -1) {
		generation_unref(st->old_gen);
		return STEP_FAILED;
	}
	return STEP_WAIT;
}

/* --- GROW, SHRINK, START -------------------------------------------------- */

static int
grow_begin(struct change *c, struct change_step *st, struct err *e)
{
	st->old_count = st->pool->count;
	if (pool_scale(st->pool, st->to->count, e) == -1)
		return STEP_FAILED;
	/* Slots of a closed pool are a matter of START. */
	return pool_is_closed(st->pool) ? STEP_DONE : step_wait(c, st);
}

static int
grow_undo(struct change *c, struct change_step *st, struct err *e)
{
	(void)c;
	return pool_scale(st->pool, st->old_count, e) == -1 ? STEP_FAILED :
	    STEP_DONE;
}

static void
shrink_commit(struct change *c, struct change_step *st)
{
	struct err	 e;

	(void)c;
	if (pool_scale(st->pool, st->to->count, &e) == -1)
		pool_post(st->pool, LOG_ERR, EV_CONFIG, "cannot scale: %s",
		    e.msg);
}

/* What is down of the slots that stay, and how. */
static int
start_look(struct change_step *st, struct err *e)
{
	struct pool	*p = st->pool;
	struct slot	*s;
	size_t		 i;

	st->old_count = p->count < st->to->count ? p->count : st->to->count;
	st->was = calloc(st->old_count, sizeof(*st->was));
	if (st->was == NULL)
		return err_set(e, ENOMEM, "pool '%s'", p->name);
	st->was_closed = pool_is_closed(p);
	for (i = 0; i < st->old_count; i++) {
		s = p->slots[i];
		st->was[i].stopped = s->stopped;
		st->was[i].ended = s->ended;
		st->was[i].ended_badly = s->ended_badly;
		st->was[i].down = s->stopped || (st->with_ended && s->ended);
	}
	return 0;
}

static int
start_begin(struct change *c, struct change_step *st, struct err *e)
{
	struct pool	*p = st->pool;
	size_t		 i;

	if (start_look(st, e) == -1)
		return STEP_FAILED;
	step_keep(st);
	if (pool_is_closed(p))
		pool_set_conf(p, c->conf, st->to);
	for (i = 0; i < st->old_count; i++)
		if (st->was[i].down && pool_resume(p, i, i + 1, e) == -1) {
			step_forget(st);
			return STEP_FAILED;
		}
	return step_wait(c, st);
}

static int
start_undo(struct change *c, struct change_step *st, struct err *e)
{
	struct pool	*p = st->pool;
	struct slot	*s;
	size_t		 i;

	(void)c;
	(void)e;
	if (st->was_closed)
		pool_halt(p, 0, p->count, true);
	for (i = 0; i < st->old_count; i++) {
		if (!st->was[i].down)
			continue;
		pool_halt(p, i, i + 1, false);
		s = p->slots[i];
		s->stopped = st->was[i].stopped;
		s->ended = st->was[i].ended;
		s->ended_badly = st->was[i].ended_badly;
	}
	step_forget(st);
	return STEP_DONE;
}

/* --- the rest ------------------------------------------------------------- */

static void
broadcast_commit(struct change *c, struct change_step *st)
{
	struct err	 e;

	pool_adopt(st->pool, c->conf, st->to);
	if (pool_broadcast_anew(st->pool, &e) == -1)
		pool_post(st->pool, LOG_ERR, EV_CONFIG,
		    "broadcasts go on as they were: %s", e.msg);
}

/* What is not here is nothing to do, or done by supervisor_adopt. */
static const struct {
	int	(*begin)(struct change *, struct change_step *, struct err *);
	int	(*undo)(struct change *, struct change_step *, struct err *);
	void	(*commit)(struct change *, struct change_step *);
} kinds[PLAN__COUNT] = {
	[PLAN_ADD] = { add_begin, add_undo, NULL },
	[PLAN_ROLLOUT] = { rollout_begin, rollout_undo, NULL },
	[PLAN_GROW] = { grow_begin, grow_undo, NULL },
	[PLAN_START] = { start_begin, start_undo, NULL },
	[PLAN_SHRINK] = { NULL, NULL, shrink_commit },
	[PLAN_BROADCAST] = { NULL, NULL, broadcast_commit },
	[PLAN_REMOVE] = { NULL, NULL, remove_commit },
};

int
step_begin(struct change *c, struct change_step *st, struct err *e)
{
	return kinds[st->kind].begin == NULL ? STEP_DONE :
	    kinds[st->kind].begin(c, st, e);
}

int
step_undo(struct change *c, struct change_step *st, struct err *e)
{
	return kinds[st->kind].undo == NULL ? STEP_DONE :
	    kinds[st->kind].undo(c, st, e);
}

void
step_commit(struct change *c, struct change_step *st)
{
	if (kinds[st->kind].commit != NULL)
		kinds[st->kind].commit(c, st);
}
