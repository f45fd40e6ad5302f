#include "config.h"
#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/fd.h"

#define LISTEN_BACKLOG	4096
#define ADDRESS_SIZE	80

/* Cut "address:port" in two; "[...]" loses its brackets. */
static bool
listen_split(char *where, char **ret_host, char **ret_port)
{
	char	*colon = strrchr(where, ':');

	if (colon == NULL || colon == where || colon[1] == '\0')
		return false;
	*colon = '\0';
	*ret_port = colon + 1;
	if (*where == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		where++;
	} else if (strchr(where, ':') != NULL)
		return false;
	*ret_host = where;
	return true;
}

static int
listen_try(const struct addrinfo *ai)
{
	AUTO_FD	 fd = -1;
	int	 on = 1, off = 0;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd == -1)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off,
		    sizeof(off));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == -1 ||
	    listen(fd, LISTEN_BACKLOG) == -1)
		return -1;
	return fd_take(&fd);
}

static void
listen_say(int fd)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len = sizeof(ss);
	char			 host[ADDRESS_SIZE], port[8];
	bool			 v6;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1 ||
	    getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host),
	    port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	v6 = ss.ss_family == AF_INET6;
	(void)dprintf(STDOUT_FILENO, "rota-http: listening on %s%s%s:%s\n",
	    v6 ? "[" : "", host, v6 ? "]" : "", port);
}

int
listen_open(const char *where, struct err *e)
{
	struct addrinfo	 hints = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	struct addrinfo	*ai;
	char		 copy[ADDRESS_SIZE], *host = NULL, *port = copy;
	int		 fd;

	if (strlen(where) >= sizeof(copy))
		return err_set(e, 0, "'%.40s...' is too long", where);
	memcpy(copy, where, strlen(where) + 1);
	if (strchr(where, ':') != NULL && !listen_split(copy, &host, &port))
		return err_set(e, 0, "'%s' is not PORT, ADDRESS:PORT or "
		    "[ADDRESS]:PORT", where);
	if (host == NULL)
		hints.ai_family = AF_INET6;
	if (getaddrinfo(host, port, &hints, &ai) != 0)
		return err_set(e, 0, "'%s' is not PORT, ADDRESS:PORT or "
		    "[ADDRESS]:PORT, in numbers", where);
	fd = listen_try(ai);
	freeaddrinfo(ai);
	if (fd == -1 && host == NULL && errno != EADDRINUSE) {
		hints.ai_family = AF_INET;
		if (getaddrinfo(NULL, port, &hints, &ai) == 0) {
			fd = listen_try(ai);
			freeaddrinfo(ai);
		}
	}
	if (fd == -1)
		return err_set(e, errno, "%s: %s", where, strerror(errno));
	listen_say(fd);
	return fd;
}
