#include "config.h"
#include "os/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

/* Room for one descriptor, aligned as a control message has to be. */
union control {
	struct cmsghdr	 header;
	char		 space[CMSG_SPACE(sizeof(int))];
};

int
handover_open(struct handover *h, struct err *e)
{
	int	 fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == -1)
		return err_set(e, errno, "queue for connections");
	/* One way only: what a worker might send would stay there unread. */
	(void)shutdown(fds[1], SHUT_WR);
	h->feed = fds[0];
	h->take = fds[1];
	return 0;
}

void
handover_close(struct handover *h)
{
	fd_close(&h->feed);
	fd_close(&h->take);
}

void
handover_reset(struct handover *h)
{
	struct timeval	 none = { 0 };

	(void)fd_set_nonblock(h->take, false);
	(void)setsockopt(h->take, SOL_SOCKET, SO_RCVTIMEO, &none,
	    sizeof(none));
}

bool
handover_is_empty(const struct handover *h)
{
	int	 unread = 0;

	return ioctl(h->feed, SIOCOUTQ, &unread) == 0 && unread == 0;
}

/* All of what it can read, of SOCK_SEQPACKET too: a byte a connection. */
size_t
handover_waiting(const struct handover *h)
{
	int	 unread = 0;

	return ioctl(h->take, SIOCINQ, &unread) == 0 ? (size_t)unread : 0;
}

/*
 * The other direction was shut when the pair was made, so that shutting
 * this one too hangs our end up.
 */
bool
handover_is_broken(const struct handover *h)
{
	struct pollfd	 p = { .fd = h->feed };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0;
}

enum handover_result
handover_refusal(int code)
{
	switch (code) {
	case EAGAIN:
		return HANDOVER_FULL;
	case ETOOMANYREFS:
	case ENOBUFS:
	case ENOMEM:
		return HANDOVER_BUSY;
	default:
		return HANDOVER_BROKEN;
	}
}

ssize_t
handover_write(int sock, const void *data, size_t len, int fd)
{
	union control	 c = { .space = { 0 } };
	struct iovec	 iov = { .iov_len = len };
	struct msghdr	 msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &c,
		.msg_controllen = sizeof(c),
	};
	ssize_t		 n;

	memcpy(&iov.iov_base, &data, sizeof(data));	/* it is only read */
	c.header.cmsg_len = CMSG_LEN(sizeof(int));
	c.header.cmsg_level = SOL_SOCKET;
	c.header.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&c.header), &fd, sizeof(int));
	do {
		n = sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n == -1 && errno == EINTR);
	return n;
}

enum handover_result
handover_send(struct handover *h, unsigned char index, int conn)
{
	return handover_write(h->feed, &index, 1, conn) == 1 ?
	    HANDOVER_SENT : handover_refusal(errno);
}

/*
 * The kernel throws a descriptor away for which there is no number left, so
 * make sure of one before the message is touched.
 */
static bool
have_free_number(int fd)
{
	int	 copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy == -1)
		return false;
	(void)close(copy);
	return true;
}

/* The one descriptor of a message, or -1. */
static int
descriptor(struct msghdr *msg)
{
	struct cmsghdr	*c = CMSG_FIRSTHDR(msg);
	int		 fd;

	if (c == NULL || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

int
handover_peek(struct handover *h)
{
	unsigned char	 index;
	ssize_t		 n;

	do {
		n = recv(h->take, &index, 1, MSG_PEEK | MSG_DONTWAIT);
	} while (n == -1 && errno == EINTR);
	if (n == 0)
		errno = EAGAIN;			/* shut down, and empty */
	return n == 1 ? index : -1;
}

int
handover_take_back(struct handover *h, unsigned char *ret_index)
{
	unsigned char	 index;
	union control	 c;
	struct iovec	 iov = { .iov_base = &index, .iov_len = 1 };
	struct msghdr	 msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t		 n;
	int		 fd;

	if (!have_free_number(h->take))
		return -1;
	for (;;) {
		msg.msg_control = &c;
		msg.msg_controllen = sizeof(c);
		n = recvmsg(h->take, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EAGAIN;		/* shut down, and empty */
		if (n <= 0)
			return -1;
		fd = descriptor(&msg);
		if (fd == -1)
			continue;
		*ret_index = index;
		return fd;
	}
}
