#include "config.h"

#include <stdlib.h>

#include "cli/cli.h"
#include "cli/out.h"

int
cmd_top(const struct cli_args *a)
{
	(void)a;
	out_complain("top: not built yet");
	return EXIT_FAILURE;
}
