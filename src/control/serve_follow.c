#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/util.h"
#include "control/serve.h"
#include "control/control.h"
#include "control/json.h"
#include "control/request.h"
#include "control/target.h"
#include "supervise/history.h"
#include "supervise/journal.h"
#include "supervise/pool.h"
#include "supervise/supervisor.h"

/* logs and events: what is remembered, then what comes. */

#define LINES_MAX 1000000

struct follower {
	struct list	 node;		/* among the control's */
	struct request	*request;
	struct target	 target;	/* its pool by name, it may go */
	char		*pool;
	struct watcher	 watcher;
	uint64_t	 dropped;	/* since the client keeps up no more */
};

static void
follower_free(struct follower *f)
{
	journal_unwatch(&f->watcher);
	list_remove(&f->node);
	free(f->pool);
	free(f);
}

static void
follower_gone(struct request *r)
{
	follower_free(r->state);
}

static bool
follower_wants(const struct follower *f, const char *pool, int slot)
{
	if (f->pool == NULL)
		return true;
	return pool != NULL && strcmp(pool, f->pool) == 0 &&
	    (!f->target.is_slot || (slot >= 0 &&
	    (size_t)slot == f->target.first));
}

/* Takes the value.  What does not get through is counted and told. */
static void
follower_send(struct follower *f, json_t *v)
{
	if (f->dropped > 0 && request_data(f->request, json_pack("{s:I}",
	    "dropped", (json_int_t)f->dropped)) == 0)
		f->dropped = 0;
	if (f->dropped > 0) {
		json_decref(v);
		f->dropped++;
	} else if (request_data(f->request, v) == -1) {
		f->dropped++;
	}
}

static json_t *
line_json(uint64_t seq, int64_t real_ms, const char *pool, int slot,
    pid_t pid, const char *text, size_t len)
{
	char	 stamp[CLOCK_STAMP_SIZE];

	clock_format(real_ms, stamp);
	return json_pack("{s:I, s:s, s:s, s:o, s:I, s:o}", "seq",
	    (json_int_t)seq, "time", stamp, "pool", pool, "slot",
	    json_number_or_null(slot >= 0, slot), "pid", (json_int_t)pid,
	    "line", json_text(text, len));
}

static void
follower_line(void *arg, uint64_t seq, const struct log_line *l)
{
	struct follower	*f = arg;

	if (follower_wants(f, l->pool, l->slot))
		follower_send(f, line_json(seq, clock_real_ms(), l->pool,
		    l->slot, l->pid, l->text, l->len));
}

static json_t *
event_json(const struct event *ev)
{
	const struct about	*a = &ev->about;
	char			 stamp[CLOCK_STAMP_SIZE];
	json_t			*v, *message;

	clock_format(ev->real_ms, stamp);
	v = json_pack("{s:I, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}",
	    "seq", (json_int_t)ev->seq, "time", stamp,
	    "level", log_level_name(ev->level),
	    "kind", event_kind_name(ev->kind),
	    "pool", a->pool != NULL ? json_string(a->pool) : json_null(),
	    "slot", json_number_or_null(a->slot >= 0 && a->pool != NULL,
	    a->slot),
	    "pid", json_number_or_null(a->pid > 0, a->pid),
	    "generation", json_number_or_null(a->generation > 0, a->generation),
	    "text", json_text(ev->text, strlen(ev->text)));
	if (v == NULL || ev->message == NULL)
		return v;
	message = json_loadb(ev->message, ev->message_len, JSON_DECODE_ANY |
	    JSON_ALLOW_NUL, NULL);
	if (message != NULL)
		(void)json_object_set_new(v, "message", message);
	return v;
}

static void
follower_event(void *arg, const struct event *ev)
{
	struct follower	*f = arg;

	if (follower_wants(f, ev->about.pool, ev->about.slot))
		follower_send(f, event_json(ev));
}

/* NULL: answered. */
static struct follower *
follower_new(struct control *c, struct request *r, const char *target)
{
	struct follower	*f;
	struct err	 e;

	f = calloc(1, sizeof(*f));
	if (f == NULL) {
		request_fail(r, "no-memory", NULL, "out of memory");
		return NULL;
	}
	f->request = r;
	f->watcher.arg = f;
	list_init(&f->watcher.node);
	list_init(&f->node);
	if (target_find(c->supervisor, target, &f->target, &e) == -1) {
		request_fail(r, "no-such-target", NULL, "%s", e.msg);
		follower_free(f);
		return NULL;
	}
	if (f->target.pool != NULL &&
	    (f->pool = strdup(f->target.pool->name)) == NULL) {
		request_fail(r, "no-memory", NULL, "out of memory");
		follower_free(f);
		return NULL;
	}
	return f;
}

/* Go on, or not, once what is remembered has been sent. */
static void
follower_go(struct control *c, struct follower *f, bool follow)
{
	struct request	*r = f->request;

	if (!follow) {
		if (f->dropped > 0)
			(void)request_data(r, json_pack("{s:I}", "dropped",
			    (json_int_t)f->dropped));
		follower_free(f);
		request_done(r, json_object());
		return;
	}
	r->state = f;
	r->gone = follower_gone;
	list_append(&c->followers, &f->node);
	journal_watch(&c->supervisor->common.journal, &f->watcher);
}

