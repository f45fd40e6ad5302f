/*
 * mite: a worker as small as a worker can be, for tests and benchmarks with
 * thousands of them.  Ready at once; leaves when it is told to, or when the
 * supervisor is gone; reads what it is sent.  Without a channel it waits for
 * a signal.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char ready[] = "{\"rota\":\"ready\"}\n";

static void
obey(int fd)
{
	char	 buf[1024];
	ssize_t	 n;

	if (write(fd, ready, sizeof(ready) - 1) == -1)
		return;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (memmem(buf, (size_t)n, "\"disconnect\"", 12) != NULL)
			return;
}

int
main(void)
{
	const char	*ipc = getenv("ROTA_IPC_FD");

	if (ipc != NULL)
		obey((int)strtol(ipc, NULL, 10));
	else
		(void)pause();
	return EXIT_SUCCESS;
}
