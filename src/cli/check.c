#include "config.h"
#include "cli/check.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "cli/cli.h"
#include "config/conf.h"
#include "os/listener.h"

/* One line: "file:line:col: text". */
static void
print_problem(const char *path, const struct conf_problem *one,
    const char *severity)
{
	char	 shown[1024];

	(void)text_escape(shown, sizeof(shown), path, strlen(path));
	(void)fprintf(stderr, "%s:%u:%u: %s%s\n", shown,
	    one->pos.line ? one->pos.line : 1, one->pos.col ? one->pos.col :
	    1, severity, one->text != NULL ? one->text : "out of memory");
}

static void
print_problems(const char *path, const struct conf_problems *p,
    const char *severity)
{
	size_t	 i;

	for (i = 0; i < p->count; i++)
		print_problem(path, &p->list[i], severity);
}

static void
look_at_ports(const struct conf *c, struct conf_problems *p)
{
	const struct conf_listen	*l;
	struct err			 e;
	size_t				 i, n;

	for (i = 0; i < c->pool_count; i++)
		for (n = 0; n < c->pools[i].listen_count; n++) {
			l = &c->pools[i].listen[n];
			if (listener_check(l, &e) == -1)
				conf_problem_add(p, CONF_BAD_MACHINE, l->pos,
				    "listen: %s", e.msg);
		}
	conf_problems_sort(p);
}

struct conf *
check_load_file(const char *path)
{
	struct conf_problems	 p = { 0 };
	struct conf		*c = conf_load(path, &p);

	print_problems(path, &p, "");
	conf_problems_free(&p);
	return c;
}

/* How many facts about this machine stand in the way; they are printed. */
static size_t
look_at_machine(const struct conf *c, const char *severity)
{
	struct conf_problems	 p = { 0 };
	size_t			 n;

	conf_check_machine(c, &p);
	look_at_ports(c, &p);
	print_problems(c->path, &p, severity);
	n = p.count;
	conf_problems_free(&p);
	return n;
}

bool
check_machine(const struct conf *c)
{
	return look_at_machine(c, "") == 0;
}

static int
print_config(const struct conf *c)
{
	char	*text = conf_print(c);
	int	 r;

	if (text == NULL) {
		(void)fprintf(stderr, "rota: out of memory\n");
		return EXIT_FAILURE;
	}
	r = fputs(text, stdout) == EOF || fflush(stdout) == EOF;
	free(text);
	if (r)
		perror("rota: stdout");
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
print_summary(const struct conf *c)
{
	unsigned long long	 workers = 0;
	size_t			 i;
	int			 n;

	for (i = 0; i < c->pool_count; i++)
		workers += c->pools[i].count;
	n = printf("%s: ok (%zu pool%s, %llu worker%s)\n", c->path,
	    c->pool_count, c->pool_count == 1 ? "" : "s", workers,
	    workers == 1 ? "" : "s");
	if (n < 0 || fflush(stdout) == EOF) {
		perror("rota: stdout");
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

int
cmd_check(int argc, char **argv)
{
	static const struct option	 options[] = {
		{ "print", no_argument, NULL, 'p' },
		{ "strict", no_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 }
	};
	bool		 print = false, strict = false;
	struct conf	*c;
	int		 opt, status;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'p')
			print = true;
		else if (opt == 's')
			strict = true;
		else
			return cli_usage("check");
	}
	if (optind != argc - 1)
		return cli_usage("check");
	c = check_load_file(argv[optind]);
	if (c == NULL)
		return EXIT_CONFIG;
	if (look_at_machine(c, strict ? "" : "warning: ") > 0 && strict)
		status = EXIT_FAILURE;
	else
		status = print ? print_config(c) : print_summary(c);
	conf_unref(c);
	return status;
}
