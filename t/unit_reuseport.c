#include "config.h"
#include "t/unit_os.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/fd.h"
#include "config/conf.h"
#include "os/census.h"
#include "os/listener.h"
#include "os/reuseport.h"
#include "t/unit.h"

#define SEATS 4

static struct err		 e;
static struct reuseport		*r;
static struct census		*census;
static int			 anchor;
static int			 seat[SEATS];
static unsigned int		 number[SEATS];
static struct sockaddr_in	 where;

static void
setup_mode(enum chooser_mode mode)
{
	struct conf_listen	 l = { .text = (char []){ "127.0.0.1:0" } };
	struct sockaddr_in	 in = { .sin_family = AF_INET };
	socklen_t		 len = sizeof(where);
	size_t			 i;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memcpy(&l.addr, &in, sizeof(in));
	l.addr_len = sizeof(in);
	anchor = listener_open(&l, 64, false, &e);
	ck_assert_int_ne(anchor, -1);
	ck_assert_int_eq(getsockname(anchor, (struct sockaddr *)&where,
	    &len), 0);
	census = census_new(&e);
	ck_assert_msg(census != NULL, "%s", census == NULL ? e.msg : "");
	r = reuseport_new(anchor, census, mode, &e);
	ck_assert_msg(r != NULL, "%s", r == NULL ? e.msg : "");
	for (i = 0; i < SEATS; i++) {
		seat[i] = reuseport_open(r, 64, false, &number[i], &e);
		ck_assert_int_ne(seat[i], -1);
		ck_assert_uint_eq(number[i], i + 1);
	}
}

static void
teardown_all(void)
{
	size_t	 i;

	for (i = 0; i < SEATS; i++)
		fd_close(&seat[i]);
	reuseport_free(r);
	census_free(census);
	listener_close(&anchor);
}

static int
dial_from(const char *from)
{
	struct sockaddr_in	 in = { .sin_family = AF_INET };
	int			 fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ne(fd, -1);
	if (from != NULL) {
		ck_assert_int_eq(inet_pton(AF_INET, from, &in.sin_addr), 1);
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&in,
		    sizeof(in)), 0);
	}
	if (connect(fd, (struct sockaddr *)&where, sizeof(where)) == 0)
		return fd;
	fd_close(&fd);
	return -1;
}

static int
dial(void)
{
	return dial_from(NULL);
}

static void
up(size_t n, const uint16_t *list)
{
	reuseport_set(r, list, n);
}

#define UP(...) do {							\
	const uint16_t list_[] = { __VA_ARGS__ };			\
									\
	up(ARRAY_LEN(list_), list_);					\
} while (0)

/* The client may be done before the listener has heard its last packet. */
static void
check_one(int fd, unsigned int want)
{
	struct timespec	 ms = { 0, 1000000 };
	int		 i;

	for (i = 0; i < 2000 && listener_waiting(fd) != want; i++)
		(void)nanosleep(&ms, NULL);
	ck_assert_uint_eq(listener_waiting(fd), want);
}

/* How many wait in each of them. */
static void
check_waiting(unsigned int a, unsigned int one, unsigned int two,
    unsigned int three, unsigned int four)
{
	check_one(anchor, a);
	check_one(seat[0], one);
	check_one(seat[1], two);
	check_one(seat[2], three);
	check_one(seat[3], four);
}

/* So many connections that came by this one are open. */
static void
check_open(unsigned int n, unsigned int want)
{
	struct timespec	 ms = { 0, 1000000 };
	int		 i;

	for (i = 0; i < 2000 && census_open(census, n) != want; i++)
		(void)nanosleep(&ms, NULL);
	ck_assert_uint_eq(census_open(census, n), want);
}

static void
dial_many(int *fds, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++) {
		fds[i] = dial();
		ck_assert_int_ne(fds[i], -1);
	}
}

static void
close_all(int *fds, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		fd_close(&fds[i]);
}

START_TEST(turns)
{
	int	 fds[40];

	setup_mode(CHOOSER_TURNS);
	dial_many(fds, 2);		/* nobody is up */
	check_waiting(2, 0, 0, 0, 0);
	UP(1, 2, 3, 4);
	dial_many(fds + 2, 10);
	check_waiting(2, 3, 3, 2, 2);
	UP(3, 4);			/* beginning with the first */
	dial_many(fds + 12, 3);
	check_waiting(2, 3, 3, 4, 3);
	UP(4, 0, 0);			/* the anchor for two others */
	dial_many(fds + 15, 6);
	check_waiting(6, 3, 3, 4, 5);
	ck_assert_uint_eq(reuseport_turns(r), 21);
	ck_assert_uint_eq(reuseport_given(r, 1), 3);
	ck_assert_uint_eq(reuseport_given(r, 4), 5);
	close_all(fds, 21);
	teardown_all();
}
END_TEST

