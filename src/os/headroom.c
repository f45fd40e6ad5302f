#include "config.h"
#include "os/headroom.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/util.h"
#include "os/proc.h"

#define RESERVED_PIDS	300	/* the kernel's: not given after the first
				   round */
#define FILE_MAX	4096

/* What a small file says, or false. */
static bool
read_file(const char *path, char buf[FILE_MAX])
{
	AUTO_FD	 fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t	 n = fd == -1 ? -1 : read(fd, buf, FILE_MAX - 1);

	if (n < 0)
		return false;
	buf[n] = '\0';
	return true;
}

/* The number that it begins with; "max" is none. */
static bool
read_number(const char *path, uint64_t *ret)
{
	char	 buf[FILE_MAX];

	return read_file(path, buf) && sscanf(buf, "%" SCNu64, ret) == 1;
}

/* A limit of max processes, of which so many are there. */
PRINTFLIKE(4, 5) static void
consider(struct headroom *h, uint64_t max, uint64_t used, const char *fmt,
    ...)
{
	uint64_t	 left = used < max ? max - used : 0;
	va_list		 ap;

	if (left >= h->processes)
		return;
	h->processes = left;
	va_start(ap, fmt);
	(void)vsnprintf(h->limit, sizeof(h->limit), fmt, ap);
	va_end(ap);
}

/* Processes and threads of all users. */
static bool
count_tasks(uint64_t *ret)
{
	char		 buf[FILE_MAX];
	const char	*slash;

	return read_file("/proc/loadavg", buf) &&
	    (slash = strchr(buf, '/')) != NULL &&
	    sscanf(slash + 1, "%" SCNu64, ret) == 1;
}

/* --- of the user ---------------------------------------------------------- */

/* For whom the kernel does not ask how many he has. */
static bool
is_exempt(void)
{
	struct __user_cap_header_struct	 h = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct	 d[2];

	if (getuid() == 0)
		return true;
	return syscall(SYS_capget, &h, d) == 0 && (d[0].effective &
	    (1U << CAP_SYS_RESOURCE | 1U << CAP_SYS_ADMIN)) != 0;
}

static void
count_own(void *arg, pid_t pid, pid_t ppid)
{
	uint64_t	*n = arg;
	char		 path[64], buf[FILE_MAX], *uid, *threads;

	(void)ppid;
	(void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	if (!read_file(path, buf))
		return;
	uid = strstr(buf, "\nUid:");
	threads = strstr(buf, "\nThreads:");
	if (uid != NULL && threads != NULL &&
	    strtoul(uid + 5, NULL, 10) == (unsigned long)getuid())
		*n += strtoul(threads + 9, NULL, 10);
}

static void
look_at_user(struct headroom *h)
{
	struct rlimit	 rl;
	uint64_t	 used = 0;

	if (getrlimit(RLIMIT_NPROC, &rl) == -1 ||
	    rl.rlim_cur == RLIM_INFINITY || is_exempt())
		return;
	/* To count them takes a while: not where all of them are few. */
	if (!count_tasks(&used) || used > rl.rlim_cur / 2) {
		used = 0;
		proc_all(count_own, &used);
	}
	consider(h, rl.rlim_cur, used, "user %u may have %" PRIu64
	    " processes, and there are %" PRIu64 " (see ulimit -Hu)",
	    (unsigned int)getuid(), (uint64_t)rl.rlim_cur, used);
}

/* --- of the control group ------------------------------------------------- */

/* The group and all above it. */
static void
look_at_group(struct headroom *h, const char *mount, char *group)
{
	char		 path[FILE_MAX + 64];
	uint64_t	 max, used;
	char		*slash;

	do {
		(void)snprintf(path, sizeof(path), "%s%s/pids.max", mount,
		    group);
		if (read_number(path, &max)) {
			(void)snprintf(path, sizeof(path),
			    "%s%s/pids.current", mount, group);
			if (read_number(path, &used))
				consider(h, max, used, "the control group "
				    "%.100s may have %" PRIu64 " processes "
				    "(pids.max), and has %" PRIu64,
				    group[0] != '\0' ? group : "/", max,
				    used);
		}
		slash = strrchr(group, '/');
		if (slash != NULL)
			*slash = '\0';
	} while (slash != NULL);
}

/* A line of /proc/self/cgroup: "0::/group" or "8:pids:/group". */
static void
look_at_line(struct headroom *h, char *line)
{
	char	*names = strchr(line, ':'), *group;
	size_t	 len;

	group = names != NULL ? strchr(names + 1, ':') : NULL;
	if (group == NULL)
		return;
	*group++ = '\0';
	len = strlen(group);
	if (len > 0 && group[len - 1] == '/')
		group[len - 1] = '\0';
	if (strcmp(names, ":") == 0)
		look_at_group(h, "/sys/fs/cgroup", group);
	else if (strcmp(names, ":pids") == 0)
		look_at_group(h, "/sys/fs/cgroup/pids", group);
}

static void
look_at_groups(struct headroom *h)
{
	char	 buf[FILE_MAX], *rest = buf, *line;

	if (!read_file("/proc/self/cgroup", buf))
		return;
	while ((line = strsep(&rest, "\n")) != NULL)
		look_at_line(h, line);
}

/* --- of the system -------------------------------------------------------- */

static void
look_at_system(struct headroom *h)
{
	uint64_t	 max, used;

	if (!count_tasks(&used))
		return;
	if (read_number("/proc/sys/kernel/pid_max", &max))
		consider(h, max, used + RESERVED_PIDS, "the system may have "
		    "%" PRIu64 " processes (kernel.pid_max), and has %" PRIu64,
		    max, used);
	if (read_number("/proc/sys/kernel/threads-max", &max))
		consider(h, max, used, "the system may have %" PRIu64
		    " threads (kernel.threads-max), and has %" PRIu64, max,
		    used);
}

void
headroom_look(struct headroom *h)
{
	h->processes = UINT64_MAX;
	h->limit[0] = '\0';
	look_at_user(h);
	look_at_groups(h);
	look_at_system(h);
}
