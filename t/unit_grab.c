#include "config.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/err.h"
#include "os/conn.h"
#include "os/grab.h"
#include "t/unit_os.h"
#include "t/unit.h"

static uint16_t
port_of(int fd)
{
	struct sockaddr_in	 in;
	socklen_t		 len = sizeof(in);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	return ntohs(in.sin_port);
}

/* A listener on this address of IPv4. */
static int
listener_on(uint32_t addr, uint16_t port)
{
	struct sockaddr_in	 in = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(addr),
	};
	int			 fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	ck_assert_int_ne(fd, -1);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	return fd;
}

struct pair {
	int	 client, conn;
};

static struct pair
connection(int listener)
{
	struct sockaddr_in	 in = {
		.sin_family = AF_INET,
		.sin_port = htons(port_of(listener)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct pair		 p = { socket(AF_INET, SOCK_STREAM, 0), -1 };

	ck_assert_int_eq(connect(p.client, (struct sockaddr *)&in,
	    sizeof(in)), 0);
	p.conn = accept(listener, NULL, NULL);
	ck_assert_int_ne(p.conn, -1);
	return p;
}

static void
arrives(const struct pair *p, const char *text)
{
	struct pollfd	 pfd = { .fd = p->conn, .events = POLLIN };

	ck_assert_int_eq(write(p->client, text, strlen(text)),
	    (ssize_t)strlen(text));
	ck_assert_int_eq(poll(&pfd, 1, PATIENCE_MS), 1);
}

static void
hangs_up(const struct pair *p)
{
	struct pollfd	 pfd = { .fd = p->conn, .events = POLLRDHUP };

	ck_assert_int_eq(shutdown(p->client, SHUT_WR), 0);
	ck_assert_int_eq(poll(&pfd, 1, PATIENCE_MS), 1);
}

START_TEST(unread_until_it_is_read)
{
	int		 l = listener_on(INADDR_LOOPBACK, 0);
	struct pair	 p = connection(l);
	char		 c;

	ck_assert(conn_is_unread(p.conn));
	arrives(&p, "some");
	ck_assert(conn_is_unread(p.conn));
	ck_assert_int_eq(recv(p.conn, &c, 1, MSG_PEEK), 1);
	ck_assert(conn_is_unread(p.conn));
	ck_assert_int_eq(read(p.conn, &c, 1), 1);
	ck_assert(!conn_is_unread(p.conn));
	ck_assert(!conn_is_unread(l));
}
END_TEST

/* The other end has closed: that is no byte to be read. */
START_TEST(unread_when_half_closed)
{
	int		 l = listener_on(INADDR_LOOPBACK, 0);
	struct pair	 p = connection(l), silent = connection(l);
	char		 buf[8];

	arrives(&p, "all");
	hangs_up(&p);
	hangs_up(&silent);
	ck_assert(conn_is_unread(p.conn));
	ck_assert(conn_is_unread(silent.conn));
	ck_assert_int_eq(read(p.conn, buf, sizeof(buf)), 3);
	ck_assert(!conn_is_unread(p.conn));
	ck_assert_int_eq(read(p.conn, buf, sizeof(buf)), 0);
	ck_assert(!conn_is_unread(p.conn));
}
END_TEST

/* Also what the kernel still keeps back. */
START_TEST(not_unread_when_written)
{
	int		 l = listener_on(INADDR_LOOPBACK, 0), on = 1;
	struct pair	 p = connection(l), corked = connection(l);
	struct pair	 shut = connection(l);

	ck_assert_int_eq(write(p.conn, "x", 1), 1);
	ck_assert(!conn_is_unread(p.conn));
	ck_assert_int_eq(setsockopt(corked.conn, IPPROTO_TCP, TCP_CORK, &on,
	    sizeof(on)), 0);
	ck_assert_int_eq(write(corked.conn, "x", 1), 1);
	ck_assert(!conn_is_unread(corked.conn));
	ck_assert_int_eq(shutdown(shut.conn, SHUT_WR), 0);
	ck_assert(!conn_is_unread(shut.conn));
}
END_TEST

START_TEST(unread_is_for_tcp)
{
	int	 fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert(!conn_is_unread(fds[0]));
	ck_assert(!conn_is_unread(STDIN_FILENO));
}
END_TEST

START_TEST(of_its_listener)
{
	int		 l = listener_on(INADDR_LOOPBACK, 0);
	int		 other = listener_on(INADDR_LOOPBACK, 0);
	int		 any = listener_on(INADDR_ANY, 0);
	struct pair	 p = connection(l), q = connection(any);
	bool		 is_exact = false;

	ck_assert(conn_is_of(p.conn, l, &is_exact));
	ck_assert(is_exact);
	ck_assert(!conn_is_of(p.conn, other, &is_exact));
	ck_assert(!conn_is_of(p.client, l, &is_exact));
	ck_assert(conn_is_of(q.conn, any, &is_exact));
	ck_assert(!is_exact);
}
END_TEST

/* A dual-stack listener, and a client that comes by IPv4. */
START_TEST(of_a_listener_for_both)
{
	struct sockaddr_in6	 in6 = { .sin6_family = AF_INET6 };
	int			 l = socket(AF_INET6, SOCK_STREAM, 0);
	bool			 is_exact = true;
	struct pair		 p;

	if (l == -1 || bind(l, (struct sockaddr *)&in6, sizeof(in6)) == -1)
		return;			/* no IPv6 here */
	ck_assert_int_eq(listen(l, 8), 0);
	p = connection(l);
	ck_assert(conn_is_of(p.conn, l, &is_exact));
	ck_assert(!is_exact);
}
END_TEST

/* Copies: another number, the same connection. */
START_TEST(inode_tells_copies)
{
	int		 l = listener_on(INADDR_LOOPBACK, 0);
	struct pair	 p = connection(l);
	int		 copy = dup(p.conn);

	ck_assert_uint_ne(conn_inode(p.conn), 0);
	ck_assert_uint_eq(conn_inode(p.conn), conn_inode(copy));
	ck_assert_uint_ne(conn_inode(p.conn), conn_inode(p.client));
	ck_assert_uint_eq(conn_inode(-1), 0);
}
END_TEST

/* The sockets that a process has, so many descriptors at a time. */
static size_t
grab_all(struct grab *g, unsigned int at_a_time, uint64_t inode,
    struct err *e)
{
	unsigned int	 budget;
	bool		 is_over = false;
	size_t		 n = 0;
	int		 fd;

	while (!is_over) {
		budget = at_a_time;
		while (!is_over && budget > 0) {
			fd = grab_next(g, &budget, &is_over, e);
			if (fd == -1)
				continue;
			ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
			n += conn_inode(fd) == inode;
			(void)close(fd);
		}
		ck_assert_uint_le(budget, at_a_time);
	}
	return n;
}

START_TEST(grab_from_a_stopped_child)
{
	int		 l = listener_on(INADDR_LOOPBACK, 0);
	struct pair	 p = connection(l);
	int		 before = count_fds(), i;
	struct err	 e;
	struct grab	 g = GRAB_NONE;
	size_t		 n;
	pid_t		 pid = fork();

	if (pid == 0)
		for (;;)
			(void)pause();
	ck_assert(!grab_is_still(pid));
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	for (i = 0; i < PATIENCE_MS && !grab_is_still(pid); i++)
		(void)poll(NULL, 0, 1);
	ck_assert(grab_is_still(pid));
	ck_assert_int_eq(grab_begin(&g, pid, &e), 0);
	n = grab_all(&g, 2, conn_inode(p.conn), &e);
	if (e.code == EPERM || e.code == ENOSYS)
		n = 1;			/* it is not allowed here */
	ck_assert_uint_eq(n, 1);
	grab_end(&g);
	grab_end(&g);
	ck_assert_int_eq(count_fds(), before);
	(void)kill(pid, SIGKILL);
	(void)status_of(pid);
	ck_assert(!grab_is_still(pid));
	ck_assert_int_eq(grab_begin(&g, pid, &e), -1);
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("grab");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, unread_until_it_is_read);
	tcase_add_test(tc, unread_when_half_closed);
	tcase_add_test(tc, not_unread_when_written);
	tcase_add_test(tc, unread_is_for_tcp);
	tcase_add_test(tc, of_its_listener);
	tcase_add_test(tc, of_a_listener_for_both);
	tcase_add_test(tc, inode_tells_copies);
	tcase_add_test(tc, grab_from_a_stopped_child);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("grab", fill)
