#include "config.h"

#include <stdlib.h>

#include "cli/call.h"
#include "cli/cli.h"
#include "cli/field.h"
#include "cli/out.h"

static void
show_sent(const json_t *result)
{
	json_int_t	 sent = field_number(result, "sent", 0);
	json_int_t	 waiting = field_number(result, "not_ready", 0);

	if (waiting > 0)
		out_line(stdout, "sent to %" JSON_INTEGER_FORMAT
		    " worker%s, not to %" JSON_INTEGER_FORMAT
		    " that %s not ready", sent, sent == 1 ? "" : "s",
		    waiting, waiting == 1 ? "is" : "are");
	else
		out_line(stdout, "sent to %" JSON_INTEGER_FORMAT " worker%s",
		    sent, sent == 1 ? "" : "s");
}

int
cmd_send(const struct cli_args *a)
{
	return call_simply(a, "send", json_pack("{s:s, s:s}", "target",
	    a->operands[0], "json", a->operands[1]), show_sent, NULL);
}

int
cmd_broadcast(const struct cli_args *a)
{
	json_t	*args;

	if (a->operand_count == 1)
		args = json_pack("{s:s}", "json", a->operands[0]);
	else
		args = json_pack("{s:s, s:s}", "pool", a->operands[0],
		    "json", a->operands[1]);
	return call_simply(a, "broadcast", args, show_sent, NULL);
}

static void
show_signalled(const json_t *result)
{
	json_int_t	 n = field_number(result, "signalled", 0);

	out_line(stdout, "signalled %" JSON_INTEGER_FORMAT " worker%s", n,
	    n == 1 ? "" : "s");
}

int
cmd_signal(const struct cli_args *a)
{
	return call_simply(a, "signal", json_pack("{s:s, s:s}", "target",
	    a->operands[1], "signal", a->operands[0]), show_signalled, NULL);
}
