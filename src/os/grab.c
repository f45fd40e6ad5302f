#include "config.h"
#include "os/grab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/parse.h"
#include "os/pidfd.h"
#include "os/proc.h"

#define SOCKET_LINK	"socket:["

static void
look_at_thread(void *arg, pid_t tid)
{
	struct proc_stat	 st;
	bool			*is_still = arg;

	if (proc_stat(tid, &st) == 0 && !st.is_stopped && !st.is_dead)
		*is_still = false;
}

bool
grab_is_still(pid_t pid)
{
	bool	 is_still = true;

	return proc_threads(pid, look_at_thread, &is_still) == 0 && is_still;
}

int
grab_begin(struct grab *g, pid_t pid, struct err *e)
{
	char	 path[64];

	g->pidfd = pidfd_of(pid);
	if (g->pidfd == -1)
		return err_set(e, errno, "pidfd_open");
	(void)snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
	g->dir = opendir(path);
	if (g->dir != NULL)
		return 0;
	err_set(e, errno, "%s", path);
	grab_end(g);
	return -1;
}

void
grab_end(struct grab *g)
{
	if (g->dir != NULL)
		(void)closedir(g->dir);
	g->dir = NULL;
	fd_close(&g->pidfd);
}

static bool
is_socket(const struct grab *g, const char *name)
{
	char	 link[sizeof(SOCKET_LINK)];
	ssize_t	 n = readlinkat(dirfd(g->dir), name, link, sizeof(link));

	return n == (ssize_t)sizeof(link) &&
	    memcmp(link, SOCKET_LINK, sizeof(link) - 1) == 0;
}

int
grab_next(struct grab *g, unsigned int *budget, bool *ret_over,
    struct err *e)
{
	struct dirent	*d;
	uint64_t	 number;
	int		 fd;

	*ret_over = false;
	e->code = 0;
	while (*budget > 0) {
		d = readdir(g->dir);
		if (d == NULL) {
			*ret_over = true;
			return -1;
		}
		(*budget)--;
		if (parse_count(d->d_name, &number) != PARSE_OK ||
		    !is_socket(g, d->d_name))
			continue;
		fd = pidfd_copy(g->pidfd, (int)number);
		if (fd != -1)
			return fd;
		if (errno == EBADF)
			continue;		/* it is closed by now */
		*ret_over = true;
		return err_set(e, errno, "pidfd_getfd");
	}
	return -1;
}
