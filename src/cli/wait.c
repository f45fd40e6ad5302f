#include "config.h"
#include "cli/wait.h"

#include <stdlib.h>
#include <string.h>

#include "cli/call.h"
#include "cli/cli.h"
#include "cli/field.h"
#include "cli/human.h"
#include "cli/interrupt.h"
#include "cli/out.h"
#include "cli/progress.h"

#define TICK_MS 1000

void
wait_show_pools(const json_t *details)
{
	const char	*name, *reason;
	json_t		*pool, *line;
	size_t		 i, k;

	json_array_foreach(field_list(details, "pools"), i, pool) {
		name = field_text(pool, "pool", "?");
		reason = field_text(pool, "reason", NULL);
		out_line(stderr, "%s: %s%s%s", name, field_text(pool,
		    "result", "failed"), reason != NULL ? ": " : "",
		    reason != NULL ? reason : "");
		json_array_foreach(field_list(pool, "lines"), k, line)
			out_line(stderr, "%s | %s", name,
			    json_is_string(line) ?
			    json_string_value(line) : "?");
	}
}

static void
say_that_it_goes_on(const struct cli_args *a, const struct wait *w,
    const struct reply *r)
{
	char	 buf[HUMAN_SIZE];

	if (r->end == CALL_LATE)
		out_complain("not done after %s; %s goes on, rota status "
		    "shows it", human_duration(buf, a->timeout_ms), w->what);
	else
		out_complain("not waiting any longer; %s goes on, rota "
		    "status shows it", w->what);
}

/* What was asked for is done, or has begun if nobody was to wait. */
static void
show_result(const struct wait *w, const json_t *result)
{
	const json_t	*queued = json_object_get(result, "queued");

	if (queued == NULL)
		w->show(result);
	else if (json_is_true(queued))
		out_line(stdout, "%s waits for what is under way", w->what);
	else
		out_line(stdout, "%s has begun; rota status shows it",
		    w->what);
}

static void
report(const struct cli_args *a, const struct wait *w,
    const struct reply *r, const struct client *c)
{
	if (a->json)
		reply_print_json(r);
	else if (r->end == CALL_DONE)
		show_result(w, r->result);
	else if (r->end == CALL_REFUSED && w->show_details != NULL)
		w->show_details(r->details);
	if (r->end == CALL_INTERRUPTED ||
	    (r->end == CALL_LATE && a->has_timeout && !a->no_wait))
		say_that_it_goes_on(a, w, r);
	else
		reply_complain(r, c);
}

static uint64_t
limit_of(const struct cli_args *a)
{
	if (a->no_wait)
		return CALL_MS;
	return a->has_timeout ? a->timeout_ms : CLIENT_FOREVER;
}

int
wait_run(const struct cli_args *a, const struct wait *w, json_t *args)
{
	struct progress	 p;
	struct call	 call = { .command = w->command, .args = args,
			    .data = progress_data, .tick = progress_tick,
			    .tick_ms = TICK_MS, .arg = &p };
	struct reply	 r;
	struct client	*c;
	int		 status;

	c = client_open(a, &status);
	if (c == NULL) {
		json_decref(args);
		return status;
	}
	if (args != NULL)
		(void)json_object_set_new(args, "wait",
		    json_boolean(!a->no_wait));
	call.limit_ms = limit_of(a);
	progress_init(&p);
	interrupt_catch();
	call_run(c, &call, &r);
	progress_end(&p);
	report(a, w, &r, c);
	status = reply_status(&r);
	reply_free(&r);
	client_close(c);
	return status;
}
