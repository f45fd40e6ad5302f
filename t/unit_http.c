/*
 * rota-http from outside: this test is its supervisor and its clients.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "t/unit.h"

#define HELLO "{\"rota\":\"hello\",\"version\":1,\"pool\":\"web\"," \
	"\"slot\":2,\"count\":3,\"generation\":7,\"pid\":1,\"listeners\":[" \
	"{\"name\":null,\"address\":\"127.0.0.1:0\"%s}]," \
	"\"stop_timeout_ms\":1500,\"on_supervisor_exit\":\"stop\"}\n"
#define DISCONNECT "{\"rota\":\"disconnect\",\"deadline_ms\":30000}\n"
#define GET "GET %s HTTP/1.1\r\nHost: x\r\n\r\n"
#define PATIENCE_MS	10000
#define WORDS_MAX	16

static pid_t	 pid = -1;
static int	 ipc = -1;		/* our end */
static int	 feed = -1, take = -1;	/* both ends, as the supervisor has */
static int	 out = -1;		/* its stdout and stderr */
static int	 door = -1;		/* where clients connect */
static char	 answer[8192];		/* the last, NUL-terminated */

/* --- starting and stopping ------------------------------------------------ */

static void
env_fd(const char *name, int fd)
{
	char	 text[16];

	(void)snprintf(text, sizeof(text), "%d", fd);
	(void)setenv(name, text, 1);
}

/* Execute it with the words of a command line; never returns. */
static void
run(const char *line)
{
	const char	*dir = getenv("top_builddir");
	char		*words[WORDS_MAX], copy[512], path[512], *save = NULL;
	int		 n = 0;

	(void)snprintf(path, sizeof(path), "%s/rota-http",
	    dir == NULL ? "." : dir);
	(void)snprintf(copy, sizeof(copy), "rota-http %s", line);
	words[n] = strtok_r(copy, " ", &save);
	while (words[n] != NULL && n < WORDS_MAX - 1)
		words[++n] = strtok_r(NULL, " ", &save);
	words[n] = NULL;
	(void)execv(path, words);
	_exit(99);
}

/* With its output in a pipe; fds are inherited as they are. */
static void
launch(const char *line, int files)
{
	struct rlimit	 rl = { (rlim_t)files, (rlim_t)files };
	int		 p[2];

	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		(void)dup2(p[1], STDOUT_FILENO);
		(void)dup2(p[1], STDERR_FILENO);
		if (files > 0)
			(void)setrlimit(RLIMIT_NOFILE, &rl);
		run(line);
	}
	(void)close(p[1]);
	out = p[0];
}

static void
open_door(void)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	door = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(door, (struct sockaddr *)&sin, sizeof(sin)), 0);
	ck_assert_int_eq(listen(door, 64), 0);
}

/* As a worker with hand-over (or with our listener, shared). */
static void
supervise_limited(const char *line, int shared, int files)
{
	char	 hello[512], fd[32] = "";
	int	 a[2], b[2];

	open_door();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, b), 0);
	ipc = a[0];
	feed = b[0];
	take = b[1];
	(void)fcntl(ipc, F_SETFD, FD_CLOEXEC);
	(void)fcntl(feed, F_SETFD, FD_CLOEXEC);
	env_fd("ROTA_IPC_FD", a[1]);
	if (shared) {
		(void)snprintf(fd, sizeof(fd), ",\"fd\":%d", door);
		(void)fcntl(door, F_SETFL, O_NONBLOCK);
	} else {
		env_fd("ROTA_CONN_FD", take);
		(void)fcntl(door, F_SETFD, FD_CLOEXEC);
	}
	(void)setenv("ROTA_SLOT", "2", 1);
	(void)setenv("ROTA_GENERATION", "7", 1);
	(void)snprintf(hello, sizeof(hello), HELLO, fd);
	ck_assert_int_gt(write(ipc, hello, strlen(hello)), 0);
	launch(line, files);
	(void)close(a[1]);
}

