#include "config.h"
#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "cli/check.h"
#include "config/conf.h"
#include "supervise/supervisor.h"

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
	conf = check_load(argv[optind], &status);
	if (conf == NULL)
		return status;
	supervisor_block_signals();
	status = supervisor_run(conf);
	conf_unref(conf);
	return status;
}
