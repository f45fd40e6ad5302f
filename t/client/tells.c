/*
 * tells: how long it takes to send a line to each of many processes, with
 * nothing around it: what a broadcast costs the kernel.
 *
 *	tells PROCESSES COUNT
 *
 * Starts that many mites, tells all of them COUNT times, with a pause in
 * between, and prints the quartiles of the time for all as NAME_us, and
 * cpu_us, the processor time of this process for one of these times.
 */
#include "config.h"
#include "quartiles.h"

#include <sys/prctl.h>
#include <sys/socket.h>

#include <err.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"
#include "base/util.h"

#define PROCESSES_MAX	20000
#define COUNT_MAX	1000
#define PAUSE_MS	100		/* they are all asleep again */

static const char	line[] = "{\"n\":1}\n";

static void
become_mite(char *path, int fd)
{
	char	*argv[] = { path, NULL };
	char	 variable[32];
	char	*env[] = { variable, NULL };
	int	 copy = dup(fd);	/* without close-on-exec */

	(void)snprintf(variable, sizeof(variable), "ROTA_IPC_FD=%d", copy);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setsid();
	(void)execve(path, argv, env);
	_exit(127);
}

/* Our end of its channel. */
static int
start_mite(char *path)
{
	int	 fds[2];
	char	 ready[64];
	pid_t	 pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == -1 ||
	    (pid = fork()) == -1)
		err(1, "a mite");
	if (pid == 0)
		become_mite(path, fds[1]);
	(void)close(fds[1]);
	if (read(fds[0], ready, sizeof(ready)) <= 0)
		errx(1, "%s does not start", path);
	return fds[0];
}

static uint64_t
cpu_ns(void)
{
	struct timespec	 t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void
tell_all(const int *fds, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (send(fds[i], line, sizeof(line) - 1,
		    MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
			err(1, "send");
}

int
main(int argc, char **argv)
{
	static int	 fds[PROCESSES_MAX];
	static uint64_t	 ns[COUNT_MAX];
	uint64_t	 n, count, i, began, cpu = 0;
	char		*slash = strrchr(argv[0], '/'), *path;

	if (argc != 3 || parse_count(argv[1], &n) != PARSE_OK ||
	    parse_count(argv[2], &count) != PARSE_OK)
		errx(2, "usage: tells PROCESSES COUNT");
	if (n > PROCESSES_MAX || count > COUNT_MAX || count == 0)
		errx(2, "too many, or none");
	if (asprintf(&path, "%.*smite", slash == NULL ? 0 :
	    (int)(slash - argv[0]) + 1, argv[0]) == -1)
		err(1, NULL);
	for (i = 0; i < n; i++)
		fds[i] = start_mite(path);
	for (i = 0; i < count; i++) {
		(void)poll(NULL, 0, PAUSE_MS);
		cpu -= cpu_ns();
		began = clock_ns();
		tell_all(fds, n);
		ns[i] = clock_ns() - began;
		cpu += cpu_ns();
	}
	quartiles_print("", ns, count);
	(void)printf("cpu_us=%" PRIu64 "\n", cpu / count / 1000);
	return EXIT_SUCCESS;
}
