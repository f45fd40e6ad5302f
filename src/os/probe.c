#include "config.h"
#include "os/probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/fd.h"

/* A connection within this machine is there at once, or not at all. */
#define PAIR_MS 100

static struct sockaddr_in
local(uint16_t port)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons(port);
	return sin;
}

int
probe_connect(uint16_t port, struct err *e)
{
	struct sockaddr_in	 sin = local(port);
	AUTO_FD			 fd = socket(AF_INET, SOCK_STREAM |
				    SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1 || (connect(fd, (const struct sockaddr *)&sin,
	    sizeof(sin)) == -1 && errno != EINPROGRESS))
		return err_set(e, errno, "port %u", port);
	return fd_take(&fd);
}

/* Whoever else may have connected is turned away. */
static int
accept_own(int listener, int own, struct err *e)
{
	struct sockaddr_in	 mine, theirs;
	socklen_t		 len = sizeof(mine);
	struct pollfd		 p = { listener, POLLIN, 0 };
	int			 fd;

	if (getsockname(own, (struct sockaddr *)&mine, &len) == -1)
		return err_set(e, errno, "probe");
	while (poll(&p, 1, PAIR_MS) == 1) {
		len = sizeof(theirs);
		fd = accept4(listener, (struct sockaddr *)&theirs, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1 && theirs.sin_port == mine.sin_port &&
		    theirs.sin_addr.s_addr == mine.sin_addr.s_addr)
			return fd;
		fd_close(&fd);
	}
	return err_set(e, ETIMEDOUT, "probe");
}

int
probe_pair(int *ret_peer, struct err *e)
{
	struct sockaddr_in	 sin = local(0);
	socklen_t		 len = sizeof(sin);
	AUTO_FD			 listener = socket(AF_INET, SOCK_STREAM |
				    SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	AUTO_FD			 own = -1;
	int			 peer;

	if (listener == -1 || bind(listener, (const struct sockaddr *)&sin,
	    sizeof(sin)) == -1 || listen(listener, 1) == -1 ||
	    getsockname(listener, (struct sockaddr *)&sin, &len) == -1)
		return err_set(e, errno, "probe");
	own = probe_connect(ntohs(sin.sin_port), e);
	if (own == -1)
		return -1;
	peer = accept_own(listener, own, e);
	if (peer == -1)
		return -1;
	*ret_peer = peer;
	return fd_take(&own);
}

bool
probe_is_pair(int own, int peer)
{
	struct sockaddr_in	 mine, theirs;
	socklen_t		 len = sizeof(mine), their_len = sizeof(theirs);

	return getsockname(own, (struct sockaddr *)&mine, &len) == 0 &&
	    getpeername(peer, (struct sockaddr *)&theirs, &their_len) == 0 &&
	    mine.sin_family == AF_INET && theirs.sin_family == AF_INET &&
	    mine.sin_port == theirs.sin_port &&
	    mine.sin_addr.s_addr == theirs.sin_addr.s_addr;
}
