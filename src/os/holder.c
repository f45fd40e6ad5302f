#include "config.h"
#include "os/holder.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/conf.h"

#define TCP_LISTEN_STATE	0x0a
#define UNIX_LISTEN_FLAG	0x10000

/* A socket that is in our way. */
struct holder {
	unsigned long	 inode;		/* of the socket; 0: none found */
	unsigned int	 uid;
	bool		 has_uid;
};

/* What is wanted, in the form of /proc/net/tcp and tcp6. */
struct wanted {
	uint32_t	 word[4];	/* as they lie in memory */
	unsigned int	 port;
	bool		 is_ipv6, is_any, dual_stack;
};

static void
wanted_from(const struct conf_listen *l, struct wanted *w)
{
	struct sockaddr_in	 in;
	struct sockaddr_in6	 in6;

	memset(w, 0, sizeof(*w));
	w->dual_stack = l->dual_stack;
	if (l->addr.ss_family == AF_INET) {
		memcpy(&in, &l->addr, sizeof(in));
		w->word[0] = in.sin_addr.s_addr;
		w->port = ntohs(in.sin_port);
		w->is_any = in.sin_addr.s_addr == INADDR_ANY;
	} else {
		memcpy(&in6, &l->addr, sizeof(in6));
		memcpy(w->word, &in6.sin6_addr, sizeof(w->word));
		w->port = ntohs(in6.sin6_port);
		w->is_ipv6 = true;
		w->is_any = IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr);
	}
}

/* Whether a listener at this address of /proc/net/tcp6 can be the one. */
static bool
conflicts6(const struct wanted *w, const uint32_t word[4])
{
	bool	 any = (word[0] | word[1] | word[2] | word[3]) == 0;

	if (w->is_ipv6)
		return any || w->is_any ||
		    memcmp(word, w->word, sizeof(w->word)) == 0;
	return any || (word[2] == htonl(0xffff) &&
	    (w->is_any || word[3] == w->word[0] || word[3] == 0));
}

static bool
conflicts4(const struct wanted *w, uint32_t word)
{
	if (w->is_ipv6)
		return w->dual_stack;
	return word == INADDR_ANY || w->is_any || word == w->word[0];
}

static bool
parse_tcp_line(const char *line, bool is_ipv6, const struct wanted *w,
    struct holder *h)
{
	unsigned int	 port, state, word[4], uid;
	unsigned long	 inode;
	int		 n;

	if (is_ipv6)
		n = sscanf(line, " %*u: %8x%8x%8x%8x:%x %*[0-9A-F]:%*x %x "
		    "%*x:%*x %*x:%*x %*x %u %*u %lu", &word[0], &word[1],
		    &word[2], &word[3], &port, &state, &uid, &inode) - 3;
	else
		n = sscanf(line, " %*u: %8x:%x %*[0-9A-F]:%*x %x "
		    "%*x:%*x %*x:%*x %*x %u %*u %lu", &word[0],
		    &port, &state, &uid, &inode);
	if (n != 5 || state != TCP_LISTEN_STATE || port != w->port)
		return false;
	if (is_ipv6 ? !conflicts6(w, word) : !conflicts4(w, word[0]))
		return false;
	*h = (struct holder){ .inode = inode, .uid = uid, .has_uid = true };
	return true;
}

static void
find_tcp(const char *path, bool is_ipv6, const struct wanted *w,
    struct holder *h)
{
	FILE	*f = fopen(path, "re");
	char	 line[512];

	if (f == NULL)
		return;
	while (h->inode == 0 && fgets(line, sizeof(line), f) != NULL)
		if (parse_tcp_line(line, is_ipv6, w, h))
			break;
	(void)fclose(f);
}

/* "address: refs protocol flags type state inode path" */
static void
find_unix(const char *path, struct holder *h)
{
	FILE		*f = fopen("/proc/net/unix", "re");
	char		 line[512];
	unsigned int	 flags;
	unsigned long	 inode;
	int		 at;

	if (f == NULL)
		return;
	while (h->inode == 0 && fgets(line, sizeof(line), f) != NULL) {
		at = 0;
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%*s %*x %*x %x %*x %*x %lu %n", &flags,
		    &inode, &at) == 2 && at > 0 &&
		    (flags & UNIX_LISTEN_FLAG) && strcmp(line + at, path) == 0)
			*h = (struct holder){ .inode = inode };
	}
	(void)fclose(f);
}

/* A descriptor of this process is the socket. */
static bool
process_holds(const char *pid, const char *want)
{
	char		 path[300], link[64];
	struct dirent	*d;
	DIR		*dir;
	ssize_t		 n;
	bool		 found = false;

	(void)snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	if (dir == NULL)
		return false;
	while (!found && (d = readdir(dir)) != NULL) {
		n = readlinkat(dirfd(dir), d->d_name, link, sizeof(link) - 1);
		if (n <= 0)
			continue;
		link[n] = '\0';
		found = strcmp(link, want) == 0;
	}
	(void)closedir(dir);
	return found;
}

static void
process_name(const char *pid, char *buf, size_t size)
{
	char	 path[300];
	FILE	*f;

	buf[0] = '\0';
	(void)snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	if (fgets(buf, (int)size, f) == NULL)
		buf[0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	(void)fclose(f);
}

static bool
find_process(unsigned long inode, char *buf, size_t size)
{
	char		 want[64], name[32];
	struct dirent	*d;
	DIR		*dir = opendir("/proc");
	bool		 found = false;

	if (dir == NULL)
		return false;
	(void)snprintf(want, sizeof(want), "socket:[%lu]", inode);
	while (!found && (d = readdir(dir)) != NULL) {
		if (d->d_name[0] < '1' || d->d_name[0] > '9' ||
		    !process_holds(d->d_name, want))
			continue;
		process_name(d->d_name, name, sizeof(name));
		(void)snprintf(buf, size, "pid %s (%s)", d->d_name, name);
		found = true;
	}
	(void)closedir(dir);
	return found;
}

static void
find_socket(const struct conf_listen *l, struct holder *h)
{
	struct sockaddr_un	 un;
	char			 path[sizeof(un.sun_path) + 1] = "";
	struct wanted		 w;

	if (l->addr.ss_family == AF_UNIX) {
		memcpy(&un, &l->addr, sizeof(un));
		memcpy(path, un.sun_path, sizeof(un.sun_path));
		find_unix(path, h);
		return;
	}
	wanted_from(l, &w);
	find_tcp("/proc/net/tcp", false, &w, h);
	find_tcp("/proc/net/tcp6", true, &w, h);
}

bool
holder_find(const struct conf_listen *l, char *buf, size_t size)
{
	struct holder	 h = { 0 };

	buf[0] = '\0';
	find_socket(l, &h);
	if (h.inode == 0)
		return false;
	if (!find_process(h.inode, buf, size) && h.has_uid)
		(void)snprintf(buf, size, "user %u", h.uid);
	return true;
}
