#include "config.h"

#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"

static int	cmd_help(const struct cli_args *);
static int	cmd_version(const struct cli_args *);

#define WHERE	(HAS(CONFIG) | HAS(SOCKET))
#define WAITS	(WHERE | HAS(JSON) | HAS(NO_WAIT) | HAS(TIMEOUT))
#define SHOWS	(WHERE | HAS(JSON) | HAS(FOLLOW) | HAS(LINES))

/* Sorted by name; rota(1) lists each one. */
static const struct command {
	struct args_rule	 rule;
	int			(*run)(const struct cli_args *);
	int			(*run_raw)(int, char **);	/* or this */
	const char		*help;
} commands[] = {
	{ { "apply", WAITS, "[FILE]", 0, 1 }, cmd_apply, NULL,
	  "do what the config file says now" },
	{ { "broadcast", WHERE | HAS(JSON), "[POOL] JSON", 1, 2 },
	  cmd_broadcast, NULL, "send a message to every worker" },
	{ { "check", HAS(STRICT) | HAS(PRINT), "FILE", 0, 0 },
	  NULL, cmd_check, "find every error of a config file" },
	{ { "events", SHOWS, "[TARGET]", 0, 1 }, cmd_events, NULL,
	  "show what has happened" },
	{ { "help", 0, "[COMMAND]", 0, 1 }, cmd_help, NULL,
	  "list the commands, or a command's options" },
	{ { "logs", SHOWS, "[TARGET]", 0, 1 }, cmd_logs, NULL,
	  "show the last lines of the workers" },
	{ { "plan", WHERE | HAS(JSON), "[FILE]", 0, 1 }, cmd_plan, NULL,
	  "show what apply would do" },
	{ { "reload", WAITS | HAS(ABORT), "[POOL...]", 0, SIZE_MAX },
	  cmd_reload, NULL, "replace the workers one by one" },
	{ { "restart", WAITS, "TARGET", 1, 1 }, cmd_start_stop, NULL,
	  "stop workers now and start them again" },
	{ { "run", HAS(VERBOSE), "FILE", 0, 0 }, NULL, cmd_run,
	  "start the workers of a config file and stay" },
	{ { "scale", WAITS, "POOL N|+N|-N", 2, 2 }, cmd_scale, NULL,
	  "change the number of workers" },
	{ { "send", WHERE | HAS(JSON), "TARGET JSON", 2, 2 }, cmd_send, NULL,
	  "send a message to workers" },
	{ { "shutdown", WAITS | HAS(AT_ONCE), "", 0, 0 }, cmd_shutdown, NULL,
	  "stop every worker and the supervisor" },
	{ { "signal", WHERE | HAS(JSON), "SIGNAL TARGET", 2, 2 }, cmd_signal,
	  NULL, "send a signal to workers" },
	{ { "start", WAITS, "TARGET", 1, 1 }, cmd_start_stop, NULL,
	  "start what was stopped or has ended" },
	{ { "status", WHERE | HAS(JSON) | HAS(WATCH), "[TARGET]", 0, 1 },
	  cmd_status, NULL, "show pools and workers" },
	{ { "stop", WAITS, "TARGET", 1, 1 }, cmd_start_stop, NULL,
	  "stop workers gracefully" },
	{ { "top", WHERE, "", 0, 0 }, cmd_top, NULL,
	  "watch and operate, on the whole screen" },
	{ { "version", 0, "", 0, 0 }, cmd_version, NULL,
	  "print the version" },
};

static const struct command *
command_find(const char *name)
{
	size_t	 i;

	for (i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].rule.command, name) == 0)
			return &commands[i];
	return NULL;
}

static void
print_usage(const struct command *c, FILE *f)
{
	(void)fprintf(f, "usage: rota %s ", c->rule.command);
	args_print_usage(&c->rule, f);
	(void)fprintf(f, "\n");
}

int
cli_usage(const char *name)
{
	print_usage(command_find(name), stderr);
	return EXIT_USAGE;
}

static void
print_help(FILE *f)
{
	size_t	 i;

	(void)fprintf(f, "usage: rota COMMAND ...\n");
	for (i = 0; i < ARRAY_LEN(commands); i++)
		(void)fprintf(f, "  rota %-9s %-13s %s\n",
		    commands[i].rule.command, commands[i].rule.operands,
		    commands[i].help);
	(void)fprintf(f, "TARGET is POOL or POOL:SLOT.  'rota help COMMAND' "
	    "lists a command's options.\nSee rota(1) and rota.yaml(5).\n");
}

static int
unknown_command(const char *name)
{
	const char	*names[ARRAY_LEN(commands) + 1] = { NULL };
	const char	*near;
	char		 shown[256];
	size_t		 i;

	for (i = 0; i < ARRAY_LEN(commands); i++)
		names[i] = commands[i].rule.command;
	near = text_nearest(name, names);
	(void)text_escape(shown, sizeof(shown), name, strlen(name));
	(void)fprintf(stderr, "rota: no command '%s'%s%s%s; see 'rota help'\n",
	    shown, near != NULL ? "; did you mean '" : "",
	    near != NULL ? near : "", near != NULL ? "'?" : "");
	return EXIT_USAGE;
}

static int
cmd_help(const struct cli_args *a)
{
	const struct command	*c;

	if (a->operand_count == 0) {
		print_help(stdout);
		return EXIT_SUCCESS;
	}
	c = command_find(a->operands[0]);
	if (c == NULL)
		return unknown_command(a->operands[0]);
	print_usage(c, stdout);
	(void)printf("%c%s.\n", c->help[0] - 'a' + 'A', c->help + 1);
	args_print_options(&c->rule, stdout);
	return EXIT_SUCCESS;
}

static int
cmd_version(const struct cli_args *a)
{
	(void)a;
	(void)printf("rota %s\n", PACKAGE_VERSION);
	return EXIT_SUCCESS;
}

static int
run_command(const struct command *c, int argc, char **argv)
{
	struct cli_args	 a;
	int		 status;

	if (args_parse(&c->rule, argc, argv, &a) == -1)
		return cli_usage(c->rule.command);
	(void)setlocale(LC_CTYPE, "");	/* what the terminal can show */
	status = c->run(&a);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		perror("rota: stdout");
		return status == EXIT_SUCCESS ? EXIT_FAILURE : status;
	}
	return status;
}

int
main(int argc, char **argv)
{
	const struct command	*c;
	const char		*name;

	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	name = argv[1];
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		name = "version";
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	c = command_find(name);
	if (c == NULL)
		return unknown_command(name);
	if (c->run_raw != NULL)
		return c->run_raw(argc - 1, argv + 1);
	return run_command(c, argc - 1, argv + 1);
}
