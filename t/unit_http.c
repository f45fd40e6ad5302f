#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "t/unit_worker.h"

/* --- serving -------------------------------------------------------------- */

static const struct {
	const char	*message, *shown;
} value_rows[] = {
	{ "51\n", "\nCached value: 51\n" },
	{ "{\"usersCount\":52}\n", "\nCached value: 52\n" },
	{ "{\"a\":1,\"b\":[2, 3]}\n",
	    "\nCached value: {\"a\":1,\"b\":[2,3]}\n" },
	{ "{\"name\":\"a \\\"b\\\"\"}\n", "\nCached value: a \"b\"\n" },
	{ "0.1\n", "\nCached value: 0.1\n" },
	{ "null\n", "\nCached value: null\n" },
	{ "{}\n", "\nCached value: {}\n" },
	{ "123456789012345678901\n",
	    "\nCached value: 123456789012345678901\n" },
};

START_TEST(shows_values)
{
	char	 want[64];
	size_t	 i;
	int	 fd;

	supervise("--id blue");
	wait_ready();
	fd = client();
	(void)snprintf(want, sizeof(want),
	    "\r\n\r\nHandled by process %ld.\nCached value: none\n",
	    (long)pid);
	asks(fd, "/", want);
	ck_assert_ptr_nonnull(strstr(answer,
	    "\r\nX-Worker: blue slot=2 generation=7\r\n"));
	ck_assert_ptr_null(strstr(answer, "Connection: close"));
	for (i = 0; i < sizeof(value_rows) / sizeof(value_rows[0]); i++) {
		say(value_rows[i].message);
		say("{\"rota\":\"ping\",\"id\":1}\n");
		ck_assert_int_eq(wait_text(ipc, "pong", PATIENCE_MS), 0);
		asks(fd, "/any", value_rows[i].shown);
	}
	asks(fd, "/healthz", "\r\n\r\nok\n");
	end_it();
}
END_TEST

START_TEST(reads_bodies)
{
	static const char	 post[] = "POST / HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: 5\r\n\r\nhello";
	int			 fd;

	supervise("");
	fd = client();
	ck_assert_int_gt(write(fd, post, sizeof(post) - 1), 0);
	answers(fd, "Cached value: none\n");
	asks(fd, "/", "Cached value: none\n");
	end_it();
}
END_TEST

START_TEST(delays_side_by_side)
{
	uint64_t	 began;
	int		 fd[4], i;

	supervise("--delay 300ms");
	wait_ready();
	began = clock_ms();
	for (i = 0; i < 4; i++)
		request(fd[i] = client(), "/");
	for (i = 0; i < 4; i++)
		answers(fd[i], "Handled by");
	ck_assert_uint_ge(clock_ms() - began, 300);
	ck_assert_uint_lt(clock_ms() - began, 900);
	asks(fd[0], "/", "Handled by");
	end_it();
}
END_TEST

START_TEST(takes_from_a_shared_listener)
{
	int	 fd;

	supervise_by("", 1);
	wait_ready();
	fd = dial();
	asks(fd, "/", "Handled by");
	say(DISCONNECT);
	(void)close(fd);
	exits(PATIENCE_MS, 0);
}
END_TEST

