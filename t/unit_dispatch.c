#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/util.h"
#include "supervise/dispatch.h"
#include "supervise/ledger.h"
#include "supervise/listeners.h"
#include "t/unit.h"
#include "t/unit_os.h"

#define SLOTS 4

static struct ev_loop	*loop;
static struct dispatch	 d;
static struct queue	*q[SLOTS];
static int		 listener;
static struct listener	 l = { .refs = 1, .claims = 1 };
static struct listener_set *set;
static uint16_t		 port;

static void
quiet(const char *line, size_t len)
{
	(void)line;
	(void)len;
}

static void
setup(void)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				    .sin_addr.s_addr =
				    htonl(INADDR_LOOPBACK) };
	socklen_t		 len = sizeof(sin);
	struct err		 e;
	size_t			 i;

	log_set_writer(quiet);
	loop = ev_loop_new(EVFLAG_AUTO);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&sin,
	    sizeof(sin)), 0);
	ck_assert_int_eq(listen(listener, 4096), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&sin,
	    &len), 0);
	port = sin.sin_port;
	l.fd = listener;
	list_init(&l.node);
	set = calloc(1, sizeof(*set) + sizeof(set->list[0]));
	set->refs = 1;
	set->count = 1;
	set->list[0] = listener_ref(&l);
	ck_assert_int_eq(dispatch_init(&d, loop, "web", SLOTS, &e), 0);
	for (i = 0; i < SLOTS; i++) {
		q[i] = queue_new(&d, set, &e);
		ck_assert_ptr_nonnull(q[i]);
	}
}

static void
teardown(void)
{
	size_t	 i;

	for (i = 0; i < SLOTS; i++)
		queue_unref(q[i]);
	dispatch_fini(&d);
	listener_set_unref(set);
	ck_assert_uint_eq(l.refs, 1);
	(void)close(listener);
	ev_loop_destroy(loop);
}

/* The one in hand, or -1. */
static int
held(void)
{
	const struct intake	*in = intakes_find(&d.intakes, &l);

	return in != NULL ? in->held : -1;
}

static void
run(void)
{
	int	 i;

	for (i = 0; i < 100; i++)
		(void)ev_run(loop, EVRUN_NOWAIT);
}

static int
connect_one(uint16_t to)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				    .sin_addr.s_addr =
				    htonl(INADDR_LOOPBACK),
				    .sin_port = to };
	int			 fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin, sizeof(sin)),
	    0);
	return fd;
}

static void
connect_to(uint16_t to, size_t n)
{
	while (n-- > 0)
		(void)close(connect_one(to));	/* it stays queued */
}

static void
connect_many(size_t n)
{
	connect_to(port, n);
}

/* Take as a worker would; how many there were. */
static size_t
worker_takes(struct queue *from, size_t most)
{
	unsigned char	 index;
	size_t		 n = 0;
	int		 fd;

	while (n < most &&
	    (fd = handover_take_back(&from->handover, &index)) != -1) {
		ck_assert_int_eq(index, 0);
		ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
		(void)close(fd);
		n++;
	}
	return n;
}

/* Nobody up: they wait in the listener, and nobody is refused. */
START_TEST(dispatch_waits)
{
	connect_many(5);
	run();
	ck_assert_uint_eq(worker_takes(q[0], 9), 0);
	dispatch_up(&d, 0, q[0]);
	run();
	ck_assert_uint_eq(worker_takes(q[0], 9), 5);
}
END_TEST

START_TEST(dispatch_turns)
{
	size_t	 i;

	for (i = 0; i < 3; i++)
		dispatch_up(&d, i, q[i]);
	connect_many(302);
	run();
	ck_assert_uint_eq(worker_takes(q[0], 999), 101);
	ck_assert_uint_eq(worker_takes(q[1], 999), 101);
	ck_assert_uint_eq(worker_takes(q[2], 999), 100);
	ck_assert_uint_eq(worker_takes(q[3], 999), 0);
}
END_TEST

/* What a dead worker had not taken goes to those that are up. */
START_TEST(dispatch_takes_back)
{
	dispatch_up(&d, 0, q[0]);
	connect_many(10);
	run();
	dispatch_up(&d, 1, q[1]);
	dispatch_up(&d, 2, q[2]);
	dispatch_down(&d, 0);
	dispatch_reclaim(&d, q[0]);
	ck_assert_uint_eq(worker_takes(q[0], 99), 0);
	ck_assert_uint_eq(worker_takes(q[1], 99), 5);
	ck_assert_uint_eq(worker_takes(q[2], 99), 5);
}
END_TEST

