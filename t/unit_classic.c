#include "config.h"
#include "t/unit_os.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/err.h"
#include "base/fd.h"
#include "config/conf.h"
#include "os/classic.h"
#include "os/listener.h"
#include "t/unit.h"

#define SOCKETS 5		/* with the anchor */
#define BACKLOG 4000

static struct err		 e;
static struct classic		*c;
static struct classic_socket	 more[SOCKETS - 1];
static struct classic_socket	*sock[SOCKETS];
static struct sockaddr_in	 where;
static unsigned int		 got[SOCKETS];

static void
open_anchor(void)
{
	struct conf_listen	 l = { .text = (char []){ "127.0.0.1:0" } };
	struct sockaddr_in	 in = { .sin_family = AF_INET };
	socklen_t		 len = sizeof(where);
	int			 fd;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memcpy(&l.addr, &in, sizeof(in));
	l.addr_len = sizeof(in);
	fd = listener_open(&l, BACKLOG, false, &e);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&where, &len), 0);
	c = classic_new(fd, &e);
	ck_assert_msg(c != NULL, "%s", c == NULL ? e.msg : "");
}

static void
setup(void)
{
	size_t	 i;

	open_anchor();
	sock[0] = classic_anchor(c);
	for (i = 1; i < SOCKETS; i++) {
		sock[i] = &more[i - 1];
		ck_assert_int_eq(classic_open(c, sock[i], BACKLOG, false, &e),
		    0);
	}
}

static void
teardown(void)
{
	size_t	 i;

	for (i = 0; i < SOCKETS; i++)
		fd_close(&sock[i]->fd);
	classic_free(c);
}

static void
dial(unsigned int n)
{
	int	 fd;

	for (; n > 0; n--) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		ck_assert_int_ne(fd, -1);
		ck_assert_int_eq(connect(fd, (struct sockaddr *)&where,
		    sizeof(where)), 0);
		fd_close(&fd);
	}
}

/*
 * What so many connections have come to; the client may be done before the
 * listener has heard its last packet.
 */
static void
count(unsigned int n)
{
	struct timespec	 ms = { 0, 1000000 };
	unsigned int	 sum = 0;
	size_t		 i;
	int		 k, fd;

	memset(got, 0, sizeof(got));
	for (k = 0; k < PATIENCE_MS && sum < n; k++) {
		for (i = 0; i < SOCKETS; i++)
			while (sock[i]->fd != -1 &&
			    (fd = listener_accept(sock[i]->fd)) != -1) {
				fd_close(&fd);
				got[i]++;
				sum++;
			}
		if (sum < n)
			(void)nanosleep(&ms, NULL);
	}
	ck_assert_uint_eq(sum, n);
}

static void
weigh(unsigned int a, unsigned int b, unsigned int d, unsigned int f,
    unsigned int g)
{
	const unsigned int	 w[SOCKETS] = { a, b, d, f, g };
	size_t			 i;

	for (i = 0; i < SOCKETS; i++)
		sock[i]->weight = w[i];
	ck_assert_int_eq(classic_apply(c, &e), 0);
}

/*
 * Each has what its weight asks for: off by 6 standard deviations, as chance
 * is in two of a billion cases.
 */
static void
check_shares(void)
{
	const unsigned int	 n = 1000;
	double			 total = 0, p, off, variance;
	size_t			 i;

	for (i = 0; i < SOCKETS; i++)
		total += sock[i]->weight;
	dial(n);
	count(n);
	for (i = 0; i < SOCKETS; i++) {
		p = sock[i]->weight / total;
		off = got[i] - n * p;
		variance = n * p * (1 - p);
		ck_assert_msg(off * off <= 36 * variance, "socket %zu has %u "
		    "of %u, its weight is %u of %.0f", i, got[i], n,
		    sock[i]->weight, total);
	}
}

/* What the weights are, a row each; 0 of all: nothing changes. */
static const unsigned int	 weights[][SOCKETS] = {
	{ 1, 1, 1, 1, 1 }, { 0, 1, 1, 1, 1 }, { 1, 0, 1, 0, 1 },
	{ 0, 0, 0, 1, 0 }, { 0, 1, 1, 0, 1 }, { 3, 1, 1, 0, 1 },
	{ 2, 0, 0, 0, 0 }, { 1, 1, 1, 0, 2 }, { 1, 0, 0, 0, 0 },
};

START_TEST(shares)
{
	const unsigned int	*w = weights[_i];

	setup();
	weigh(w[0], w[1], w[2], w[3], w[4]);
	check_shares();
	teardown();
}
END_TEST

