#include "config.h"
#include "os/datagram.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/err.h"
#include "base/fd.h"

/* More than anybody sends; those that do not fit the kernel closes. */
#define FDS_MAX 16

/* Abstract where it begins with '@'.  The length, or 0: not possible. */
static socklen_t
make_address(struct sockaddr_un *sun, const char *address)
{
	size_t	 n = strlen(address);

	if ((address[0] != '@' && address[0] != '/') || n < 2 ||
	    n >= sizeof(sun->sun_path))
		return 0;
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, address, n);
	if (address[0] == '@')
		sun->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n +
	    (address[0] == '/'));
}

/* Not to be guessed beforehand, so that nobody can sit on it. */
static int
choose_address(char address[DATAGRAM_ADDRESS_SIZE], struct err *e)
{
	unsigned long long	 r;

	if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
		return err_set(e, errno, "random number");
	(void)snprintf(address, DATAGRAM_ADDRESS_SIZE, "@rota/%ld/%016llx",
	    (long)getpid(), r);
	return 0;
}

int
datagram_open(char address[DATAGRAM_ADDRESS_SIZE], struct err *e)
{
	struct sockaddr_un	 sun;
	char			 chosen[DATAGRAM_ADDRESS_SIZE];
	socklen_t		 len;
	int			 yes = 1;
	AUTO_FD			 fd = socket(AF_UNIX, SOCK_DGRAM |
				    SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return err_set(e, errno, "notify socket");
	if (choose_address(chosen, e) == -1)
		return -1;
	len = make_address(&sun, chosen);
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) ==
	    -1 || bind(fd, (const struct sockaddr *)&sun, len) == -1)
		return err_set(e, errno, "notify socket");
	memcpy(address, chosen, sizeof(chosen));
	return fd_take(&fd);
}

static void
take_credentials(struct datagram *d, const struct cmsghdr *c)
{
	struct ucred	 u;

	if (c->cmsg_len < CMSG_LEN(sizeof(u)))
		return;
	memcpy(&u, CMSG_DATA(c), sizeof(u));
	d->pid = u.pid;
}

static void
close_descriptors(struct datagram *d, const struct cmsghdr *c)
{
	size_t	 n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int), i;
	int	 fd;

	for (i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
		(void)close(fd);
	}
	d->fd_count += n;
}

int
datagram_receive(int fd, struct datagram *d)
{
	union {
		struct cmsghdr	 align;
		char		 space[CMSG_SPACE(sizeof(struct ucred)) +
		    CMSG_SPACE(FDS_MAX * sizeof(int))];
	}			 control;
	struct iovec		 iov = { d->data, d->size };
	struct msghdr		 m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr		*c;
	ssize_t			 n;

	do {
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return errno == EAGAIN ? 0 : -1;
	d->len = (m.msg_flags & MSG_TRUNC) != 0 ? 0 : (size_t)n;
	d->pid = 0;
	d->fd_count = 0;
	for (c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS)
			take_credentials(d, c);
		else if (c->cmsg_type == SCM_RIGHTS)
			close_descriptors(d, c);
	}
	return 1;
}

int
datagram_send(const char *address, const char *text, size_t len)
{
	struct sockaddr_un	 sun;
	socklen_t		 sun_len = make_address(&sun, address);
	AUTO_FD			 fd = -1;

	if (sun_len == 0) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	return sendto(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT,
	    (const struct sockaddr *)&sun, sun_len) == -1 ? -1 : 0;
}
