#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "config/conf.h"
#include "control/serve.h"
#include "control/control.h"
#include "control/json.h"
#include "control/request.h"
#include "control/target.h"
#include "supervise/change.h"
#include "supervise/plan.h"
#include "supervise/pool.h"
#include "supervise/supervisor.h"

/* reload, apply and plan. */

/* A request that waits for a change. */
struct waiter {
	struct request		*request;
	struct change_watch	 watch;
};

static void
waiter_gone(struct request *r)
{
	struct waiter	*w = r->state;

	change_unwatch(&w->watch);
	free(w);
}

static json_t *
problems_json(const char *path, const struct conf_problems *p)
{
	json_t	*list = json_array();
	size_t	 i;

	for (i = 0; i < p->count; i++)
		(void)json_array_append_new(list, json_pack(
		    "{s:i, s:i, s:s}", "line", (int)p->list[i].pos.line,
		    "col", (int)p->list[i].pos.col, "text",
		    p->list[i].text != NULL ? p->list[i].text :
		    "out of memory"));
	return json_pack("{s:s, s:o}", "file", path, "problems", list);
}

static json_t *
changes_json(const struct plan *pl)
{
	json_t	*list = json_array();
	size_t	 i;

	for (i = 0; i < pl->count; i++) {
		const struct plan_item	*it = &pl->list[i];
		const char		*pool = it->to != NULL ?
		    it->to->name : it->pool != NULL ? it->pool->name : NULL;

		(void)json_array_append_new(list, json_pack(
		    "{s:o, s:s, s:o}", "pool", pool == NULL ? json_null() :
		    json_string(pool), "kind", plan_kind_name(it->kind),
		    "text", json_sprintf("%s%s%s", pool != NULL ? pool : "",
		    pool != NULL ? ": " : "", it->text)));
	}
	return list;
}

/* Every pool that was rolled out. */
static json_t *
rollouts_json(const struct change *c)
{
	json_t	*list = json_array();
	size_t	 i;

	for (i = 0; i < c->count; i++)
		if (c->steps[i].kind == PLAN_ROLLOUT)
			(void)json_array_append_new(list, json_pack(
			    "{s:s, s:i, s:I, s:s, s:I}", "pool",
			    c->steps[i].pool->name, "generation",
			    (int)c->steps[i].generation, "slots",
			    (json_int_t)c->steps[i].slots, "result",
			    c->steps[i].generation != 0 ? "done" : "skipped",
			    "ms", (json_int_t)c->steps[i].ms));
	return list;
}

static json_t *
lines_json(const struct buf *b)
{
	json_t		*list = json_array();
	const char	*p;
	size_t		 at, len = buf_len(b);

	for (at = 0; at < len; at += strlen(p) + 1) {
		p = buf_head(b) + at;
		(void)json_array_append_new(list, json_text(p, strlen(p)));
	}
	return list;
}

static json_t *
failure_json(const struct change *c)
{
	if (c->problems.count > 0)
		return problems_json(c->path, &c->problems);
	if (c->bad_pool[0] == '\0')
		return NULL;
	return json_pack("{s:[{s:s, s:i, s:s, s:o, s:o}]}", "pools", "pool",
	    c->bad_pool, "generation", (int)c->bad_generation, "result",
	    change_end_name(c->end), "reason", json_text_or_null(c->bad_why),
	    "lines", lines_json(&c->bad_lines));
}

static json_t *
success_json(const struct change *c)
{
	if (c->kind == CHANGE_APPLY)
		return json_pack("{s:o}", "changes", changes_json(&c->plan));
	return json_pack("{s:o, s:b}", "pools", rollouts_json(c),
	    "file_differs", supervisor_file_differs(c->supervisor));
}

static void
waiter_done(void *arg, const struct change *c)
{
	struct waiter	*w = arg;
	struct request	*r = w->request;

	r->gone = NULL;
	free(w);
	if (c->end == CHANGE_DONE)
		request_done(r, success_json(c));
	else
		request_fail(r, change_end_name(c->end), failure_json(c),
		    "%s", c->error);
}

static void
waiter_progress(void *arg, const struct change_progress *p)
{
	struct waiter	*w = arg;

	(void)request_data(w->request, json_pack("{s:s, s:i, s:i, s:I, s:I, "
	    "s:s}", "pool", p->pool, "generation", (int)p->generation,
	    "slot", (int)p->slot, "replaced", (json_int_t)p->replaced,
	    "slots", (json_int_t)p->slots, "text", p->text));
}

/* The request waits for the end of a change, or does not. */
static void
wait_for(struct control *c, struct request *r, struct change *ch, bool wait)
{
	struct waiter	*w;

	if (!wait) {
		request_done(r, json_pack("{s:b}", "queued",
		    ch != c->supervisor->now));
		return;
	}
	w = calloc(1, sizeof(*w));
	if (w == NULL) {
		request_fail(r, "no-memory", NULL, "out of memory; what was "
		    "asked for is done all the same");
		return;
	}
	w->request = r;
	w->watch.progress = waiter_progress;
	w->watch.done = waiter_done;
	w->watch.arg = w;
	r->state = w;
	r->gone = waiter_gone;
	change_watch(ch, &w->watch);
}

