#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "t/unit_link.h"

/* --- connections ---------------------------------------------------------- */

START_TEST(accept_in_order)
{
	const int	*fds;
	unsigned int	 i, index;
	int		 p[2], fd;
	char		 c;

	link_up(1);
	ck_assert_int_eq(rota_accept(r, NULL), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_eq(rota_accept_fds(r, &fds), 1);
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(pipe(p), 0);
		c = (char)i;
		ck_assert_int_eq(write(p[1], &c, 1), 1);
		hand_over((unsigned char)(i % 7), p[0], 1);
		(void)close(p[0]);
		(void)close(p[1]);
	}
	for (i = 0; i < 100; i++) {
		fd = rota_accept(r, &index);
		ck_assert_int_ne(fd, -1);
		ck_assert_uint_eq(index, i % 7);
		ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
		ck_assert_int_eq(read(fd, &c, 1), 1);
		ck_assert_int_eq(c, (char)i);
		(void)close(fd);
	}
	link_down();
}
END_TEST

START_TEST(accept_odd_messages)
{
	int	 before, fd;

	link_up(1);
	before = open_fds();
	hand_over(0, ipc, 0);
	ck_assert_int_eq(rota_accept(r, NULL), -1);
	ck_assert_int_eq(errno, ECONNABORTED);
	hand_over(0, ipc, 8);
	fd = rota_accept(r, NULL);
	ck_assert_int_ne(fd, -1);
	(void)close(fd);
	ck_assert_int_eq(open_fds(), before);
	link_down();
}
END_TEST

START_TEST(accept_without_room)
{
	struct rlimit	 rl, low;
	int		 fd;

	link_up(1);
	hand_over(5, ipc, 1);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &rl), 0);
	low = rl;
	fd = dup(0);
	low.rlim_cur = (rlim_t)fd;
	(void)close(fd);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	ck_assert_int_eq(rota_accept(r, NULL), -1);
	ck_assert_int_eq(errno, EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &rl), 0);
	fd = rota_accept(r, NULL);
	ck_assert_int_ne(fd, -1);
	(void)close(fd);
	link_down();
}
END_TEST

/* After disconnect: what is there, until there is none, and no more. */
START_TEST(accept_while_draining)
{
	struct rota_event	 ev;
	const int		*fds;

	link_up(1);
	say(HELLO DISCONNECT);
	hand_over(0, ipc, 1);
	next_is(&ev, ROTA_HELLO);
	next_is(&ev, ROTA_DISCONNECT);
	ck_assert_uint_eq(rota_accept_fds(r, &fds), 1);
	ck_assert_int_eq(close(rota_accept(r, NULL)), 0);
	ck_assert_int_eq(rota_accept(r, NULL), -1);
	ck_assert_int_eq(errno, ESHUTDOWN);
	hand_over(0, ipc, 1);
	ck_assert_int_eq(rota_accept(r, NULL), -1);
	ck_assert_int_eq(errno, ESHUTDOWN);
	ck_assert_uint_eq(rota_accept_fds(r, &fds), 0);
	link_down();
}
END_TEST

/* A listener on an abstract Unix address of our own. */
static int
listener(int n, struct sockaddr_un *sun)
{
	int	 fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	(void)snprintf(sun->sun_path + 1, sizeof(sun->sun_path) - 1,
	    "rota-unit-%ld-%d", (long)getpid(), n);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)sun, sizeof(*sun)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	return fd;
}

static int
dial(const struct sockaddr_un *sun)
{
	int	 fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_eq(connect(fd, (const struct sockaddr *)sun,
	    sizeof(*sun)), 0);
	return fd;
}