START_TEST(refuses)
{
	int	 fds[4];

	setup_mode(CHOOSER_TURNS);
	UP(1);
	dial_many(fds, 2);
	up(0, NULL);
	ck_assert_int_eq(dial(), -1);
	check_waiting(0, 2, 0, 0, 0);
	UP(2);
	dial_many(fds + 2, 1);
	check_waiting(0, 2, 1, 0, 0);
	close_all(fds, 3);
	teardown_all();
}
END_TEST

/* What waits in one moves to the others, and can still be answered. */
START_TEST(moves)
{
	int	 fds[6], i, conn;
	char	 c;

	setup_mode(CHOOSER_TURNS);
	UP(1);
	dial_many(fds, 6);
	check_waiting(0, 6, 0, 0, 0);
	UP(2, 3, 4);
	ck_assert_int_eq(reuseport_renew(r, 1, seat[0], 64, &e), 0);
	check_waiting(0, 0, 2, 2, 2);
	for (i = 0; i < 6; i++)
		ck_assert_int_eq((int)write(fds[i], "x", 1), 1);
	for (i = 0; i < 6; i++) {
		conn = listener_accept(seat[1 + i % 3]);
		ck_assert_int_ne(conn, -1);
		ck_assert_int_eq(fd_set_nonblock(conn, false), 0);
		ck_assert_int_eq((int)read(conn, &c, 1), 1);
		fd_close(&conn);
	}
	close_all(fds, 6);
	UP(1);				/* it listens again */
	dial_many(fds, 1);
	check_waiting(0, 1, 0, 0, 0);
	close_all(fds, 1);
	teardown_all();
}
END_TEST

/* What waits in the anchor moves; and so when a socket is closed. */
START_TEST(moves_from_anchor_and_closed)
{
	int	 fds[6];

	setup_mode(CHOOSER_TURNS);
	dial_many(fds, 3);
	UP(1);
	ck_assert_int_eq(reuseport_renew(r, 0, anchor, 64, &e), 0);
	check_waiting(0, 3, 0, 0, 0);
	UP(2, 3, 4);
	reuseport_forget(r, 1);
	fd_close(&seat[0]);
	check_one(seat[1], 1);
	check_one(seat[2], 1);
	check_one(seat[3], 1);
	seat[0] = reuseport_open(r, 64, false, &number[0], &e);
	ck_assert_int_ne(seat[0], -1);
	ck_assert_uint_eq(number[0], 1);	/* free again */
	close_all(fds, 3);
	teardown_all();
}
END_TEST

/* A number that is on the list and has no socket: the anchor. */
START_TEST(falls_back_to_anchor)
{
	int	 fds[2];

	setup_mode(CHOOSER_TURNS);
	UP(1, 9);
	dial_many(fds, 2);
	check_waiting(1, 1, 0, 0, 0);
	close_all(fds, 2);
	teardown_all();
}
END_TEST

START_TEST(a_worker_shuts_it_down)
{
	int	 fds[4];

	setup_mode(CHOOSER_TURNS);
	UP(1, 2);
	ck_assert_int_eq(shutdown(seat[0], SHUT_RDWR), 0);
	ck_assert_int_eq(shutdown(seat[0], SHUT_RDWR), -1);
	ck_assert_int_eq(reuseport_renew(r, 1, seat[0], 64, &e), 0);
	dial_many(fds, 4);
	check_waiting(0, 2, 2, 0, 0);
	close_all(fds, 4);
	teardown_all();
}
END_TEST

/* The number of the one that has been given one more since. */
static size_t
given_to(uint32_t before[SEATS])
{
	size_t	 k, found = SEATS;
	uint32_t now;

	for (k = 0; k < SEATS; k++) {
		now = reuseport_given(r, number[k]);
		if (now != before[k]) {
			ck_assert_uint_eq(now, before[k] + 1);
			ck_assert_uint_eq(found, SEATS);
			found = k;
		}
		before[k] = now;
	}
	ck_assert_uint_ne(found, SEATS);
	return found;
}

START_TEST(by_client)
{
	uint32_t	 before[SEATS] = { 0 };
	char		 host[16];
	int		 fds[32], again, conn;
	size_t		 i, k, at;

	setup_mode(CHOOSER_CLIENT);
	UP(1, 2, 3, 4);
	for (i = 0; i < ARRAY_LEN(fds); i++) {
		(void)snprintf(host, sizeof(host), "127.0.1.%zu", i + 1);
		fds[i] = dial_from(host);
		at = given_to(before);
		again = dial_from(host);
		ck_assert_uint_eq(given_to(before), at);
		fd_close(&again);
	}
	for (k = 0; k < SEATS; k++)
		ck_assert_uint_ge(before[k], 2 * 3);
	while ((conn = listener_accept(seat[0])) != -1)
		fd_close(&conn);
	close_all(fds, ARRAY_LEN(fds));
	teardown_all();
}
END_TEST

