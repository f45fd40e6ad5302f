#include "config.h"
#include "supervise/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "config/conf.h"
#include "config/diff.h"
#include "supervise/generation.h"
#include "supervise/pool.h"
#include "supervise/supervisor.h"

#define TEXT_MAX 700

static const char *const kind_names[PLAN__COUNT] = {
#define X(id, name) [PLAN_##id] = name,
	PLAN_KINDS(X)
#undef X
};

const char *
plan_kind_name(enum plan_kind k)
{
	return kind_names[k];
}

void
plan_free(struct plan *pl)
{
	size_t	 i;

	for (i = 0; i < pl->count; i++)
		free(pl->list[i].text);
	free(pl->list);
	memset(pl, 0, sizeof(*pl));
}

PRINTFLIKE(5, 6) static int
plan_add(struct plan *pl, enum plan_kind kind, struct pool *p,
    const struct conf_pool *to, const char *fmt, ...)
{
	struct plan_item	*list;
	va_list			 ap;
	int			 n;

	list = realloc(pl->list, (pl->count + 1) * sizeof(*list));
	if (list == NULL)
		return -1;
	pl->list = list;
	list = &list[pl->count];
	list->kind = kind;
	list->pool = p;
	list->to = to;
	list->with_ended = false;
	list->order = pl->count;
	va_start(ap, fmt);
	n = vasprintf(&list->text, fmt, ap);
	va_end(ap);
	if (n == -1)
		return -1;
	pl->count++;
	return 0;
}

/* What has changed with one effect, as one text; the number of changes. */
static size_t
describe(const struct conf_changes *ch, enum conf_effect effect, char *buf,
    size_t size)
{
	char	 one[CONF_CHANGE_SIZE];
	size_t	 i, n = 0, len = 0;

	buf[0] = '\0';
	for (i = 0; i < ch->count; i++) {
		if (ch->list[i].effect != effect)
			continue;
		conf_change_format(&ch->list[i], one);
		if (len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s",
			    n > 0 ? ", " : "", one);
		n++;
	}
	return n;
}

/* "slot 2", "slots 2 to 7" */
static const char *
slots_text(size_t first, size_t last, char *buf, size_t size)
{
	if (last - first == 1)
		(void)snprintf(buf, size, "slot %zu", first);
	else
		(void)snprintf(buf, size, "slots %zu to %zu", first, last - 1);
	return buf;
}

/* Slots of the new count that nobody would start by himself. */
static size_t
count_down(const struct pool *p, size_t count, bool with_ended)
{
	size_t	 i, n = 0;

	for (i = 0; i < count && i < p->count; i++)
		n += p->slots[i]->stopped ||
		    (with_ended && p->slots[i]->ended);
	return n;
}

static size_t
min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int
plan_rollout(struct plan *pl, struct pool *p, const struct conf_pool *to,
    const char *what)
{
	size_t	 n = min_size(p->count, to->count) -
		    count_down(p, to->count, true);
	char	 batch[32] = "all at a time";

	if (pool_is_closed(p))
		return plan_add(pl, PLAN_LIGHT, p, to, "%s; no worker is "
		    "there to be replaced", what);
	if (to->reload.batch != CONF_BATCH_ALL)
		(void)snprintf(batch, sizeof(batch), "%llu at a time",
		    (unsigned long long)to->reload.batch);
	return plan_add(pl, PLAN_ROLLOUT, p, to, "%s; replaces %zu worker%s, "
	    "%s first, %s", what, n, n == 1 ? "" : "s",
	    to->reload.order == CONF_OLD_FIRST ? "old" : "new", batch);
}

static int
plan_count(struct plan *pl, struct pool *p, const struct conf_pool *to)
{
	const char	*note = "";
	char		 slots[64];

	if (p->count == to->count)
		return 0;
	if (p->conf->count == to->count)
		note = " (it was scaled by command)";
	if (p->count < to->count)
		return plan_add(pl, PLAN_GROW, p, to, "count: %zu -> %llu%s; "
		    "starts %s", p->count, (unsigned long long)to->count,
		    note, slots_text(p->count, to->count, slots,
		    sizeof(slots)));
	return plan_add(pl, PLAN_SHRINK, p, to, "count: %zu -> %llu%s; stops "
	    "%s", p->count, (unsigned long long)to->count, note,
	    slots_text(to->count, p->count, slots, sizeof(slots)));
}

static int
plan_start(struct plan *pl, struct pool *p, const struct conf_pool *to,
    bool rolled)
{
	size_t	 n = count_down(p, to->count, rolled);
	bool	 opens = pool_is_closed(p) && to->count > p->count;

	if (n == 0 && !opens)
		return 0;
	if (opens && plan_add(pl, PLAN_START, p, to, "opens the listeners of "
	    "the pool again") == -1)
		return -1;
	if (!opens && plan_add(pl, PLAN_START, p, to, "starts %zu slot%s that "
	    "%s %s", n, n == 1 ? "" : "s", n == 1 ? "was" : "were",
	    count_down(p, to->count, false) == n ? "stopped by command" :
	    "stopped or had ended") == -1)
		return -1;
	pl->list[pl->count - 1].with_ended = rolled;
	return 0;
}

