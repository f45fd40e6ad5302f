#include "config.h"
#include "http/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "http/listen.h"
#include "http/server.h"
#include "librota/rota.h"

/* More at a time would keep messages and signals waiting. */
#define BUDGET_MAX	16
#define RETRY_MS	1000

int
intake_init(struct intake *in, const struct options *o, struct err *e)
{
	memset(in, 0, sizeof(*in));
	in->journal = -1;
	in->budget = 1;
	if (o->journal == NULL)
		return 0;
	in->journal = open(o->journal,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (in->journal == -1)
		return err_set(e, errno, "--journal %s: %s", o->journal,
		    strerror(errno));
	return 0;
}

static void
intake_close_own(struct intake *in)
{
	while (in->own_count > 0)
		fd_close(&in->own[--in->own_count]);
}

void
intake_close(struct intake *in)
{
	intake_close_own(in);
	fd_close(&in->journal);
}

/* One that somebody else opened. */
static int
intake_inherit(struct intake *in, int fd, struct err *e)
{
	int		 on;
	socklen_t	 len = sizeof(on);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == -1 || !on)
		return err_set(e, 0, "--fd %d is not a listening socket", fd);
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (fd_set_nonblock(fd, true) == -1)
		return err_set(e, errno, "--fd %d: %s", fd, strerror(errno));
	in->own[in->own_count++] = fd;
	return 0;
}

int
intake_start(struct intake *in, const struct options *o, struct err *e)
{
	unsigned int	 i;
	int		 fd;

	for (i = 0; i < o->listen_count; i++) {
		fd = listen_open(o->listen[i], e);
		if (fd == -1)
			return -1;
		in->own[in->own_count++] = fd;
	}
	if (o->listen_fd != -1 && intake_inherit(in, o->listen_fd, e) == -1)
		return -1;
	in->open = true;
	intake_watch(in);
	return 0;
}

/* --- what is watched ------------------------------------------------------ */

static void
intake_unwatch(struct intake *in)
{
	while (in->watched_count > 0)
		(void)epoll_ctl(in->epoll, EPOLL_CTL_DEL,
		    in->watched[--in->watched_count], NULL);
}

/* Exclusive: of several workers on one listener one is woken. */
static void
intake_watch_one(struct intake *in, int fd)
{
	struct epoll_event	 ev = { .events = EPOLLIN | EPOLLEXCLUSIVE,
	    .data.u64 = in->tag };

	if (in->watched_count < INTAKE_FDS_MAX &&
	    epoll_ctl(in->epoll, EPOLL_CTL_ADD, fd, &ev) == 0)
		in->watched[in->watched_count++] = fd;
}

void
intake_watch(struct intake *in)
{
	const int	*fds;
	size_t		 i, n;

	intake_unwatch(in);
	if (!in->open || in->blocked)
		return;
	for (i = 0; i < in->own_count; i++)
		intake_watch_one(in, in->own[i]);
	if (in->rota == NULL)
		return;
	n = rota_accept_fds(in->rota, &fds);
	for (i = 0; i < n; i++)
		intake_watch_one(in, fds[i]);
}

/* --- taking --------------------------------------------------------------- */

/* Which connection it is, before a byte of it is read. */
static void
intake_note(const struct intake *in, int fd)
{
	struct sockaddr_in6	 sa;	/* the port is where IPv4 has it */
	socklen_t		 len = sizeof(sa);
	unsigned int		 port = 0;

	memset(&sa, 0, sizeof(sa));
	if (getpeername(fd, (struct sockaddr *)&sa, &len) == 0 &&
	    (sa.sin6_family == AF_INET || sa.sin6_family == AF_INET6))
		port = ntohs(sa.sin6_port);
	(void)dprintf(in->journal, "%ld %u\n", (long)getpid(), port);
}

/*
 * From the own listeners, else from the supervisor; as rota_accept.  One of
 * them may be of the supervisor too, which moves what waits in it: EINVAL.
 */
static int
intake_next(struct intake *in)
{
	size_t	 i;
	int	 fd;

	for (i = 0; i < in->own_count; i++) {
		fd = accept4(in->own[i], NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1 || (errno != EAGAIN && errno != EINVAL))
			return fd;
	}
	errno = EAGAIN;
	return in->rota == NULL ? -1 : rota_accept(in->rota, NULL);
}

static void
intake_block(struct intake *in, uint64_t now_ms)
{
	in->blocked = true;
	in->blocked_at = server_connections(in->server);
	in->retry_ms = now_ms + RETRY_MS;
	intake_watch(in);
}

/* None now: end of the drain, or nothing to be done. */
static void
intake_none(struct intake *in)
{
	in->budget = 1;
	if (in->last) {
		in->open = false;
		intake_watch(in);
		intake_close_own(in);
	}
}

static void
intake_failed(struct intake *in, uint64_t now_ms)
{
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		intake_block(in, now_ms);
		break;
	case EAGAIN:
	case EOPNOTSUPP:
		intake_none(in);
		break;
	case ESHUTDOWN:
		intake_none(in);
		intake_watch(in);
		rota_close_listeners(in->rota);
		break;
	default:
		/* A client that has gone, or a listener that was shut. */
		in->budget = 1;
		break;
	}
}

/*
 * After a full hand the next is twice as large, so that one connection at a
 * time costs no vain attempt to take another.
 */
bool
intake_take(struct intake *in, uint64_t now_ms)
{
	unsigned int	 i;
	int		 fd;

	if (!in->open || in->blocked)
		return false;
	for (i = 0; i < in->budget; i++) {
		fd = intake_next(in);
		if (fd == -1) {
			intake_failed(in, now_ms);
			return i > 0;
		}
		if (in->journal != -1)
			intake_note(in, fd);
		server_adopt(in->server, fd, now_ms);
	}
	if (in->budget < BUDGET_MAX)
		in->budget *= 2;
	return i > 0;
}

void
intake_drain(struct intake *in, uint64_t now_ms)
{
	in->last = true;
	(void)intake_take(in, now_ms);
}

bool
intake_is_ending(const struct intake *in)
{
	return in->last && in->open && !in->blocked;
}

void
intake_retry(struct intake *in, uint64_t now_ms)
{
	if (!in->blocked || (now_ms < in->retry_ms &&
	    server_connections(in->server) >= in->blocked_at))
		return;
	in->blocked = false;
	in->budget = 1;
	intake_watch(in);
}
