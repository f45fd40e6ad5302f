#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/call.h"
#include "cli/cli.h"
#include "cli/field.h"
#include "cli/out.h"
#include "cli/wait.h"

static void
show_changes(const json_t *result)
{
	json_t	*one;
	size_t	 i;

	json_array_foreach(field_list(result, "changes"), i, one)
		out_line(stdout, "%s", field_text(one, "text", "?"));
}

static void
show_applied(const json_t *result)
{
	if (json_array_size(field_list(result, "changes")) == 0)
		out_line(stdout, "nothing has changed");
	show_changes(result);
}

static void
show_plan(const json_t *result)
{
	if (json_array_size(field_list(result, "changes")) == 0)
		out_line(stdout, "nothing would change");
	show_changes(result);
}

/* What is wrong with a file, and why a rollout has failed. */
static void
show_problems(const json_t *details)
{
	const char	*file = field_text(details, "file", "?");
	json_t		*one;
	size_t		 i;

	json_array_foreach(field_list(details, "problems"), i, one)
		out_line(stderr, "%s:%" JSON_INTEGER_FORMAT ":%"
		    JSON_INTEGER_FORMAT ": %s", file,
		    field_number(one, "line", 1), field_number(one, "col",
		    1), field_text(one, "text", "?"));
	wait_show_pools(details);
}

/*
 * The supervisor may have another working folder; links are left for it to
 * follow.  NULL: the path is not UTF-8, or there is no memory.
 */
static json_t *
file_args(const struct cli_args *a)
{
	const char	*file = a->operands[0];
	char		*folder, *path = NULL;
	json_t		*args = NULL;

	if (a->operand_count == 0)
		return json_object();
	if (file[0] == '/')
		return json_pack("{s:s}", "file", file);
	folder = get_current_dir_name();
	if (folder != NULL && asprintf(&path, "%s/%s", folder, file) != -1)
		args = json_pack("{s:s}", "file", path);
	free(path);
	free(folder);
	return args;
}

int
cmd_apply(const struct cli_args *a)
{
	static const struct wait	 w = { "apply", "applying it",
					    show_applied, show_problems };

	return wait_run(a, &w, file_args(a));
}

int
cmd_plan(const struct cli_args *a)
{
	return call_simply(a, "plan", file_args(a), show_plan,
	    show_problems);
}
