#include "config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit_link.h"

/* --- events --------------------------------------------------------------- */

START_TEST(next_gives_events)
{
	struct rota_event	 ev;

	link_up(1);
	next_is_none();
	say(HELLO "{\"usersCount\":50}\n");
	next_is(&ev, ROTA_HELLO);
	ck_assert_str_eq(rota_pool(r), "web");
	ck_assert_uint_eq(rota_slot(r), 2);
	ck_assert_uint_eq(rota_listener_count(r), 1);
	ck_assert_ptr_null(rota_listener_name(r, 0));
	ck_assert_str_eq(rota_listener_address(r, 0), "[::]:7000");
	ck_assert_ptr_null(rota_listener_address(r, 1));
	next_is(&ev, ROTA_MESSAGE);
	ck_assert_str_eq(ev.json, "{\"usersCount\":50}");
	ck_assert_uint_eq(ev.len, strlen(ev.json));
	next_is_none();
	ck_assert(!rota_is_draining(r));
	say(DISCONNECT);
	next_is(&ev, ROTA_DISCONNECT);
	ck_assert_uint_eq(ev.deadline_ms, 250);
	ck_assert(rota_is_draining(r));
	link_down();
}
END_TEST

static void
collect(char *got, size_t size, const char *json)
{
	size_t	 len = strlen(got);

	(void)snprintf(got + len, size - len, "%s;", json);
}

/* Every message cut in two at every byte, with garbage in between. */
START_TEST(next_split_anywhere)
{
	static const char	 text[] = "{\"a\":1}\n}{garbage\n"
	    "{\"rota\":\"unheard-of\"}\n\n[2]\n";
	struct rota_event	 ev;
	size_t			 cut;
	char			 got[64];

	for (cut = 1; cut < sizeof(text) - 1; cut++) {
		link_up(0);
		*got = '\0';
		ck_assert_int_eq(write(ipc, text, cut), cut);
		while (rota_next(r, &ev, 0) == 1)
			collect(got, sizeof(got), ev.json);
		say(text + cut);
		while (rota_next(r, &ev, 0) == 1)
			collect(got, sizeof(got), ev.json);
		ck_assert_str_eq(got, "{\"a\":1};[2];");
		link_down();
	}
}
END_TEST

START_TEST(next_answers_pings)
{
	link_up(0);
	say("{\"rota\":\"ping\",\"id\":4503599627370497}\n");
	next_is_none();
	ck_assert_str_eq(heard(),
	    "{\"rota\":\"pong\",\"id\":4503599627370497}\n");
	link_down();
}
END_TEST

START_TEST(next_waits)
{
	struct rota_event	 ev;

	link_up(1);
	ck_assert_int_eq(rota_next(r, &ev, 20), 0);
	hand_over(0, ipc, 1);
	ck_assert_int_eq(rota_next(r, &ev, -1), 1);
	ck_assert_int_eq(ev.type, ROTA_CONNECTION);
	ck_assert_int_eq(close(rota_accept(r, NULL)), 0);
	say("{\"rota\":\"ping\",\"id\":1}\n\"x\"\n");
	ck_assert_int_eq(rota_next(r, &ev, -1), 1);
	ck_assert_str_eq(ev.json, "\"x\"");
	link_down();
}
END_TEST

static void
on_alarm(int signo)
{
	(void)signo;
}

START_TEST(next_is_interrupted)
{
	struct sigaction	 sa = { .sa_handler = on_alarm };
	struct rota_event	 ev;

	link_up(0);
	ck_assert_int_eq(sigaction(SIGUSR1, &sa, NULL), 0);
	if (fork() == 0) {
		(void)poll(NULL, 0, 50);
		(void)kill(getppid(), SIGUSR1);
		_exit(0);
	}
	ck_assert_int_eq(rota_next(r, &ev, 10000), -1);
	ck_assert_int_eq(errno, EINTR);
	link_down();
}
END_TEST

/* Write a whole line of a child's, for it is more than fits in a socket. */
static void
say_long(size_t len)
{
	char	*line = malloc(len + 1);
	size_t	 done = 0;
	ssize_t	 n;

	if (fork() != 0) {
		free(line);
		return;
	}
	memset(line, 'x', len);
	line[0] = line[len - 1] = '"';
	line[len] = '\n';
	while (done < len + 1) {
		n = send(ipc, line + done, len + 1 - done, MSG_NOSIGNAL);
		if (n == -1)
			break;
		done += (size_t)n;
	}
	free(line);
	_exit(0);
}

START_TEST(next_takes_1_mib)
{
	struct rota_event	 ev;

	link_up(0);
	say_long(ROTA_MESSAGE_MAX);
	ck_assert_int_eq(rota_next(r, &ev, 10000), 1);
	ck_assert_int_eq(ev.type, ROTA_MESSAGE);
	ck_assert_uint_eq(ev.len, ROTA_MESSAGE_MAX);
	say("1\n");
	ck_assert_int_eq(rota_next(r, &ev, 10000), 1);
	ck_assert_str_eq(ev.json, "1");
	link_down();
}
END_TEST

START_TEST(next_ends_at_more_than_1_mib)
{
	struct rota_event	 ev;

	link_up(0);
	say(HELLO_CONTINUE);
	next_is(&ev, ROTA_HELLO);
	say_long(ROTA_MESSAGE_MAX + 1);
	ck_assert_int_eq(rota_next(r, &ev, 10000), 1);
	ck_assert_int_eq(ev.type, ROTA_CLOSED);
	ck_assert_int_eq(rota_fd(r), -1);
	ck_assert_int_eq(rota_ready(r), -1);
	ck_assert_int_eq(errno, EPIPE);
	link_down();
}
END_TEST