/* A slot whose worker is of a generation that has failed. */
static bool
describe_left(const struct pool *p, char *buf, size_t size)
{
	size_t	 i;

	for (i = 0; i < p->count && p->gen != NULL; i++)
		if (p->slots[i]->current != NULL &&
		    p->slots[i]->gen != p->gen) {
			(void)snprintf(buf, size, "slot %zu could not be "
			    "rolled back and still has generation %u", i,
			    p->slots[i]->gen->number);
			return true;
		}
	return false;
}

/* A pool that stays: its changes, by what they call for. */
static int
plan_change(struct plan *pl, struct pool *p, const struct conf_pool *to,
    const struct conf_changes *ch, bool env_differs)
{
	char	 what[TEXT_MAX];
	bool	 rolled;
	int	 r = 0;

	rolled = describe(ch, CONF_EFFECT_ROLLOUT, what, sizeof(what)) > 0;
	if (!rolled && env_differs) {
		rolled = true;
		(void)snprintf(what, sizeof(what), "the environment (see "
		    "env_file) is another one");
	}
	if (!rolled)
		rolled = describe_left(p, what, sizeof(what));
	if (rolled)
		r = plan_rollout(pl, p, to, what);
	if (r == 0)
		r = plan_count(pl, p, to);
	if (r == 0)
		r = plan_start(pl, p, to, rolled);
	if (r == 0 && describe(ch, CONF_EFFECT_LISTENER, what, sizeof(what)))
		r = plan_add(pl, PLAN_LISTENER, p, to, "%s; of the open "
		    "listeners", what);
	if (r == 0 && describe(ch, CONF_EFFECT_BROADCAST, what, sizeof(what)))
		r = plan_add(pl, PLAN_BROADCAST, p, to, "%s; broadcasts begin "
		    "anew", what);
	if (r == 0 && describe(ch, CONF_EFFECT_NONE, what, sizeof(what)))
		r = plan_add(pl, PLAN_LIGHT, p, to, "%s; no worker is "
		    "touched", what);
	return r;
}

static int
plan_pool(struct plan *pl, const struct supervisor *s,
    const struct conf_pool *to, struct err *e)
{
	struct pool		*p = supervisor_find(s, to->name);
	struct conf_changes	 ch = { 0 };
	int			 differs = 0, r;

	if (p == NULL && supervisor_is_leaving(s, to->name))
		return err_set(e, 0, "pool '%s' is still stopping since it "
		    "was removed; try again when it is gone", to->name);
	if (p == NULL) {
		r = plan_add(pl, PLAN_ADD, NULL, to, "new pool; starts %llu "
		    "worker%s", (unsigned long long)to->count,
		    to->count == 1 ? "" : "s");
		return r == -1 ? err_set(e, ENOMEM, "plan") : 0;
	}
	if (p->gen != NULL &&
	    (differs = generation_env_differs(p->gen, to, e)) == -1)
		return err_wrap(e, "pool '%s'", to->name);
	r = conf_diff_pool(p->conf, to, &ch);
	if (r == 0)
		r = plan_change(pl, p, to, &ch, differs == 1);
	conf_changes_free(&ch);
	return r == -1 ? err_set(e, ENOMEM, "plan") : 0;
}

/* The pools that go, and the supervisor's own. */
static int
plan_rest(struct plan *pl, const struct supervisor *s, const struct conf *c)
{
	struct conf_changes	 ch = { 0 };
	struct pool		*p;
	char			 one[CONF_CHANGE_SIZE];
	size_t			 i;
	int			 r = 0;

	for (i = 0; i < s->pool_count && r == 0; i++) {
		p = s->pools[i];
		if (!p->removed && conf_find_pool(c, p->name) == NULL)
			r = plan_add(pl, PLAN_REMOVE, p, NULL, "no longer "
			    "there; stops %zu process%s", p->processes,
			    p->processes == 1 ? "" : "es");
	}
	if (r == 0)
		r = conf_diff_top(s->conf, c, &ch);
	for (i = 0; i < ch.count && r == 0; i++) {
		conf_change_format(&ch.list[i], one);
		r = plan_add(pl, PLAN_TOP, NULL, NULL, "%s%s", one,
		    strncmp(ch.list[i].key, "control.", 8) == 0 ?
		    "; once rota is started anew" : "");
	}
	conf_changes_free(&ch);
	return r;
}

static int
compare_items(const void *a, const void *b)
{
	const struct plan_item	*x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

int
plan_make(struct plan *pl, const struct supervisor *s, const struct conf *c,
    struct err *e)
{
	size_t	 i;
	int	 r = 0;

	memset(pl, 0, sizeof(*pl));
	for (i = 0; i < c->pool_count && r == 0; i++)
		r = plan_pool(pl, s, &c->pools[i], e);
	if (r == 0 && plan_rest(pl, s, c) == -1)
		r = err_set(e, ENOMEM, "plan");
	if (r == -1)
		plan_free(pl);
	else if (pl->count > 1)
		qsort(pl->list, pl->count, sizeof(*pl->list), compare_items);
	return r;
}