static void
supervise(const char *line)
{
	supervise_limited(line, 0, 0);
}

/* Wait for its end, at most so long; the status, or -1. */
static int
ended(int within_ms)
{
	uint64_t	 end = clock_ms() + (uint64_t)within_ms;
	int		 status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_ms() > end)
			return -1;
		(void)poll(NULL, 0, 5);
	}
	pid = -1;
	return status;
}

static void
exits(int within_ms, int with)
{
	int	 status = ended(within_ms);

	ck_assert_int_ne(status, -1);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), with);
}

static void
end_it(void)
{
	if (pid != -1) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		pid = -1;
	}
}

/* --- the supervisor's side ------------------------------------------------ */

static void
say(const char *text)
{
	ck_assert_int_eq(write(ipc, text, strlen(text)), strlen(text));
}

/* Read until there is this text; 0 if it came within that time. */
static int
wait_text(int fd, const char *want, int within_ms)
{
	uint64_t	 end = clock_ms() + (uint64_t)within_ms, now;
	struct pollfd	 p = { .fd = fd, .events = POLLIN };
	size_t		 len = 0;
	ssize_t		 n;

	answer[0] = '\0';
	while (strstr(answer, want) == NULL) {
		now = clock_ms();
		if (now > end || poll(&p, 1, (int)(end - now)) != 1)
			return -1;
		n = read(fd, answer + len, sizeof(answer) - 1 - len);
		if (n <= 0)
			return -1;
		len += (size_t)n;
		answer[len] = '\0';
	}
	return 0;
}

static void
wait_ready(void)
{
	ck_assert_int_eq(wait_text(ipc, "{\"rota\":\"ready\"}\n",
	    PATIENCE_MS), 0);
}

static void
hand_over(int fd)
{
	char		 index = 0;
	struct iovec	 iov = { &index, 1 };
	union {
		struct cmsghdr	 align;
		char		 bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr	 msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr	*c = CMSG_FIRSTHDR(&msg);

	memset(&control, 0, sizeof(control));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	ck_assert_int_eq(sendmsg(feed, &msg, 0), 1);
}

/* --- the client's side ---------------------------------------------------- */

static int
dial_port(uint16_t port)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
	    .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int			 fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin, sizeof(sin)),
	    0);
	return fd;
}

/* The client's end of a connection that waits at the door. */
static int
dial(void)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);

	ck_assert_int_eq(getsockname(door, (struct sockaddr *)&sin, &len), 0);
	return dial_port(sin.sin_port);
}

/* The client's end of one that is handed over. */
static int
client(void)
{
	int	 fd = dial(), conn;

	conn = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ck_assert_int_ne(conn, -1);
	hand_over(conn);
	(void)close(conn);
	return fd;
}

static void
request(int fd, const char *path)
{
	char	 text[256];

	(void)snprintf(text, sizeof(text), GET, path);
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
	    strlen(text));
}

/* One whole answer, with this in it; all bodies end with a newline. */
static void
answers(int fd, const char *want)
{
	ck_assert_int_eq(wait_text(fd, "\r\n\r\n", PATIENCE_MS), 0);
	if (strstr(answer, want) == NULL)
		ck_abort_msg("'%s' is not in '%s'", want, answer);
}

static void
asks(int fd, const char *path, const char *want)
{
	request(fd, path);
	answers(fd, want);
}

/* How long until the end of file; -1: not within that time. */
static int
eof_after(int fd, int within_ms)
{
	uint64_t	 began = clock_ms();
	struct pollfd	 p = { .fd = fd, .events = POLLIN };
	char		 c;

	if (poll(&p, 1, within_ms) != 1 || read(fd, &c, 1) != 0)
		return -1;
	return (int)(clock_ms() - began);
}

/* --- serving -------------------------------------------------------------- */