START_TEST(accept_from_listeners)
{
	struct sockaddr_un	 sun[2];
	struct rota_event	 ev;
	const int		*fds;
	char			 hello[512];
	unsigned int		 index = 9;
	int			 a, b, fd;

	link_up(0);
	ck_assert_int_eq(rota_accept(r, NULL), -1);
	ck_assert_int_eq(errno, EOPNOTSUPP);
	a = listener(0, &sun[0]);
	b = listener(1, &sun[1]);
	(void)snprintf(hello, sizeof(hello), HELLO_HEAD "\"listeners\":["
	    "{\"name\":\"a\",\"address\":\"x\",\"fd\":%d},"
	    "{\"name\":\"b\",\"address\":\"y\",\"fd\":%d}]}\n", a, b);
	say(hello);
	next_is(&ev, ROTA_HELLO);
	ck_assert_uint_eq(rota_accept_fds(r, &fds), 2);
	ck_assert_int_eq(fcntl(a, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(rota_accept(r, NULL), -1);
	ck_assert_int_eq(errno, EAGAIN);
	(void)dial(&sun[1]);
	(void)dial(&sun[1]);
	(void)dial(&sun[0]);
	ck_assert_int_eq(rota_next(r, &ev, 1000), 1);
	ck_assert_int_eq(ev.type, ROTA_CONNECTION);
	fd = rota_accept(r, &index);
	ck_assert_int_ne(fd, -1);
	ck_assert_uint_eq(index, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_ne(rota_accept(r, &index), -1);
	ck_assert_uint_eq(index, 1);
	say(DISCONNECT);
	next_is(&ev, ROTA_DISCONNECT);
	ck_assert_uint_eq(rota_accept_fds(r, &fds), 2);
	rota_close_listeners(r);
	ck_assert_int_ne(fcntl(a, F_GETFD), -1);
	ck_assert_int_ne(rota_accept(r, &index), -1);
	ck_assert_int_eq(rota_accept(r, &index), -1);
	ck_assert_int_eq(errno, ESHUTDOWN);
	ck_assert_uint_eq(rota_accept_fds(r, &fds), 0);
	rota_close_listeners(r);
	ck_assert_int_eq(fcntl(a, F_GETFD), -1);
	ck_assert_int_eq(fcntl(b, F_GETFD), -1);
	ck_assert_int_eq(dup2(STDIN_FILENO, a), a);
	link_down();
	ck_assert_int_ne(fcntl(a, F_GETFD), -1);
}
END_TEST

/* One that does not listen for a moment has nothing now. */
START_TEST(accept_from_one_that_is_shut)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t		 len = sizeof(sin);
	struct rota_event	 ev;
	char			 hello[512];
	int			 fd, c;

	link_up(0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, len), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	(void)snprintf(hello, sizeof(hello), HELLO_HEAD "\"listeners\":["
	    "{\"name\":null,\"address\":\"x\",\"fd\":%d}]}\n", fd);
	say(hello);
	next_is(&ev, ROTA_HELLO);
	ck_assert_int_eq(shutdown(fd, SHUT_RDWR), 0);
	ck_assert_int_eq(rota_accept(r, NULL), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(listen(fd, 8), 0);	/* at another port */
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	c = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(c, (struct sockaddr *)&sin, len), 0);
	ck_assert_int_eq(rota_next(r, &ev, 1000), 1);
	ck_assert_int_eq(ev.type, ROTA_CONNECTION);
	ck_assert_int_ne(rota_accept(r, NULL), -1);
	say(DISCONNECT);
	next_is(&ev, ROTA_DISCONNECT);
	ck_assert_int_eq(shutdown(fd, SHUT_RDWR), 0);
	ck_assert_int_eq(rota_accept(r, NULL), -1);
	ck_assert_int_eq(errno, ESHUTDOWN);
	link_down();
}
END_TEST

void
fill_connections(Suite *s)
{
	TCase	*t = tcase_create("connections");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, accept_in_order);
	tcase_add_test(t, accept_odd_messages);
	tcase_add_test(t, accept_without_room);
	tcase_add_test(t, accept_while_draining);
	tcase_add_test(t, accept_from_listeners);
	tcase_add_test(t, accept_from_one_that_is_shut);
	suite_add_tcase(s, t);
}
