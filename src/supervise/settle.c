#include "config.h"
#include "supervise/settle.h"

#include <stdio.h>

#include "os/loop.h"
#include "supervise/pool.h"
#include "supervise/slot.h"
#include "supervise/worker.h"

/* A slot that was started this often in vain will not be soon. */
#define FAILURES_MOST 3

enum verdict_on { SETTLED, PENDING, IN_VAIN };

static enum verdict_on
settle_judge_down(const struct slot *s)
{
	if (slot_is_wanted(s))
		return IN_VAIN;			/* somebody else wants it */
	return s->current == NULL && s->draining_count == 0 ? SETTLED :
	    PENDING;
}

static enum verdict_on
settle_judge_up(const struct slot *s)
{
	if (s->held || s->beside != NULL)
		return PENDING;			/* a rollout's business */
	if (s->current != NULL && worker_is_ready(s->current))
		return SETTLED;
	if (s->ended && !s->ended_badly)
		return SETTLED;
	if (!slot_is_wanted(s) || loop_timer_runs(&s->restart) ||
	    s->backoff.failures >= FAILURES_MOST)
		return IN_VAIN;
	return PENDING;
}

static void
settle_describe(const struct slot *s, bool up, char *buf, size_t size)
{
	enum slot_state	 state = slot_state(s);
	const char	*in = state == SLOT_BACKOFF ? "in " : "";
	char		 end[64] = "it could not be started";

	if (s->start_error == NULL && s->last_pid != 0)
		slot_describe_last(s, end, sizeof(end));
	if (up && (s->ended || slot_is_wanted(s)))
		(void)snprintf(buf, size, "slot %u is %s%s: %s", s->index, in,
		    slot_state_name(state), s->start_error != NULL ?
		    s->start_error : end);
	else
		(void)snprintf(buf, size, "slot %u is %s%s: another "
		    "command has come between", s->index, in,
		    slot_state_name(state));
}

static void
settle_step(struct settle *t)
{
	struct pool	*p = t->pool;
	struct slot	*s;
	char		 why[400];

	for (; t->next < t->last && t->next < p->slot_count; t->next++) {
		s = p->slots[t->next];
		if (t->concerns != NULL &&
		    !t->concerns(t->concerns_arg, t->next))
			continue;
		switch (t->up ? settle_judge_up(s) : settle_judge_down(s)) {
		case SETTLED:
			continue;
		case PENDING:
			return;
		case IN_VAIN:
			settle_describe(s, t->up, why, sizeof(why));
			settle_cancel(t);
			t->done(t->arg, why);
			return;
		}
	}
	settle_cancel(t);
	t->done(t->arg, NULL);
}

void
settle_begin(struct settle *t, struct pool *p, size_t first, size_t last,
    bool up)
{
	t->pool = p;
	t->up = up;
	t->next = first;
	t->last = last;
	list_append(&p->settles, &t->node);
	pool_look_later(p);
}

void
settle_cancel(struct settle *t)
{
	list_remove(&t->node);
}

void
settle_look(struct pool *p)
{
	struct list	*n, *tmp;

	LIST_FOREACH(n, tmp, &p->settles)
		settle_step(LIST_ENTRY(n, struct settle, node));
}

void
settle_fail_all(struct pool *p, const char *why)
{
	struct settle	*t;

	while (!list_empty(&p->settles)) {
		t = LIST_ENTRY(p->settles.next, struct settle, node);
		settle_cancel(t);
		t->done(t->arg, why);
	}
}
