#include "config.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "t/unit_worker.h"

/* --- misbehaving ---------------------------------------------------------- */

static const struct {
	const char	*line, *path;
	int		 signal, status;
} death_rows[] = {
	{ "--exit 7", NULL, 0, 7 },
	{ "--exit 0", NULL, 0, 0 },
	{ "--signal KILL", NULL, SIGKILL, 0 },
	{ "--signal SIGTERM", NULL, SIGTERM, 0 },
	{ "--die-after 100ms", NULL, 0, 1 },
	{ "--die-after 100ms --exit 3", NULL, 0, 3 },
	{ "--die-after 100ms --signal ABRT", NULL, SIGABRT, 0 },
	{ "--crash-path /crash", "/crash", SIGSEGV, 0 },
	{ "--crash-path /crash --exit 9", "/crash", 0, 9 },
	{ "--crash-path /crash --signal ABRT", "/crash", SIGABRT, 0 },
};

START_TEST(dies)
{
	struct rlimit	 none = { 0, 0 };
	int		 fd, status;

	(void)setrlimit(RLIMIT_CORE, &none);
	supervise(death_rows[_i].line);
	if (death_rows[_i].path != NULL) {
		fd = client();
		asks(fd, "/", "Handled by");
		request(fd, death_rows[_i].path);
	}
	status = ended(PATIENCE_MS);
	ck_assert_int_ne(status, -1);
	if (death_rows[_i].signal != 0) {
		ck_assert(WIFSIGNALED(status));
		ck_assert_int_eq(WTERMSIG(status), death_rows[_i].signal);
	} else {
		ck_assert(WIFEXITED(status));
		ck_assert_int_eq(WEXITSTATUS(status), death_rows[_i].status);
	}
}
END_TEST

START_TEST(misbehaves_in_one_slot)
{
	supervise(_i == 0 ? "--exit 7 --only-slot 2" :
	    "--exit 7 --only-slot 1");
	if (_i == 0)
		exits(PATIENCE_MS, 7);
	else
		wait_ready();
	end_it();
}
END_TEST

START_TEST(is_late)
{
	uint64_t	 began = clock_ms();

	supervise("--start-delay 300ms");
	wait_ready();
	ck_assert_uint_ge(clock_ms() - began, 300);
	end_it();
}
END_TEST

START_TEST(is_never_ready)
{
	int	 fd;

	supervise("--never-ready");
	fd = client();
	request(fd, "/");
	ck_assert_int_eq(wait_text(ipc, "ready", 500), -1);
	ck_assert_int_eq(wait_text(fd, "\r\n", 100), -1);
	say(DISCONNECT);
	exits(PATIENCE_MS, 0);
}
END_TEST

START_TEST(ignores)
{
	int	 fd;

	supervise("--ignore-term");
	wait_ready();
	fd = client();
	say(DISCONNECT);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(ended(300), -1);
	asks(fd, "/", "Handled by");
	end_it();
}
END_TEST

START_TEST(hangs)
{
	int	 fd, other;

	supervise("--hang-path /hang");
	wait_ready();
	fd = client();
	other = client();
	asks(other, "/", "Handled by");
	request(fd, "/hang");
	(void)poll(NULL, 0, 50);
	request(other, "/");
	ck_assert_int_eq(wait_text(other, "\r\n", 300), -1);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(ended(200), -1);
	end_it();
}
END_TEST

START_TEST(burns_and_leaks)
{
	struct rusage	 ru;
	int		 fd, i;

	supervise("--burn 20ms --leak 1M");
	wait_ready();
	fd = client();
	for (i = 0; i < 5; i++)
		asks(fd, "/", "Handled by");
	end_it();
	ck_assert_int_eq(getrusage(RUSAGE_CHILDREN, &ru), 0);
	ck_assert_int_ge((ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000 +
	    ru.ru_utime.tv_usec + ru.ru_stime.tv_usec, 90000);
	ck_assert_int_ge(ru.ru_maxrss, 7000);
}
END_TEST

/* The children it has, at most max of them. */
static int
children(pid_t *list, int max)
{
	char	 path[64];
	FILE	*f;
	long	 child;
	int	 n = 0;

	(void)snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children",
	    (long)pid, (long)pid);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	while (n < max && fscanf(f, "%ld", &child) == 1)
		list[n++] = (pid_t)child;
	(void)fclose(f);
	return n;
}

START_TEST(forks)
{
	pid_t	 list[4];
	int	 n;

	supervise("--fork --daemon-child");
	wait_ready();
	n = children(list, 4);
	ck_assert_int_eq(n, 2);
	(void)poll(NULL, 0, 50);
	ck_assert_int_eq(getsid(list[0]), getsid(0));
	ck_assert_int_eq(getsid(list[1]), list[1]);
	end_it();
	ck_assert_int_eq(kill(list[0], SIGTERM), 0);
	ck_assert_int_eq(kill(list[1], SIGTERM), 0);
}
END_TEST

START_TEST(prints)
{
	char		 want[64];
	uint64_t	 before = clock_ns(), stamp;
	long		 said;

	supervise("--stamp --print hi --print-each there");
	wait_ready();
	asks(client(), "/", "Handled by");
	ck_assert_int_eq(wait_text(out, "there\n", PATIENCE_MS), 0);
	(void)snprintf(want, sizeof(want), "stamp %ld ", (long)pid);
	ck_assert_int_eq(strncmp(answer, want, strlen(want)), 0);
	ck_assert_int_eq(sscanf(answer, "stamp %ld %lu\nhi\nthere\n", &said,
	    &stamp), 2);
	ck_assert_uint_gt(stamp, before);
	ck_assert_uint_lt(stamp, clock_ns());
	end_it();
}
END_TEST

void
fill_misbehaving(Suite *s)
{
	TCase	*t = tcase_create("misbehaving");

	tcase_set_timeout(t, 40);
	tcase_add_loop_test(t, dies, 0,
	    sizeof(death_rows) / sizeof(death_rows[0]));
	tcase_add_loop_test(t, misbehaves_in_one_slot, 0, 2);
	tcase_add_test(t, is_late);
	tcase_add_test(t, is_never_ready);
	tcase_add_test(t, ignores);
	tcase_add_test(t, hangs);
	tcase_add_test(t, burns_and_leaks);
	tcase_add_test(t, forks);
	tcase_add_test(t, prints);
	suite_add_tcase(s, t);
}
