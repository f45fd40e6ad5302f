#include "config.h"
#include "t/unit_os.h"

#include "base/err.h"
#include "os/reaper.h"
#include "t/unit.h"

#define MANY 500

struct seen {
	struct reaper	*reaper;
	int		 calls;
	pid_t		 pid;
	int		 status;
	bool		 known;		/* at the time of the callback */
	int		 again;		/* start so many successors */
};

static pid_t
start_exiting(int code)
{
	pid_t	 pid = fork();

	ck_assert_int_ne(pid, -1);
	if (pid == 0)
		_exit(code);
	return pid;
}

static void
died_cb(void *arg, pid_t pid, int status)
{
	struct seen	*s = arg;

	s->calls++;
	s->pid = pid;
	s->status = status;
	s->known = reaper_knows(s->reaper, pid);
}

/* Collect until so many callbacks were called. */
static void
collect_until(struct reaper *r, const int *calls, int want)
{
	siginfo_t	 si;

	while (*calls < want) {
		ck_assert_int_eq(waitid(P_ALL, 0, &si, WEXITED | WNOWAIT), 0);
		reaper_collect(r);
	}
}

/* Collect until there is no child. */
static void
collect_all(struct reaper *r)
{
	siginfo_t	 si;

	while (waitid(P_ALL, 0, &si, WEXITED | WNOWAIT) == 0)
		reaper_collect(r);
	ck_assert_int_eq(errno, ECHILD);
}

static struct reaper *
new_reaper(void)
{
	struct err	 e;
	struct reaper	*r = reaper_new(&e);

	ck_assert_ptr_nonnull(r);
	return r;
}

START_TEST(tells_pid_and_status)
{
	struct err	 e;
	struct seen	 s = { .reaper = new_reaper() };
	pid_t		 pid = start_exiting(3);

	ck_assert_int_eq(reaper_watch(s.reaper, pid, died_cb, &s, &e), 0);
	ck_assert(reaper_knows(s.reaper, pid));
	ck_assert_uint_eq(reaper_count(s.reaper), 1);
	collect_until(s.reaper, &s.calls, 1);
	ck_assert_int_eq(s.pid, pid);
	ck_assert_int_eq(WEXITSTATUS(s.status), 3);
	ck_assert(!s.known);
	ck_assert_uint_eq(reaper_count(s.reaper), 0);
	reaper_collect(s.reaper);
	ck_assert_int_eq(s.calls, 1);
	reaper_free(s.reaper);
}
END_TEST

START_TEST(tells_the_signal)
{
	struct err	 e;
	struct seen	 s = { .reaper = new_reaper() };
	pid_t		 pid = fork();

	if (pid == 0)
		for (;;)
			(void)pause();
	ck_assert_int_eq(reaper_watch(s.reaper, pid, died_cb, &s, &e), 0);
	reaper_collect(s.reaper);
	ck_assert_int_eq(s.calls, 0);
	(void)kill(pid, SIGSTOP);	/* which is no death */
	reaper_collect(s.reaper);
	ck_assert_int_eq(s.calls, 0);
	(void)kill(pid, SIGKILL);
	collect_until(s.reaper, &s.calls, 1);
	ck_assert_int_eq(WTERMSIG(s.status), SIGKILL);
	reaper_free(s.reaper);
}
END_TEST

/* All that have died when the one signal came. */
START_TEST(collects_many)
{
	struct err	 e;
	struct seen	 s = { .reaper = new_reaper() };
	pid_t		 pids[MANY];
	int		 i;

	for (i = 0; i < MANY; i++) {
		pids[i] = start_exiting(0);
		ck_assert_int_eq(reaper_watch(s.reaper, pids[i], died_cb, &s,
		    &e), 0);
	}
	ck_assert_uint_eq(reaper_count(s.reaper), MANY);
	for (i = 0; i < MANY; i++)
		ck_assert(reaper_knows(s.reaper, pids[i]));
	collect_until(s.reaper, &s.calls, MANY);
	ck_assert_uint_eq(reaper_count(s.reaper), 0);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	reaper_free(s.reaper);
}
END_TEST

START_TEST(takes_strays_along)
{
	struct err	 e;
	struct seen	 s = { .reaper = new_reaper() };
	pid_t		 pid;
	int		 i;

	for (i = 0; i < 20; i++)
		(void)start_exiting(1);
	pid = start_exiting(0);
	ck_assert_int_eq(reaper_watch(s.reaper, pid, died_cb, &s, &e), 0);
	collect_until(s.reaper, &s.calls, 1);
	collect_all(s.reaper);
	ck_assert_int_eq(s.calls, 1);
	ck_assert_int_eq(s.pid, pid);
	reaper_free(s.reaper);
}
END_TEST

START_TEST(forgets)
{
	struct err	 e;
	struct seen	 a = { .reaper = new_reaper() };
	struct seen	 b = { .reaper = a.reaper };
	pid_t		 pa = start_exiting(0), pb = start_exiting(0);

	ck_assert_int_eq(reaper_watch(a.reaper, pa, died_cb, &a, &e), 0);
	ck_assert_int_eq(reaper_watch(a.reaper, pb, died_cb, &b, &e), 0);
	reaper_forget(a.reaper, pa);
	reaper_forget(a.reaper, pa);
	ck_assert(!reaper_knows(a.reaper, pa));
	ck_assert_uint_eq(reaper_count(a.reaper), 1);
	collect_until(a.reaper, &b.calls, 1);
	collect_all(a.reaper);
	ck_assert_int_eq(a.calls, 0);
	reaper_free(a.reaper);
}
END_TEST

