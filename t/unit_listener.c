#include "config.h"
#include "t/unit_os.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "base/err.h"
#include "base/fd.h"
#include "config/conf.h"
#include "os/listener.h"
#include "t/unit.h"

/* Stands before that of libc, to show a machine without IPv6. */
static bool	no_ipv6;

int
socket(int domain, int type, int protocol)
{
	if (no_ipv6 && domain == AF_INET6) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return (int)syscall(SYS_socket, domain, type, protocol);
}

static char	text_buf[256];

static struct conf_listen
inet4(const char *host, uint16_t port)
{
	struct sockaddr_in	 in = {
		.sin_family = AF_INET, .sin_port = htons(port),
	};
	struct conf_listen	 l = { .text = text_buf };

	(void)snprintf(text_buf, sizeof(text_buf), "%s:%u", host, port);
	ck_assert_int_eq(inet_pton(AF_INET, host, &in.sin_addr), 1);
	memcpy(&l.addr, &in, sizeof(in));
	l.addr_len = sizeof(in);
	return l;
}

static struct conf_listen
inet6(const char *host, uint16_t port, bool dual_stack)
{
	struct sockaddr_in6	 in6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(port),
	};
	struct conf_listen	 l = {
		.text = text_buf, .dual_stack = dual_stack,
	};

	(void)snprintf(text_buf, sizeof(text_buf), "[%s]:%u", host, port);
	ck_assert_int_eq(inet_pton(AF_INET6, host, &in6.sin6_addr), 1);
	memcpy(&l.addr, &in6, sizeof(in6));
	l.addr_len = sizeof(in6);
	return l;
}

static struct conf_listen
local(const char *path)
{
	struct sockaddr_un	 un = { .sun_family = AF_UNIX };
	struct conf_listen	 l = { .text = text_buf };

	(void)snprintf(text_buf, sizeof(text_buf), "unix:%s", path);
	ck_assert_uint_lt(strlen(path), sizeof(un.sun_path));
	memcpy(un.sun_path, path, strlen(path) + 1);
	memcpy(&l.addr, &un, sizeof(un));
	l.addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(path) + 1);
	return l;
}

static int
must_open(const struct conf_listen *l)
{
	struct err	 e = { 0 };
	int		 fd = listener_open(l, 16, false, &e);

	ck_assert_msg(fd >= 0, "%s", e.msg);
	return fd;
}

/* Whether this machine has IPv6 at all. */
static bool
have_ipv6(void)
{
	struct conf_listen	 l = inet6("::1", 0, false);
	struct err		 e;
	int			 fd = listener_open(&l, 1, false, &e);

	if (fd == -1)
		return false;
	listener_close(&fd);
	return true;
}

