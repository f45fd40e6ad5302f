#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/call.h"
#include "cli/cli.h"
#include "cli/event.h"
#include "cli/field.h"
#include "cli/interrupt.h"
#include "cli/out.h"

/* What is shown by "rota logs" and "rota events". */
struct follow {
	const char	*command;
	uint64_t	 lines;		/* if nothing else is asked for */
	void		(*format)(const json_t *data, char **ret);
	bool		 as_json;
	bool		 has_ended;	/* the supervisor has said so */
};

static void
show(void *arg, const json_t *data)
{
	struct follow	*f = arg;
	char		*text = NULL;

	if (event_is_last(data))
		f->has_ended = true;
	if (f->as_json) {
		out_json(stdout, data);
		return;
	}
	f->format(data, &text);
	if (text != NULL)
		out_line(stdout, "%s", text);
	free(text);
}

static json_t *
follow_args(const struct cli_args *a, const struct follow *f)
{
	json_t	*args = json_pack("{s:I, s:b}", "lines",
		    (json_int_t)(a->has_lines ? a->lines : f->lines),
		    "follow", a->follow);

	if (a->operand_count == 0 || json_object_set_new(args, "target",
	    json_string(a->operands[0])) == 0)
		return args;
	json_decref(args);
	return NULL;
}

/* A follow has no end of its own: how it stopped decides. */
static int
end_of_follow(const struct follow *f, const struct reply *r,
    const struct client *c)
{
	if (r->end == CALL_INTERRUPTED)
		return EXIT_SUCCESS;
	if (r->end == CALL_LOST && f->has_ended)
		return EXIT_SUCCESS;
	if (r->end == CALL_REFUSED && strcmp(r->code, "stopping") == 0) {
		out_complain("%s", r->error);
		return EXIT_SUCCESS;
	}
	reply_complain(r, c);
	return reply_status(r);
}

static int
run(const struct cli_args *a, struct follow *f)
{
	struct call	 call = { .command = f->command, .data = show,
			    .arg = f };
	struct reply	 r;
	struct client	*c;
	int		 status;

	c = client_open(a, &status);
	if (c == NULL)
		return status;
	f->as_json = a->json;
	call.args = follow_args(a, f);
	call.limit_ms = a->follow ? CLIENT_FOREVER : CALL_MS;
	if (a->follow) {
		interrupt_catch();
		(void)setvbuf(stdout, NULL, _IOLBF, 0);
	}
	call_run(c, &call, &r);
	if (a->follow) {
		status = end_of_follow(f, &r, c);
	} else {
		reply_complain(&r, c);
		status = reply_status(&r);
	}
	reply_free(&r);
	client_close(c);
	return status;
}

int
cmd_logs(const struct cli_args *a)
{
	struct follow	 f = { .command = "logs", .lines = 10,
			    .format = event_format_line };

	return run(a, &f);
}

int
cmd_events(const struct cli_args *a)
{
	struct follow	 f = { .command = "events", .lines = 20,
			    .format = event_format };

	return run(a, &f);
}
