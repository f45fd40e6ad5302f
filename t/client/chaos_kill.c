#include "config.h"
#include "client/chaos.h"

#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHILDREN_MAX 256

size_t
children_of(pid_t pid, pid_t *pids, size_t max)
{
	char	 path[64];
	FILE	*f;
	size_t	 n = 0;
	long	 child;

	(void)snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children",
	    (long)pid, (long)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (n < max && fscanf(f, "%ld", &child) == 1)
		pids[n++] = (pid_t)child;
	(void)fclose(f);
	return n;
}

/* False: it is over. */
static bool
killer_wait(int fd, size_t ms)
{
	struct pollfd	 pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, (int)ms) == 0;
}

/* Every child of rota goes on, whoever has stopped it. */
static void
continue_all(const struct chaos *c)
{
	pid_t	 pids[CHILDREN_MAX];
	size_t	 i, n = children_of(c->rota, pids, CHILDREN_MAX);

	for (i = 0; i < n; i++)
		(void)kill(pids[i], SIGCONT);
}

static void
killer_run(struct chaos *c, int fd)
{
	pid_t	 pids[CHILDREN_MAX], pid;
	size_t	 n, kills = 0, stops = 0;

	while (killer_wait(fd, 30 + chaos_random(c, 250))) {
		n = children_of(c->rota, pids, CHILDREN_MAX);
		if (n == 0)
			continue;
		pid = pids[chaos_random(c, n)];
		if (chaos_chance(c, 70)) {
			kills += kill(pid, SIGKILL) == 0;
			continue;
		}
		stops += kill(pid, SIGSTOP) == 0;
		(void)killer_wait(fd, chaos_random(c, 300));
		(void)kill(pid, SIGCONT);
	}
	(void)printf("kills=%zu\nstops=%zu\n", kills, stops);
}

void
killer_start(struct chaos *c)
{
	int	 fds[2];

	if (pipe2(fds, O_CLOEXEC) == -1)
		err(1, "pipe2");
	(void)fflush(stdout);
	c->killer = fork();
	if (c->killer == -1)
		err(1, "fork");
	if (c->killer == 0) {
		(void)close(fds[1]);
		killer_run(c, fds[0]);
		(void)fflush(stdout);
		_exit(0);
	}
	(void)close(fds[0]);
	c->killer_fd = fds[1];
}

void
killer_stop(struct chaos *c)
{
	(void)close(c->killer_fd);
	(void)waitpid(c->killer, NULL, 0);
	continue_all(c);
}