static int
try_connect(const struct conf_listen *l)
{
	int	 fd = socket(l->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	if (connect(fd, (const struct sockaddr *)&l->addr, l->addr_len) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static int
accept_soon(int fd)
{
	struct pollfd	 pfd = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&pfd, 1, PATIENCE_MS), 1);
	return listener_accept(fd);
}

START_TEST(any_free_port)
{
	struct conf_listen	 l = inet4("127.0.0.1", 0), at;
	int			 fd = must_open(&l), conn, peer;
	char			 got[64], want[64];

	ck_assert_uint_gt(listener_port(fd), 0);
	(void)snprintf(want, sizeof(want), "127.0.0.1:%u", listener_port(fd));
	listener_address(fd, got, sizeof(got));
	ck_assert_str_eq(got, want);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	ck_assert_int_eq(listener_accept(fd), -1);
	ck_assert_int_eq(errno, EAGAIN);
	at = inet4("127.0.0.1", listener_port(fd));
	peer = try_connect(&at);
	conn = accept_soon(fd);
	ck_assert_int_ge(conn, 0);
	ck_assert(fcntl(conn, F_GETFD) & FD_CLOEXEC);
	ck_assert(fcntl(conn, F_GETFL) & O_NONBLOCK);
	(void)close(conn);
	(void)close(peer);
	listener_close(&fd);
	ck_assert_int_eq(fd, -1);
	listener_close(&fd);
}
END_TEST

START_TEST(both_kinds_of_ip)
{
	struct conf_listen	 l = inet6("::", 0, true), at;
	char			 got[64], want[64];
	int			 fd, peer;

	if (!have_ipv6())
		return;			/* see without_ipv6 */
	fd = must_open(&l);
	(void)snprintf(want, sizeof(want), "[::]:%u", listener_port(fd));
	listener_address(fd, got, sizeof(got));
	ck_assert_str_eq(got, want);
	at = inet4("127.0.0.1", listener_port(fd));
	peer = try_connect(&at);
	ck_assert_int_ge(peer, 0);
	(void)close(peer);
	at = inet6("::1", listener_port(fd), false);
	peer = try_connect(&at);
	ck_assert_int_ge(peer, 0);
	(void)close(peer);
	listener_close(&fd);
}
END_TEST

START_TEST(only_ipv6)
{
	struct conf_listen	 l = inet6("::", 0, false), at;
	int			 fd, four;

	if (!have_ipv6())
		return;
	fd = must_open(&l);
	at = inet4("127.0.0.1", listener_port(fd));
	ck_assert_int_eq(try_connect(&at), -1);
	four = must_open(&at);		/* so the other is still free */
	listener_close(&four);
	listener_close(&fd);
}
END_TEST

START_TEST(without_ipv6)
{
	struct conf_listen	 l = inet6("::", 0, true);
	struct conf_listen	 one = inet6("::1", 0, false);
	struct err		 e = { 0 };
	char			 got[64];
	int			 fd;

	no_ipv6 = true;
	fd = must_open(&l);
	listener_address(fd, got, sizeof(got));
	ck_assert_int_eq(strncmp(got, "0.0.0.0:", 8), 0);
	ck_assert_uint_gt(listener_port(fd), 0);
	ck_assert_int_eq(listener_check(&l, &e), 0);
	ck_assert_int_eq(listener_open(&one, 1, false, &e), -1);
	ck_assert_int_eq(e.code, EAFNOSUPPORT);
	listener_close(&fd);
}
END_TEST

/* The message names who has it; here that is this process. */
static void
assert_in_use(const struct conf_listen *l)
{
	struct err	 e = { 0 };
	char		 want[64];

	(void)snprintf(want, sizeof(want), "in use by pid %ld (",
	    (long)getpid());
	ck_assert_int_eq(listener_open(l, 1, false, &e), -1);
	ck_assert_int_eq(e.code, EADDRINUSE);
	ck_assert_msg(strstr(e.msg, want) != NULL, "%s", e.msg);
	e.code = 0;
	ck_assert_int_eq(listener_check(l, &e), -1);
	ck_assert_int_eq(e.code, EADDRINUSE);
	ck_assert_msg(strstr(e.msg, want) != NULL, "%s", e.msg);
}

START_TEST(port_in_use)
{
	struct conf_listen	 l = inet4("127.0.0.1", 0);
	int			 fd = must_open(&l);
	uint16_t		 port = listener_port(fd);

	l = inet4("127.0.0.1", port);
	assert_in_use(&l);
	l = inet4("0.0.0.0", port);
	assert_in_use(&l);
	if (have_ipv6()) {
		l = inet6("::", port, true);
		assert_in_use(&l);
	}
	listener_close(&fd);
	ck_assert_int_eq(listener_check(&l, &(struct err){ 0 }), 0);
}
END_TEST

START_TEST(port_in_use_by_ipv6)
{
	struct conf_listen	 l = inet6("::1", 0, false);
	struct err		 e = { 0 };
	uint16_t		 port;
	int			 fd;

	if (!have_ipv6())
		return;
	fd = must_open(&l);
	port = listener_port(fd);
	l = inet6("::1", port, false);
	assert_in_use(&l);
	l = inet6("::", port, true);
	assert_in_use(&l);
	l = inet4("127.0.0.1", port);
	ck_assert_int_eq(listener_check(&l, &e), 0);
	listener_close(&fd);
	l = inet6("::", 0, true);
	fd = must_open(&l);
	l = inet4("127.0.0.1", listener_port(fd));
	assert_in_use(&l);
	listener_close(&fd);
}
END_TEST

/* A port that a former server has left connections on is free. */
START_TEST(port_that_lingers)
{
	struct conf_listen	 l = inet4("127.0.0.1", 0);
	int			 fd = must_open(&l), peer, conn;
	struct err		 e = { 0 };
	char			 c;

	l = inet4("127.0.0.1", listener_port(fd));
	peer = try_connect(&l);
	conn = accept_soon(fd);
	(void)close(conn);		/* who closes first has to wait */
	ck_assert_int_eq(read(peer, &c, 1), 0);
	(void)close(peer);
	listener_close(&fd);
	ck_assert_msg(listener_check(&l, &e) == 0, "%s", e.msg);
	fd = must_open(&l);
	listener_close(&fd);
}
END_TEST

START_TEST(check_leaves_nothing)
{
	struct conf_listen	 l = inet4("127.0.0.1", 0);
	int			 fd = must_open(&l), before, i;
	struct err		 e = { 0 };

	l = inet4("127.0.0.1", listener_port(fd));
	listener_close(&fd);
	before = count_fds();
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(listener_check(&l, &e), 0);
	ck_assert_int_eq(try_connect(&l), -1);
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

START_TEST(address_of_another_machine)
{
	struct conf_listen	 l = inet4("192.0.2.1", 7000);
	struct err		 e = { 0 };

	ck_assert_int_eq(listener_open(&l, 1, false, &e), -1);
	ck_assert_int_eq(e.code, EADDRNOTAVAIL);
	ck_assert_ptr_nonnull(strstr(e.msg, "has no such address"));
}
END_TEST

static int
open_privileged(void)
{
	struct conf_listen	 l = inet4("127.0.0.1", 81);
	struct err		 e = { 0 };
	int			 fd;

	if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) == -1)
		return 1;
	fd = listener_open(&l, 1, false, &e);
	if (fd != -1 || e.code != EACCES)
		return 0;		/* this machine allows it */
	return strstr(e.msg, "CAP_NET_BIND_SERVICE") != NULL ? 0 : 2;
}