/* A pool that can be rolled out; false: answered. */
static bool
is_fit(struct control *c, struct request *r, const char *name)
{
	struct err	 e;
	struct pool	*p = target_pool(c->supervisor, name, &e);

	if (p == NULL)
		request_fail(r, "no-such-target", NULL, "%s", e.msg);
	else if (pool_is_closed(p))
		request_fail(r, "refused", NULL, "pool '%s': no worker is "
		    "there to be replaced; see 'rota start'", name);
	else
		return true;
	return false;
}

/* The names of a request's pools, NULL: all.  -1: answered. */
static int
names_of(struct control *c, struct request *r, json_t *list, char ***ret)
{
	size_t	 i, n = json_array_size(list);
	char	**names;

	*ret = NULL;
	if (list == NULL)
		return 0;
	if (n == 0) {
		request_fail(r, "usage", NULL, "pools: it names none");
		return -1;
	}
	names = calloc(n + 1, sizeof(*names));
	for (i = 0; names != NULL && i < n; i++) {
		names[i] = (char *)(uintptr_t)json_string_value(
		    json_array_get(list, i));
		if (is_fit(c, r, names[i]))
			continue;
		free(names);
		return -1;
	}
	if (names == NULL) {
		request_fail(r, "no-memory", NULL, "out of memory");
		return -1;
	}
	*ret = names;
	return 0;
}

static void
reload_give_up(struct control *c, struct request *r)
{
	if (c->supervisor->now == NULL)
		request_fail(r, "refused", NULL, "no rollout is under way");
	else if (!change_abort(c->supervisor->now))
		request_fail(r, "refused", NULL, "it cannot be "
		    "aborted any more");
	else
		request_done(r, json_pack("{s:b}", "aborted", 1));
}

void
serve_reload(struct control *c, struct request *r)
{
	bool				 wait = true, give_up = false;
	json_t				*pools = NULL;
	const struct request_arg	 args[] = {
		{ "abort", REQUEST_BOOL, false, &give_up, 0, 0 },
		{ "pools", REQUEST_STRINGS, false, &pools, 0, 0 },
		{ "wait", REQUEST_BOOL, false, &wait, 0, 0 },
	};
	struct change			*ch;
	struct err			 e;
	char				**names;

	if (request_args(r, args, ARRAY_LEN(args)) == -1)
		return;
	if (give_up) {
		reload_give_up(c, r);
		return;
	}
	if (names_of(c, r, pools, &names) == -1)
		return;
	ch = supervisor_reload(c->supervisor, names, &e);
	free(names);
	if (ch == NULL)
		request_fail(r, c->supervisor->stopping ? "stopping" :
		    "refused", NULL, "%s", e.msg);
	else
		wait_for(c, r, ch, wait);
}

/* Absolute, since the client may be elsewhere; false: answered. */
static bool
is_path(struct control *c, struct request *r, const char *file)
{
	if (file[0] == '/' || file == c->supervisor->conf->path)
		return true;
	request_fail(r, "usage", NULL, "file: '%s' is not an absolute path",
	    file);
	return false;
}

void
serve_apply(struct control *c, struct request *r)
{
	bool				 wait = true;
	const char			*file = c->supervisor->conf->path;
	const struct request_arg	 args[] = {
		{ "file", REQUEST_STRING, false, &file, 0, 0 },
		{ "wait", REQUEST_BOOL, false, &wait, 0, 0 },
	};
	struct change			*ch;
	struct err			 e;

	if (request_args(r, args, ARRAY_LEN(args)) == -1 ||
	    !is_path(c, r, file))
		return;
	ch = supervisor_apply(c->supervisor, file, &e);
	if (ch == NULL)
		request_fail(r, c->supervisor->stopping ? "stopping" :
		    "refused", NULL, "%s", e.msg);
	else
		wait_for(c, r, ch, wait);
}

void
serve_plan(struct control *c, struct request *r)
{
	const char			*file = c->supervisor->conf->path;
	const struct request_arg	 args[] = {
		{ "file", REQUEST_STRING, false, &file, 0, 0 },
	};
	struct conf_problems		 p = { 0 };
	struct stat			 st;
	struct conf			*conf;
	struct plan			 pl = { 0 };
	struct err			 e;

	if (request_args(r, args, ARRAY_LEN(args)) == -1 ||
	    !is_path(c, r, file))
		return;
	conf = supervisor_read(c->supervisor, file, &st, &p, &e);
	if (conf != NULL && plan_make(&pl, c->supervisor, conf, &e) == 0)
		request_done(r, json_pack("{s:s, s:o}", "file", file,
		    "changes", changes_json(&pl)));
	else if (p.count > 0)
		request_fail(r, conf_problems_of(&p, CONF_BAD_FILE) > 0 ?
		    "bad-config" : "refused", problems_json(file, &p),
		    "%s cannot be applied", file);
	else
		request_fail(r, "refused", NULL, "%s", e.msg);
	plan_free(&pl);
	conf_problems_free(&p);
	conf_unref(conf);
}