/* --- the end of the channel ----------------------------------------------- */

START_TEST(eof_in_mid_line)
{
	struct rota_event	 ev;

	link_up(1);
	say(HELLO "{\"half\":");
	next_is(&ev, ROTA_HELLO);
	(void)close(ipc);
	ipc = -1;
	next_is(&ev, ROTA_CLOSED);
	next_is_none();
	ck_assert(!rota_is_draining(r));
	link_down();
}
END_TEST

/* The last words are read before the end is told. */
START_TEST(eof_after_disconnect)
{
	struct rota_event	 ev;

	link_up(0);
	say(HELLO "1\n" DISCONNECT);
	(void)close(ipc);
	ipc = -1;
	next_is(&ev, ROTA_HELLO);
	next_is(&ev, ROTA_MESSAGE);
	next_is(&ev, ROTA_DISCONNECT);
	next_is(&ev, ROTA_CLOSED);
	next_is_none();
	ck_assert_int_eq(rota_fd(r), -1);
	ck_assert_int_eq(rota_next(r, &ev, -1), -1);
	ck_assert_int_eq(errno, ESHUTDOWN);
	link_down();
}
END_TEST

START_TEST(gone_by_the_queue)
{
	struct rota_event	 ev;

	link_up(1);
	say(HELLO);
	next_is(&ev, ROTA_HELLO);
	hand_over(0, STDOUT_FILENO, 1);
	(void)close(ipc);
	(void)close(feed);
	ipc = feed = -1;
	next_is(&ev, ROTA_GONE);
	ck_assert_uint_eq(ev.deadline_ms, 1500);
	ck_assert(rota_is_draining(r));
	ck_assert_int_eq(close(rota_accept(r, NULL)), 0);
	ck_assert_int_eq(rota_accept(r, NULL), -1);
	ck_assert_int_eq(errno, ESHUTDOWN);
	next_is_none();
	ck_assert_int_eq(rota_fd(r), -1);
	link_down();
}
END_TEST

START_TEST(gone_before_hello)
{
	struct rota_event	 ev;

	link_up(0);
	(void)close(ipc);
	ipc = -1;
	next_is(&ev, ROTA_GONE);
	link_down();
}
END_TEST

START_TEST(gone_but_continue)
{
	struct rota_event	 ev;

	link_up(1);
	say(HELLO_CONTINUE);
	next_is(&ev, ROTA_HELLO);
	(void)close(ipc);
	(void)close(feed);
	ipc = feed = -1;
	next_is(&ev, ROTA_CLOSED);
	next_is_none();
	ck_assert(!rota_is_draining(r));
	link_down();
}
END_TEST

/* Not where valgrind does not know the call: then librota polls. */
static int
have_pidfd(void)
{
	return syscall(SYS_pidfd_open, getpid(), 0) != -1;
}

/*
 * The channel ends while the parent lives: closed.  Then the parent ends:
 * gone.  The worker is a grandchild; what it sees is its exit status.
 */
static void
orphan(int to_parent)
{
	struct rota_event	 ev;
	char			 c = 1;

	if (rota_next(r, &ev, 10000) != 1 || ev.type != ROTA_HELLO ||
	    rota_next(r, &ev, 10000) != 1 || ev.type != ROTA_CLOSED ||
	    (have_pidfd() && rota_fd(r) == -1))
		c = 2;
	(void)!write(to_parent, &c, 1);
	if (rota_next(r, &ev, 10000) != 1 || ev.type != ROTA_GONE)
		c = 3;
	(void)!write(to_parent, &c, 1);
	_exit(0);
}

START_TEST(gone_by_the_parent)
{
	int	 up[2], s[2];
	char	 c = 0;
	pid_t	 parent;

	ck_assert_int_eq(pipe(up), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	parent = fork();
	if (parent == 0) {
		(void)close(s[0]);
		if (fork() == 0) {
			set_fd("ROTA_IPC_FD", s[1]);
			r = rota_connect();
			orphan(up[1]);
		}
		(void)pause();
		_exit(0);
	}
	ipc = s[0];
	(void)close(s[1]);
	say(HELLO);
	(void)close(ipc);
	ipc = -1;
	ck_assert_int_eq(read(up[0], &c, 1), 1);
	ck_assert_int_eq(c, 1);
	(void)kill(parent, SIGKILL);
	(void)waitpid(parent, NULL, 0);
	ck_assert_int_eq(read(up[0], &c, 1), 1);
	ck_assert_int_eq(c, 1);
}
END_TEST

void
fill_events(Suite *s)
{
	TCase	*t = tcase_create("events");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, next_gives_events);
	tcase_add_test(t, next_split_anywhere);
	tcase_add_test(t, next_answers_pings);
	tcase_add_test(t, next_waits);
	tcase_add_test(t, next_is_interrupted);
	tcase_add_test(t, next_takes_1_mib);
	tcase_add_test(t, next_ends_at_more_than_1_mib);
	tcase_add_test(t, eof_in_mid_line);
	tcase_add_test(t, eof_after_disconnect);
	tcase_add_test(t, gone_by_the_queue);
	tcase_add_test(t, gone_before_hello);
	tcase_add_test(t, gone_but_continue);
	tcase_add_test(t, gone_by_the_parent);
	suite_add_tcase(s, t);
}
