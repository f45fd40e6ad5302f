#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"

static int	cmd_help(int, char **);
static int	cmd_version(int, char **);

/* Sorted by name; rota(1) lists each one. */
static const struct command {
	const char	*name;
	int		(*run)(int, char **);
	const char	*args;
	const char	*help;
} commands[] = {
	{ "check", cmd_check, "[--strict] [--print] FILE",
	  "find every error of a config file" },
	{ "help", cmd_help, "", "list the commands" },
	{ "run", cmd_run, "[-v] FILE",
	  "start the workers of a config file and stay" },
	{ "version", cmd_version, "", "print the version" },
};

static const struct command *
command_find(const char *name)
{
	size_t	 i;

	for (i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int
cli_usage(const char *name)
{
	const struct command	*c = command_find(name);

	(void)fprintf(stderr, "usage: rota %s %s\n", name, c->args);
	return EXIT_USAGE;
}

static void
print_help(FILE *f)
{
	size_t	 i;

	(void)fprintf(f, "usage: rota COMMAND ...\n");
	for (i = 0; i < ARRAY_LEN(commands); i++)
		(void)fprintf(f, "  rota %-7s %-25s %s\n", commands[i].name,
		    commands[i].args, commands[i].help);
	(void)fprintf(f, "See rota(1) and rota.yaml(5).\n");
}

static int
cmd_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	print_help(stdout);
	return EXIT_SUCCESS;
}

static int
cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	(void)printf("rota %s\n", PACKAGE_VERSION);
	return EXIT_SUCCESS;
}

static int
unknown_command(const char *name)
{
	const char	*names[ARRAY_LEN(commands) + 1] = { NULL };
	const char	*near;
	size_t		 i;

	for (i = 0; i < ARRAY_LEN(commands); i++)
		names[i] = commands[i].name;
	near = text_nearest(name, names);
	(void)fprintf(stderr, "rota: no command '%s'%s%s%s; see 'rota help'\n",
	    name, near != NULL ? "; did you mean '" : "",
	    near != NULL ? near : "", near != NULL ? "'?" : "");
	return EXIT_USAGE;
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
	return c->run(argc - 1, argv + 1);
}
