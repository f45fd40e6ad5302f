#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/faults.h"
#include "http/options.h"
#include "http/worker.h"

int
main(int argc, char **argv)
{
	uint64_t	 began_ns = clock_ns();
	struct options	 o;
	int		 status = options_parse(&o, argc, argv);

	if (status != -1)
		return status;
	if (o.stamp)
		(void)dprintf(STDOUT_FILENO, "stamp %ld %" PRIu64 "\n",
		    (long)getpid(), began_ns);
	faults_at_start(&o.faults);
	return worker_main(&o);
}
