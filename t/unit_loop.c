#include "config.h"
#include "t/unit_os.h"

#include <sys/epoll.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/err.h"
#include "os/loop.h"
#include "t/unit.h"

#define LONG_MS (24 * 3600 * 1000)

/* Stands before that of libc, so as to see how long libev would sleep. */
static bool	just_look;
static int	seen_timeout;

int
epoll_wait(int epfd, struct epoll_event *events, int n, int timeout)
{
	if (just_look) {
		seen_timeout = timeout;
		return 0;
	}
	return (int)syscall(SYS_epoll_pwait, epfd, events, n, timeout, NULL,
	    8);
}

static void
io_cb(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	++*(int *)w->data;
}

static void
timer_cb(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	++*(int *)w->data;
}

/* How long a loop sleeps that has nothing but one quiet descriptor. */
static int
sleeping_time(struct ev_loop *loop)
{
	int	 fds[2], count = 0;
	ev_io	 io;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ev_io_init(&io, io_cb, fds[0], EV_READ);
	io.data = &count;
	ev_io_start(loop, &io);
	(void)ev_run(loop, EVRUN_NOWAIT);
	just_look = true;
	seen_timeout = 0;
	(void)ev_run(loop, EVRUN_ONCE);
	just_look = false;
	ev_io_stop(loop, &io);
	(void)close(fds[0]);
	(void)close(fds[1]);
	ck_assert_int_eq(count, 0);
	return seen_timeout;
}

START_TEST(idle_loop_sleeps)
{
	struct err	 e;
	struct ev_loop	*loop = loop_new(&e);
	int		 ms;

	ck_assert_ptr_nonnull(loop);
	ms = sleeping_time(loop);
	ck_assert_msg(ms == -1 || ms >= LONG_MS, "wakes after %d ms", ms);
	loop_free(loop);
}
END_TEST

/* The reason for loop_new, and that the test before this can fail. */
START_TEST(plain_loop_does_not)
{
	struct ev_loop	*loop = ev_loop_new(EVFLAG_NOENV | EVBACKEND_EPOLL);
	int		 ms = sleeping_time(loop);

	ck_assert_int_gt(ms, 0);
	ck_assert_int_lt(ms, LONG_MS);
	ev_loop_destroy(loop);
}
END_TEST

START_TEST(ends_when_nothing_is_watched)
{
	struct err	 e;
	struct ev_loop	*loop = loop_new(&e);
	uint64_t	 begin = clock_ms();

	ck_assert_int_eq(ev_run(loop, 0), 0);
	ck_assert_uint_lt(clock_ms() - begin, 5000);
	loop_free(loop);
	loop_free(NULL);
}
END_TEST

START_TEST(timers_count_in_seconds)
{
	struct err	 e;
	struct ev_loop	*loop = loop_new(&e);
	ev_timer	 timer;
	int		 count = 0;
	uint64_t	 begin;

	ev_timer_init(&timer, timer_cb, loop_seconds(50), 0.);
	timer.data = &count;
	ev_now_update(loop);
	begin = clock_ms();
	ev_timer_start(loop, &timer);
	(void)ev_run(loop, 0);
	ck_assert_int_eq(count, 1);
	ck_assert_uint_ge(clock_ms() - begin, 49);
	loop_free(loop);
}
END_TEST

/* libev's default loop would take the child before we could. */
START_TEST(leaves_children_alone)
{
	struct err	 e;
	struct ev_loop	*loop = loop_new(&e);
	ev_timer	 timer;
	int		 count = 0;
	pid_t		 pid = fork();

	if (pid == 0)
		(void)raise(SIGKILL);
	ev_timer_init(&timer, timer_cb, loop_seconds(50), 0.);
	timer.data = &count;
	ev_timer_start(loop, &timer);
	(void)ev_run(loop, 0);
	ck_assert_int_eq(WTERMSIG(status_of(pid)), SIGKILL);
	loop_free(loop);
}
END_TEST

START_TEST(leaves_nothing_open)
{
	struct err	 e;
	struct ev_loop	*loop;
	int		 before = count_fds();

	loop = loop_new(&e);
	(void)sleeping_time(loop);
	ck_assert_int_gt(count_fds(), before);
	loop_free(loop);
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

static int
new_without_fds(void)
{
	struct err	 e = { 0 };

	(void)exhaust_fds();
	return loop_new(&e) == NULL && e.msg[0] != '\0' ? 0 : 1;
}

START_TEST(out_of_descriptors)
{
	ck_assert_int_eq(in_child(new_without_fds), 0);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("loop");

	tcase_add_test(tc, idle_loop_sleeps);
	tcase_add_test(tc, plain_loop_does_not);
	tcase_add_test(tc, ends_when_nothing_is_watched);
	tcase_add_test(tc, timers_count_in_seconds);
	tcase_add_test(tc, leaves_children_alone);
	tcase_add_test(tc, leaves_nothing_open);
	tcase_add_test(tc, out_of_descriptors);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("loop", fill)
