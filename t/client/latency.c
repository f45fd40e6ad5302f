/*
 * latency: how long it takes from kill -9 of a worker to the first
 * statement of its successor's main, under one supervisor or several in
 * turns.  The workers are t/stamp.
 *
 *	latency KILLS ALIVE-MS NAME COMMAND... [-- NAME COMMAND...]
 *
 * Each supervisor is killed KILLS workers, always the oldest, and none that
 * is younger than ALIVE-MS.  Prints NAME.kills and quartiles in us.
 */
#include "config.h"

#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"
#include "base/util.h"

#define GROUPS_MAX 4
#define WORKERS_MAX 256
#define LIMIT_MS 15000

struct worker {
	pid_t		 pid;
	uint64_t	 ns;		/* its stamp */
};

/* One supervisor with its workers, oldest first. */
struct group {
	const char	*name;
	char		**argv;
	pid_t		 pid;
	int		 out;		/* all that is printed below it */
	struct worker	 workers[WORKERS_MAX];
	size_t		 worker_count;
	double		*us;		/* the latencies */
	size_t		 us_count;
	char		 in[65536];
	size_t		 in_len;
};

static struct group	 groups[GROUPS_MAX];

/* On failure, too, nothing is left behind. */
static void
end_groups(void)
{
	size_t	 i;

	for (i = 0; i < GROUPS_MAX; i++)
		if (groups[i].pid > 0)
			(void)kill(-groups[i].pid, SIGTERM);
}

static void
start_group(struct group *g)
{
	int	 fds[2];

	if (pipe2(fds, O_CLOEXEC) == -1)
		err(1, "pipe2");
	g->pid = fork();
	if (g->pid == -1)
		err(1, "fork");
	if (g->pid == 0) {
		(void)setpgid(0, 0);
		if (dup2(fds[1], STDOUT_FILENO) == -1 ||
		    dup2(fds[1], STDERR_FILENO) == -1)
			_exit(127);
		(void)execvp(g->argv[0], g->argv);
		_exit(127);
	}
	(void)setpgid(g->pid, g->pid);	/* whoever of both comes first */
	(void)close(fds[1]);
	g->out = fds[0];
}

/* A line with "stamp PID NS", whatever stands before it. */
static void
read_line(struct group *g, const char *line)
{
	const char	*stamp = strstr(line, "stamp ");
	struct worker	*w = &g->workers[g->worker_count];
	long		 pid;

	if (stamp == NULL) {
		if (getenv("LATENCY_VERBOSE") != NULL)
			warnx("%s: %s", g->name, line);
		return;
	}
	if (g->worker_count == WORKERS_MAX)
		errx(1, "%s: too many workers", g->name);
	if (sscanf(stamp, "stamp %ld %" SCNu64, &pid, &w->ns) != 2)
		errx(1, "%s: cannot read: %s", g->name, line);
	w->pid = (pid_t)pid;
	g->worker_count++;
}

/* Take what can be read now, and wait for it up to ms; false: the end. */
static bool
read_group(struct group *g, int ms)
{
	struct pollfd	 pfd = { .fd = g->out, .events = POLLIN };
	char		*line, *eol;
	ssize_t		 n;

	if (poll(&pfd, 1, ms) <= 0)
		return true;
	n = read(g->out, g->in + g->in_len, sizeof(g->in) - g->in_len - 1);
	if (n <= 0)
		return false;
	g->in_len += (size_t)n;
	g->in[g->in_len] = '\0';
	for (line = g->in; (eol = strchr(line, '\n')) != NULL;
	    line = eol + 1) {
		*eol = '\0';
		read_line(g, line);
	}
	g->in_len -= (size_t)(line - g->in);
	memmove(g->in, line, g->in_len);
	if (g->in_len == sizeof(g->in) - 1)
		errx(1, "%s: a line too long", g->name);
	return true;
}

/* Until there are count workers, or the oldest has lived long enough. */
static void
wait_workers(struct group *g, size_t count)
{
	uint64_t	 end = clock_ms() + LIMIT_MS;

	while (g->worker_count < count) {
		if (clock_ms() >= end)
			errx(1, "%s: no worker comes (after %zu kills)",
			    g->name, g->us_count);
		if (!read_group(g, 100))
			errx(1, "%s: has ended", g->name);
	}
}

static void
wait_age(struct group *g, uint64_t alive_ms)
{
	uint64_t	 due;

	wait_workers(g, 1);
	due = g->workers[0].ns / 1000000u + alive_ms;
	while (clock_ms() <= due)
		if (!read_group(g, (int)(due - clock_ms() + 1)))
			errx(1, "%s: has ended", g->name);
}