START_TEST(refuses_a_second_watch)
{
	struct err	 e = { 0 };
	struct seen	 s = { .reaper = new_reaper() };

	ck_assert_int_eq(reaper_watch(s.reaper, 4711, died_cb, &s, &e), 0);
	ck_assert_int_eq(reaper_watch(s.reaper, 4711, died_cb, &s, &e), -1);
	ck_assert_int_eq(e.code, EEXIST);
	ck_assert_int_eq(reaper_watch(s.reaper, 0, died_cb, &s, &e), -1);
	ck_assert_int_eq(reaper_watch(s.reaper, -1, died_cb, &s, &e), -1);
	ck_assert_int_eq(e.code, EINVAL);
	ck_assert_uint_eq(reaper_count(s.reaper), 1);
	reaper_free(s.reaper);
	reaper_free(NULL);
}
END_TEST

/* The successor may be given the same pid at once. */
static void
restart_cb(void *arg, pid_t pid, int status)
{
	struct seen	*s = arg;
	struct err	 e;

	died_cb(arg, pid, status);
	ck_assert_int_eq(reaper_watch(s->reaper, pid, died_cb, s, &e), 0);
	reaper_forget(s->reaper, pid);
	if (s->again-- > 0)
		ck_assert_int_eq(reaper_watch(s->reaper, start_exiting(0),
		    restart_cb, s, &e), 0);
}

START_TEST(watches_within_callbacks)
{
	struct err	 e;
	struct seen	 s = { .reaper = new_reaper(), .again = 100 };

	ck_assert_int_eq(reaper_watch(s.reaper, start_exiting(0), restart_cb,
	    &s, &e), 0);
	collect_until(s.reaper, &s.calls, 101);
	ck_assert_uint_eq(reaper_count(s.reaper), 0);
	reaper_free(s.reaper);
}
END_TEST

START_TEST(keeps_a_large_table)
{
	struct err	 e;
	struct seen	 s = { .reaper = new_reaper() };
	pid_t		 pid;

	for (pid = 1; pid <= 40000; pid += 2)
		ck_assert_int_eq(reaper_watch(s.reaper, pid, died_cb, &s,
		    &e), 0);
	ck_assert_uint_eq(reaper_count(s.reaper), 20000);
	for (pid = 1; pid <= 40000; pid++)
		ck_assert(reaper_knows(s.reaper, pid) == (pid % 2 == 1));
	for (pid = 1; pid <= 40000; pid += 4)
		reaper_forget(s.reaper, pid);
	for (pid = 1; pid <= 40000; pid++)
		ck_assert(reaper_knows(s.reaper, pid) == (pid % 4 == 3));
	reaper_free(s.reaper);
}
END_TEST

/* As a parent that does not want to know leaves it to us. */
START_TEST(sigchld_was_ignored)
{
	struct err	 e;
	struct seen	 s = { 0 };

	(void)signal(SIGCHLD, SIG_IGN);
	s.reaper = new_reaper();
	ck_assert_int_eq(reaper_watch(s.reaper, start_exiting(6), died_cb, &s,
	    &e), 0);
	collect_until(s.reaper, &s.calls, 1);
	ck_assert_int_eq(WEXITSTATUS(s.status), 6);
	reaper_free(s.reaper);
}
END_TEST

/* Its pid is still its own when the last that it said is heard. */
static void
before_cb(void *arg)
{
	struct seen	*s = arg;
	siginfo_t	 si;

	ck_assert_int_eq(waitid(P_PID, (id_t)s->pid, &si, WEXITED |
	    WNOWAIT), 0);
	ck_assert(reaper_knows(s->reaper, s->pid));
	s->known = true;
}

START_TEST(tells_before_it_reaps)
{
	struct err	 e;
	struct seen	 s = { .reaper = new_reaper() };
	struct seen	 before = { .reaper = s.reaper };

	before.pid = start_exiting(2);
	reaper_before(s.reaper, before_cb, &before);
	ck_assert_int_eq(reaper_watch(s.reaper, before.pid, died_cb, &s,
	    &e), 0);
	collect_until(s.reaper, &s.calls, 1);
	ck_assert(before.known);
	ck_assert_int_eq(WEXITSTATUS(s.status), 2);
	reaper_free(s.reaper);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("reaper");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, tells_pid_and_status);
	tcase_add_test(tc, tells_the_signal);
	tcase_add_test(tc, collects_many);
	tcase_add_test(tc, takes_strays_along);
	tcase_add_test(tc, forgets);
	tcase_add_test(tc, refuses_a_second_watch);
	tcase_add_test(tc, watches_within_callbacks);
	tcase_add_test(tc, keeps_a_large_table);
	tcase_add_test(tc, sigchld_was_ignored);
	tcase_add_test(tc, tells_before_it_reaps);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("reaper", fill)
