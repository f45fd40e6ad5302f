#include "config.h"
#include "cli/cli.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "cli/check.h"
#include "config/conf.h"
#include "control/control.h"
#include "os/inherit.h"
#include "supervise/supervisor.h"

/* The same config, or one of the same name, by somebody else. */
static bool
is_running(const struct conf *c)
{
	pid_t	 pid = control_find_other(c);

	if (pid > 0)
		(void)fprintf(stderr, "rota: %s: already running as pid "
		    "%ld\n", c->path, (long)pid);
	else if (pid == -1)
		(void)fprintf(stderr, "rota: %s: already running\n",
		    c->path);
	return pid != 0;
}

static int
run(struct conf *conf)
{
	struct supervisor	*s = supervisor_new(conf);
	struct control		*c;
	struct err		 e;
	int			 status = EXIT_FAILURE;

	if (s == NULL)
		return status;
	c = control_open(s, &e);
	if (c == NULL)
		log_err("%s", e.msg);
	else
		status = supervisor_run(s);
	control_close(c, status);
	supervisor_free(s);
	return status;
}

int
cmd_run(int argc, char **argv)
{
	static const struct option	 options[] = {
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 }
	};
	struct conf	*conf;
	int		 c, status;

	while ((c = getopt_long(argc, argv, "v", options, NULL)) != -1) {
		if (c != 'v')
			return cli_usage("run");
		log_set_level(LOG_DEBUG);
	}
	if (optind != argc - 1)
		return cli_usage("run");
	inherit_listeners();
	conf = check_load_file(argv[optind]);
	if (conf == NULL)
		return EXIT_CONFIG;
	if (is_running(conf) || !check_machine(conf)) {
		conf_unref(conf);
		return EXIT_FAILURE;
	}
	supervisor_block_signals();
	status = run(conf);
	conf_unref(conf);
	return status;
}
