#include "config.h"
#include "t/unit_link.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int		 ipc = -1, feed = -1;
struct rota	*r;

void
set_fd(const char *name, int fd)
{
	char	 text[16];

	(void)snprintf(text, sizeof(text), "%d", fd);
	ck_assert_int_eq(setenv(name, text, 1), 0);
}

void
clear_env(void)
{
	(void)unsetenv("ROTA_IPC_FD");
	(void)unsetenv("ROTA_CONN_FD");
}

void
link_up(int handover)
{
	int	 a[2], b[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	ipc = a[0];
	set_fd("ROTA_IPC_FD", a[1]);
	if (handover) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, b), 0);
		feed = b[0];
		set_fd("ROTA_CONN_FD", b[1]);
	}
	r = rota_connect();
	ck_assert_ptr_nonnull(r);
}

void
link_down(void)
{
	rota_close(r);
	r = NULL;
	if (ipc != -1)
		(void)close(ipc);
	if (feed != -1)
		(void)close(feed);
	ipc = feed = -1;
}

void
say(const char *text)
{
	ck_assert_int_eq(write(ipc, text, strlen(text)), strlen(text));
}

void
next_is(struct rota_event *ev, enum rota_event_type type)
{
	ck_assert_int_eq(rota_next(r, ev, 0), 1);
	ck_assert_int_eq(ev->type, type);
}

void
next_is_none(void)
{
	struct rota_event	 ev;

	ck_assert_int_eq(rota_next(r, &ev, 0), 0);
}

const char *
heard(void)
{
	static char	 text[4096];
	ssize_t		 n = recv(ipc, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

void
hand_over(unsigned char index, int fd, int n)
{
	struct iovec	 iov = { &index, 1 };
	union {
		struct cmsghdr	 align;
		char		 bytes[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct msghdr	 msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr	*c;
	int		 i;

	memset(&control, 0, sizeof(control));
	if (n > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
		for (i = 0; i < n; i++)
			memcpy(CMSG_DATA(c) + (size_t)i * sizeof(int), &fd,
			    sizeof(fd));
	}
	ck_assert_int_eq(sendmsg(feed, &msg, 0), 1);
}

int
open_fds(void)
{
	int	 fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			n++;
	return n;
}