/* With nobody else up it stays for the successor. */
START_TEST(dispatch_leaves_to_successor)
{
	dispatch_up(&d, 0, q[0]);
	connect_many(10);
	run();
	dispatch_down(&d, 0);
	dispatch_reclaim(&d, q[0]);
	run();
	dispatch_up(&d, 0, q[0]);
	run();
	dispatch_up(&d, 1, q[1]);
	run();
	ck_assert_uint_eq(worker_takes(q[0], 99), 10);
	ck_assert_uint_eq(worker_takes(q[1], 99), 0);
}
END_TEST

/* A queue whose last owner goes: what is in it outlives the owner. */
START_TEST(dispatch_outlives)
{
	dispatch_up(&d, 0, q[0]);
	connect_many(10);
	run();
	dispatch_down(&d, 0);
	queue_unref(q[0]);
	q[0] = NULL;
	run();
	dispatch_up(&d, 3, q[3]);
	run();
	ck_assert_uint_eq(worker_takes(q[3], 99), 10);
	ck_assert(list_empty(&d.leftovers));
}
END_TEST

static void
shut_down(struct queue *which)
{
	ck_assert_int_eq(shutdown(which->handover.take, SHUT_RDWR), 0);
}

/* Until what was put off for a moment has been done. */
static void
run_retry(void)
{
	run();
	while (ev_is_active(&d.retry))
		(void)ev_run(loop, EVRUN_ONCE);
	run();
}

/* Who has shut its queue down loses its turn, and what it has not taken. */
START_TEST(dispatch_broken_queue)
{
	dispatch_up(&d, 0, q[0]);
	dispatch_up(&d, 1, q[1]);
	connect_many(10);
	run();
	shut_down(q[0]);
	connect_many(10);
	run_retry();
	ck_assert(!turn_is_up(&d.turn, 0));
	ck_assert(turn_is_up(&d.turn, 1));
	ck_assert_uint_eq(worker_takes(q[0], 99), 0);
	ck_assert_uint_eq(worker_takes(q[1], 99), 20);
	connect_many(10);
	run();
	ck_assert_uint_eq(worker_takes(q[1], 99), 10);
}
END_TEST

/* With no other they wait, without spinning, for a queue that is whole. */
START_TEST(dispatch_all_broken)
{
	size_t	 i;

	dispatch_up(&d, 0, q[0]);
	dispatch_up(&d, 1, q[1]);
	connect_many(6);
	run();
	shut_down(q[0]);
	shut_down(q[1]);
	connect_many(6);
	run_retry();
	ck_assert_uint_eq(d.turn.up_count, 0);
	ck_assert(!ev_is_active(&intakes_find(&d.intakes, &l)->io));
	ck_assert(!ev_is_active(&d.retry));
	for (i = 0; i < 2; i++) {	/* as when its worker is gone */
		dispatch_down(&d, i);
		queue_unref(q[i]);
		q[i] = NULL;
	}
	dispatch_up(&d, 2, q[2]);
	run_retry();
	ck_assert_uint_eq(worker_takes(q[2], 99), 12);
	ck_assert(list_empty(&d.leftovers));
}
END_TEST

/* Full queues are passed over; when all are, connections wait unharmed. */
START_TEST(dispatch_full)
{
	size_t	 a, b = 0, round;

	dispatch_up(&d, 0, q[0]);
	dispatch_up(&d, 1, q[1]);
	connect_many(2000);
	run();
	a = worker_takes(q[0], 9999);
	ck_assert_uint_gt(a, 50);
	ck_assert_uint_lt(a, 1000);
	ck_assert(held() != -1 || a > 0);
	for (round = 0; round < 200 && a + b < 2000; round++) {
		run();
		a += worker_takes(q[0], 9999);
		b += worker_takes(q[1], 37);
	}
	ck_assert_uint_eq(a + b, 2000);
	ck_assert_uint_gt(d.passed_over, 0);
	ck_assert_int_eq(held(), -1);
}
END_TEST

