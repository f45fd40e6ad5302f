/*
 * spawns: how long it takes from the wish for a process to its exec, for a
 * process with many children, descriptors and much memory.
 *
 *	spawns CHILDREN DESCRIPTORS MEGABYTES COUNT
 *
 * Starts that many children that sleep, and then COUNT more by each of
 * Rota's spawn(), posix_spawn(3) and fork(2) with exec.  Prints
 * quartiles in us as NAME.median_us and so on, and rota.slab_kb: what the
 * kernel's slabs hold for one of the children.
 */
#include "config.h"
#include "quartiles.h"

#include <sys/mman.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/parse.h"
#include "base/util.h"
#include "os/spawn.h"

#define CHILDREN_MAX	20000
#define COUNT_MAX	10000

static char	*mite;			/* its path */
static char	*no_env[] = { NULL };
static int	 null_fd;

static pid_t
by_rota(void)
{
	char			*argv[] = { mite, NULL };
	struct spawn_req	 rq = {
		.path = mite, .exec_fd = -1, .argv = argv, .envp = no_env,
		.dir_fd = -1, .in_fd = -1, .out_fd = null_fd,
		.err_fd = null_fd,
	};
	struct err		 e;
	pid_t			 pid = spawn(&rq, &e);

	if (pid == -1)
		errx(1, "%s", e.msg);
	return pid;
}

static pid_t
by_posix_spawn(void)
{
	char	*argv[] = { mite, NULL };
	pid_t	 pid;
	int	 code = posix_spawn(&pid, mite, NULL, NULL, argv, no_env);

	if (code != 0)
		errx(1, "posix_spawn: %s", strerror(code));
	return pid;
}

/* The end of the pipe tells that exec has happened. */
static pid_t
by_fork(void)
{
	char	*argv[] = { mite, NULL }, c;
	pid_t	 pid;
	int	 fds[2];

	if (pipe2(fds, O_CLOEXEC) == -1 || (pid = fork()) == -1)
		err(1, "fork");
	if (pid == 0) {
		(void)execve(mite, argv, no_env);
		_exit(127);
	}
	(void)close(fds[1]);
	(void)!read(fds[0], &c, 1);
	(void)close(fds[0]);
	return pid;
}

static struct way {
	const char	*name;
	pid_t		 (*start)(void);
	uint64_t	 ns[COUNT_MAX];
} ways[] = {
	{ .name = "rota.", .start = by_rota },
	{ .name = "posix_spawn.", .start = by_posix_spawn },
	{ .name = "fork.", .start = by_fork },
};

static void
end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		continue;
}

static uint64_t
slab_kb(void)
{
	FILE		*f = fopen("/proc/meminfo", "re");
	char		 line[128];
	uint64_t	 kb = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Slab: %" SCNu64, &kb) == 1)
			break;
	if (f != NULL)
		(void)fclose(f);
	return kb;
}

/* Memory that is there, as the heap of a large supervisor would be. */
static void
take_memory(uint64_t megabytes)
{
	size_t	 size = (size_t)megabytes << 20;
	void	*p;

	if (size == 0)
		return;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		err(1, "%" PRIu64 " MB", megabytes);
	(void)madvise(p, size, MADV_NOHUGEPAGE);
	memset(p, 1, size);
}

static void
find_mite(char *self)
{
	char	*slash = strrchr(self, '/');

	if (asprintf(&mite, "%.*smite", slash == NULL ? 0 :
	    (int)(slash - self) + 1, self) == -1)
		err(1, NULL);
}

static void
measure(const pid_t *children, size_t child_count, size_t count)
{
	uint64_t	 began;
	pid_t		 pid;
	size_t		 i, k;

	for (k = 0; k < ARRAY_LEN(ways); k++) {
		end(ways[k].start());	/* what the one before left cold */
		for (i = 0; i < count; i++) {
			began = clock_ns();
			pid = ways[k].start();
			ways[k].ns[i] = clock_ns() - began;
			end(pid);
		}
	}
	for (i = 0; i < child_count; i++)
		(void)kill(children[i], SIGKILL);
	for (i = 0; i < child_count; i++)
		end(children[i]);
}

int
main(int argc, char **argv)
{
	static pid_t	 children[CHILDREN_MAX];
	uint64_t	 n[4], i, slab;
	struct err	 e;

	for (i = 0; i < ARRAY_LEN(n); i++)
		if (argc != 5 || parse_count(argv[i + 1], &n[i]) != PARSE_OK)
			errx(2, "usage: spawns CHILDREN DESCRIPTORS "
			    "MEGABYTES COUNT");
	if (n[0] > CHILDREN_MAX || n[3] > COUNT_MAX || n[3] == 0)
		errx(2, "too many, or none");
	if (spawn_init(&e) == -1)
		errx(1, "%s", e.msg);
	find_mite(argv[0]);
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (i = 0; i < n[1]; i++)
		if (fcntl(null_fd, F_DUPFD_CLOEXEC, 0) == -1)
			err(1, "%" PRIu64 " descriptors", n[1]);
	take_memory(n[2]);
	slab = slab_kb();
	for (i = 0; i < n[0]; i++)
		children[i] = by_rota();
	slab = slab_kb() - slab;
	measure(children, n[0], n[3]);
	for (i = 0; i < ARRAY_LEN(ways); i++)
		quartiles_print(ways[i].name, ways[i].ns, n[3]);
	if (n[0] > 0)
		(void)printf("rota.slab_kb=%" PRIu64 "\n", slab / n[0]);
	return EXIT_SUCCESS;
}