START_TEST(begins_and_stays)
{
	setup();
	dial(20);
	count(20);
	ck_assert_uint_eq(got[0], 20);	/* until then the anchor's */
	weigh(0, 0, 1, 0, 0);
	weigh(0, 0, 0, 0, 0);
	dial(20);
	count(20);
	ck_assert_uint_eq(got[2], 20);
	teardown();
}
END_TEST

/* The last takes the place of one that goes; a process may still have it. */
START_TEST(closes)
{
	int	 copy;

	setup();
	weigh(1, 0, 0, 1, 1);
	copy = dup(sock[1]->fd);
	classic_close(c, sock[1], BACKLOG);
	check_shares();
	fd_close(&copy);
	classic_close(c, sock[4], BACKLOG);
	check_shares();
	classic_close(c, sock[3], BACKLOG);	/* it had its part until now */
	check_shares();
	ck_assert_int_eq(classic_open(c, sock[1], BACKLOG, false, &e), 0);
	weigh(0, 1, 1, 0, 0);
	check_shares();
	teardown();
}
END_TEST

/* By a worker; before that is seen one more comes, and one goes. */
START_TEST(mends)
{
	setup();
	weigh(1, 0, 1, 0, 1);
	ck_assert_int_eq(shutdown(sock[1]->fd, SHUT_RDWR), 0);
	ck_assert_int_eq(shutdown(sock[1]->fd, SHUT_RDWR), -1);
	ck_assert_uint_eq(classic_mend(c, BACKLOG), 1);
	ck_assert_uint_eq(classic_mend(c, BACKLOG), 0);
	check_shares();
	ck_assert_int_eq(shutdown(sock[2]->fd, SHUT_RD), 0);
	classic_close(c, sock[3], BACKLOG);
	check_shares();
	ck_assert_int_eq(shutdown(sock[0]->fd, SHUT_RD), 0);
	ck_assert_int_eq(classic_open(c, sock[3], BACKLOG, false, &e), 0);
	weigh(1, 1, 0, 1, 0);
	check_shares();
	teardown();
}
END_TEST

/*
 * So many that a conditional jump does not reach over the half of them; with
 * a gap after each, so that the program is as long as it can be.
 */
START_TEST(many)
{
	enum { MANY = 700 };
	static struct classic_socket	 list[MANY];
	unsigned int			 n = 0, even = 0, high = 0;
	struct timespec			 ms = { 0, 1000000 };
	int				 i, k, fd;

	open_anchor();
	classic_anchor(c)->weight = 0;
	for (i = 0; i < MANY; i++) {
		ck_assert_int_eq(classic_open(c, &list[i], BACKLOG, false,
		    &e), 0);
		list[i].weight = i % 2;
	}
	ck_assert_int_eq(classic_apply(c, &e), 0);
	dial(1000);
	for (k = 0; k < PATIENCE_MS && n < 1000; k++) {
		for (i = 0; i < MANY; i++)
			while ((fd = listener_accept(list[i].fd)) != -1) {
				fd_close(&fd);
				n++;
				even += i % 2 == 0;
				high += i >= MANY / 4;
			}
		(void)nanosleep(&ms, NULL);
	}
	ck_assert_uint_eq(n, 1000);
	ck_assert_uint_eq(even, 0);
	ck_assert_uint_gt(high, 0);
	for (i = 0; i < MANY; i++)
		fd_close(&list[i].fd);
	fd_close(&classic_anchor(c)->fd);
	classic_free(c);
}
END_TEST

START_TEST(probe)
{
	int	 n = count_fds();

	ck_assert_int_eq(classic_probe(&e), 0);
	ck_assert_int_eq(count_fds(), n);
}
END_TEST

/* Where there is no group to attach to. */
START_TEST(refusal)
{
	int	 fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_ptr_null(classic_new(fd, &e));
	ck_assert_str_eq(e.msg, "bpf program of a listener: Invalid argument");
	fd_close(&fd);
}
END_TEST

static void
fill(Suite *suite)
{
	TCase	*tc = tcase_create("classic");

	tcase_add_loop_test(tc, shares, 0, ARRAY_LEN(weights));
	tcase_add_test(tc, begins_and_stays);
	tcase_add_test(tc, closes);
	tcase_add_test(tc, mends);
	tcase_add_test(tc, many);
	tcase_add_test(tc, probe);
	tcase_add_test(tc, refusal);
	suite_add_tcase(suite, tc);
}

UNIT_MAIN("classic", fill)
