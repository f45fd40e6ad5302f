#include "config.h"
#include "os/inherit.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "config/conf.h"

#define FIRST_FD	3
#define INHERIT_MAX	64
/* Above what os/spawn reserves. */
#define NUMBERS_FROM	128

static struct inherited {
	int	 fd;		/* -1: none */
	bool	 is_taken;
} list[INHERIT_MAX];
static size_t list_count;

static uint64_t
number_of(const char *name)
{
	const char	*text = getenv(name);
	uint64_t	 n;

	return text != NULL && parse_count(text, &n) == PARSE_OK ? n : 0;
}

void
inherit_listeners(void)
{
	uint64_t	 i, n = number_of("LISTEN_FDS");
	int		 fd;

	if (number_of("LISTEN_PID") != (uint64_t)getpid())
		return;
	for (i = 0; i < n && i < INHERIT_MAX; i++) {
		fd = fcntl(FIRST_FD + (int)i, F_DUPFD_CLOEXEC, NUMBERS_FROM);
		if (fd == -1)
			continue;
		(void)close(FIRST_FD + (int)i);
		list[list_count++] = (struct inherited){ fd, false };
	}
}

static int
option_of(int fd, int level, int name)
{
	int		 v = -1;
	socklen_t	 len = sizeof(v);

	return getsockopt(fd, level, name, &v, &len) == -1 ? -1 : v;
}

static bool
is_same_in6(int fd, const struct sockaddr_storage *ss,
    const struct conf_listen *l)
{
	struct sockaddr_in6	 a, b;

	memcpy(&a, ss, sizeof(a));
	memcpy(&b, &l->addr, sizeof(b));
	return a.sin6_port == b.sin6_port && memcmp(&a.sin6_addr,
	    &b.sin6_addr, sizeof(a.sin6_addr)) == 0 &&
	    option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY) == !l->dual_stack;
}

static bool
is_same_in(const struct sockaddr_storage *ss, const struct conf_listen *l)
{
	struct sockaddr_in	 a, b;

	memcpy(&a, ss, sizeof(a));
	memcpy(&b, &l->addr, sizeof(b));
	return a.sin_port == b.sin_port &&
	    a.sin_addr.s_addr == b.sin_addr.s_addr;
}

static bool
is_same_unix(const struct sockaddr_storage *ss, const struct conf_listen *l)
{
	struct sockaddr_un	 a, b;

	memcpy(&a, ss, sizeof(a));
	memcpy(&b, &l->addr, sizeof(b));
	return a.sun_path[0] != '\0' &&
	    strncmp(a.sun_path, b.sun_path, sizeof(a.sun_path)) == 0;
}

/* It listens there, and is a stream. */
static bool
is_for(int fd, const struct conf_listen *l)
{
	struct sockaddr_storage	 ss = { .ss_family = AF_UNSPEC };
	socklen_t		 len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1 ||
	    ss.ss_family != l->addr.ss_family ||
	    option_of(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM ||
	    option_of(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1)
		return false;
	return ss.ss_family == AF_UNIX ? is_same_unix(&ss, l) :
	    ss.ss_family == AF_INET ? is_same_in(&ss, l) :
	    is_same_in6(fd, &ss, l);
}

static struct inherited *
find(const struct conf_listen *l)
{
	size_t	 i;

	for (i = 0; i < list_count; i++)
		if (list[i].fd != -1 && !list[i].is_taken &&
		    is_for(list[i].fd, l))
			return &list[i];
	return NULL;
}

bool
inherit_has(const struct conf_listen *l)
{
	return find(l) != NULL;
}

int
inherit_take(const struct conf_listen *l)
{
	struct inherited	*h = find(l);

	if (h == NULL)
		return -1;
	h->is_taken = true;
	(void)fd_set_nonblock(h->fd, true);
	return h->fd;
}

bool
inherit_forget(int fd)
{
	size_t	 i;

	for (i = 0; i < list_count; i++)
		if (fd != -1 && list[i].fd == fd && list[i].is_taken) {
			list[i].fd = -1;
			return true;
		}
	return false;
}

size_t
inherit_close_rest(void)
{
	size_t	 i, n = 0;

	for (i = 0; i < list_count; i++)
		if (list[i].fd != -1 && !list[i].is_taken) {
			fd_close(&list[i].fd);
			n++;
		}
	return n;
}
