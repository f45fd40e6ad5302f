#include "config.h"
#include "os/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define PATH_SIZE	64
#define BLOCK_SIZE	4096
#define ENV_VARS_MAX	4
#define ENV_BYTES_MAX	((size_t)8 << 20)

bool	proc_hide_children_files;

static ssize_t
read_some(int fd, char *buf, size_t size)
{
	ssize_t	 n;

	do {
		n = read(fd, buf, size);
	} while (n == -1 && errno == EINTR);
	return n;
}

static int
open_file(pid_t pid, const char *name)
{
	char	 path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* As proc_pid_stat(5) numbers them; p is behind the name, which is 2. */
static const char *
stat_field(const char *p, unsigned int number)
{
	for (; p != NULL && number > 2; number--)
		p = strchr(p + 1, ' ');
	return p == NULL ? "" : p + 1;
}

static unsigned long long
stat_number(const char *p, unsigned int number)
{
	return strtoull(stat_field(p, number), NULL, 10);
}

int
proc_stat(pid_t pid, struct proc_stat *ret)
{
	AUTO_FD			 fd = open_file(pid, "stat");
	unsigned long long	 env_begin, env_end;
	char			 buf[1024], state;
	const char		*p;
	ssize_t			 n;

	n = fd == -1 ? -1 : read_some(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return -1;
	buf[n] = '\0';
	p = strrchr(buf, ')');		/* the name may hold anything */
	if (p == NULL || *stat_field(p, 22) == '\0')
		return -1;
	state = *stat_field(p, 3);
	env_begin = stat_number(p, 50);
	env_end = stat_number(p, 51);
	ret->pid = pid;
	ret->ppid = (pid_t)stat_number(p, 4);
	ret->is_dead = state == 'Z' || state == 'X';
	ret->is_stopped = state == 'T' || state == 't';
	ret->start_ticks = stat_number(p, 22);
	ret->has_env = env_end != 0;
	ret->env_bytes = (size_t)(env_end - env_begin);
	return 0;
}

/* Where a search stands in a stream of bytes, for one variable. */
struct env_search {
	struct proc_var	*var;
	size_t		 pos;		/* in the current entry */
	size_t		 len;		/* of the value so far */
	enum { ENV_NAME, ENV_VALUE, ENV_OTHER } in;
};

static void
env_byte(struct env_search *s, char c)
{
	struct proc_var	*v = s->var;

	if (s->pos == 0)
		s->in = v->found ? ENV_OTHER : ENV_NAME;
	switch (s->in) {
	case ENV_NAME:
		if (c == '=' && v->name[s->pos] == '\0') {
			s->in = ENV_VALUE;
			s->len = 0;
		} else if (c == '\0' || c != v->name[s->pos]) {
			s->in = ENV_OTHER;
		}
		break;
	case ENV_VALUE:
		v->value[s->len++] = c;
		v->found = c == '\0';
		if (s->len == sizeof(v->value))
			s->in = ENV_OTHER;
		break;
	case ENV_OTHER:
		break;
	}
	s->pos = c == '\0' ? 0 : s->pos + 1;
}

/* Bytes read, or -1: it is not ours to know. */
static ssize_t
env_read(pid_t pid, struct proc_var *vars, size_t count)
{
	AUTO_FD			 fd = open_file(pid, "environ");
	struct env_search	 s[ENV_VARS_MAX] = { 0 };
	char			 buf[BLOCK_SIZE];
	size_t			 total = 0, i;
	ssize_t			 n, k;

	for (i = 0; i < count && i < ENV_VARS_MAX; i++) {
		vars[i].found = false;
		s[i].var = &vars[i];
	}
	if (fd == -1)
		return -1;
	while (total < ENV_BYTES_MAX &&
	    (n = read_some(fd, buf, sizeof(buf))) > 0) {
		for (i = 0; i < count && i < ENV_VARS_MAX; i++)
			for (k = 0; k < n; k++)
				env_byte(&s[i], buf[k]);
		total += (size_t)n;
	}
	return (ssize_t)total;
}

/*
 * Amid an exec the old environment cannot be read any more, and the new one
 * not yet: then less was read than there is.
 */
static bool
env_is_complete(pid_t pid, ssize_t bytes)
{
	struct proc_stat	 st;

	return bytes == -1 || (size_t)bytes >= ENV_BYTES_MAX ||
	    proc_stat(pid, &st) == -1 || st.is_dead ||
	    (st.has_env && st.env_bytes == (size_t)bytes);
}

bool
proc_env(pid_t pid, struct proc_var *vars, size_t count)
{
	return env_is_complete(pid, env_read(pid, vars, count));
}

/* The number that a name in /proc consists of, or -1. */
static pid_t
name_to_pid(const char *name)
{
	char	*end;
	long	 n;

	if (name[0] < '1' || name[0] > '9')
		return -1;
	n = strtol(name, &end, 10);
	return *end == '\0' && n <= INT32_MAX ? (pid_t)n : -1;
}

bool
proc_has_children_files(void)
{
	return !proc_hide_children_files &&
	    access("/proc/thread-self/children", R_OK) == 0;
}

/* Numbers with a blank behind each, perhaps cut by the end of a block. */
static void
read_children(int fd, pid_t ppid, proc_cb *cb, void *arg)
{
	char	 buf[BLOCK_SIZE];
	int64_t	 pid = 0;
	ssize_t	 n, i;

	while ((n = read_some(fd, buf, sizeof(buf))) > 0)
		for (i = 0; i < n; i++) {
			if (buf[i] >= '0' && buf[i] <= '9') {
				if (pid <= INT32_MAX)
					pid = pid * 10 + (buf[i] - '0');
				continue;
			}
			if (pid > 0 && pid <= INT32_MAX)
				cb(arg, (pid_t)pid, ppid);
			pid = 0;
		}
}

int
proc_threads(pid_t pid, proc_thread_cb *cb, void *arg)
{
	char		 path[PATH_SIZE];
	struct dirent	*d;
	DIR		*dir;
	pid_t		 tid;

	(void)snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
	dir = opendir(path);
	if (dir == NULL)
		return -1;
	while ((d = readdir(dir)) != NULL) {
		tid = name_to_pid(d->d_name);
		if (tid != -1)
			cb(arg, tid);
	}
	(void)closedir(dir);
	return 0;
}

/* A child belongs to the thread that made it. */
void
proc_children(pid_t ppid, proc_cb *cb, void *arg)
{
	char		 path[PATH_SIZE];
	struct dirent	*d;
	DIR		*dir;
	pid_t		 tid;

	(void)snprintf(path, sizeof(path), "/proc/%ld/task", (long)ppid);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((d = readdir(dir)) != NULL) {
		AUTO_FD	 fd = -1;

		tid = name_to_pid(d->d_name);
		if (tid == -1)
			continue;
		(void)snprintf(path, sizeof(path), "%ld/children", (long)tid);
		fd = openat(dirfd(dir), path, O_RDONLY | O_CLOEXEC);
		if (fd != -1)
			read_children(fd, ppid, cb, arg);
	}
	(void)closedir(dir);
}

void
proc_all(proc_cb *cb, void *arg)
{
	struct proc_stat	 st;
	struct dirent		*d;
	DIR			*dir = opendir("/proc");
	pid_t			 pid;

	if (dir == NULL)
		return;
	while ((d = readdir(dir)) != NULL) {
		pid = name_to_pid(d->d_name);
		if (pid != -1 && proc_stat(pid, &st) == 0)
			cb(arg, pid, st.ppid);
	}
	(void)closedir(dir);
}
