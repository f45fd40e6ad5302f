#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "librota/line.h"
#include "librota/rota.h"
#include "librota/wire.h"
#include "t/unit.h"

#define HELLO_HEAD "{\"rota\":\"hello\",\"version\":1,\"pool\":\"web\"," \
	"\"slot\":2,\"count\":3,\"generation\":7,\"pid\":1,"
#define HELLO HELLO_HEAD "\"listeners\":[{\"name\":null," \
	"\"address\":\"[::]:7000\"}],\"stop_timeout_ms\":1500," \
	"\"on_supervisor_exit\":\"stop\"}\n"
#define HELLO_CONTINUE HELLO_HEAD "\"listeners\":[]," \
	"\"stop_timeout_ms\":1500,\"on_supervisor_exit\":\"continue\"}\n"
#define DISCONNECT "{\"rota\":\"disconnect\",\"deadline_ms\":250}\n"

/* The supervisor's ends; the link has the others. */
static int		 ipc = -1, feed = -1;
static struct rota	*r;

static void
set_fd(const char *name, int fd)
{
	char	 text[16];

	(void)snprintf(text, sizeof(text), "%d", fd);
	ck_assert_int_eq(setenv(name, text, 1), 0);
}

static void
clear_env(void)
{
	(void)unsetenv("ROTA_IPC_FD");
	(void)unsetenv("ROTA_CONN_FD");
}

/* A link to ourselves, with or without a queue of connections. */
static void
link_up(int handover)
{
	int	 a[2], b[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	ipc = a[0];
	set_fd("ROTA_IPC_FD", a[1]);
	if (handover) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, b), 0);
		feed = b[0];
		set_fd("ROTA_CONN_FD", b[1]);
	}
	r = rota_connect();
	ck_assert_ptr_nonnull(r);
}

static void
link_down(void)
{
	rota_close(r);
	r = NULL;
	if (ipc != -1)
		(void)close(ipc);
	if (feed != -1)
		(void)close(feed);
	ipc = feed = -1;
}

static void
say(const char *text)
{
	ck_assert_int_eq(write(ipc, text, strlen(text)), strlen(text));
}

static void
next_is(struct rota_event *ev, enum rota_event_type type)
{
	ck_assert_int_eq(rota_next(r, ev, 0), 1);
	ck_assert_int_eq(ev->type, type);
}

static void
next_is_none(void)
{
	struct rota_event	 ev;

	ck_assert_int_eq(rota_next(r, &ev, 0), 0);
}