static const struct {
	const char	*message, *shown;
} value_rows[] = {
	{ "51\n", "\nCached value: 51\n" },
	{ "{\"usersCount\":52}\n", "\nCached value: 52\n" },
	{ "{\"a\":1,\"b\":[2, 3]}\n", "\nCached value: {\"a\":1,\"b\":[2,3]}\n" },
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

	supervise_limited("", 1, 0);
	wait_ready();
	fd = dial();
	asks(fd, "/", "Handled by");
	say(DISCONNECT);
	(void)close(fd);
	exits(PATIENCE_MS, 0);
}
END_TEST

/* More clients than descriptors: they wait, it does not spin. */
START_TEST(waits_without_descriptors)
{
	struct rusage	 ru;
	int		 fd[40], i, answered = 0, round;
	struct pollfd	 p;

	supervise_limited("", 0, 24);
	wait_ready();
	for (i = 0; i < 40; i++)
		request(fd[i] = client(), "/");
	for (round = 0; round < 100 && answered < 40; round++) {
		(void)poll(NULL, 0, 20);
		for (i = 0; i < 40; i++) {
			p.fd = fd[i];
			p.events = POLLIN;
			if (fd[i] == -1 || poll(&p, 1, 0) != 1)
				continue;
			answers(fd[i], "Handled by");
			(void)close(fd[i]);
			fd[i] = -1;
			answered++;
		}
		if (round == 0)
			ck_assert_int_lt(answered, 24);
	}
	ck_assert_int_eq(answered, 40);
	say(DISCONNECT);
	exits(PATIENCE_MS, 0);
	ck_assert_int_eq(getrusage(RUSAGE_CHILDREN, &ru), 0);
	ck_assert_int_eq(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec, 0);
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
	ck_assert_int_ge(eof_after(slow, 1000), 0);
	(void)poll(NULL, 0, 900);
	asks(late, "/healthz", " 503 ");
	ck_assert_int_ge(eof_after(late, 1000), 0);
	ck_assert_int_eq(eof_after(idle, 100), -1);
	ck_assert_int_ge(eof_after(idle, 2500), 0);
	ck_assert_int_ge(eof_after(silent, 2500), 0);
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
	ck_assert_int_ge(eof_after(fd, 4000), 1500);
	exits(4000, 0);
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
	return htons((uint16_t)atoi(strrchr(answer, ':') + 1));
}

START_TEST(serves_alone)
{
	static const char *const lines[] = { "--port 0", "--listen [::]:0",
	    "--listen 127.0.0.1:0", "--port=0 --id x" };
	uint16_t		 port;
	int			 fd;

	launch(lines[_i], 0);
	port = said_port();
	fd = dial_port(port);
	asks(fd, "/", "Cached value: none\n");
	(void)close(fd);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	exits(PATIENCE_MS, 0);
}
END_TEST

START_TEST(ends_idle_connections)
{
	uint16_t	 port;
	int		 fd, fresh;

	launch("--listen 127.0.0.1:0 --idle-timeout 1s", 0);
	port = said_port();
	fd = dial_port(port);
	asks(fd, "/", "Handled by");
	fresh = dial_port(port);
	ck_assert_int_ge(eof_after(fd, 5000), 500);
	ck_assert_int_ge(eof_after(fresh, 5000), 0);
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
	launch(rows[_i].line, 0);
	ck_assert_int_eq(wait_text(out, "\n", PATIENCE_MS), 0);
	if (strstr(answer, rows[_i].said) == NULL)
		ck_abort_msg("'%s' is not in '%s'", rows[_i].said, answer);
	ck_assert_ptr_eq(strchr(answer, '\n'), strrchr(answer, '\n'));
	exits(PATIENCE_MS, rows[_i].status);
}
END_TEST

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

static void
fill_serving(Suite *s)
{
	TCase	*t = tcase_create("serving");

	tcase_set_timeout(t, 40);
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
	tcase_add_test(t, ends_idle_connections);
	tcase_add_loop_test(t, says_what_is_wrong, 0, 14);
	suite_add_tcase(s, t);
}

static void
fill(Suite *s)
{
	TCase	*t = tcase_create("misbehaving");

	fill_serving(s);
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

UNIT_MAIN("rota-http", fill)
