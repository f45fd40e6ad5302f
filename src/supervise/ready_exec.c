#include "config.h"
#include "supervise/ready.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/env.h"
#include "base/err.h"
#include "config/conf.h"
#include "config/words.h"
#include "supervise/common.h"
#include "supervise/generation.h"
#include "supervise/launch.h"
#include "supervise/worker.h"

static void	exec_try(struct ev_loop *, ev_timer *, int);

static void
exec_again(struct ready *r)
{
	ready_after(r, r->worker->gen->conf->ready.interval_ms, exec_try);
}

static void
exec_ended(void *arg, const char *why, const char *out, size_t len)
{
	struct ready	*r = arg;

	(void)out;
	(void)len;
	if (why == NULL) {
		ready_found(r);
		return;
	}
	worker_post(r->worker, LOG_DEBUG, EV_STATUS, "not ready yet: "
	    "ready.command: %s", why);
	exec_again(r);
}

static void
exec_try(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct ready		*r = t->data;
	struct ready_probe	*p = r->probe;
	struct worker		*w = r->worker;
	struct err		 e;

	(void)loop;
	(void)revents;
	if (p->argv != NULL && command_start(&p->command, p->argv, w->gen,
	    w->gen->conf->ready.timeout_ms, &e) == 0)
		return;
	if (p->argv != NULL)
		worker_complain(w, "ready.command", e.msg);
	exec_again(r);
}

/* What it finds in its environment of the worker that it is about. */
static int
exec_set_env(struct ready *r)
{
	const struct worker	*w = r->worker;
	struct ready_probe	*p = r->probe;
	uint16_t		 port = launch_port(&w->job);

	if (env_set(&p->env, "ROTA_PROBE_SLOT", "%u", w->job.slot) == -1 ||
	    env_set(&p->env, "ROTA_PROBE_PID", "%ld", (long)w->pid) == -1)
		return -1;
	return port == 0 ? 0 : env_set(&p->env, "PORT", "%u", port);
}

static void
exec_begin(struct ready *r)
{
	struct worker		*w = r->worker;
	struct ready_probe	*p = r->probe;
	struct err		 e;

	(void)snprintf(p->tag, sizeof(p->tag), "ready-%u", w->job.slot);
	command_init(&p->command, w->job.common, w->job.pool, p->tag,
	    exec_ended, r);
	p->command.extra = &p->env;
	p->argv = launch_words(&w->job, w->gen->conf->ready.argv, -1, &e);
	if (p->argv == NULL || exec_set_env(r) == -1)
		worker_complain(w, "ready.command", "out of memory");
	exec_try(w->job.common->loop, &r->timer, 0);
}

static void
exec_end(struct ready *r)
{
	struct ready_probe	*p = r->probe;

	command_cancel(&p->command);
	env_free(&p->env);
	words_free(p->argv);
	p->argv = NULL;
}

/* A command of the pool's exits with 0; it is run again and again. */
const struct ready_kind ready_by_exec = {
	.begin = exec_begin,
	.end = exec_end,
	.has_probe = true,
	.missing = "ready.command has not exited with 0",
};