/* Out of descriptors: nothing is lost, and the loop does not spin. */
START_TEST(dispatch_no_descriptors)
{
	struct rlimit	 old, tight;
	int		 top = dup(0);		/* the lowest that is free */
	int		 i;

	dispatch_up(&d, 0, q[0]);
	connect_many(20);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	tight.rlim_cur = (rlim_t)top;
	(void)close(top);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	for (i = 0; i < 10 && !ev_is_active(&d.retry); i++)
		(void)ev_run(loop, EVRUN_NOWAIT);
	ck_assert(ev_is_active(&d.retry));
	ck_assert(!ev_is_active(&intakes_find(&d.intakes, &l)->io));
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	while (ev_is_active(&d.retry))
		(void)ev_run(loop, EVRUN_ONCE);
	run();
	ck_assert_uint_eq(worker_takes(q[0], 99), 20);
}
END_TEST

/* Who does not take from a listener gets nothing of it, and loses no turn. */
START_TEST(dispatch_takes)
{
	dispatch_take(&d, q[0], 0, false);
	dispatch_up(&d, 0, q[0]);
	connect_many(4);
	run();
	ck_assert_uint_eq(worker_takes(q[0], 9), 0);
	dispatch_up(&d, 1, q[1]);
	run();
	ck_assert_uint_eq(worker_takes(q[1], 9), 4);
	ck_assert_uint_eq(d.passed_over, 0);
	dispatch_take(&d, q[0], 0, true);
	connect_many(4);
	run();
	ck_assert_uint_eq(worker_takes(q[0], 9), 2);
	ck_assert_uint_eq(worker_takes(q[1], 9), 2);
	dispatch_take(&d, q[0], 0, false);
	dispatch_take(&d, q[1], 0, false);
	connect_many(3);
	run();
	ck_assert_uint_eq(worker_takes(q[0], 9) + worker_takes(q[1], 9), 0);
	dispatch_take(&d, q[1], 0, true);
	run();
	ck_assert_uint_eq(worker_takes(q[1], 9), 3);
}
END_TEST

/* What comes back while nobody takes it waits until somebody does. */
START_TEST(dispatch_waits_for_taker)
{
	dispatch_up(&d, 0, q[0]);
	dispatch_up(&d, 1, q[1]);
	connect_many(6);
	run();
	dispatch_take(&d, q[1], 0, false);
	dispatch_take(&d, q[0], 0, false);
	dispatch_lose(&d, q[0]);
	ck_assert(!turn_is_up(&d.turn, 0));
	ck_assert(!list_empty(&d.leftovers));
	ck_assert_int_eq(held(), -1);
	dispatch_take(&d, q[1], 0, true);
	run();
	ck_assert(list_empty(&d.leftovers));
	ck_assert_uint_eq(worker_takes(q[1], 9), 6);
}
END_TEST

/* Closing takes what waits in the listener, then nothing more. */
START_TEST(dispatch_closes)
{
	dispatch_up(&d, 0, q[0]);
	connect_many(100);
	dispatch_close(&d);
	ck_assert_uint_eq(worker_takes(q[0], 999), 100);
	connect_many(1);
	run();
	ck_assert_uint_eq(worker_takes(q[0], 999), 0);
}
END_TEST

static void
count_stir(void *arg)
{
	unsigned int	*stirs = arg;

	(*stirs)++;
}

static int
accept_one(void)
{
	int	 conn;

	connect_many(1);
	conn = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ck_assert_int_ne(conn, -1);
	return conn;
}

