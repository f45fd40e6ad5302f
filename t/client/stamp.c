/*
 * stamp: a worker that says when its main began, "stamp PID NANOSECONDS" by
 * the monotonic clock, and then stays.  Runs under rota (it is ready at
 * once, and leaves when it is told to) and under anything else.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char ready[] = "{\"rota\":\"ready\"}\n";

/* Until the supervisor asks it to leave, or is gone. */
static void
obey(int fd)
{
	char	 buf[4096];
	ssize_t	 n;

	if (write(fd, ready, strlen(ready)) == -1)
		return;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (memmem(buf, (size_t)n, "\"disconnect\"", 12) != NULL)
			return;
}

int
main(void)
{
	struct timespec	 now;
	int		 got = clock_gettime(CLOCK_MONOTONIC, &now);
	const char	*ipc = getenv("ROTA_IPC_FD");

	if (got == -1)
		return EXIT_FAILURE;
	(void)printf("stamp %ld %lld\n", (long)getpid(),
	    (long long)now.tv_sec * 1000000000 + now.tv_nsec);
	if (fflush(stdout) == EOF)
		return EXIT_FAILURE;
	if (ipc != NULL)
		obey((int)strtol(ipc, NULL, 10));
	else
		(void)pause();
	return EXIT_SUCCESS;
}
