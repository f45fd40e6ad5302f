#include "config.h"
#include "supervise/change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/words.h"
#include "os/loop.h"
#include "supervise/change_step.h"
#include "supervise/generation.h"
#include "supervise/history.h"
#include "supervise/pool.h"
#include "supervise/reload.h"
#include "supervise/supervisor.h"

static void	change_go(struct ev_loop *, ev_timer *, int);
static void	change_soaked(struct ev_loop *, ev_timer *, int);
static void	change_settled(void *, const char *);

static const char *const end_names[] = {
	[CHANGE_DONE] = "done",
	[CHANGE_BAD_CONFIG] = "bad-config",
	[CHANGE_REFUSED] = "refused",
	[CHANGE_ROLLED_BACK] = "rolled-back",
	[CHANGE_INCOMPLETE] = "incomplete",
	[CHANGE_ABORTED] = "aborted",
	[CHANGE_STOPPING] = "stopping",
};

const char *
change_end_name(enum change_end end)
{
	return end_names[end];
}

static struct change *
change_new(struct supervisor *s, enum change_kind kind)
{
	struct change	*c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->supervisor = s;
	c->kind = kind;
	list_init(&c->node);
	list_init(&c->watches);
	list_init(&c->settle.node);
	c->settle.done = change_settled;
	c->settle.arg = c;
	buf_init(&c->bad_lines, HISTORY_TAIL_BYTES);
	ev_timer_init(&c->go, change_go, 0., 0.);
	ev_timer_init(&c->soak, change_soaked, 0., 0.);
	c->go.data = c->soak.data = c;
	return c;
}

struct change *
change_reload(struct supervisor *s, char *const *names)
{
	struct change	*c = change_new(s, CHANGE_RELOAD);

	if (c == NULL || names == NULL)
		return c;
	c->names = words_copy(names);
	if (c->names != NULL)
		return c;
	change_free(c);
	return NULL;
}

struct change *
change_apply(struct supervisor *s, const char *path)
{
	struct change	*c = change_new(s, CHANGE_APPLY);

	if (c == NULL)
		return NULL;
	c->path = strdup(path);
	if (c->path != NULL)
		return c;
	change_free(c);
	return NULL;
}

void
change_free(struct change *c)
{
	size_t	 i;

	if (c == NULL)
		return;
	list_remove(&c->node);
	settle_cancel(&c->settle);
	ev_timer_stop(c->supervisor->common.loop, &c->go);
	ev_timer_stop(c->supervisor->common.loop, &c->soak);
	for (i = 0; i < c->count; i++)
		step_fini(&c->steps[i]);
	free(c->steps);
	plan_free(&c->plan);
	conf_problems_free(&c->problems);
	conf_unref(c->conf);
	words_free(c->names);
	free(c->path);
	buf_free(&c->bad_lines);
	free(c);
}

