#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cli/call.h"
#include "cli/cli.h"
#include "cli/field.h"
#include "cli/human.h"
#include "cli/out.h"
#include "cli/wait.h"

/* --- reload -------------------------------------------------------------- */
static void
show_reloaded(const json_t *pool)
{
	const char	*name = field_text(pool, "pool", "?");
	json_int_t	 slots = field_number(pool, "slots", 0);
	char		 took[HUMAN_SIZE];

	if (strcmp(field_text(pool, "result", ""), "done") != 0) {
		out_line(stdout, "%s: %s", name, field_text(pool, "result",
		    "?"));
		return;
	}
	out_line(stdout, "%s: generation %" JSON_INTEGER_FORMAT " has %"
	    JSON_INTEGER_FORMAT " slot%s, after %s", name,
	    field_number(pool, "generation", 0), slots,
	    slots == 1 ? "" : "s",
	    human_duration(took, (uint64_t)field_number(pool, "ms", 0)));
}

static void
show_reload(const json_t *result)
{
	json_t		*pool;
	size_t		 i;

	json_array_foreach(field_list(result, "pools"), i, pool)
		show_reloaded(pool);
	if (field_bool(result, "file_differs"))
		out_line(stdout, "the config file differs from the running "
		    "one; see rota apply");
}

static void
show_aborted(const json_t *result)
{
	(void)result;
	out_line(stdout, "the rollout is aborted");
}

/* NULL: one of the names is not UTF-8. */
static json_t *
reload_args(const struct cli_args *a)
{
	json_t	*args = json_object(), *pools = json_array();
	size_t	 i;
	int	 r = 0;

	for (i = 0; i < a->operand_count; i++)
		r |= json_array_append_new(pools,
		    json_string(a->operands[i]));
	if (a->operand_count > 0)
		r |= json_object_set(args, "pools", pools);
	if (a->abort)
		r |= json_object_set_new(args, "abort", json_true());
	json_decref(pools);
	if (r == 0)
		return args;
	json_decref(args);
	return NULL;
}

int
cmd_reload(const struct cli_args *a)
{
	static const struct wait	 w = { "reload", "the rollout",
					    show_reload, wait_show_pools };

	if (a->abort && (a->no_wait || a->has_timeout)) {
		out_complain("--abort waits for nothing");
		return cli_usage(a->command);
	}
	if (a->abort)
		return call_simply(a, "reload", reload_args(a),
		    show_aborted, NULL);
	return wait_run(a, &w, reload_args(a));
}

/* --- scale --------------------------------------------------------------- */
static void
show_scale(const json_t *result)
{
	json_int_t	 from = field_number(result, "from", -1);
	json_int_t	 to = field_number(result, "to", -1);

	if (from == to)
		out_line(stdout, "%s: has %" JSON_INTEGER_FORMAT " already",
		    field_text(result, "pool", "?"), to);
	else
		out_line(stdout, "%s: count %" JSON_INTEGER_FORMAT " -> %"
		    JSON_INTEGER_FORMAT, field_text(result, "pool", "?"),
		    from, to);
}

int
cmd_scale(const struct cli_args *a)
{
	static const struct wait	 w = { "scale", "the scaling",
					    show_scale, wait_show_pools };

	return wait_run(a, &w, json_pack("{s:s, s:s}", "pool",
	    a->operands[0], "count", a->operands[1]));
}

/* --- start, stop, restart ------------------------------------------------ */
static void
show_slots(const json_t *result, const char *what)
{
	json_int_t	 slots = field_number(result, "slots", 0);
	const char	*text = field_text(result, "text", NULL);

	if (text != NULL)
		out_line(stdout, "%s", text);
	else
		out_line(stdout, "%s %" JSON_INTEGER_FORMAT " slot%s", what,
		    slots, slots == 1 ? "" : "s");
}

static void
show_started(const json_t *result)
{
	show_slots(result, "started");
}

static void
show_stopped(const json_t *result)
{
	show_slots(result, "stopped");
}

static void
show_restarted(const json_t *result)
{
	show_slots(result, "restarted");
}

int
cmd_start_stop(const struct cli_args *a)
{
	static const struct wait	 list[] = {
		{ "restart", "the restart", show_restarted, wait_show_pools },
		{ "start", "the start", show_started, wait_show_pools },
		{ "stop", "the stop", show_stopped, wait_show_pools },
	};
	size_t				 i = 0;

	while (strcmp(list[i].command, a->command) != 0)
		i++;
	return wait_run(a, &list[i], json_pack("{s:s}", "target",
	    a->operands[0]));
}

/* --- shutdown ------------------------------------------------------------ */
static void
show_shutdown(const json_t *result)
{
	json_int_t	 status = field_number(result, "status", -1);

	if (status == -1)
		out_line(stdout, "the supervisor is stopping");
	else
		out_line(stdout, "the supervisor has ended, exit status %"
		    JSON_INTEGER_FORMAT, status);
}

int
cmd_shutdown(const struct cli_args *a)
{
	static const struct wait	 w = { "shutdown", "the shutdown",
					    show_shutdown, NULL };

	return wait_run(a, &w, json_pack("{s:b}", "at_once", a->at_once));
}