START_TEST(privileged_port)
{
	ck_assert_int_eq(in_child(open_privileged), 0);
}
END_TEST

START_TEST(deferred)
{
	struct conf_listen	 l = inet4("127.0.0.1", 0);
	struct err		 e = { 0 };
	int			 fd = listener_open(&l, 16, true, &e);
	struct pollfd		 pfd = { .fd = fd, .events = POLLIN };
	int			 peer, conn, on = 0;
	socklen_t		 len = sizeof(on);

	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on,
	    &len), 0);
	ck_assert_int_ge(on, 1);
	l = inet4("127.0.0.1", listener_port(fd));
	peer = try_connect(&l);
	ck_assert_int_eq(poll(&pfd, 1, 50), 0);
	ck_assert_int_eq(write(peer, "x", 1), 1);
	conn = accept_soon(fd);
	ck_assert_int_ge(conn, 0);
	(void)close(conn);
	(void)close(peer);
	listener_close(&fd);
}
END_TEST

START_TEST(huge_backlog)
{
	struct conf_listen	 l = inet4("127.0.0.1", 0);
	struct err		 e = { 0 };
	int			 fd = listener_open(&l, UINT64_MAX, false, &e);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_gt(listener_backlog_cap(), 0);
	listener_close(&fd);
}
END_TEST

/* What waits is kept.  The backlog of a listener shows as tcpi_sacked. */
START_TEST(tuned)
{
	struct conf_listen	 l = inet4("127.0.0.1", 0);
	int			 fd = must_open(&l), peer, on = _i == 0;
	struct tcp_info		 info;
	socklen_t		 len = sizeof(on), size = sizeof(info);

	l = inet4("127.0.0.1", listener_port(fd));
	listener_tune(fd, 3, _i == 1);
	peer = try_connect(&l);
	ck_assert_int_eq(write(peer, "x", 1), 1);
	listener_tune(fd, 17, _i == 0);
	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on,
	    &len), 0);
	ck_assert_int_eq(on > 0, _i == 0);
	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size),
	    0);
	ck_assert_uint_eq(info.tcpi_sacked, 17);
	ck_assert_int_ge(close(accept_soon(fd)), 0);
	(void)close(peer);
	listener_close(&fd);
}
END_TEST

