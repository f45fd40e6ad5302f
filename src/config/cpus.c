#include "config.h"
#include "config/cpus.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/util.h"

/* More CPUs than any kernel counts. */
#define CPUS_MAX 65536

/* Small files only.  0, or -1: not there. */
static int
slurp(const char *path, char *buf, size_t size)
{
	AUTO_FD	 fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t	 n;
	size_t	 len = 0;

	if (fd == -1)
		return -1;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	return len > 0 ? 0 : -1;
}

/* The first line of a file in a folder. */
static int
slurp_line(const char *dir, const char *name, char *buf, size_t size)
{
	char	 path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >=
	    (int)sizeof(path) || slurp(path, buf, size) == -1)
		return -1;
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

/* Smaller of two, where 0 is "none". */
static unsigned int
least(unsigned int a, unsigned int b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static unsigned int
quota_cpus(const char *quota, const char *period)
{
	uint64_t	 q, p;

	if (parse_count(quota, &q) != PARSE_OK ||	/* "max", "-1" */
	    parse_count(period, &p) != PARSE_OK || p == 0 || q == 0)
		return 0;
	q = q / p + (q % p != 0);
	return q > CPUS_MAX ? CPUS_MAX : (unsigned int)q;
}

/* cpu.max of version 2: "200000 100000". */
static unsigned int
quota_v2(const char *dir)
{
	char	 text[128], *blank;

	if (slurp_line(dir, "cpu.max", text, sizeof(text)) == -1)
		return 0;
	blank = strchr(text, ' ');
	if (blank == NULL)
		return 0;
	*blank = '\0';
	return quota_cpus(text, blank + 1);
}

static unsigned int
quota_v1(const char *dir)
{
	char	 quota[64], period[64];

	if (slurp_line(dir, "cpu.cfs_quota_us", quota, sizeof(quota)) == -1 ||
	    slurp_line(dir, "cpu.cfs_period_us", period,
	    sizeof(period)) == -1)
		return 0;
	return quota_cpus(quota, period);
}

/*
 * The smallest quota from the group up to where its hierarchy is mounted.
 * In a container the path may not be visible: then the mount itself is the
 * group.
 */
static unsigned int
quota_upwards(const char *mount, const char *group,
    unsigned int (*read_quota)(const char *))
{
	char		 dir[PATH_MAX], *slash;
	unsigned int	 cpus = 0;
	size_t		 base = strlen(mount);

	if (snprintf(dir, sizeof(dir), "%s%s", mount, group) >=
	    (int)sizeof(dir))
		return 0;
	for (;;) {
		cpus = least(cpus, read_quota(dir));
		slash = strrchr(dir, '/');
		if (slash == NULL || slash < dir + base)
			return cpus;
		*slash = '\0';
	}
}

/* The word is one of those in a list with commas. */
static bool
has_word(const char *list, const char *end, const char *word)
{
	size_t	 len = strlen(word), n;

	for (; list < end; list += n + 1) {
		n = strcspn(list, ",:");
		if (n == len && strncmp(list, word, n) == 0)
			return true;
	}
	return false;
}

unsigned int
cpus_quota(const char *proc_cgroup, const char *root)
{
	static const char *const v1[] = { "cpu", "cpu,cpuacct" };
	static const char *const v2[] = { "", "unified" };
	const char		*line, *names, *group;
	char			 mount[PATH_MAX / 2], path[PATH_MAX / 2];
	unsigned int		 cpus = 0;
	size_t			 i;
	bool			 is_v2;

	for (line = proc_cgroup; *line != '\0'; line += *line == '\n') {
		names = strchr(line, ':');
		group = names != NULL ? strchr(names + 1, ':') : NULL;
		if (group == NULL)
			break;
		is_v2 = group == names + 1;
		line = group + 1 + strcspn(group + 1, "\n");
		if ((!is_v2 && !has_word(names + 1, group, "cpu")) ||
		    (size_t)(line - group) > sizeof(path))
			continue;
		memcpy(path, group + 1, (size_t)(line - group - 1));
		path[line - group - 1] = '\0';
		for (i = 0; i < ARRAY_LEN(v1); i++) {
			(void)snprintf(mount, sizeof(mount), "%s/%s", root,
			    is_v2 ? v2[i] : v1[i]);
			cpus = least(cpus, quota_upwards(mount, path,
			    is_v2 ? quota_v2 : quota_v1));
		}
	}
	return cpus;
}

static unsigned int
affinity_cpus(void)
{
	cpu_set_t	 sets[CPUS_MAX / CPU_SETSIZE];
	int		 count = 0;

	if (sched_getaffinity(0, sizeof(sets), sets) == 0)
		count = CPU_COUNT_S(sizeof(sets), sets);
	return count > 0 ? (unsigned int)count : 1;
}

unsigned int
cpus_usable(void)
{
	char	 text[8192];

	if (slurp("/proc/self/cgroup", text, sizeof(text)) == -1)
		return affinity_cpus();
	return least(affinity_cpus(), cpus_quota(text, "/sys/fs/cgroup"));
}
