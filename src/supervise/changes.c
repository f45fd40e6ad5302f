#include "config.h"
#include "supervise/changes.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "supervise/change.h"
#include "supervise/op.h"
#include "supervise/supervisor.h"

/* One change at a time; of each kind at most one waits for it. */

static struct change *
find_waiting(const struct supervisor *s, enum change_kind kind)
{
	struct list	*n;

	for (n = s->waiting.next; n != &s->waiting; n = n->next)
		if (LIST_ENTRY(n, struct change, node)->kind == kind)
			return LIST_ENTRY(n, struct change, node);
	return NULL;
}

static void
begin_next(struct supervisor *s)
{
	if (s->now != NULL || s->stopping || list_empty(&s->waiting))
		return;
	s->now = LIST_ENTRY(s->waiting.next, struct change, node);
	list_remove(&s->now->node);
	manager_reloading(&s->manager);
	change_begin(s->now);
}

/* It begins at once if nothing else is under way. */
static struct change *
enqueue(struct supervisor *s, struct change *c, struct err *e)
{
	if (c == NULL) {
		err_set(e, ENOMEM, "change");
		return NULL;
	}
	if (s->now != NULL)
		journal_post(&s->common.journal, LOG_INFO, EV_COMMAND, NULL,
		    "a %s is under way: one more %s follows it",
		    s->now->kind == CHANGE_APPLY ? "new config" : "rollout",
		    c->kind == CHANGE_APPLY ? "config" : "rollout");
	list_append(&s->waiting, &c->node);
	begin_next(s);
	return c;
}

static int
refuse_stopping(const struct supervisor *s, const char *what, struct err *e)
{
	return s->stopping ? err_set(e, 0, "stopping: no %s", what) : 0;
}

struct change *
supervisor_reload(struct supervisor *s, char *const *names, struct err *e)
{
	struct change	*c = find_waiting(s, CHANGE_RELOAD);

	if (refuse_stopping(s, "rollout", e) == -1)
		return NULL;
	if (c == NULL)
		return enqueue(s, change_reload(s, names), e);
	if (change_join(c, names) == -1) {
		err_set(e, ENOMEM, "rollout");
		return NULL;
	}
	journal_post(&s->common.journal, LOG_INFO, EV_COMMAND, NULL,
	    "a rollout waits already");
	return c;
}

struct change *
supervisor_apply(struct supervisor *s, const char *path, struct err *e)
{
	struct change	*c = find_waiting(s, CHANGE_APPLY);

	if (refuse_stopping(s, "new config", e) == -1)
		return NULL;
	if (c == NULL)
		return enqueue(s, change_apply(s, path), e);
	if (strcmp(c->path, path) != 0) {
		err_set(e, 0, "another config waits to be applied: %s; try "
		    "again later", c->path);
		return NULL;
	}
	journal_post(&s->common.journal, LOG_INFO, EV_COMMAND, NULL,
	    "a new config waits already");
	return c;
}

void
supervisor_changed(struct supervisor *s, struct change *c)
{
	if (s->now == c)
		s->now = NULL;
	change_free(c);
	if (s->stopping)
		return;
	manager_reloaded(&s->manager);
	op_run_waiting(s);
	begin_next(s);
	supervisor_look_over(s);
}

void
supervisor_cancel_changes(struct supervisor *s)
{
	if (s->now != NULL)
		change_cancel(s->now);
	while (!list_empty(&s->waiting))
		change_cancel(LIST_ENTRY(s->waiting.next, struct change,
		    node));
	op_fail_all(s, "rota is stopping");
}
