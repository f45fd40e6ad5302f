#include "config.h"
#include "t/unit_os.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/err.h"
#include "base/fd.h"
#include "os/datagram.h"
#include "t/unit.h"

static char	 address[DATAGRAM_ADDRESS_SIZE];
static char	 data[64];

static int
must_open(void)
{
	struct err	 e;
	int		 fd = datagram_open(address, &e);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(sender_is_known)
{
	struct datagram	 d = { .data = data, .size = sizeof(data) };
	int		 fd = must_open();

	ck_assert_int_eq(datagram_receive(fd, &d), 0);
	ck_assert_int_eq(datagram_send(address, "READY=1", 7), 0);
	ck_assert_int_eq(datagram_receive(fd, &d), 1);
	ck_assert_uint_eq(d.len, 7);
	ck_assert_int_eq(memcmp(data, "READY=1", 7), 0);
	ck_assert_int_eq(d.pid, getpid());
	ck_assert_uint_eq(d.fd_count, 0);
	ck_assert_int_eq(datagram_receive(fd, &d), 0);
	(void)close(fd);
}
END_TEST

START_TEST(too_long_is_empty)
{
	struct datagram	 d = { .data = data, .size = sizeof(data) };
	char		 big[200];
	int		 fd = must_open();

	memset(big, 'x', sizeof(big));
	ck_assert_int_eq(datagram_send(address, big, sizeof(big)), 0);
	ck_assert_int_eq(datagram_receive(fd, &d), 1);
	ck_assert_uint_eq(d.len, 0);
	(void)close(fd);
}
END_TEST

/* Nobody reads: the sender does not wait for it. */
START_TEST(full_is_an_error)
{
	int	 fd = must_open(), i;

	for (i = 0; i < 100000; i++)
		if (datagram_send(address, "x", 1) == -1)
			break;
	ck_assert_int_lt(i, 100000);
	ck_assert_int_eq(errno, EAGAIN);
	(void)close(fd);
}
END_TEST

START_TEST(nobody_there)
{
	ck_assert_int_eq(datagram_send("@rota/none", "x", 1), -1);
	ck_assert_int_eq(datagram_send("/nowhere/x", "x", 1), -1);
	ck_assert_int_eq(datagram_send("relative", "x", 1), -1);
	ck_assert_int_eq(datagram_send("@", "x", 1), -1);
	ck_assert_int_eq(datagram_send("", "x", 1), -1);
}
END_TEST

static void
send_descriptors(size_t count)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	union {
		struct cmsghdr	 align;
		char		 space[CMSG_SPACE(40 * sizeof(int))];
	}			 control = { 0 };
	struct iovec		 iov = { data, 1 };
	struct msghdr		 m = {
		.msg_name = &sun, .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	struct cmsghdr		*c = CMSG_FIRSTHDR(&m);
	int			 fd = socket(AF_UNIX, SOCK_DGRAM, 0), i;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	for (i = 0; i < (int)count; i++)
		memcpy(CMSG_DATA(c) + (size_t)i * sizeof(int),
		    &(int){ STDIN_FILENO }, sizeof(int));
	memcpy(sun.sun_path + 1, address + 1, strlen(address) - 1);
	m.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(address));
	ck_assert_int_eq((int)sendmsg(fd, &m, 0), 1);
	(void)close(fd);
}

/* However many there are: the next number is free again. */
START_TEST(descriptors_are_closed)
{
	struct datagram	 d = { .data = data, .size = sizeof(data) };
	int		 fd = must_open(), free_fd = dup(fd);

	(void)close(free_fd);
	send_descriptors(2);
	ck_assert_int_eq(datagram_receive(fd, &d), 1);
	ck_assert_uint_eq(d.fd_count, 2);
	ck_assert_int_eq(d.pid, getpid());
	send_descriptors(40);
	ck_assert_int_eq(datagram_receive(fd, &d), 1);
	ck_assert_uint_ge(d.fd_count, 16);
	ck_assert_int_eq(dup(fd), free_fd);
	(void)close(free_fd);
	(void)close(fd);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("datagram");

	tcase_add_test(tc, sender_is_known);
	tcase_add_test(tc, too_long_is_empty);
	tcase_add_test(tc, full_is_an_error);
	tcase_add_test(tc, nobody_there);
	tcase_add_test(tc, descriptors_are_closed);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("datagram", fill)
