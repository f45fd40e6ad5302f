#include "config.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/err.h"
#include "os/diag.h"
#include "t/unit_os.h"
#include "t/unit.h"

struct pair {
	int	 client, conn;
};

/* False: there is no IPv6 here. */
static bool
connection(int at, int by, struct in6_addr addr, struct pair *ret)
{
	struct sockaddr_in6	 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in	 in = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr		*sa6 = (struct sockaddr *)&in6;
	struct sockaddr		*sa = (struct sockaddr *)&in;
	socklen_t		 len6 = sizeof(in6), len = sizeof(in);
	int			 l = socket(at, SOCK_STREAM, 0);

	in6.sin6_addr = addr;
	if (at == AF_INET6 && (l == -1 || bind(l, sa6, len6) == -1))
		return false;
	if (at == AF_INET)
		ck_assert_int_eq(bind(l, sa, len), 0);
	ck_assert_int_eq(listen(l, 8), 0);
	if (at == AF_INET6) {
		ck_assert_int_eq(getsockname(l, sa6, &len6), 0);
		in.sin_port = in6.sin6_port;
	} else {
		ck_assert_int_eq(getsockname(l, sa, &len), 0);
	}
	ret->client = socket(by, SOCK_STREAM, 0);
	ck_assert_int_eq(by == AF_INET ? connect(ret->client, sa, len) :
	    connect(ret->client, sa6, len6), 0);
	ret->conn = accept(l, NULL, NULL);
	ck_assert_int_ne(ret->conn, -1);
	(void)close(l);
	return true;
}

static struct pair
of_ipv4(void)
{
	struct pair	 p;

	ck_assert(connection(AF_INET, AF_INET, in6addr_any, &p));
	return p;
}

static void
ends(int fd, short event)
{
	struct pollfd	 pfd = { .fd = fd, .events = event };

	ck_assert_int_eq(poll(&pfd, 1, PATIENCE_MS), 1);
}

/* Whatever the client does, it is open until the last copy is closed. */
static void
look_at(struct diag *d, struct pair p)
{
	int			 copy = dup(p.conn);
	struct diag_name	 name;

	ck_assert(diag_name(p.conn, &name));
	ck_assert_uint_eq(diag_closed(d, &name, 1), 0);
	ck_assert_int_eq(close(p.client), 0);
	ends(p.conn, POLLRDHUP);
	ck_assert_uint_eq(diag_closed(d, &name, 1), 0);
	ck_assert_int_eq(close(p.conn), 0);
	ck_assert_uint_eq(diag_closed(d, &name, 1), 0);
	ck_assert_int_eq(close(copy), 0);
	ck_assert_uint_eq(diag_closed(d, &name, 1), 1);
}

static int
look_at_all(void)
{
	struct diag	 d = DIAG_NONE;
	struct pair	 p;
	struct err	 e;

	ck_assert_int_eq(diag_init(&d, &e), 0);
	look_at(&d, of_ipv4());
	if (connection(AF_INET6, AF_INET6, in6addr_loopback, &p))
		look_at(&d, p);
	if (connection(AF_INET6, AF_INET, in6addr_any, &p))
		look_at(&d, p);
	diag_fini(&d);
	return 0;
}

START_TEST(open_until_closed)
{
	ck_assert_int_eq(look_at_all(), 0);
}
END_TEST

static int
as_nobody(void)
{
	if (getuid() == 0 && setuid(NOBODY) == -1)
		return 1;
	return look_at_all();
}

START_TEST(needs_no_privilege)
{
	ck_assert_int_eq(in_child(as_nobody), 0);
}
END_TEST

/* As a connection of link-local addresses is, which is found only so. */
START_TEST(bound_to_an_interface)
{
	struct diag		 d = DIAG_NONE;
	struct pair		 p = of_ipv4();
	struct diag_name	 name;
	struct err		 e;
	int			 lo = (int)if_nametoindex("lo");

	if (setsockopt(p.conn, SOL_SOCKET, SO_BINDTOIFINDEX, &lo,
	    sizeof(lo)) == -1)
		return;			/* this kernel does not permit it */
	ck_assert_int_eq(diag_init(&d, &e), 0);
	look_at(&d, p);
	p = of_ipv4();
	ck_assert(diag_name(p.conn, &name));
	ck_assert_uint_eq(name.id.idiag_if, 0);
	diag_fini(&d);
}
END_TEST

