#include "config.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/util.h"
#include "config/conf.h"
#include "control/serve.h"
#include "control/control.h"
#include "control/json.h"
#include "control/request.h"
#include "control/target.h"
#include "ipc/channel.h"
#include "config/keys.h"
#include "ipc/dialect.h"
#include "supervise/generation.h"
#include "supervise/ledger.h"
#include "supervise/pool.h"
#include "supervise/reload.h"
#include "supervise/supervisor.h"
#include "supervise/worker.h"

/* The state of everything as JSON; NULL anywhere: out of memory. */

static void
take_line(void *arg, const struct history_line *l, const char *text)
{
	const char	**last = arg;

	(void)l;
	*last = text;
}

static json_t *
status_exit(const struct slot *s)
{
	const char	*last = NULL;
	char		 reason[64];

	if (s->last_pid == 0)
		return json_null();
	slot_describe_last(s, reason, sizeof(reason));
	history_last(&s->history, 1, s->last_pid, take_line, &last);
	return json_pack("{s:i, s:s, s:I, s:o}", "pid", (int)s->last_pid,
	    "reason", reason, "ago_ms",
	    (json_int_t)(clock_ms() - s->last_ended_ms), "line",
	    json_text_or_null(last));
}

/* A worker that is not the one that the slot shows. */
static json_t *
status_worker(struct worker *w, bool leaves)
{
	json_t	*v = json_pack("{s:i, s:s, s:i, s:I}", "pid", (int)w->pid,
		    "state", worker_state_name(w->state), "generation",
		    (int)w->gen->number, "uptime_ms",
		    (json_int_t)(clock_ms() - w->started_ms));

	if (v != NULL && leaves)
		(void)json_object_set_new(v, "left_ms",
		    json_integer((json_int_t)worker_time_left(w)));
	return v;
}

static json_t *
status_draining(const struct slot *s)
{
	struct list	*n;
	json_t			*list = json_array();

	for (n = s->draining.next; n != &s->draining; n = n->next)
		(void)json_array_append_new(list,
		    status_worker(LIST_ENTRY(n, struct worker, node), true));
	return list;
}

static json_int_t
backoff_ms(struct slot *s)
{
	ev_tstamp	 left = 0.;

	if (ev_is_active(&s->restart))
		left = ev_timer_remaining(s->pool->common->loop, &s->restart);
	return left > 0. ? (json_int_t)(left * 1000.) : 0;
}

/* As far as is known: those that are over may be among them. */
static json_t *
status_open(const struct slot *s)
{
	const struct queue	*q = s->queue;
	bool			 is_counted = s->current != NULL &&
				    q != NULL && q->ledger != NULL;

	return json_number_or_null(is_counted, is_counted ?
	    (json_int_t)q->ledger->count : 0);
}

static json_t *
status_slot(struct slot *s)
{
	struct worker		*w = s->current;
	const struct queue	*q = s->queue;
	uint64_t		 handed = 0;
	bool			 counts = q != NULL && queue_counts(q);
	bool			 backs_off = ev_is_active(&s->restart);

	if (counts)
		handed = queue_given(q);
	return json_pack("{s:i, s:s, s:o, s:o, s:o, s:I, s:o, s:o, s:I, s:I, "
	    "s:o, s:o, s:o, s:o, s:o}",
	    "slot", (int)s->index,
	    "state", slot_state_name(slot_state(s)),
	    "generation", json_number_or_null(w != NULL || s->gen != NULL,
	    w != NULL ? w->gen->number : s->gen != NULL ? s->gen->number : 0),
	    "pid", json_number_or_null(w != NULL, w != NULL ? w->pid : 0),
	    "uptime_ms", json_number_or_null(w != NULL, w != NULL ?
	    (json_int_t)(clock_ms() - w->started_ms) : 0),
	    "restarts", (json_int_t)s->restarts,
	    "handed", json_number_or_null(counts, (json_int_t)handed),
	    "open", status_open(s),
	    "lag", (json_int_t)(w != NULL ? channel_lag(&w->channel) : 0),
	    "dropped", (json_int_t)(w != NULL ? w->channel.dropped : 0),
	    "text", json_text_or_null(w != NULL ? w->text : NULL),
	    "backoff_ms", json_number_or_null(backs_off, backoff_ms(s)),
	    "last_exit", status_exit(s),
	    "beside", s->beside != NULL ? status_worker(s->beside, false) :
	    json_null(),
	    "draining", status_draining(s));
}

/* Slots that are not wanted show while something is in them. */
static json_t *
status_slots(const struct pool *p, const struct target *t)
{
	json_t		*list = json_array();
	struct slot	*s;
	size_t		 i;

	for (i = 0; i < p->slot_count; i++) {
		s = p->slots[i];
		if (i >= p->count && s->current == NULL &&
		    s->draining_count == 0)
			continue;
		if (target_has(t, p->name, (int)i))
			(void)json_array_append_new(list, status_slot(s));
	}
	return list;
}