/* What a worker had goes to whose turn it is, once there is somebody. */
START_TEST(dispatch_passes)
{
	unsigned int	 stirs = 0;
	int		 before = count_fds();

	d.stirred = count_stir;
	d.stirred_arg = &stirs;
	dispatch_pass(&d, &l, accept_one());
	dispatch_pass(&d, &l, accept_one());
	ck_assert_uint_eq(stirs, 0);
	dispatch_up(&d, 0, q[0]);
	dispatch_up(&d, 1, q[1]);
	ck_assert_uint_eq(stirs, 2);
	ck_assert_uint_eq(queue_waiting(q[0]), 2);
	dispatch_pass(&d, &l, accept_one());
	dispatch_pass(&d, &l, accept_one());
	ck_assert_uint_eq(queue_waiting(q[0]) + queue_waiting(q[1]), 4);
	ck_assert_uint_eq(queue_given(q[1]), 1);
	ck_assert_uint_eq(worker_takes(q[0], 9) + worker_takes(q[1], 9), 4);
	ck_assert_int_eq(count_fds(), before);
	dispatch_close(&d);
	dispatch_down(&d, 0);
	dispatch_down(&d, 1);
	dispatch_pass(&d, &l, accept_one());	/* nobody will come */
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

/* So many open connections at most for each of the first two workers. */
static void
limit_two(struct diag *diag, size_t most)
{
	struct err	 e;
	size_t		 i;

	ck_assert_int_eq(diag_init(diag, &e), 0);
	for (i = 0; i < 2; i++) {
		q[i]->ledger = ledger_new(diag, most, &e);
		ck_assert_ptr_nonnull(q[i]->ledger);
	}
}

/* Until this queue holds so many. */
static void
run_until(const struct queue *of, size_t waiting)
{
	while (queue_waiting(of) != waiting)
		(void)ev_run(loop, EVRUN_ONCE);
}

/* What is over waits, in turn, and no timer runs when nothing waits. */
START_TEST(dispatch_limits)
{
	struct diag	 diag = DIAG_NONE;

	limit_two(&diag, 2);
	dispatch_up(&d, 0, q[0]);
	dispatch_up(&d, 1, q[1]);
	connect_many(4);
	run();
	ck_assert(!ev_is_active(&d.retry));
	ck_assert_int_eq(held(), -1);
	connect_many(3);
	run();
	ck_assert_uint_eq(queue_waiting(q[0]), 2);
	ck_assert_uint_eq(queue_waiting(q[1]), 2);
	ck_assert_int_ne(held(), -1);
	ck_assert(!ev_is_active(&intakes_find(&d.intakes, &l)->io));
	ck_assert(ev_is_active(&d.retry));
	ck_assert_uint_eq(d.passed_over, 0);
	ck_assert_uint_eq(worker_takes(q[1], 2), 2);
	run_until(q[1], 2);
	ck_assert_uint_eq(queue_waiting(q[0]), 2);
	ck_assert_uint_eq(worker_takes(q[0], 1), 1);
	run_until(q[0], 2);
	run_retry();
	ck_assert_int_eq(held(), -1);
	ck_assert_uint_gt(d.passed_over, 0);
	ck_assert_uint_eq(worker_takes(q[0], 9) + worker_takes(q[1], 9), 4);
	diag_fini(&diag);
}
END_TEST

/* What goes to another, or to a successor, counts there and nowhere else. */
START_TEST(dispatch_limits_who_has_it)
{
	struct diag	 diag = DIAG_NONE;

	limit_two(&diag, 3);
	dispatch_up(&d, 0, q[0]);
	connect_many(3);
	run();
	dispatch_up(&d, 1, q[1]);
	connect_many(1);
	run();
	dispatch_down(&d, 0);
	dispatch_reclaim(&d, q[0]);	/* two of its three have room */
	ck_assert_uint_eq(q[1]->ledger->count, 3);
	ck_assert_uint_eq(q[0]->ledger->count, 0);
	ck_assert_int_ne(held(), -1);
	queue_renew(q[0]);
	dispatch_up(&d, 0, q[0]);
	run();
	ck_assert_int_eq(held(), -1);
	ck_assert_uint_eq(q[0]->ledger->count, 1);
	connect_many(2);
	run();
	ck_assert_uint_eq(queue_waiting(q[0]), 3);
	dispatch_down(&d, 0);
	dispatch_reclaim(&d, q[0]);	/* one is in hand, two stay in it */
	ck_assert_uint_eq(queue_waiting(q[0]), 2);
	queue_renew(q[0]);
	ck_assert_uint_eq(q[0]->ledger->count, 2);
	dispatch_up(&d, 0, q[0]);
	run();
	ck_assert_uint_eq(queue_waiting(q[0]), 3);
	ck_assert_uint_eq(worker_takes(q[0], 9) + worker_takes(q[1], 9), 6);
	diag_fini(&diag);
}
END_TEST

/* Who alone takes from a listener, and is full, holds up no other one. */
START_TEST(dispatch_limits_apart)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };
	socklen_t		 len = sizeof(sin);
	struct listener		 other = { .refs = 1, .claims = 1 };
	struct diag		 diag = DIAG_NONE;
	struct listener_set	*both;
	struct err		 e;

	other.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(listen(other.fd, 100), 0);
	ck_assert_int_eq(getsockname(other.fd, (struct sockaddr *)&sin,
	    &len), 0);
	list_init(&other.node);
	both = calloc(1, sizeof(*both) + 2 * sizeof(both->list[0]));
	both->refs = 1;
	both->count = 2;
	both->list[0] = listener_ref(&l);
	both->list[1] = listener_ref(&other);
	queue_unref(q[0]);
	q[0] = queue_new(&d, both, &e);
	limit_two(&diag, 1);
	ledger_free(q[1]->ledger);
	q[1]->ledger = NULL;
	dispatch_up(&d, 0, q[0]);
	dispatch_up(&d, 1, q[1]);
	connect_to(sin.sin_port, 3);
	run();
	ck_assert_uint_eq(queue_waiting(q[0]), 1);
	ck_assert_int_ne(intakes_find(&d.intakes, &other)->held, -1);
	connect_many(5);
	run();
	ck_assert_uint_eq(queue_waiting(q[1]), 5);
	ck_assert_int_eq(held(), -1);
	dispatch_down(&d, 0);
	queue_unref(q[0]);
	q[0] = queue_new(&d, set, &e);
	ck_assert_uint_eq(worker_takes(q[1], 9), 5);
	dispatch_close(&d);
	dispatch_down(&d, 1);
	listener_set_unref(both);
	diag_fini(&diag);
	(void)close(other.fd);
}
END_TEST