/* The processor time that the worker has had. */
static uint64_t
cpu_ms(void)
{
	struct timespec	 t;
	clockid_t	 clock;

	ck_assert_int_eq(clock_getcpuclockid(pid, &clock), 0);
	ck_assert_int_eq(clock_gettime(clock, &t), 0);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Hang up where there is an answer, until there was one for each of them. */
static void
hang_up_all(struct pollfd *p, int count)
{
	uint64_t	 end = clock_ms() + PATIENCE_MS;
	int		 i, left = count;

	while (left > 0) {
		ck_assert_uint_lt(clock_ms(), end);
		ck_assert_int_ge(poll(p, (nfds_t)count, 100), 0);
		for (i = 0; i < count; i++) {
			if (p[i].fd == -1 || p[i].revents == 0)
				continue;
			answers(p[i].fd, "Handled by");
			(void)close(p[i].fd);
			p[i].fd = -1;
			left--;
		}
	}
}

/*
 * More clients than descriptors: they wait, it does not spin.  As long as
 * nobody hangs up, no descriptor comes free.
 */
START_TEST(waits_without_descriptors)
{
	struct pollfd	 p[40];
	uint64_t	 began;
	int		 i, answered;

	supervise("");
	wait_ready();
	limit_files(24);
	for (i = 0; i < 40; i++) {
		p[i].fd = client();
		p[i].events = POLLIN;
		request(p[i].fd, "/");
	}
	ck_assert_int_gt(poll(p, 40, PATIENCE_MS), 0);
	began = cpu_ms();
	(void)poll(NULL, 0, 1500);	/* it tries again once a second */
	ck_assert_uint_lt(cpu_ms() - began, 300);
	answered = poll(p, 40, 0);
	ck_assert_int_gt(answered, 0);
	ck_assert_int_lt(answered, 24);
	hang_up_all(p, 40);
	say(DISCONNECT);
	exits(PATIENCE_MS, 0);
}
END_TEST

START_TEST(outlives_its_stdout)
{
	int	 fd;

	supervise("--print-each x");
	fd = client();
	asks(fd, "/", "Handled by");
	(void)close(out);
	asks(fd, "/", "Handled by");
	asks(fd, "/", "Handled by");
	end_it();
}
END_TEST

START_TEST(writes_a_journal)
{
	char	 name[] = "/tmp/rota-unit-XXXXXX", line[128], want[64], got[64];
	struct sockaddr_in	 sin;
	socklen_t	 len = sizeof(sin);
	ssize_t		 n = 0;
	int		 file = mkstemp(name), fd, i;

	ck_assert_int_ne(file, -1);
	(void)snprintf(line, sizeof(line), "--journal %s", name);
	supervise(line);
	wait_ready();
	fd = client();
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	(void)snprintf(want, sizeof(want), "%ld %u\n", (long)pid,
	    ntohs(sin.sin_port));
	for (i = 0; i < 500 && n == 0; i++) {
		n = pread(file, got, sizeof(got) - 1, 0);
		(void)poll(NULL, 0, 10);
	}
	(void)unlink(name);
	got[n > 0 ? n : 0] = '\0';
	ck_assert_str_eq(got, want);
	end_it();
}
END_TEST

/* --- draining ------------------------------------------------------------- */

/*
 * All kinds of connections at once: idle, fresh and silent, fresh and late,
 * within a request, within an answer.
 */
START_TEST(drains)
{
	int	 idle, silent, late, half, slow, after;

	supervise("--delay 100ms");
	wait_ready();
	idle = client();
	silent = client();
	late = client();
	half = client();
	slow = client();
	asks(idle, "/", "Handled by");
	asks(half, "/", "Handled by");
	ck_assert_int_gt(write(half, "GET / HTTP", 10), 0);
	request(slow, "/");
	(void)poll(NULL, 0, 50);
	say(DISCONNECT);
	answers(slow, "Connection: close");
	ck_assert_int_ge(eof_after(slow, PATIENCE_MS), 0);
	(void)poll(NULL, 0, 900);
	asks(late, "/healthz", " 503 ");
	ck_assert_int_ge(eof_after(late, PATIENCE_MS), 0);
	ck_assert_int_eq(eof_after(idle, 100), -1);
	ck_assert_int_ge(eof_after(idle, PATIENCE_MS), 0);
	ck_assert_int_ge(eof_after(silent, PATIENCE_MS), 0);
	(void)close(idle);
	(void)close(silent);
	ck_assert_int_eq(eof_after(half, 1500), -1);
	ck_assert_int_gt(write(half, "/1.1\r\nHost: x\r\n\r\n", 17), 0);
	(void)wait_text(half, "\r\n\r\n", PATIENCE_MS);
	after = client();
	(void)close(half);
	exits(PATIENCE_MS, 0);
	ck_assert_int_eq(recv(take, answer, 1, MSG_DONTWAIT), 1);
	(void)close(after);
}
END_TEST

/* A client that does not close after the half-close is cut at last. */
START_TEST(drains_without_the_client)
{
	int	 fd;

	supervise("");
	wait_ready();
	fd = client();
	asks(fd, "/", "Handled by");
	say(DISCONNECT);
	ck_assert_int_ge(eof_after(fd, PATIENCE_MS), 1500);
	exits(PATIENCE_MS, 0);
	(void)close(fd);
}
END_TEST

/* What was in the queue at the disconnect is answered, all of it. */
START_TEST(drains_its_queue)
{
	int	 fd[100], i;

	supervise("");
	wait_ready();
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	for (i = 0; i < 100; i++)
		request(fd[i] = client(), "/");
	say(DISCONNECT);
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	for (i = 0; i < 100; i++) {
		answers(fd[i], "Connection: close");
		(void)close(fd[i]);
	}
	exits(PATIENCE_MS, 0);
}
END_TEST

START_TEST(drains_when_the_supervisor_is_gone)
{
	int	 fd;

	supervise("");
	wait_ready();
	fd = client();
	asks(fd, "/", "Handled by");
	(void)close(take);
	(void)close(feed);
	(void)close(ipc);
	asks(fd, "/", "Connection: close");
	exits(PATIENCE_MS, 0);
}
END_TEST

START_TEST(drains_at_a_signal)
{
	supervise("");
	wait_ready();
	ck_assert_int_eq(kill(pid, _i == 0 ? SIGTERM : SIGINT), 0);
	exits(PATIENCE_MS, 0);
}
END_TEST

START_TEST(goes_on_without_messages)
{
	int	 fd;

	supervise("");
	wait_ready();
	fd = client();
	(void)close(ipc);
	asks(fd, "/", "Handled by");
	asks(fd, "/", "Handled by");
	ck_assert_ptr_null(strstr(answer, "Connection: close"));
	asks(client(), "/", "Handled by");
	end_it();
}
END_TEST

/* --- alone ---------------------------------------------------------------- */

/* The port it says it listens on, in network order. */
static uint16_t
said_port(void)
{
	ck_assert_int_eq(wait_text(out, "\n", PATIENCE_MS), 0);
	return htons((uint16_t)strtoul(strrchr(answer, ':') + 1,
	    NULL, 10));
}

START_TEST(serves_alone)
{
	static const char *const lines[] = { "--port 0", "--listen [::]:0",
	    "--listen 127.0.0.1:0", "--port=0 --id x" };
	uint16_t		 port;
	int			 fd;

	launch(lines[_i]);
	port = said_port();
	fd = dial_port(port);
	asks(fd, "/", "Cached value: none\n");
	(void)close(fd);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	exits(PATIENCE_MS, 0);
}
END_TEST

/*
 * The listener is the supervisor's, which moves what waits in it: it does
 * not listen for a moment, then it does again.
 */
START_TEST(outlives_a_listener_that_is_shut)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t		 len = sizeof(sin);
	char			 line[32];
	int			 l, fd;

	l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(l, (struct sockaddr *)&sin, len), 0);
	ck_assert_int_eq(listen(l, 8), 0);
	ck_assert_int_eq(getsockname(l, (struct sockaddr *)&sin, &len), 0);
	(void)snprintf(line, sizeof(line), "--fd %d", l);
	launch(line);
	fd = dial_port(sin.sin_port);
	asks(fd, "/", "Handled by");
	(void)close(fd);
	ck_assert_int_eq(shutdown(l, SHUT_RDWR), 0);
	ck_assert_int_eq(listen(l, 8), 0);	/* at another port */
	ck_assert_int_eq(getsockname(l, (struct sockaddr *)&sin, &len), 0);
	fd = dial_port(sin.sin_port);
	asks(fd, "/", "Handled by");
	(void)close(fd);
	ck_assert_int_eq(shutdown(l, SHUT_RDWR), 0);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	exits(PATIENCE_MS, 0);
}
END_TEST

