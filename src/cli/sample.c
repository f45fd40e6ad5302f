#include "config.h"
#include "cli/sample.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

/* The clock of a process is finer than the ticks of /proc/PID/stat. */
static bool
read_cpu(pid_t pid, uint64_t *ret_ns)
{
	struct timespec	 ts;
	clockid_t	 clock;

	if (clock_getcpuclockid(pid, &clock) != 0 ||
	    clock_gettime(clock, &ts) == -1)
		return false;
	*ret_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	return true;
}

uint64_t
sample_parse_memory(const char *text, uint64_t page_size)
{
	unsigned long long	 pages;

	if (sscanf(text, "%*u %llu", &pages) != 1)
		return 0;
	return pages * page_size;
}

static bool
read_memory(pid_t pid, uint64_t *ret)
{
	char	 path[64], text[256];
	ssize_t	 n;
	AUTO_FD	 fd = -1;

	(void)snprintf(path, sizeof(path), "/proc/%ld/statm", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd == -1 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	*ret = sample_parse_memory(text, (uint64_t)sysconf(_SC_PAGESIZE));
	return *ret > 0;
}

void
sample_take(struct sample *s)
{
	s->has_cpu = read_cpu(s->pid, &s->cpu_ns);
	s->at_ns = clock_ns();
	s->has_memory = read_memory(s->pid, &s->memory);
}

uint64_t
sample_cpu(const struct sample *before, const struct sample *now)
{
	uint64_t	 used, passed;

	if (now->at_ns <= before->at_ns || now->cpu_ns < before->cpu_ns)
		return 0;
	used = now->cpu_ns - before->cpu_ns;
	passed = now->at_ns - before->at_ns;
	return used * 100 / (passed / 1000 + 1);
}