/* Nobody waits any more who has gone. */
START_TEST(dispatch_forgets_who_has_gone)
{
	struct linger	 now = { .l_onoff = 1 };
	struct diag	 diag = DIAG_NONE;
	int		 client;

	limit_two(&diag, 1);
	dispatch_up(&d, 0, q[0]);
	connect_many(1);
	run();
	client = connect_one(port);
	run();
	ck_assert_int_ne(held(), -1);
	(void)setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	(void)close(client);
	while (held() != -1)
		(void)ev_run(loop, EVRUN_ONCE);
	ck_assert(!ev_is_active(&d.retry));
	ck_assert_uint_eq(worker_takes(q[0], 9), 1);
	diag_fini(&diag);
}
END_TEST

/* Closing keeps to it, too: the rest is not taken. */
START_TEST(dispatch_closes_within_limits)
{
	struct diag	 diag = DIAG_NONE;
	int		 conn;

	limit_two(&diag, 2);
	dispatch_up(&d, 0, q[0]);
	connect_many(5);
	dispatch_close(&d);
	ck_assert_uint_eq(worker_takes(q[0], 9), 2);
	dispatch_down(&d, 0);
	run_retry();
	ck_assert_int_eq(held(), -1);
	conn = accept(listener, NULL, NULL);
	ck_assert_int_ne(conn, -1);
	(void)close(conn);
	diag_fini(&diag);
}
END_TEST

/* Who leaves last gets what is here already: nobody else would. */
START_TEST(dispatch_leaves_nothing_behind)
{
	struct diag	 diag = DIAG_NONE;

	limit_two(&diag, 2);
	dispatch_up(&d, 0, q[0]);
	dispatch_up(&d, 1, q[1]);
	connect_many(8);
	run();
	ck_assert_int_ne(held(), -1);
	dispatch_pass(&d, &l, accept_one());
	dispatch_leave(&d, 1, set);
	ck_assert_int_ne(held(), -1);
	ck_assert_uint_eq(queue_waiting(q[0]), 2);
	dispatch_leave(&d, 0, set);
	ck_assert_int_eq(held(), -1);
	ck_assert(list_empty(&d.parked));
	ck_assert_uint_eq(queue_waiting(q[0]), 4);
	diag_fini(&diag);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("dispatch");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, dispatch_waits);
	tcase_add_test(tc, dispatch_turns);
	tcase_add_test(tc, dispatch_takes_back);
	tcase_add_test(tc, dispatch_leaves_to_successor);
	tcase_add_test(tc, dispatch_outlives);
	tcase_add_test(tc, dispatch_broken_queue);
	tcase_add_test(tc, dispatch_all_broken);
	tcase_add_test(tc, dispatch_full);
	if (KERNEL_IS_IN_CHARGE)
		tcase_add_test(tc, dispatch_no_descriptors);
	tcase_add_test(tc, dispatch_takes);
	tcase_add_test(tc, dispatch_waits_for_taker);
	tcase_add_test(tc, dispatch_closes);
	tcase_add_test(tc, dispatch_passes);
	tcase_add_test(tc, dispatch_limits);
	tcase_add_test(tc, dispatch_limits_who_has_it);
	tcase_add_test(tc, dispatch_closes_within_limits);
	tcase_add_test(tc, dispatch_leaves_nothing_behind);
	tcase_add_test(tc, dispatch_limits_apart);
	tcase_add_test(tc, dispatch_forgets_who_has_gone);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("dispatch", fill)