START_TEST(ends_idle_connections)
{
	uint16_t	 port;
	int		 fd, fresh;

	launch("--listen 127.0.0.1:0 --idle-timeout 1s");
	port = said_port();
	fd = dial_port(port);
	asks(fd, "/", "Handled by");
	fresh = dial_port(port);
	ck_assert_int_ge(eof_after(fd, PATIENCE_MS), 500);
	ck_assert_int_ge(eof_after(fresh, PATIENCE_MS), 0);
	end_it();
}
END_TEST

/* What comes after a time without any is not as old as that. */
START_TEST(serves_after_a_quiet_time)
{
	uint16_t	 port;
	int		 fd, i;

	launch("--listen 127.0.0.1:0 --idle-timeout 1s");
	port = said_port();
	for (i = 0; i < 2; i++) {
		(void)poll(NULL, 0, 2100);
		fd = dial_port(port);
		asks(fd, "/", "Handled by");
		(void)close(fd);
	}
	end_it();
}
END_TEST

START_TEST(says_what_is_wrong)
{
	static const struct {
		const char	*line;
		int		 status;
		const char	*said;
	} rows[] = {
		{ "", 2, "not started by rota run" },
		{ "--prot 0", 2, "did you mean --port?" },
		{ "-x", 2, "unknown switch -x" },
		{ "stray", 2, "unknown switch stray" },
		{ "--port", 2, "--port needs a port" },
		{ "--port 65536", 2, "not '65536'" },
		{ "--fork=1", 2, "--fork takes no value" },
		{ "--delay 5", 2, "--delay needs a duration" },
		{ "--signal NONE", 2, "--signal needs a signal" },
		{ "--listen here:0", 1, "in numbers" },
		{ "--listen ::1:0", 1, "is not PORT" },
		{ "--fd 99", 1, "is not a listening socket" },
		{ "--port 0 --journal /none/x", 1, "No such file" },
		{ "--version", 0, "rota-http " PACKAGE_VERSION },
	};

	if ((size_t)_i >= sizeof(rows) / sizeof(rows[0]))
		return;
	launch(rows[_i].line);
	ck_assert_int_eq(wait_text(out, "\n", PATIENCE_MS), 0);
	if (strstr(answer, rows[_i].said) == NULL)
		ck_abort_msg("'%s' is not in '%s'", rows[_i].said, answer);
	ck_assert_ptr_eq(strchr(answer, '\n'), strrchr(answer, '\n'));
	exits(PATIENCE_MS, rows[_i].status);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*t = tcase_create("serving");

	tcase_set_timeout(t, 40);
	fill_misbehaving(s);
	tcase_add_test(t, shows_values);
	tcase_add_test(t, reads_bodies);
	tcase_add_test(t, delays_side_by_side);
	tcase_add_test(t, takes_from_a_shared_listener);
	tcase_add_test(t, waits_without_descriptors);
	tcase_add_test(t, outlives_its_stdout);
	tcase_add_test(t, writes_a_journal);
	tcase_add_test(t, drains);
	tcase_add_test(t, drains_without_the_client);
	tcase_add_test(t, drains_its_queue);
	tcase_add_test(t, drains_when_the_supervisor_is_gone);
	tcase_add_loop_test(t, drains_at_a_signal, 0, 2);
	tcase_add_test(t, goes_on_without_messages);
	tcase_add_loop_test(t, serves_alone, 0, 4);
	tcase_add_test(t, outlives_a_listener_that_is_shut);
	tcase_add_test(t, ends_idle_connections);
	tcase_add_test(t, serves_after_a_quiet_time);
	tcase_add_loop_test(t, says_what_is_wrong, 0, 14);
	suite_add_tcase(s, t);
}

UNIT_MAIN_FORKS("rota-http", fill)
