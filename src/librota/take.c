#include "config.h"
#include "librota/link.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * How many may be accepted after the worker was told to leave: what waits
 * then would otherwise be reset when nobody is left; but where others go on
 * it need not stay for ever.
 */
#define TAKE_LAST_MAX 4096

/* Room for more than the one that is sent, to be closed if they come. */
#define TAKE_FDS 4

/* A hand-over queue goes before listeners: then these are not for us. */
void
librota_take_setup(struct rota *r)
{
	size_t	 i;
	int	 fd;

	r->accept_count = 0;
	if (r->conn != -1) {
		r->accept_fds[r->accept_count++] = r->conn;
		return;
	}
	for (i = 0; i < r->hello.listener_count; i++) {
		fd = r->hello.listeners[i].fd;
		if (fd == -1)
			continue;
		librota_set_cloexec(fd);
		r->accept_index[r->accept_count] = (unsigned char)i;
		r->accept_fds[r->accept_count++] = fd;
	}
}

size_t
rota_accept_fds(const struct rota *r, const int **ret)
{
	*ret = r->accept_fds;
	return r->taking == LIBROTA_DONE ? 0 : r->accept_count;
}

/*
 * A descriptor that arrives when the table is full is closed by the kernel,
 * and its client reset.  So see that there is room before one is taken.
 */
static int
take_has_room(const struct rota *r)
{
	int	 fd = fcntl(r->conn, F_DUPFD_CLOEXEC, 0);

	if (fd == -1)
		return -1;
	(void)close(fd);
	return 0;
}

/* The first descriptor of a message, or -1; any other is closed. */
static int
take_descriptor(struct msghdr *msg)
{
	struct cmsghdr	*c;
	size_t		 i, n;
	int		 fd, first = -1;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int),
			    sizeof(fd));
			if (first == -1)
				first = fd;
			else
				(void)close(fd);
		}
	}
	return first;
}

/* One message of the queue, as rota_accept. */
static int
take_handed_over(struct rota *r, unsigned int *ret_listener)
{
	unsigned char	 index = 0;
	struct iovec	 iov = { &index, sizeof(index) };
	union {
		struct cmsghdr	 align;
		char		 bytes[CMSG_SPACE(TAKE_FDS * sizeof(int))];
	} control;
	struct msghdr	 msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes) };
	ssize_t		 n;
	int		 fd;

	if (take_has_room(r) == -1)
		return -1;
	do {
		n = recvmsg(r->conn, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n == -1 && (errno == EINTR || errno == ECONNRESET));
	if (n == -1)
		return -1;
	fd = take_descriptor(&msg);
	if (fd == -1) {
		errno = n == 0 ? ESHUTDOWN : ECONNABORTED;
		return -1;
	}
	if (ret_listener != NULL)
		*ret_listener = index;
	return fd;
}

/*
 * From the listeners, each having its turn to be first.  EINVAL: it does not
 * listen for a moment, while the supervisor moves to others what waits in it.
 */
static int
take_accepted(struct rota *r, unsigned int *ret_listener)
{
	size_t	 i, at;
	int	 fd;

	for (i = 0; i < r->accept_count; i++) {
		at = (r->take_next + i) % r->accept_count;
		do {
			fd = accept4(r->accept_fds[at], NULL, NULL,
			    SOCK_NONBLOCK | SOCK_CLOEXEC);
		} while (fd == -1 && errno == EINTR);
		if (fd == -1 && (errno == EAGAIN || errno == EINVAL))
			continue;
		r->take_next = at + 1;
		if (fd != -1 && ret_listener != NULL)
			*ret_listener = r->accept_index[at];
		if (fd == -1 && errno == EPROTO)
			errno = ECONNABORTED;
		return fd;
	}
	errno = EAGAIN;
	return -1;
}

int
rota_accept(struct rota *r, unsigned int *ret_listener)
{
	int	 fd;

	if (r->taking == LIBROTA_DONE) {
		errno = ESHUTDOWN;
		return -1;
	}
	if (r->accept_count == 0) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (r->conn == -1 && r->taking == LIBROTA_LAST &&
	    r->last_count++ == TAKE_LAST_MAX) {
		r->taking = LIBROTA_DONE;
		errno = ESHUTDOWN;
		return -1;
	}
	fd = r->conn != -1 ? take_handed_over(r, ret_listener) :
	    take_accepted(r, ret_listener);
	if (fd != -1)
		return fd;
	if (errno == EAGAIN && r->taking == LIBROTA_LAST)
		errno = ESHUTDOWN;
	if (errno == ESHUTDOWN)
		r->taking = LIBROTA_DONE;
	return -1;
}

void
rota_close_listeners(struct rota *r)
{
	size_t	 i;

	if (r->conn != -1 || r->taking != LIBROTA_DONE)
		return;
	for (i = 0; i < r->hello.listener_count; i++) {
		if (r->hello.listeners[i].fd != -1)
			(void)close(r->hello.listeners[i].fd);
		r->hello.listeners[i].fd = -1;
	}
	r->accept_count = 0;
}