static bool
is_listed(char *const *names, const char *name)
{
	for (; *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

int
change_join(struct change *c, char *const *names)
{
	size_t	 n = 0, k = 0;
	char	**all;

	if (names == NULL || c->names == NULL) {
		words_free(c->names);
		c->names = NULL;
		return 0;
	}
	while (c->names[n] != NULL)
		n++;
	while (names[k] != NULL)
		k++;
	all = realloc(c->names, (n + k + 1) * sizeof(*all));
	if (all == NULL)
		return -1;
	c->names = all;
	for (; *names != NULL; names++) {
		if (is_listed(all, *names))
			continue;
		all[n] = strdup(*names);
		if (all[n] == NULL)
			return -1;
		all[++n] = NULL;
	}
	return 0;
}

void
change_watch(struct change *c, struct change_watch *w)
{
	list_append(&c->watches, &w->node);
}

void
change_unwatch(struct change_watch *w)
{
	list_remove(&w->node);
}

bool
change_concerns(const struct change *c, const struct pool *p)
{
	size_t	 i;

	if (c->kind == CHANGE_APPLY || c->steps == NULL)
		return true;			/* or who knows yet */
	for (i = 0; i < c->count; i++)
		if (c->steps[i].pool == p)
			return true;
	return false;
}

/* News may arrive in the middle of a step: the next one is always later. */
static void
change_continue(struct change *c)
{
	ev_timer_set(&c->go, 0., 0.);
	ev_timer_start(c->supervisor->common.loop, &c->go);
}

void
change_begin(struct change *c)
{
	change_continue(c);
}

/* --- its end -------------------------------------------------------------- */

static void
change_finish(struct change *c, enum change_end end)
{
	struct change_watch	*w;
	size_t			 i;

	c->end = end;
	/* With incomplete, both generations need what they have open. */
	for (i = 0; i < c->count; i++)
		if (c->steps[i].generation != 0 &&
		    end != CHANGE_INCOMPLETE && end != CHANGE_STOPPING)
			pool_close_others(c->steps[i].pool);
	while (!list_empty(&c->watches)) {
		w = LIST_ENTRY(c->watches.next, struct change_watch, node);
		list_remove(&w->node);
		w->done(w->arg, c);
	}
	supervisor_changed(c->supervisor, c);
}

/* Nothing has been done yet, and nothing will be. */
static void
change_refuse(struct change *c, enum change_end end, const char *why)
{
	(void)snprintf(c->error, sizeof(c->error), "%s refused, nothing is "
	    "changed: %s", c->kind == CHANGE_APPLY ? "config" : "rollout",
	    why);
	journal_post(&c->supervisor->common.journal, LOG_ERR, EV_CONFIG,
	    NULL, "%s", c->error);
	change_finish(c, end);
}

static void
change_commit(struct change *c)
{
	size_t	 i;

	for (i = 0; i < c->count; i++)
		step_commit(c, &c->steps[i]);
	if (c->kind == CHANGE_APPLY) {
		supervisor_adopt(c->supervisor, c->conf, &c->file);
		journal_post(&c->supervisor->common.journal, LOG_INFO,
		    EV_CONFIG, NULL, "config %s is applied, %zu change%s",
		    c->path, c->count, c->count == 1 ? "" : "s");
	}
	change_finish(c, CHANGE_DONE);
}

/* Every step is undone: say what has become of it. */
static void
change_was_undone(struct change *c)
{
	const char	*what = c->kind == CHANGE_APPLY ? "config" : "rollout";

	if (c->incomplete)
		(void)snprintf(c->error, sizeof(c->error), "%s failed, and "
		    "roll back is incomplete: %s: %s", what, c->bad_pool,
		    c->bad_why);
	else
		(void)snprintf(c->error, sizeof(c->error), "%s %s, all is as "
		    "it was: %s: %s", what, c->aborted ? "aborted" :
		    "failed and is rolled back", c->bad_pool, c->bad_why);
	if (c->kind == CHANGE_APPLY)
		journal_post(&c->supervisor->common.journal, LOG_ERR,
		    EV_CONFIG, NULL, "%s", c->error);
	change_finish(c, c->incomplete ? CHANGE_INCOMPLETE : c->aborted ?
	    CHANGE_ABORTED : CHANGE_ROLLED_BACK);
}

void
change_cancel(struct change *c)
{
	(void)snprintf(c->error, sizeof(c->error), "rota is stopping");
	change_finish(c, CHANGE_STOPPING);
}

/* --- its steps ------------------------------------------------------------ */

/* The pool's name; what is the supervisor's own has none. */
static const char *
step_name(const struct change_step *st)
{
	return st->to != NULL ? st->to->name : st->pool != NULL ?
	    st->pool->name : "top level";
}

/* What step a pool's failure is in, and why; the first reason counts. */
static void
change_set_why(struct change *c, const struct change_step *st,
    const char *why)
{
	if (c->bad_why[0] != '\0')
		return;
	(void)snprintf(c->bad_pool, sizeof(c->bad_pool), "%s",
	    step_name(st));
	c->bad_generation = st->generation;
	(void)snprintf(c->bad_why, sizeof(c->bad_why), "%s", why);
}

/* The step that is under way has failed: it and those before it go back. */
static void
change_failed(struct change *c, const char *why, bool is_undone)
{
	struct change_step	*st = &c->steps[c->at];

	change_set_why(c, st, why);
	if (c->back) {
		c->incomplete = true;
	} else {
		c->back = true;
		if (!is_undone)
			c->at++;	/* this one, too */
	}
	change_continue(c);
}

/* One step further in the direction that it goes. */
static void
change_step_done(struct change *c)
{
	if (!c->back)
		c->at++;
	change_continue(c);
}

/* What is read and made before the first step. */
static void
change_prepare(struct change *c)
{
	enum change_end	 end = CHANGE_REFUSED;
	struct err	 e;

	if (steps_make(c, &e) == -1) {
		if (c->problems.count > 0)
			end = conf_problems_of(&c->problems, CONF_BAD_FILE) >
			    0 ? CHANGE_BAD_CONFIG : CHANGE_REFUSED;
		change_refuse(c, end, e.msg);
		return;
	}
	change_continue(c);
}

static void
change_go(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct change	*c = t->data;
	struct err	 e;
	int		 r;

	(void)loop;
	(void)revents;
	if (c->steps == NULL) {
		change_prepare(c);
		return;
	}
	if (!c->back && c->at == c->count) {
		change_commit(c);
		return;
	}
	if (c->back && c->at == 0) {
		change_was_undone(c);
		return;
	}
	if (c->back)
		c->at--;
	r = c->back ? step_undo(c, &c->steps[c->at], &e) :
	    step_begin(c, &c->steps[c->at], &e);
	if (r == STEP_DONE)
		change_step_done(c);
	else if (r == STEP_FAILED && c->at == 0 && !c->back)
		change_refuse(c, CHANGE_REFUSED, e.msg);
	else if (r == STEP_FAILED)
		change_failed(c, e.msg, true);
}

/* --- news ----------------------------------------------------------------- */

void
change_progressed(struct change *c, struct pool *p, unsigned int slot,
    const char *text)
{
	struct change_progress	 pr = { .pool = p->name, .slot = slot,
				    .text = text };
	struct reload_view	 v;
	struct list		*n, *tmp;
	struct change_watch	*w;

	if (p->reload != NULL) {
		reload_look(p->reload, &v);
		pr.generation = v.generation;
		pr.replaced = v.replaced;
		pr.slots = v.slots;
	}
	LIST_FOREACH(n, tmp, &c->watches) {
		w = LIST_ENTRY(n, struct change_watch, node);
		if (w->progress != NULL)
			w->progress(w->arg, &pr);
	}
}

void
change_reloaded(struct change *c, struct pool *p,
    const struct reload_result *res)
{
	struct change_step	*st = &c->steps[c->at];

	(void)p;
	if (res->end == RELOAD_DONE) {
		st->slots = res->slots;
		st->ms = res->ms;
		change_step_done(c);
		return;
	}
	if (c->bad_lines.end == 0)
		(void)buf_append(&c->bad_lines, res->lines, res->lines_len);
	c->aborted = c->aborted || res->aborted;
	c->incomplete = c->incomplete || res->end == RELOAD_INCOMPLETE;
	step_forget(st);
	change_failed(c, res->why, true);
}

/* What was started is up: watch it a while, and look once more. */
static void
change_settled(void *arg, const char *why)
{
	struct change		*c = arg;
	struct change_step	*st = &c->steps[c->at];
	struct ev_loop		*loop = c->supervisor->common.loop;

	if (why != NULL) {
		step_tail(c, st);
		change_failed(c, why, false);
	} else if (!c->soaking) {
		c->soaking = true;
		ev_timer_set(&c->soak, loop_seconds(st->to->ready.soak_ms),
		    0.);
		ev_timer_start(loop, &c->soak);
	} else if (step_restarts(st) != c->restarts) {
		step_tail(c, st);
		change_failed(c, "a worker has ended within ready.soak",
		    false);
	} else {
		change_step_done(c);
	}
}

static void
change_soaked(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct change	*c = t->data;

	(void)loop;
	(void)revents;
	step_settle(c, &c->steps[c->at]);
}

/* Before the first step: there is nothing to go back from. */
static bool
change_drop(struct change *c)
{
	(void)snprintf(c->error, sizeof(c->error), "%s aborted before it "
	    "began, nothing is changed", c->kind == CHANGE_APPLY ? "config" :
	    "rollout");
	change_finish(c, CHANGE_ABORTED);
	return true;
}

bool
change_abort(struct change *c)
{
	static const char	 why[] = "aborted by command";
	struct change_step	*st;

	if (c->steps == NULL)
		return change_drop(c);
	if (c->back || c->at == c->count)
		return false;
	st = &c->steps[c->at];
	if (st->pool != NULL && st->pool->reload != NULL)
		return reload_abort(st->pool->reload, why);
	c->aborted = true;
	settle_cancel(&c->settle);
	ev_timer_stop(c->supervisor->common.loop, &c->soak);
	/* Between two steps the next has not begun. */
	change_failed(c, why, ev_is_active(&c->go));
	return true;
}

const char *
change_pool_name(const struct change *c)
{
	if (c->steps == NULL || c->at >= c->count)
		return NULL;
	return step_name(&c->steps[c->at]);
}

void
change_describe(const struct change *c, char *buf, size_t size)
{
	const struct change_step	*st;
	struct reload_view		 v;

	if (c->steps == NULL || c->at >= c->count) {
		(void)snprintf(buf, size, "%s", c->back ? "rolling back" :
		    "about to begin");
		return;
	}
	st = &c->steps[c->at];
	if (st->pool == NULL || st->pool->reload == NULL) {
		(void)snprintf(buf, size, "%s%s%s", c->back ?
		    "rolling back: " : "", st->text != NULL ? st->text :
		    "about to be rolled out", c->soaking ?
		    ", watching them" : "");
		return;
	}
	reload_look(st->pool->reload, &v);
	(void)snprintf(buf, size, "%s generation %u: %zu of %zu, %s",
	    v.back || c->back ? "rolling back" : "rolling out", v.generation,
	    v.replaced, v.slots, v.text);
}