/* What the worker has said, as one string. */
static const char *
heard(void)
{
	static char	 text[4096];
	ssize_t		 n = recv(ipc, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* Hand over n copies of a descriptor with one byte; n may be 0. */
static void
hand_over(unsigned char index, int fd, int n)
{
	struct iovec	 iov = { &index, 1 };
	union {
		struct cmsghdr	 align;
		char		 bytes[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct msghdr	 msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr	*c;
	int		 i;

	memset(&control, 0, sizeof(control));
	if (n > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
		for (i = 0; i < n; i++)
			memcpy(CMSG_DATA(c) + (size_t)i * sizeof(int), &fd,
			    sizeof(fd));
	}
	ck_assert_int_eq(sendmsg(feed, &msg, 0), 1);
}

static int
open_fds(void)
{
	int	 fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			n++;
	return n;
}

/* --- lines ---------------------------------------------------------------- */

/* Feed text in pieces of so many bytes; collect the lines with '|'. */
static void
feed_lines(const char *text, size_t piece, char *out, size_t size)
{
	struct librota_line	 l = { 0 };
	size_t			 left = strlen(text), room, len, n;
	char			*to, *line;

	*out = '\0';
	while (left > 0) {
		to = librota_line_room(&l, &room);
		ck_assert_ptr_nonnull(to);
		n = piece < left ? piece : left;
		n = n < room ? n : room;
		memcpy(to, text, n);
		librota_line_filled(&l, n);
		text += n;
		left -= n;
		while ((line = librota_line_next(&l, &len)) != NULL) {
			ck_assert_uint_eq(strlen(line), len);
			(void)snprintf(out + strlen(out), size - strlen(out),
			    "%s|", line);
		}
	}
	librota_line_free(&l);
}

START_TEST(lines_split_anywhere)
{
	static const char	 text[] = "one\n\ntwo\n{\"a\":[1,2]}\nrest";
	char			 out[64];

	feed_lines(text, (size_t)_i, out, sizeof(out));
	ck_assert_str_eq(out, "one||two|{\"a\":[1,2]}|");
}
END_TEST

/* Length of line that is given back, or errno negated. */
static long
long_line(size_t len)
{
	struct librota_line	 l = { 0 };
	size_t			 room, done = 0, n, got;
	long			 result = 0;
	char			*to;

	while (result == 0) {
		to = librota_line_room(&l, &room);
		if (to == NULL) {
			result = -errno;
			break;
		}
		n = len + 1 - done < room ? len + 1 - done : room;
		memset(to, 'x', n);
		done += n;
		if (done == len + 1)
			to[n - 1] = '\n';
		librota_line_filled(&l, n);
		if (librota_line_next(&l, &got) != NULL)
			result = (long)got;
	}
	librota_line_free(&l);
	return result;
}

START_TEST(lines_up_to_1_mib)
{
	ck_assert_int_eq(long_line(1), 1);
	ck_assert_int_eq(long_line(4095), 4095);
	ck_assert_int_eq(long_line(4096), 4096);
	ck_assert_int_eq(long_line(LIBROTA_LINE_MAX), LIBROTA_LINE_MAX);
	ck_assert_int_eq(long_line(LIBROTA_LINE_MAX + 1), -EMSGSIZE);
}
END_TEST

/* --- wire ----------------------------------------------------------------- */

static const struct {
	const char		*line;
	enum librota_wire_kind	 kind;
} wire_rows[] = {
	{ "", LIBROTA_WIRE_BAD },
	{ "{", LIBROTA_WIRE_BAD },
	{ "nul", LIBROTA_WIRE_BAD },
	{ "1 2", LIBROTA_WIRE_BAD },
	{ "\"\xff\"", LIBROTA_WIRE_BAD },
	{ "{\"rota\":1}", LIBROTA_WIRE_BAD },
	{ "{\"rota\":null}", LIBROTA_WIRE_BAD },
	{ "{\"rota\":\"ping\"}", LIBROTA_WIRE_BAD },
	{ "{\"rota\":\"later\",\"x\":1}", LIBROTA_WIRE_UNKNOWN },
	{ "{\"rota\":\"ping\",\"id\":1}", LIBROTA_WIRE_PING },
	{ "{\"\\u0072ota\":\"ping\",\"id\":1}", LIBROTA_WIRE_PING },
	{ "{\"rota\":\"disconnect\"}", LIBROTA_WIRE_DISCONNECT },
	{ "{\"rota\":\"hello\"}", LIBROTA_WIRE_HELLO },
	{ "{\"rota\":\"hello\",\"listeners\":[1,{}]}", LIBROTA_WIRE_HELLO },
	{ "null", LIBROTA_WIRE_USER },
	{ " 7 ", LIBROTA_WIRE_USER },
	{ "{\"usersCount\":51}", LIBROTA_WIRE_USER },
	{ "[\"rota\"]", LIBROTA_WIRE_USER },
	{ "123456789012345678901234567890", LIBROTA_WIRE_USER },
	{ "\"a\\u0000b\"", LIBROTA_WIRE_USER },
};

START_TEST(wire_kinds)
{
	struct librota_wire	 w;

	librota_wire_parse(wire_rows[_i].line, strlen(wire_rows[_i].line), &w);
	ck_assert_int_eq(w.kind, wire_rows[_i].kind);
	librota_hello_free(&w.hello);
}
END_TEST

START_TEST(wire_hello_fields)
{
	static const char	 line[] = "{\"rota\":\"hello\","
	    "\"version\":1,\"pool\":\"web\",\"slot\":2,\"count\":3,"
	    "\"generation\":7,\"pid\":1,\"listeners\":["
	    "{\"name\":\"http\",\"address\":\"[::]:7000\",\"fd\":3},"
	    "{\"name\":null,\"address\":\"unix:/x\"},"
	    "{\"fd\":-1},{\"fd\":2},{\"fd\":1e99}],"
	    "\"stop_timeout_ms\":1500,\"on_supervisor_exit\":\"continue\"}";
	struct librota_wire	 w;

	librota_wire_parse(line, sizeof(line) - 1, &w);
	ck_assert_int_eq(w.kind, LIBROTA_WIRE_HELLO);
	ck_assert_str_eq(w.hello.pool, "web");
	ck_assert_uint_eq(w.hello.slot, 2);
	ck_assert_uint_eq(w.hello.count, 3);
	ck_assert_uint_eq(w.hello.generation, 7);
	ck_assert_uint_eq(w.hello.stop_timeout_ms, 1500);
	ck_assert(!w.hello.stop_on_exit);
	ck_assert_uint_eq(w.hello.listener_count, 5);
	ck_assert_str_eq(w.hello.listeners[0].name, "http");
	ck_assert_int_eq(w.hello.listeners[0].fd, 3);
	ck_assert_ptr_null(w.hello.listeners[1].name);
	ck_assert_str_eq(w.hello.listeners[1].address, "unix:/x");
	ck_assert_int_eq(w.hello.listeners[1].fd, -1);
	ck_assert_int_eq(w.hello.listeners[2].fd, -1);
	ck_assert_int_eq(w.hello.listeners[3].fd, -1);
	ck_assert_int_eq(w.hello.listeners[4].fd, -1);
	librota_hello_free(&w.hello);
}
END_TEST

/* --- connecting ----------------------------------------------------------- */

START_TEST(connect_alone)
{
	clear_env();
	errno = 0;
	ck_assert_ptr_null(rota_connect());
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

static const struct {
	const char	*value;
	int		 error;
} connect_rows[] = {
	{ "", EINVAL }, { "x", EINVAL }, { "-1", EINVAL }, { "3x", EINVAL },
	{ "2", EINVAL }, { "99999999999", EINVAL }, { "1000000", EBADF }
};

START_TEST(connect_nonsense)
{
	ck_assert_int_eq(setenv("ROTA_IPC_FD", connect_rows[_i].value, 1), 0);
	ck_assert_ptr_null(rota_connect());
	ck_assert_int_eq(errno, connect_rows[_i].error);
	clear_env();
}
END_TEST

START_TEST(connect_wrong_socket)
{
	int	 s[2], p[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	set_fd("ROTA_IPC_FD", s[0]);
	ck_assert_ptr_null(rota_connect());
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(pipe(p), 0);
	set_fd("ROTA_IPC_FD", p[0]);
	ck_assert_ptr_null(rota_connect());
	ck_assert_int_eq(errno, ENOTSOCK);
	clear_env();
}
END_TEST

START_TEST(connect_takes_it_all)
{
	const char	*ipc_name, *conn_name;
	int		 a[2], b[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, b), 0);
	set_fd("ROTA_IPC_FD", a[1]);
	set_fd("ROTA_CONN_FD", b[1]);
	ck_assert_int_eq(setenv("ROTA_POOL", "api", 1), 0);
	ck_assert_int_eq(setenv("ROTA_SLOT", "4", 1), 0);
	ck_assert_int_eq(setenv("ROTA_COUNT", "5", 1), 0);
	ck_assert_int_eq(setenv("ROTA_GENERATION", "6", 1), 0);
	r = rota_connect();
	ck_assert_ptr_nonnull(r);
	ipc_name = getenv("ROTA_IPC_FD");
	conn_name = getenv("ROTA_CONN_FD");
	ck_assert_ptr_null(ipc_name);
	ck_assert_ptr_null(conn_name);
	ck_assert_int_eq(fcntl(a[1], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(b[1], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(a[1], F_GETFL) & O_NONBLOCK, 0);
	ck_assert_str_eq(rota_pool(r), "api");
	ck_assert_uint_eq(rota_slot(r), 4);
	ck_assert_uint_eq(rota_count(r), 5);
	ck_assert_uint_eq(rota_generation(r), 6);
	ck_assert_int_eq(rota_fd(r), a[1]);
	ck_assert_ptr_null(rota_connect());
	ck_assert_int_eq(errno, ENOENT);
	link_down();
	ck_assert_int_eq(fcntl(a[1], F_GETFD), -1);
	ck_assert_int_eq(fcntl(b[1], F_GETFD), -1);
}
END_TEST

START_TEST(forked_child_is_refused)
{
	struct rota_event	 ev;
	pid_t			 pid;
	int			 status;

	link_up(1);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		status = rota_next(r, &ev, 0) != -1 || errno != EPERM;
		status |= rota_ready(r) != -1 || errno != EPERM;
		status |= rota_send(r, "1") != -1 || errno != EPERM;
		_exit(status);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_str_eq(heard(), "");
	link_down();
}
END_TEST

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
			(void)strcat(strcat(got, ev.json), ";");
		say(text + cut);
		while (rota_next(r, &ev, 0) == 1)
			(void)strcat(strcat(got, ev.json), ";");
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

/* --- connections ---------------------------------------------------------- */

START_TEST(accept_in_order)
{
	const int	*fds;
	unsigned int	 i, index;
	int		 p[2], fd;
	char		 c;

	link_up(1);
	ck_assert_int_eq(rota_accept(r, NULL), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_eq(rota_accept_fds(r, &fds), 1);
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(pipe(p), 0);
		c = (char)i;
		ck_assert_int_eq(write(p[1], &c, 1), 1);
		hand_over((unsigned char)(i % 7), p[0], 1);
		(void)close(p[0]);
		(void)close(p[1]);
	}
	for (i = 0; i < 100; i++) {
		fd = rota_accept(r, &index);
		ck_assert_int_ne(fd, -1);
		ck_assert_uint_eq(index, i % 7);
		ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
		ck_assert_int_eq(read(fd, &c, 1), 1);
		ck_assert_int_eq(c, (char)i);
		(void)close(fd);
	}
	link_down();
}
END_TEST

START_TEST(accept_odd_messages)
{
	int	 before, fd;

	link_up(1);
	before = open_fds();
	hand_over(0, ipc, 0);
	ck_assert_int_eq(rota_accept(r, NULL), -1);
	ck_assert_int_eq(errno, ECONNABORTED);
	hand_over(0, ipc, 8);
	fd = rota_accept(r, NULL);
	ck_assert_int_ne(fd, -1);
	(void)close(fd);
	ck_assert_int_eq(open_fds(), before);
	link_down();
}
END_TEST

START_TEST(accept_without_room)
{
	struct rlimit	 rl, low;
	int		 fd;

	link_up(1);
	hand_over(5, ipc, 1);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &rl), 0);
	low = rl;
	fd = dup(0);
	low.rlim_cur = (rlim_t)fd;
	(void)close(fd);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	ck_assert_int_eq(rota_accept(r, NULL), -1);
	ck_assert_int_eq(errno, EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &rl), 0);
	fd = rota_accept(r, NULL);
	ck_assert_int_ne(fd, -1);
	(void)close(fd);
	link_down();
}
END_TEST

/* After disconnect: what is there, until there is none, and no more. */
START_TEST(accept_while_draining)
{
	struct rota_event	 ev;
	const int		*fds;

	link_up(1);
	say(HELLO DISCONNECT);
	hand_over(0, ipc, 1);
	next_is(&ev, ROTA_HELLO);
	next_is(&ev, ROTA_DISCONNECT);
	ck_assert_uint_eq(rota_accept_fds(r, &fds), 1);
	ck_assert_int_eq(close(rota_accept(r, NULL)), 0);
	ck_assert_int_eq(rota_accept(r, NULL), -1);
	ck_assert_int_eq(errno, ESHUTDOWN);
	hand_over(0, ipc, 1);
	ck_assert_int_eq(rota_accept(r, NULL), -1);
	ck_assert_int_eq(errno, ESHUTDOWN);
	ck_assert_uint_eq(rota_accept_fds(r, &fds), 0);
	link_down();
}
END_TEST

/* A listener on an abstract Unix address of our own. */
static int
listener(int n, struct sockaddr_un *sun)
{
	int	 fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	(void)snprintf(sun->sun_path + 1, sizeof(sun->sun_path) - 1,
	    "rota-unit-%ld-%d", (long)getpid(), n);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)sun, sizeof(*sun)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	return fd;
}

static int
dial(const struct sockaddr_un *sun)
{
	int	 fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_eq(connect(fd, (const struct sockaddr *)sun,
	    sizeof(*sun)), 0);
	return fd;
}

START_TEST(accept_from_listeners)
{
	struct sockaddr_un	 sun[2];
	struct rota_event	 ev;
	const int		*fds;
	char			 hello[512];
	unsigned int		 index = 9;
	int			 a, b, fd;

	link_up(0);
	ck_assert_int_eq(rota_accept(r, NULL), -1);
	ck_assert_int_eq(errno, EOPNOTSUPP);
	a = listener(0, &sun[0]);
	b = listener(1, &sun[1]);
	(void)snprintf(hello, sizeof(hello), HELLO_HEAD "\"listeners\":["
	    "{\"name\":\"a\",\"address\":\"x\",\"fd\":%d},"
	    "{\"name\":\"b\",\"address\":\"y\",\"fd\":%d}]}\n", a, b);
	say(hello);
	next_is(&ev, ROTA_HELLO);
	ck_assert_uint_eq(rota_accept_fds(r, &fds), 2);
	ck_assert_int_eq(fcntl(a, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(rota_accept(r, NULL), -1);
	ck_assert_int_eq(errno, EAGAIN);
	(void)dial(&sun[1]);
	(void)dial(&sun[1]);
	(void)dial(&sun[0]);
	ck_assert_int_eq(rota_next(r, &ev, 1000), 1);
	ck_assert_int_eq(ev.type, ROTA_CONNECTION);
	fd = rota_accept(r, &index);
	ck_assert_int_ne(fd, -1);
	ck_assert_uint_eq(index, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_ne(rota_accept(r, &index), -1);
	ck_assert_uint_eq(index, 1);
	say(DISCONNECT);
	next_is(&ev, ROTA_DISCONNECT);
	ck_assert_int_eq(rota_accept(r, &index), -1);
	ck_assert_int_eq(errno, ESHUTDOWN);
	ck_assert_uint_eq(rota_accept_fds(r, &fds), 0);
	link_down();
}
END_TEST

/* --- sending -------------------------------------------------------------- */

START_TEST(send_lines)
{
	link_up(0);
	ck_assert_int_eq(rota_ready(r), 0);
	ck_assert_str_eq(heard(), "{\"rota\":\"ready\"}\n");
	ck_assert_int_eq(rota_send(r, "{\n\"a\" : [1,\r\n2]}"), 0);
	ck_assert_str_eq(heard(), "{ \"a\" : [1,  2]}\n");
	ck_assert_int_eq(rota_publish(r, "12345678901234567890123"), 0);
	ck_assert_str_eq(heard(),
	    "{\"rota\":\"publish\",\"data\":12345678901234567890123}\n");
	ck_assert_int_eq(rota_status(r, "50 % \"done\"\n"), 0);
	ck_assert_str_eq(heard(),
	    "{\"rota\":\"status\",\"text\":\"50 % \\\"done\\\"\\n\"}\n");
	link_down();
}
END_TEST

static const char *const bad_json[] = {
	"", "{", "1 2", "nil", "\"\xc3\"", "{\"rota\":1}",
	"{\"\\u0072ota\":\"ready\"}", "{\"a\":1}\n{\"b\":2}"
};

START_TEST(send_refuses)
{
	link_up(0);
	ck_assert_int_eq(rota_send(r, bad_json[_i]), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(rota_publish(r, bad_json[_i]), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(rota_status(r, "\xc3"), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_str_eq(heard(), "");
	link_down();
}
END_TEST

/* A JSON string of so many bytes, quotes included, to be freed. */
static char *
string_of(size_t len)
{
	char	*s = malloc(len + 1);

	memset(s, 'y', len);
	s[0] = s[len - 1] = '"';
	s[len] = '\0';
	return s;
}

START_TEST(send_over_the_limit)
{
	char	*s = string_of(ROTA_MESSAGE_MAX + 1);

	link_up(0);
	ck_assert_int_eq(rota_send(r, s), -1);
	ck_assert_int_eq(errno, EMSGSIZE);
	s[ROTA_MESSAGE_MAX - 1] = '"';
	s[ROTA_MESSAGE_MAX] = '\0';
	ck_assert_int_eq(rota_publish(r, s), -1);
	ck_assert_int_eq(errno, EMSGSIZE);
	ck_assert_str_eq(heard(), "");
	free(s);
	link_down();
}
END_TEST

/* Read what is there, count lines and bytes. */
static void
read_all(size_t *lines, size_t *bytes)
{
	char	 data[65536];
	ssize_t	 i, n;

	while ((n = recv(ipc, data, sizeof(data), MSG_DONTWAIT)) > 0) {
		*bytes += (size_t)n;
		for (i = 0; i < n; i++)
			*lines += data[i] == '\n';
	}
}

/* The supervisor does not read: a bounded queue, then EAGAIN, no loss. */
START_TEST(send_into_a_full_channel)
{
	struct rota_event	 ev;
	char			*s = string_of(100000);
	size_t			 sent = 0, lines = 0, bytes = 0;

	link_up(0);
	while (rota_send(r, s) == 0)
		ck_assert_uint_lt(++sent, 100);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_gt(sent, 20);
	ck_assert_int_eq(rota_fd_events(r), POLLIN | POLLOUT);
	while (lines < sent) {
		read_all(&lines, &bytes);
		ck_assert_int_eq(rota_next(r, &ev, 0), 0);
	}
	ck_assert_uint_eq(lines, sent);
	ck_assert_uint_eq(bytes, sent * 100001);
	ck_assert_int_eq(rota_fd_events(r), POLLIN);
	free(s);
	link_down();
}
END_TEST

START_TEST(send_to_nobody)
{
	link_up(0);
	(void)close(ipc);
	ipc = -1;
	ck_assert_int_eq(rota_ready(r), -1);
	ck_assert_int_eq(errno, EPIPE);
	link_down();
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*t = tcase_create("librota");

	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, lines_split_anywhere, 1, 28);
	tcase_add_test(t, lines_up_to_1_mib);
	tcase_add_loop_test(t, wire_kinds, 0,
	    sizeof(wire_rows) / sizeof(wire_rows[0]));
	tcase_add_test(t, wire_hello_fields);
	tcase_add_test(t, connect_alone);
	tcase_add_loop_test(t, connect_nonsense, 0,
	    sizeof(connect_rows) / sizeof(connect_rows[0]));
	tcase_add_test(t, connect_wrong_socket);
	tcase_add_test(t, connect_takes_it_all);
	tcase_add_test(t, forked_child_is_refused);
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
	tcase_add_test(t, accept_in_order);
	tcase_add_test(t, accept_odd_messages);
	tcase_add_test(t, accept_without_room);
	tcase_add_test(t, accept_while_draining);
	tcase_add_test(t, accept_from_listeners);
	tcase_add_test(t, send_lines);
	tcase_add_loop_test(t, send_refuses, 0,
	    sizeof(bad_json) / sizeof(bad_json[0]));
	tcase_add_test(t, send_over_the_limit);
	tcase_add_test(t, send_into_a_full_channel);
	tcase_add_test(t, send_to_nobody);
	suite_add_tcase(s, t);
}

UNIT_MAIN("librota", fill)
