#include "config.h"
#include "cli/sockets.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"

#define ESTABLISHED	1
/* A glance must not take seconds where there are millions of them. */
#define BUDGET		200000

uint64_t
sockets_parse_line(const char *line, uint16_t *ret_port)
{
	unsigned int	 port, state;
	uint64_t	 inode;

	if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x "
	    "%*x:%*x %*x:%*x %*x %*u %*u %" SCNu64, &port, &state,
	    &inode) != 3)
		return 0;
	if (state != ESTABLISHED || port > UINT16_MAX)
		return 0;
	*ret_port = (uint16_t)port;
	return inode;
}

uint16_t
sockets_parse_port(const char *address)
{
	const char	*colon = strrchr(address, ':');
	uint64_t	 port;

	if (strncmp(address, "unix:", 5) == 0 || address[0] == '/' ||
	    colon == NULL || parse_count(colon + 1, &port) != PARSE_OK ||
	    port > UINT16_MAX)
		return 0;
	return (uint16_t)port;
}

static int
compare_ports(const void *a, const void *b)
{
	const uint16_t	*x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int
compare_inodes(const void *a, const void *b)
{
	const uint64_t	*x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
add(struct sockets *s, uint64_t inode)
{
	size_t		 size = s->size > 0 ? s->size * 2 : 256;
	uint64_t	*inodes;

	if (s->count == s->size) {
		inodes = reallocarray(s->inodes, size, sizeof(*inodes));
		if (inodes == NULL)
			return;
		s->inodes = inodes;
		s->size = size;
	}
	s->inodes[s->count++] = inode;
}

static void
read_file(struct sockets *s, const char *path, const uint16_t *ports,
    size_t count)
{
	FILE		*f = fopen(path, "re");
	char		 line[512];
	uint64_t	 inode;
	uint16_t	 port;

	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		inode = sockets_parse_line(line, &port);
		if (inode != 0 && bsearch(&port, ports, count, sizeof(port),
		    compare_ports) != NULL)
			add(s, inode);
	}
	(void)fclose(f);
}

void
sockets_read(struct sockets *s, const uint16_t *ports, size_t count)
{
	memset(s, 0, sizeof(*s));
	s->budget = BUDGET;
	if (count == 0)
		return;
	read_file(s, "/proc/self/net/tcp", ports, count);
	read_file(s, "/proc/self/net/tcp6", ports, count);
	if (s->count > 0)
		qsort(s->inodes, s->count, sizeof(*s->inodes),
		    compare_inodes);
}

void
sockets_free(struct sockets *s)
{
	free(s->inodes);
	memset(s, 0, sizeof(*s));
}

/* What a link of /proc/PID/fd stands for is one of the connections. */
static bool
is_counted(const struct sockets *s, int folder, const char *name)
{
	char		 target[64];
	uint64_t	 inode;
	ssize_t		 n = readlinkat(folder, name, target,
			    sizeof(target) - 1);

	if (n <= 0)
		return false;
	target[n] = '\0';
	return sscanf(target, "socket:[%" SCNu64 "]", &inode) == 1 &&
	    bsearch(&inode, s->inodes, s->count, sizeof(inode),
	    compare_inodes) != NULL;
}

long
sockets_count(struct sockets *s, pid_t pid)
{
	char		 path[64];
	struct dirent	*d;
	DIR		*dir;
	long		 n = 0;

	(void)snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
	dir = s->budget > 0 ? opendir(path) : NULL;
	if (dir == NULL)
		return -1;
	while (s->count > 0 && s->budget > 0 &&
	    (d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		s->budget--;
		n += is_counted(s, dirfd(dir), d->d_name);
	}
	(void)closedir(dir);
	return s->budget > 0 ? n : -1;
}