static json_t *
status_listeners(const struct pool *p)
{
	const struct generation	*g = p->gen;
	json_t			*list = json_array();
	size_t			 i;

	for (i = 0; g != NULL && i < g->set->count; i++)
		(void)json_array_append_new(list, json_pack("{s:o, s:s}",
		    "name", json_text_or_null(i < g->conf->listen_count ?
		    g->conf->listen[i].name : NULL),
		    "address", g->set->list[i]->address));
	return list;
}

static const char *
mechanism(const struct pool *p)
{
	return mechanism_name(p->gen != NULL ? p->gen->mechanism :
	    MECHANISM_NONE);
}

/* Why it is not what the config says. */
static json_t *
status_reason(const struct pool *p)
{
	return json_text_or_null(p->gen != NULL && p->gen->why[0] != '\0' ?
	    p->gen->why : NULL);
}

/* As its workers have it. */
static json_t *
status_max_connections(const struct pool *p)
{
	const struct conf_pool	*c = p->gen != NULL ? p->gen->conf : p->conf;

	return json_number_or_null(c->max_connections > 0,
	    (json_int_t)c->max_connections);
}

static json_t *
status_pool(const struct pool *p, const struct target *t)
{
	struct dialect_mix	 mix;

	pool_check(p);
	dialect_mix(&mix, p->conf);
	return json_pack("{s:s, s:I, s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:I, "
	    "s:b, s:I, s:o, s:o}",
	    "name", p->name,
	    "generation", (json_int_t)(p->gen != NULL ? p->gen->number :
	    p->last_generation),
	    "dialect", mix.name,
	    "balance", keys_pool.keys[POOL_BALANCE].words[p->conf->balance],
	    "mechanism", mechanism(p),
	    "reason", status_reason(p),
	    "max_connections", status_max_connections(p),
	    "count", (json_int_t)p->count,
	    "configured_count", (json_int_t)p->conf->count,
	    "ready", (json_int_t)p->ready,
	    "ended", pool_is_over(p),
	    "passed_over", (json_int_t)p->dispatch.passed_over,
	    "listeners", status_listeners(p),
	    "slots", status_slots(p, t));
}

/* How many changes wait for the one under way. */
static int
count_waiting(const struct supervisor *s)
{
	struct list	*n;
	int			 k = 0;

	for (n = s->waiting.next; n != &s->waiting; n = n->next)
		k++;
	return k;
}

static json_t *
status_activity(const struct supervisor *s)
{
	const struct change	*c = s->now;
	const struct pool	*p = NULL;
	struct reload_view	 v = { 0 };
	char			 text[512];

	if (s->stopping)
		return json_pack("{s:s, s:s, s:i}", "kind", "stop", "text",
		    "stopping", "queued", 0);
	if (c == NULL)
		return json_null();
	change_describe(c, text, sizeof(text));
	if (c->steps != NULL && c->at < c->count)
		p = c->steps[c->at].pool;
	if (p != NULL && p->reload != NULL)
		reload_look(p->reload, &v);
	return json_pack("{s:s, s:o, s:i, s:I, s:I, s:s, s:i}",
	    "kind", c->kind == CHANGE_APPLY ? "apply" : "rollout",
	    "pool", json_text_or_null(change_pool_name(c)),
	    "generation", (int)v.generation,
	    "replaced", (json_int_t)v.replaced,
	    "slots", (json_int_t)v.slots, "text", text,
	    "queued", count_waiting(s));
}

void
serve_status(struct control *c, struct request *r)
{
	struct supervisor		*s = c->supervisor;
	const char			*target = NULL;
	const struct request_arg	 args[] = {
		{ "target", REQUEST_STRING, false, &target, 0, 0 },
	};
	struct target			 t;
	struct err			 e;
	json_t				*pools;
	size_t				 i;

	if (request_args(r, args, ARRAY_LEN(args)) == -1)
		return;
	if (target_find(s, target, &t, &e) == -1) {
		request_fail(r, "no-such-target", NULL, "%s", e.msg);
		return;
	}
	pools = json_array();
	for (i = 0; i < s->pool_count; i++)
		if (target == NULL || s->pools[i] == t.pool)
			(void)json_array_append_new(pools,
			    status_pool(s->pools[i], &t));
	request_done(r, json_pack("{s:i, s:s, s:s, s:s, s:s, s:I, s:b, s:o, "
	    "s:o}", "pid", (int)getpid(), "release", PACKAGE_VERSION,
	    "config", s->conf->path, "control", c->path, "state",
	    s->stopping ? "stopping" : "running", "uptime_ms",
	    (json_int_t)(clock_ms() - s->began_ms), "file_differs",
	    supervisor_file_differs(s), "activity", status_activity(s),
	    "pools", pools));
}