void
serve_end_followers(struct control *c)
{
	struct follower	*f;
	struct request	*r;

	while (!list_empty(&c->followers)) {
		f = LIST_ENTRY(c->followers.next, struct follower, node);
		r = f->request;
		follower_free(f);
		r->gone = NULL;
		request_fail(r, "stopping", NULL, "rota has ended");
	}
}

/* --- logs ----------------------------------------------------------------- */

struct kept_line {
	struct history_line	 line;
	const struct slot	*slot;
	const char		*text;
};

struct collection {
	struct kept_line	*list;
	size_t			 count, size;
	const struct slot	*slot;
};

static void
collect(void *arg, const struct history_line *l, const char *text)
{
	struct collection	*co = arg;
	struct kept_line	 k = { *l, co->slot, text };

	if (co->count < co->size)
		co->list[co->count++] = k;
}

static int
compare_lines(const void *a, const void *b)
{
	const struct kept_line	*x = a, *y = b;

	return (x->line.seq > y->line.seq) - (x->line.seq < y->line.seq);
}

/* Every line that is kept of a pool, or their number if there is no list. */
static void
collect_pool(const struct pool *p, const struct target *t, size_t lines,
    struct collection *co)
{
	size_t	 i;

	for (i = 0; i < p->slot_count; i++) {
		co->slot = p->slots[i];
		if (!target_has(t, p->name, (int)i))
			continue;
		if (co->list == NULL)
			co->size += co->slot->history.lines;
		else
			history_last(&co->slot->history, lines, 0, collect,
			    co);
	}
}

static void
collect_all(const struct supervisor *s, const struct target *t, size_t lines,
    struct collection *co)
{
	size_t	 i;

	for (i = 0; i < s->pool_count; i++)
		if (t->pool == NULL || s->pools[i] == t->pool)
			collect_pool(s->pools[i], t, lines, co);
}

/* The last lines of all of them together, in their order.  -1: no memory. */
static int
send_lines(struct control *c, struct follower *f, size_t lines)
{
	struct collection	 co = { 0 };
	const struct kept_line	*k;
	size_t			 i;

	collect_all(c->supervisor, &f->target, lines, &co);
	co.list = calloc(co.size + 1, sizeof(*co.list));
	if (co.list == NULL)
		return -1;
	collect_all(c->supervisor, &f->target, lines, &co);
	qsort(co.list, co.count, sizeof(*co.list), compare_lines);
	for (i = co.count > lines ? co.count - lines : 0; i < co.count; i++) {
		k = &co.list[i];
		follower_send(f, line_json(k->line.seq, k->line.real_ms,
		    k->slot->pool->name, (int)k->slot->index, k->line.pid,
		    k->text, k->line.len));
	}
	free(co.list);
	return 0;
}

/* --- events --------------------------------------------------------------- */

/* The last so many that are wanted. */
static int
send_events(struct control *c, struct follower *f, size_t lines)
{
	const struct journal	*j = &c->supervisor->common.journal;
	struct list		*n = j->events.prev;
	const struct event	*ev;
	size_t			 k = 0;

	for (; n != &j->events && k < lines; n = n->prev) {
		ev = LIST_ENTRY(n, struct event, node);
		k += follower_wants(f, ev->about.pool, ev->about.slot);
	}
	for (n = n->next; n != &j->events; n = n->next)
		follower_event(f, LIST_ENTRY(n, struct event, node));
	return 0;
}

/* --- both ----------------------------------------------------------------- */

/* What tells them apart. */
struct kind {
	int64_t	lines;		/* by default */
	/* What is remembered; -1: out of memory. */
	int	(*send)(struct control *, struct follower *, size_t lines);
	void	(*event)(void *, const struct event *);
	void	(*line)(void *, uint64_t, const struct log_line *);
};

static void
serve_kind(struct control *c, struct request *r, const struct kind *k)
{
	bool				 follow = false;
	int64_t				 lines = k->lines;
	const char			*target = NULL;
	const struct request_arg	 args[] = {
		{ "follow", REQUEST_BOOL, false, &follow, 0, 0 },
		{ "lines", REQUEST_INT, false, &lines, 0, LINES_MAX },
		{ "target", REQUEST_STRING, false, &target, 0, 0 },
	};
	struct follower			*f;

	if (request_args(r, args, ARRAY_LEN(args)) == -1 ||
	    (f = follower_new(c, r, target)) == NULL)
		return;
	f->watcher.event = k->event;
	f->watcher.line = k->line;
	if (k->send(c, f, (size_t)lines) == -1) {
		follower_free(f);
		request_fail(r, "no-memory", NULL, "out of memory");
		return;
	}
	follower_go(c, f, follow);
}

void
serve_logs(struct control *c, struct request *r)
{
	static const struct kind	 k = { 10, send_lines, NULL,
					    follower_line };

	serve_kind(c, r, &k);
}

void
serve_events(struct control *c, struct request *r)
{
	static const struct kind	 k = { 20, send_events,
					    follower_event, NULL };

	serve_kind(c, r, &k);
}
