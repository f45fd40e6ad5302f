#include "config.h"
#include "control/serve.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "control/control.h"
#include "control/request.h"
#include "supervise/supervisor.h"

/* Bytes of the arguments of a command that the log shows. */
#define ARGS_SHOWN 200

/* Sorted by name; rota-control(7) lists each one. */
static const struct command {
	const char	*name;
	serve_fn	*run;
	bool		 changes;	/* something, and so is logged */
} commands[] = {
	{ "apply", serve_apply, true },
	{ "broadcast", serve_broadcast, true },
	{ "events", serve_events, false },
	{ "logs", serve_logs, false },
	{ "plan", serve_plan, false },
	{ "reload", serve_reload, true },
	{ "restart", serve_restart, true },
	{ "scale", serve_scale, true },
	{ "send", serve_send, true },
	{ "shutdown", serve_shutdown, true },
	{ "signal", serve_signal, true },
	{ "start", serve_start, true },
	{ "status", serve_status, false },
	{ "stop", serve_stop, true },
};

static void
serve_unknown(struct request *r)
{
	const char	*names[ARRAY_LEN(commands) + 1] = { NULL };
	const char	*near;
	size_t		 i;

	for (i = 0; i < ARRAY_LEN(commands); i++)
		names[i] = commands[i].name;
	near = text_nearest(r->command, names);
	request_fail(r, "usage", NULL, "no command '%s'%s%s%s", r->command,
	    near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
	    near != NULL ? "'?" : "");
}

/* Who wants what; of the arguments as much as fits. */
static void
serve_log(struct control *c, const struct request *r)
{
	char	*args = json_dumps(r->args, JSON_COMPACT);
	size_t	 len = args != NULL ? strlen(args) : 0;

	journal_post(&c->supervisor->common.journal, LOG_INFO, EV_COMMAND,
	    NULL, "command %s %.*s%s from pid %ld, uid %ld", r->command,
	    ARGS_SHOWN, args != NULL ? args : "",
	    len > ARGS_SHOWN ? "..." : "", (long)r->pid, (long)r->uid);
	free(args);
}

void
serve_run(void *arg, struct request *r)
{
	struct control	*c = arg;
	size_t		 i;

	for (i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].name, r->command) != 0)
			continue;
		if (commands[i].changes)
			serve_log(c, r);
		commands[i].run(c, r);
		return;
	}
	serve_unknown(r);
}

/* --- shutdown ------------------------------------------------------------- */

/* A request that waits for the end. */
struct shutdown {
	struct list	 node;
	struct request	*request;
};

static void
shutdown_gone(struct request *r)
{
	struct shutdown	*sd = r->state;

	list_remove(&sd->node);
	free(sd);
}

struct request *
serve_next_shutdown(struct control *c)
{
	struct shutdown	*sd = LIST_ENTRY(c->shutdowns.next, struct shutdown,
			    node);
	struct request	*r = sd->request;

	r->gone = NULL;
	shutdown_gone(r);
	return r;
}

void
serve_shutdown(struct control *c, struct request *r)
{
	bool				 at_once = false, wait = true;
	const struct request_arg	 args[] = {
		{ "at_once", REQUEST_BOOL, false, &at_once, 0, 0 },
		{ "wait", REQUEST_BOOL, false, &wait, 0, 0 },
	};
	struct shutdown			*sd;

	if (request_args(r, args, ARRAY_LEN(args)) == -1)
		return;
	if (!wait) {
		request_done(r, json_object());
	} else if ((sd = calloc(1, sizeof(*sd))) == NULL) {
		request_fail(r, "no-memory", NULL, "out of memory");
		return;
	} else {
		sd->request = r;
		r->state = sd;
		r->gone = shutdown_gone;
		list_append(&c->shutdowns, &sd->node);
	}
	supervisor_stop(c->supervisor, at_once);
}
