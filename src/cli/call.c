#include "config.h"
#include "cli/call.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/field.h"
#include "cli/out.h"

void
reply_free(struct reply *r)
{
	json_decref(r->line);
	memset(r, 0, sizeof(*r));
}

/* A line about our request; true if it is the last one. */
static bool
take_line(const struct call *call, json_int_t id, json_t *line,
    struct reply *r)
{
	const json_t	*data = json_object_get(line, "data");
	const json_t	*ok = json_object_get(line, "ok");
	const json_t	*its = json_object_get(line, "id");

	if (json_integer_value(its) != id && !json_is_null(its))
		return false;		/* what we no longer wait for */
	if (data != NULL) {
		if (call->data != NULL)
			call->data(call->arg, data);
		return false;
	}
	r->line = json_incref(line);
	r->result = field_object(line, "result");
	r->details = field_object(line, "details");
	r->code = field_text(line, "code", "failed");
	r->error = field_text(line, "error", "it failed");
	if (json_is_true(ok) && r->result != NULL)
		r->end = CALL_DONE;
	else
		r->end = json_is_false(ok) ? CALL_REFUSED : CALL_GARBAGE;
	return true;
}

static enum call_end
end_of_event(enum client_event event)
{
	switch (event) {
	case CLIENT_INTERRUPTED: return CALL_INTERRUPTED;
	case CLIENT_LOST: return CALL_LOST;
	case CLIENT_LATE: return CALL_LATE;
	case CLIENT_GARBAGE:
	case CLIENT_RESIZED:
	case CLIENT_LINE:
	default: return CALL_GARBAGE;
	}
}

/* Not beyond the end, and not beyond the next tick. */
static uint64_t
next_time(const struct call *call, uint64_t until_ms)
{
	uint64_t	 tick = clock_ms() + call->tick_ms;

	return call->tick_ms > 0 && tick < until_ms ? tick : until_ms;
}

static void
wait_for_end(struct client *c, const struct call *call, json_int_t id,
    struct reply *r)
{
	uint64_t		 until_ms = CLIENT_FOREVER;
	enum client_event	 event;
	json_t			*line;
	bool			 is_last = false;

	if (call->limit_ms != CLIENT_FOREVER)
		until_ms = clock_ms() + call->limit_ms;
	while (!is_last) {
		event = client_receive(c, next_time(call, until_ms), &line);
		if (event == CLIENT_LINE) {
			is_last = take_line(call, id, line, r);
			json_decref(line);
		} else if (event == CLIENT_RESIZED ||
		    (event == CLIENT_LATE && clock_ms() < until_ms)) {
			if (call->tick != NULL)
				call->tick(call->arg);
		} else {
			r->end = end_of_event(event);
			return;
		}
	}
}

void
call_run(struct client *c, const struct call *call, struct reply *ret)
{
	json_int_t	 id = client_send(c, call->command, call->args);

	memset(ret, 0, sizeof(*ret));
	if (id == 0)
		ret->end = CALL_UNSENT;
	else
		wait_for_end(c, call, id, ret);
}

int
reply_status(const struct reply *r)
{
	switch (r->end) {
	case CALL_DONE:
		return EXIT_SUCCESS;
	case CALL_REFUSED:
		if (strcmp(r->code, "usage") == 0)
			return EXIT_USAGE;
		return strcmp(r->code, "bad-config") == 0 ? EXIT_CONFIG :
		    EXIT_FAILURE;
	case CALL_LOST:
		return EXIT_NOBODY;
	case CALL_LATE:
	case CALL_INTERRUPTED:
	case CALL_GARBAGE:
	case CALL_UNSENT:
	default:
		return EXIT_FAILURE;
	}
}

void
reply_complain(const struct reply *r, const struct client *c)
{
	switch (r->end) {
	case CALL_REFUSED:
		out_complain("%s", r->error);
		break;
	case CALL_LATE:
		out_complain("the supervisor, pid %ld, has not answered in "
		    "time (control socket %s)", (long)client_pid(c),
		    client_path(c));
		break;
	case CALL_LOST:
		out_complain("the supervisor, pid %ld, has gone (control "
		    "socket %s)", (long)client_pid(c), client_path(c));
		break;
	case CALL_GARBAGE:
		out_complain("%s: what came is no reply of a supervisor",
		    client_path(c));
		break;
	case CALL_DONE:
	case CALL_INTERRUPTED:
	case CALL_UNSENT:
	default:
		break;
	}
}

void
reply_print_json(const struct reply *r)
{
	json_t	*said;

	if (r->end == CALL_DONE) {
		out_json(stdout, r->result);
		return;
	}
	if (r->end != CALL_REFUSED)
		return;
	said = json_copy(r->line);
	(void)json_object_del(said, "id");
	out_json(stdout, said);
	json_decref(said);
}

int
call_simply(const struct cli_args *a, const char *command, json_t *args,
    void (*show)(const json_t *), void (*show_details)(const json_t *))
{
	struct call	 call = { .command = command, .args = args,
			    .limit_ms = CALL_MS };
	struct reply	 r;
	struct client	*c;
	int		 status;

	c = client_open(a, &status);
	if (c == NULL) {
		json_decref(args);
		return status;
	}
	call_run(c, &call, &r);
	if (a->json)
		reply_print_json(&r);
	else if (r.end == CALL_DONE)
		show(r.result);
	else if (r.end == CALL_REFUSED && show_details != NULL)
		show_details(r.details);
	reply_complain(&r, c);
	status = reply_status(&r);
	reply_free(&r);
	client_close(c);
	return status;
}
