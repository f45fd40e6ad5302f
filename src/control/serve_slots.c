#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/parse.h"
#include "base/util.h"
#include "control/serve.h"
#include "control/control.h"
#include "control/request.h"
#include "control/target.h"
#include "supervise/op.h"
#include "supervise/pool.h"
#include "supervise/supervisor.h"

/* scale, start, stop and restart. */

static void
slots_gone(struct request *r)
{
	op_forget(r->state);
}

/* "web: 8 slots are up", "web:1 is stopped" */
static json_t *
slots_text(const struct op *o)
{
	static const char *const	 is[] = {
		[OP_START] = "up",
		[OP_STOP] = "stopped",
		[OP_RESTART] = "restarted",
	};
	size_t				 n = o->spec.last - o->spec.first;

	if (n == 1)
		return json_sprintf("%s:%zu is %s", o->name, o->spec.first,
		    is[o->spec.kind]);
	return json_sprintf("%s: %zu slots are %s", o->name, n,
	    is[o->spec.kind]);
}

static void
slots_done(void *arg, const struct op *o, const char *why)
{
	struct request	*r = arg;

	r->gone = NULL;
	if (why != NULL)
		request_fail(r, o->supervisor->stopping ? "stopping" :
		    "failed", NULL, "%s: %s", o->name, why);
	else if (o->spec.kind == OP_SCALE)
		request_done(r, json_pack("{s:s, s:I, s:I}", "pool", o->name,
		    "from", (json_int_t)o->from, "to", (json_int_t)o->to));
	else
		request_done(r, json_pack("{s:s, s:I, s:o}", "pool", o->name,
		    "slots", (json_int_t)(o->spec.last - o->spec.first),
		    "text", slots_text(o)));
}

static void
slots_begin(struct control *c, struct request *r, const struct op_spec *sp,
    bool wait)
{
	struct err	 e;
	struct op	*o;

	o = op_begin(c->supervisor, sp, wait ? slots_done : NULL, r, &e);
	if (o == NULL) {
		request_fail(r, c->supervisor->stopping ? "stopping" :
		    e.code == EBUSY ? "busy" : "refused", NULL, "%s", e.msg);
		return;
	}
	if (!wait) {
		request_done(r, json_pack("{s:b}", "queued", !o->begun));
		return;
	}
	r->state = o;
	r->gone = slots_gone;
	if (!o->begun)
		(void)request_data(r, json_pack("{s:s, s:s}", "pool",
		    o->name, "text", "waiting for the end of the change "
		    "that is under way"));
}

static void
slots_command(struct control *c, struct request *r, enum op_kind kind)
{
	bool				 wait = true;
	const char			*target = NULL;
	const struct request_arg	 args[] = {
		{ "target", REQUEST_STRING, true, &target, 0, 0 },
		{ "wait", REQUEST_BOOL, false, &wait, 0, 0 },
	};
	struct op_spec			 sp = { .kind = kind };
	struct target			 t;
	struct err			 e;

	if (request_args(r, args, ARRAY_LEN(args)) == -1)
		return;
	if (target_find(c->supervisor, target, &t, &e) == -1) {
		request_fail(r, "no-such-target", NULL, "%s", e.msg);
		return;
	}
	sp.pool = t.pool->name;
	sp.whole = !t.is_slot;
	sp.first = t.first;
	sp.last = t.last;
	slots_begin(c, r, &sp, wait);
}

void
serve_start(struct control *c, struct request *r)
{
	slots_command(c, r, OP_START);
}

void
serve_stop(struct control *c, struct request *r)
{
	slots_command(c, r, OP_STOP);
}

void
serve_restart(struct control *c, struct request *r)
{
	slots_command(c, r, OP_RESTART);
}

/* "8", "+2" or "-1". */
static int
parse_change(const char *text, struct op_spec *sp)
{
	uint64_t	 n;

	sp->sign = text[0] == '+' ? 1 : text[0] == '-' ? -1 : 0;
	if (parse_count(sp->sign != 0 ? text + 1 : text, &n) != PARSE_OK ||
	    n > 10000)
		return -1;
	sp->n = (size_t)n;
	return 0;
}

void
serve_scale(struct control *c, struct request *r)
{
	bool				 wait = true;
	const char			*pool = NULL, *count = NULL;
	const struct request_arg	 args[] = {
		{ "count", REQUEST_STRING, true, &count, 0, 0 },
		{ "pool", REQUEST_STRING, true, &pool, 0, 0 },
		{ "wait", REQUEST_BOOL, false, &wait, 0, 0 },
	};
	struct op_spec			 sp = { .kind = OP_SCALE };
	struct err			 e;

	if (request_args(r, args, ARRAY_LEN(args)) == -1)
		return;
	if (target_pool(c->supervisor, pool, &e) == NULL)
		request_fail(r, "no-such-target", NULL, "%s", e.msg);
	else if (parse_change(count, &sp) == -1)
		request_fail(r, "usage", NULL, "count: '%s' is not N, +N or "
		    "-N, with N from 0 to 10000", count);
	else {
		sp.pool = pool;
		slots_begin(c, r, &sp, wait);
	}
}