/* One of many sharing a listener shuts it down. */
START_TEST(mended_after_shutdown)
{
	char			 alive;
	struct conf_listen	 l = inet4("127.0.0.1", 0);
	int			 fd = must_open(&l), peer, conn;
	struct pollfd		 pfd = { .fd = fd, .events = POLLOUT };
	struct err		 e = { 0 };

	l = inet4("127.0.0.1", listener_port(fd));
	ck_assert_int_eq(poll(&pfd, 1, 0), 0);
	ck_assert_int_eq(shutdown(fd, SHUT_RDWR), 0);
	ck_assert_int_eq(poll(&pfd, 1, 0), 1);
	ck_assert(pfd.revents & POLLHUP);
	ck_assert_int_eq(listener_accept(fd), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(try_connect(&l), -1);
	(void)shutdown(fd, SHUT_RDWR);		/* twice: see listener_mend */
	ck_assert_msg(listener_mend(fd, 16, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(poll(&pfd, 1, 0), 0);
	ck_assert_uint_gt(listener_port(fd), 0);
	peer = try_connect(&l);
	ck_assert_int_ge(peer, 0);
	conn = accept_soon(fd);
	ck_assert_int_ge(conn, 0);
	ck_assert_int_eq(send(conn, "x", 1, MSG_NOSIGNAL), 1);
	ck_assert_int_eq(read(peer, &alive, 1), 1);
	(void)close(conn);
	(void)close(peer);
	listener_close(&fd);
	ck_assert_int_eq(listener_mend(fd, 16, &e), -1);
}
END_TEST

static int
use_without_fds(void)
{
	struct conf_listen	 l = inet4("127.0.0.1", 0), at;
	struct err		 e = { 0 };
	int			 fd = must_open(&l), peer, last, conn;

	at = inet4("127.0.0.1", listener_port(fd));
	peer = try_connect(&at);
	last = exhaust_fds();
	if (listener_open(&l, 1, false, &e) != -1 || e.code != EMFILE)
		return 1;
	if (listener_check(&l, &e) != -1 || e.code != EMFILE)
		return 2;
	if (listener_accept(fd) != -1 || errno != EMFILE)
		return 3;
	(void)close(last);
	conn = listener_accept(fd);	/* it has waited */
	return conn != -1 && peer != -1 ? 0 : 4;
}

START_TEST(out_of_descriptors)
{
	ck_assert_int_eq(in_child(use_without_fds), 0);
}
END_TEST

/* --- unix sockets --- */

static char	folder[64], path[128];

static void
make_folder(void)
{
	(void)snprintf(folder, sizeof(folder), "/tmp/unit-listener.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/s", folder);
}

static void
remove_folder(void)
{
	(void)unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
}

START_TEST(local_socket)
{
	struct conf_listen	 l = local(path);
	char			 got[160], want[160];
	int			 fd, peer, conn;

	fd = must_open(&l);
	(void)snprintf(want, sizeof(want), "unix:%s", path);
	listener_address(fd, got, sizeof(got));
	ck_assert_str_eq(got, want);
	ck_assert_uint_eq(listener_port(fd), 0);
	peer = try_connect(&l);
	conn = accept_soon(fd);
	ck_assert_int_ge(conn, 0);
	(void)close(conn);
	(void)close(peer);
	listener_close(&fd);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(local_socket_in_use)
{
	struct conf_listen	 l = local(path);
	int			 fd = must_open(&l);

	assert_in_use(&l);
	ck_assert_int_eq(listener_accept(fd), -1);	/* not even asked */
	ck_assert_int_eq(errno, EAGAIN);
	listener_close(&fd);
}
END_TEST

/* The same by another name, which /proc does not show. */
START_TEST(local_socket_in_use_elsewhere)
{
	struct conf_listen	 l = local(path);
	int			 fd = must_open(&l);
	struct err		 e = { 0 };
	char			 other[160];

	(void)snprintf(other, sizeof(other), "%s/./s", folder);
	l = local(other);
	ck_assert_int_eq(listener_open(&l, 1, false, &e), -1);
	ck_assert_int_eq(e.code, EADDRINUSE);
	ck_assert_int_eq(listener_check(&l, &e), -1);
	listener_close(&fd);
	ck_assert_int_eq(listener_check(&l, &e), 0);
}
END_TEST

START_TEST(local_socket_that_is_stale)
{
	struct conf_listen	 l = local(path);
	struct err		 e = { 0 };
	int			 old = must_open(&l), fd;
	struct stat		 st;

	(void)close(old);		/* as by a crash */
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_msg(listener_check(&l, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(stat(path, &st), 0);
	fd = must_open(&l);
	listener_close(&fd);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

/* Somebody has put another in its place: that one stays. */
START_TEST(local_socket_that_was_replaced)
{
	struct conf_listen	 l = local(path);
	int			 first = must_open(&l), second;

	ck_assert_int_eq(unlink(path), 0);
	second = must_open(&l);
	listener_close(&first);
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_int_ge(try_connect(&l), 0);
	listener_close(&second);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(something_else_at_the_path)
{
	struct conf_listen	 l = local(path);
	struct err		 e = { 0 };
	int			 fd;

	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	(void)close(fd);
	ck_assert_int_eq(listener_open(&l, 1, false, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "not a socket"));
	ck_assert_int_eq(listener_check(&l, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "not a socket"));
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(local_paths_that_cannot_be)
{
	struct err		 e = { 0 };
	struct conf_listen	 l;
	char			 there[160];

	(void)snprintf(there, sizeof(there), "%s/no/s", folder);
	l = local(there);
	ck_assert_int_eq(listener_open(&l, 1, false, &e), -1);
	ck_assert_int_eq(e.code, ENOENT);
	ck_assert_int_eq(listener_check(&l, &e), -1);
	ck_assert_int_eq(e.code, ENOENT);
	l = local(path);
	l.addr_len = sizeof(struct sockaddr_un) + 1;
	ck_assert_int_eq(listener_open(&l, 1, false, &e), -1);
	ck_assert_int_eq(e.code, ENAMETOOLONG);
}
END_TEST

/* All 108 bytes of a path, without a NUL at its end. */
START_TEST(longest_local_path)
{
	struct sockaddr_un	 un = { .sun_family = AF_UNIX };
	struct conf_listen	 l = local("/tmp");
	char			 longest[sizeof(un.sun_path) + 1], got[160];
	int			 fd;

	memset(longest, 'x', sizeof(longest));
	(void)snprintf(longest, sizeof(longest), "%s/", folder);
	longest[strlen(longest)] = 'x';
	longest[sizeof(un.sun_path)] = '\0';
	memcpy(un.sun_path, longest, sizeof(un.sun_path));
	memcpy(&l.addr, &un, sizeof(un));
	l.addr_len = sizeof(un);
	fd = must_open(&l);
	listener_address(fd, got, sizeof(got));
	ck_assert_str_eq(got + 5, longest);
	listener_close(&fd);
	ck_assert_int_eq(access(longest, F_OK), -1);
}
END_TEST

START_TEST(local_socket_cannot_be_mended)
{
	struct conf_listen	 l = local(path);
	int			 fd = must_open(&l);
	struct pollfd		 pfd = { .fd = fd, .events = POLLOUT };
	struct err		 e = { 0 };

	ck_assert_int_eq(poll(&pfd, 1, 0), 0);
	ck_assert_int_eq(shutdown(fd, SHUT_RDWR), 0);
	ck_assert_int_eq(poll(&pfd, 1, 0), 1);
	ck_assert(pfd.revents & POLLHUP);
	ck_assert_int_eq(listener_accept(fd), -1);
	ck_assert_int_eq(listener_mend(fd, 16, &e), -1);
	ck_assert_int_eq(e.code, EOPNOTSUPP);
	listener_close(&fd);
	fd = must_open(&l);
	listener_close(&fd);
}
END_TEST

START_TEST(address_of_no_listener)
{
	char	 buf[32];
	int	 fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	listener_address(fd, buf, sizeof(buf));
	ck_assert_str_eq(buf, "unknown");
	ck_assert_uint_eq(listener_port(fd), 0);
	ck_assert_int_eq(listener_accept(fd), -1);
	ck_assert_int_eq(errno, ENOTSOCK);
	(void)close(fd);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("inet"), *un = tcase_create("unix");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, any_free_port);
	tcase_add_test(tc, both_kinds_of_ip);
	tcase_add_test(tc, only_ipv6);
	tcase_add_test(tc, without_ipv6);
	tcase_add_test(tc, port_in_use);
	tcase_add_test(tc, port_in_use_by_ipv6);
	tcase_add_test(tc, port_that_lingers);
	tcase_add_test(tc, check_leaves_nothing);
	tcase_add_test(tc, address_of_another_machine);
	tcase_add_test(tc, privileged_port);
	tcase_add_test(tc, deferred);
	tcase_add_test(tc, huge_backlog);
	tcase_add_loop_test(tc, tuned, 0, 2);
	tcase_add_test(tc, mended_after_shutdown);
	if (KERNEL_IS_IN_CHARGE)
		tcase_add_test(tc, out_of_descriptors);
	tcase_add_test(tc, address_of_no_listener);
	suite_add_tcase(s, tc);
	tcase_set_timeout(un, 30);
	tcase_add_checked_fixture(un, make_folder, remove_folder);
	tcase_add_test(un, local_socket);
	tcase_add_test(un, local_socket_in_use);
	tcase_add_test(un, local_socket_in_use_elsewhere);
	tcase_add_test(un, local_socket_that_is_stale);
	tcase_add_test(un, local_socket_that_was_replaced);
	tcase_add_test(un, something_else_at_the_path);
	tcase_add_test(un, local_paths_that_cannot_be);
	tcase_add_test(un, longest_local_path);
	tcase_add_test(un, local_socket_cannot_be_mended);
	suite_add_tcase(s, un);
}

UNIT_MAIN("listener", fill)