/* The one with the fewest that are open; of equals, whose turn it is. */
START_TEST(least)
{
	int	 fds[9], conn, i;

	setup_mode(CHOOSER_LEAST);
	UP(1, 2, 3);
	dial_many(fds, 6);
	check_waiting(0, 2, 2, 2, 0);
	for (i = 0; i < 2; i++) {	/* 2 gets rid of both of its own */
		conn = listener_accept(seat[1]);
		ck_assert_int_ne(conn, -1);
		fd_close(&conn);
		fd_close(&fds[3 * i + 1]);
	}
	check_open(2, 0);
	fds[1] = dial();
	check_open(2, 1);
	fds[4] = dial();
	check_open(2, 2);
	dial_many(fds + 6, 3);
	check_open(1, 3);
	check_open(2, 3);
	check_open(3, 3);
	close_all(fds, 9);
	teardown_all();
}
END_TEST

/* Connections that nobody keeps. */
static void
dial_and_drop(int n)
{
	int	 fd, conn, i, k;

	for (i = 0; i < n; i++) {
		fd = dial();
		ck_assert_int_ne(fd, -1);
		fd_close(&fd);
		for (k = 0; k < SEATS; k++)
			while ((conn = listener_accept(seat[k])) != -1)
				fd_close(&conn);
	}
}

/* When nobody counts any more there are still turns. */
START_TEST(least_without_a_census)
{
	uint32_t	 before[SEATS];
	int		 fds[8], held[8], k;

	setup_mode(CHOOSER_LEAST);
	UP(1, 2, 3, 4);
	dial_many(fds, 8);
	for (k = 0; k < SEATS; k++) {
		check_one(seat[k], 2);
		held[k] = listener_accept(seat[k]);
		held[k + SEATS] = listener_accept(seat[k]);
	}
	fd_close(&fds[0]);		/* the first has the fewest */
	fd_close(&held[0]);
	check_open(1, 1);
	census_free(census);
	census = NULL;
	dial_and_drop(1200);
	for (k = 0; k < SEATS; k++)
		before[k] = reuseport_given(r, number[k]);
	dial_and_drop(40);
	for (k = 0; k < SEATS; k++)
		ck_assert_uint_eq(reuseport_given(r, number[k]) - before[k],
		    10);
	close_all(held, 8);
	close_all(fds, 8);
	teardown_all();
}
END_TEST

START_TEST(another_mode)
{
	int	 fds[4];

	setup_mode(CHOOSER_RANDOM);
	UP(1, 2);
	dial_many(fds, 1);
	ck_assert_int_eq(reuseport_set_mode(r, CHOOSER_TURNS, &e), 0);
	UP(3, 4);
	dial_many(fds + 1, 2);
	check_one(seat[2], 1);
	check_one(seat[3], 1);
	close_all(fds, 3);
	teardown_all();
}
END_TEST

/* Nobody who opens the address as we do gets a share. */
START_TEST(is_ours)
{
	struct conf_listen	 l = { .text = (char []){ "the address" } };
	int			 fd;

	setup_mode(CHOOSER_TURNS);
	memcpy(&l.addr, &where, sizeof(where));
	l.addr_len = sizeof(where);
	fd = listener_open(&l, 64, false, &e);
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(e.code, EADDRINUSE);
	teardown_all();
}
END_TEST

/* Not everywhere where turns can be taken can connections be counted. */
static bool
counts(void)
{
	struct census	*c = census_new(&e);
	bool		 can = c != NULL && census_count(c, &e) == 0;

	census_free(c);
	return can;
}

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("kernel");

	if (reuseport_probe(&e) == -1) {
		printf("1..0 # SKIP %s\n", e.msg);
		exit(EXIT_SUCCESS);
	}
	tcase_add_test(tc, turns);
	tcase_add_test(tc, refuses);
	tcase_add_test(tc, moves);
	tcase_add_test(tc, moves_from_anchor_and_closed);
	tcase_add_test(tc, falls_back_to_anchor);
	tcase_add_test(tc, a_worker_shuts_it_down);
	tcase_add_test(tc, by_client);
	if (counts()) {
		tcase_add_test(tc, least);
		tcase_add_test(tc, least_without_a_census);
	}
	tcase_add_test(tc, another_mode);
	tcase_add_test(tc, is_ours);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("reuseport", fill)
