#include "config.h"
#include "supervise/op.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/ports.h"
#include "supervise/change.h"
#include "supervise/pool.h"
#include "supervise/supervisor.h"

#define COUNT_MAX 10000		/* as for the key count */

static void
op_end(struct op *o, const char *why)
{
	list_remove(&o->node);
	settle_cancel(&o->settle);
	if (o->done != NULL)
		o->done(o->arg, o, why);
	free(o->name);
	free(o);
}

static void
op_settled(void *arg, const char *why)
{
	op_end(arg, why);
}

/* Another pool has a port that a new slot would have for itself. */
static int
op_check_ports(const struct op *o, const struct pool *p, size_t n,
    struct err *e)
{
	const struct supervisor		*s = o->supervisor;
	const struct conf_listen	*l;
	const struct pool		*q;
	size_t				 i;
	uint16_t			 port;

	for (i = 0; n > p->count && i < s->pool_count; i++) {
		q = s->pools[i];
		if (q == p || q->removed)
			continue;
		port = ports_shared(p->conf, n, q->conf, q->count, &l);
		if (port != 0)
			return err_set(e, 0, "pool '%s': with %zu slots port "
			    "%u would be needed, which is pool '%s''s",
			    p->name, n, port, q->name);
	}
	return 0;
}

static int
op_scale(struct op *o, struct pool *p, struct err *e)
{
	size_t	 n = o->spec.n;

	o->from = p->count;
	if (o->spec.sign > 0)
		n = p->count + n;
	else if (o->spec.sign < 0)
		n = n < p->count ? p->count - n : 0;
	if (n < 1 || n > COUNT_MAX)
		return err_set(e, 0, "pool '%s': count cannot be %zu; "
		    "expected 1 to %d (see 'rota stop' for none)", p->name,
		    n, COUNT_MAX);
	if (n > p->count && n >= p->most_processes)
		return err_set(e, 0, "pool '%s': no descriptors or processes "
		    "for %zu workers, at most %zu (see ulimit -Hn and -Hu)",
		    p->name, n, p->most_processes - 1);
	if (op_check_ports(o, p, n, e) == -1 || pool_scale(p, n, e) == -1)
		return -1;
	o->to = n;
	o->spec.first = n < o->from ? n : o->from;
	o->spec.last = n < o->from ? o->from : n;
	pool_post(p, LOG_INFO, EV_COMMAND, "scaled from %zu to %zu slots",
	    o->from, n);
	return 0;
}

/* Carry it out; what follows is waited for. */
static int
op_do(struct op *o, struct pool *p, struct err *e)
{
	struct op_spec	*sp = &o->spec;
	bool		 up = true;

	if (sp->whole)
		sp->last = p->count;
	switch (sp->kind) {
	case OP_SCALE:
		if (op_scale(o, p, e) == -1)
			return -1;
		up = o->to > o->from && !pool_is_closed(p);
		break;
	case OP_START:
		if (pool_resume(p, sp->first, sp->last, e) == -1)
			return -1;
		break;
	case OP_STOP:
		pool_halt(p, sp->first, sp->last, sp->whole);
		up = false;
		break;
	case OP_RESTART:
		if (pool_restart(p, sp->first, sp->last, sp->whole, e) == -1)
			return -1;
		break;
	}
	settle_begin(&o->settle, p, sp->first, sp->last, up);
	return 0;
}

/* A change has it now. */
static bool
op_must_wait(const struct op *o, const struct pool *p)
{
	const struct supervisor	*s = o->supervisor;

	return s->now != NULL && change_concerns(s->now, p);
}

static int
op_try(struct op *o, struct err *e)
{
	struct pool	*p = supervisor_find(o->supervisor, o->name);

	if (p == NULL)
		return err_set(e, 0, "pool '%s' is gone", o->name);
	if (op_must_wait(o, p))
		return 0;
	o->begun = true;
	return op_do(o, p, e);
}

static bool
op_has_room(const struct supervisor *s)
{
	const struct list	*n;
	size_t			 k = 0;

	for (n = s->ops.next; n != &s->ops; n = n->next)
		k++;
	return k < OP_WAITING_MAX;
}

struct op *
op_begin(struct supervisor *s, const struct op_spec *spec,
    void (*done)(void *, const struct op *, const char *), void *arg,
    struct err *e)
{
	struct op	*o = NULL;

	if (s->stopping)
		err_set(e, 0, "rota is stopping");
	else if (!op_has_room(s))
		err_set(e, EBUSY, "%d commands wait already", OP_WAITING_MAX);
	else if ((o = calloc(1, sizeof(*o))) == NULL ||
	    (o->name = strdup(spec->pool)) == NULL)
		err_set(e, ENOMEM, "command");
	if (o == NULL || o->name == NULL) {
		free(o);
		return NULL;
	}
	o->supervisor = s;
	o->spec = *spec;
	o->spec.pool = o->name;
	o->settle.done = op_settled;
	o->settle.arg = o;
	list_init(&o->settle.node);
	list_append(&s->ops, &o->node);
	if (op_try(o, e) == -1) {
		op_end(o, NULL);
		return NULL;
	}
	o->done = done;
	o->arg = arg;
	return o;
}

void
op_forget(struct op *o)
{
	o->done = NULL;
	o->arg = NULL;
}

void
op_run_waiting(struct supervisor *s)
{
	struct list	*n, *tmp;
	struct op	*o;
	struct err	 e;

	LIST_FOREACH(n, tmp, &s->ops) {
		o = LIST_ENTRY(n, struct op, node);
		if (!o->begun && op_try(o, &e) == -1)
			op_end(o, e.msg);
	}
}

void
op_fail_all(struct supervisor *s, const char *why)
{
	while (!list_empty(&s->ops))
		op_end(LIST_ENTRY(s->ops.next, struct op, node), why);
}