/* The worker closes first: waits for the client, then in TIME_WAIT. */
START_TEST(closed_by_the_server_first)
{
	struct diag		 d = DIAG_NONE;
	struct pair		 p = of_ipv4();
	struct diag_name	 name;
	struct err		 e;

	ck_assert_int_eq(diag_init(&d, &e), 0);
	ck_assert(diag_name(p.conn, &name));
	ck_assert_int_eq(close(p.conn), 0);
	ends(p.client, POLLRDHUP);
	ck_assert_uint_eq(diag_closed(&d, &name, 1), 1);
	ck_assert_int_eq(close(p.client), 0);
	ck_assert_uint_eq(diag_closed(&d, &name, 1), 1);
	diag_fini(&d);
}
END_TEST

START_TEST(many_in_one_question)
{
	struct diag		 d = DIAG_NONE;
	struct diag_name	 names[DIAG_MOST];
	struct pair		 p[DIAG_MOST];
	struct err		 e;
	uint64_t		 want = 0;
	size_t			 i;

	ck_assert_int_eq(diag_init(&d, &e), 0);
	for (i = 0; i < DIAG_MOST; i++) {
		p[i] = of_ipv4();
		ck_assert(diag_name(p[i].conn, &names[i]));
	}
	ck_assert(diag_is_same(&names[0], &names[0]));
	ck_assert(!diag_is_same(&names[0], &names[1]));
	for (i = 0; i < DIAG_MOST; i += 3) {
		ck_assert_int_eq(close(p[i].conn), 0);
		want |= (uint64_t)1 << i;
	}
	ck_assert_uint_eq(diag_closed(&d, names, DIAG_MOST), want);
	ck_assert_uint_eq(diag_closed(&d, names, DIAG_MOST), want);
	diag_fini(&d);
}
END_TEST

START_TEST(only_connections_have_names)
{
	struct diag_name	 name;
	int			 fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert(!diag_name(fds[0], &name));
	ck_assert(!diag_name(-1, &name));
}
END_TEST

static int
look_from_elsewhere(void)
{
	struct diag		 d = DIAG_NONE;
	struct pair		 p = of_ipv4();
	struct err		 e;
	int			 here = socket(AF_INET, SOCK_STREAM, 0);

	if (diag_init(&d, &e) == -1 || !diag_knows(&d, here) ||
	    !diag_knows(&d, p.conn))
		return 1;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == -1)
		return 0;		/* it is not permitted */
	return diag_knows(&d, socket(AF_INET, SOCK_STREAM, 0));
}

START_TEST(knows_its_own_network)
{
	ck_assert_int_eq(in_child(look_from_elsewhere), 0);
}
END_TEST

static int
without_descriptors(void)
{
	struct diag		 d = DIAG_NONE;
	struct rlimit		 none = { 0, 0 };
	struct err		 e;

	if (setrlimit(RLIMIT_NOFILE, &none) == -1)
		return 1;
	return diag_init(&d, &e) == 0 || d.fd != -1;
}

START_TEST(fails_without_descriptors)
{
	ck_assert_int_eq(in_child(without_descriptors), 0);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("diag");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, open_until_closed);
	tcase_add_test(tc, needs_no_privilege);
	tcase_add_test(tc, bound_to_an_interface);
	tcase_add_test(tc, closed_by_the_server_first);
	tcase_add_test(tc, many_in_one_question);
	tcase_add_test(tc, only_connections_have_names);
	tcase_add_test(tc, knows_its_own_network);
	if (KERNEL_IS_IN_CHARGE)
		tcase_add_test(tc, fails_without_descriptors);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("diag", fill)
