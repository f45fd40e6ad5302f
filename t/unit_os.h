#ifndef T_UNIT_OS_H
#define T_UNIT_OS_H
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

/* What the tests of src/os have in common. */

#define NOBODY 65534
#define PATIENCE_MS 10000

/*
 * Valgrind keeps the limit on descriptors to itself (the kernel knows
 * nothing of it), and gives up where exec fails late.
 */
#define KERNEL_IS_IN_CHARGE (!RUNNING_ON_VALGRIND)

/* How many descriptors are open. */
static inline int
count_fds(void)
{
	DIR	*dir = opendir("/proc/self/fd");
	int	 n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n - 3;			/* ".", ".." and the folder itself */
}

/* Read up to the end of file, or until nothing comes for too long. */
static inline size_t
read_all(int fd, char *buf, size_t size)
{
	struct pollfd	 pfd = { .fd = fd, .events = POLLIN };
	size_t		 len = 0;
	ssize_t		 n = 1;

	while (n > 0 && len + 1 < size && poll(&pfd, 1, PATIENCE_MS) == 1) {
		n = read(fd, buf + len, size - 1 - len);
		if (n > 0)
			len += (size_t)n;
	}
	buf[len] = '\0';
	ck_assert_int_eq(n, 0);
	return len;
}

/* Everybody who had the other end is gone. */
static inline bool
all_gone(int fd)
{
	struct pollfd	 pfd = { .fd = fd };

	return poll(&pfd, 1, PATIENCE_MS) == 1 && (pfd.revents & POLLHUP);
}

static inline int
status_of(pid_t pid)
{
	int	 status = -1;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return -1;
	return status;
}

static inline void
limit_fds(rlim_t soft)
{
	struct rlimit	 rl;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &rl), 0);
	rl.rlim_cur = soft < rl.rlim_max ? soft : rl.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &rl), 0);
}

/*
 * Take every descriptor there is, under a limit so low that this is quick.
 * The one that is returned, and those right below, can be given back.
 */
static inline int
exhaust_fds(void)
{
	int	 last = dup(STDIN_FILENO), fd;

	ck_assert_int_ge(last, 0);
	limit_fds((rlim_t)last + 100);
	while ((fd = dup(STDIN_FILENO)) != -1)
		last = fd;
	return last;
}

/* Whatever a test does in a process of its own; its result is the status. */
static inline int
in_child(int (*what)(void))
{
	pid_t	 pid = fork();
	int	 status;

	ck_assert_int_ne(pid, -1);
	if (pid == 0)
		_exit(what());
	status = status_of(pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}
#endif