/* All of the first have come: for so long no other has. */
static void
wait_all(struct group *g, uint64_t alive_ms)
{
	uint64_t	 due = clock_ms() + alive_ms;
	size_t		 count;

	wait_workers(g, 1);
	while (clock_ms() < due) {
		count = g->worker_count;
		if (!read_group(g, (int)(due - clock_ms())))
			errx(1, "%s: has ended", g->name);
		if (g->worker_count > count)
			due = clock_ms() + alive_ms;
	}
}

static void
kill_one(struct group *g, uint64_t alive_ms)
{
	struct worker	 victim;
	uint64_t	 begin;
	size_t		 count;

	wait_age(g, alive_ms);
	count = g->worker_count;
	victim = g->workers[0];
	memmove(g->workers, g->workers + 1,
	    (g->worker_count - 1) * sizeof(g->workers[0]));
	g->worker_count--;
	begin = clock_ns();
	if (kill(victim.pid, SIGKILL) == -1)
		err(1, "%s: kill %ld", g->name, (long)victim.pid);
	wait_workers(g, count);
	if (g->workers[count - 1].ns < begin)
		errx(1, "%s: a worker was started without a kill", g->name);
	g->us[g->us_count++] =
	    (double)(g->workers[count - 1].ns - begin) / 1000.0;
}

/* The whole group; the end of its output is the end of all below it. */
static void
stop_group(struct group *g)
{
	uint64_t	 end = clock_ms() + LIMIT_MS;

	(void)kill(-g->pid, SIGTERM);
	while (read_group(g, 100))
		if (clock_ms() >= end) {
			(void)kill(-g->pid, SIGKILL);
			errx(1, "%s: does not stop", g->name);
		}
	while (waitpid(g->pid, NULL, 0) == -1 && errno == EINTR)
		;
	g->pid = 0;
	(void)close(g->out);
}

static int
compare_doubles(const void *va, const void *vb)
{
	const double	*a = va;
	const double	*b = vb;

	return (*a > *b) - (*a < *b);
}

static void
print_group(struct group *g)
{
	static const char *const	 names[] = {
		"min", "q1", "median", "q3", "max"
	};
	size_t				 i;

	qsort(g->us, g->us_count, sizeof(g->us[0]), compare_doubles);
	(void)printf("%s.kills=%zu\n", g->name, g->us_count);
	for (i = 0; i < ARRAY_LEN(names); i++)
		(void)printf("%s.%s_us=%.1f\n", g->name, names[i],
		    g->us[(g->us_count - 1) * i / 4]);
}

/* Cuts the words at "--"; each part is a name and a command. */
static size_t
read_groups(char **argv, size_t kills)
{
	size_t	 n = 0;

	while (*argv != NULL) {
		if (n == GROUPS_MAX || argv[1] == NULL)
			errx(2, "a name and a command, %d times at most",
			    GROUPS_MAX);
		groups[n].name = argv[0];
		groups[n].argv = argv + 1;
		groups[n].us = calloc(kills, sizeof(double));
		if (groups[n].us == NULL)
			err(1, NULL);
		n++;
		while (*argv != NULL && strcmp(*argv, "--") != 0)
			argv++;
		if (*argv != NULL)
			*argv++ = NULL;
	}
	return n;
}

int
main(int argc, char **argv)
{
	uint64_t	 kills, alive_ms, k;
	size_t		 i, n;

	if (argc < 5 || parse_count(argv[1], &kills) != PARSE_OK ||
	    parse_count(argv[2], &alive_ms) != PARSE_OK || kills == 0 ||
	    kills > 1000000 || alive_ms > 60000)
		errx(2, "usage: latency KILLS ALIVE-MS NAME COMMAND... "
		    "[-- NAME COMMAND...]");
	n = read_groups(argv + 3, kills);
	if (atexit(end_groups) != 0)
		errx(1, "out of memory");
	for (i = 0; i < n; i++)
		start_group(&groups[i]);
	for (i = 0; i < n; i++)
		wait_all(&groups[i], alive_ms);
	for (k = 0; k < kills; k++)
		for (i = 0; i < n; i++)
			kill_one(&groups[i], alive_ms);
	for (i = 0; i < n; i++)
		stop_group(&groups[i]);
	for (i = 0; i < n; i++) {
		print_group(&groups[i]);
		free(groups[i].us);
	}
	return EXIT_SUCCESS;
}
