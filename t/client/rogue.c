/*
 * rogue: a worker of the rota dialect that gets ready and then misbehaves
 * as its argument says.  It serves nothing, and stays until it is told to
 * leave, unless its kind of misbehaviour is not to listen.
 */
#include "config.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

#define LONG_LINE (3 << 20)
#define DEEP 100000
#define FLOOD_LINES 50000
#define CRASH_MS 60
#define CONNS_WAITING 3		/* a byte goes with each */
#define LISTENER_FD 3
#define LISTENER_SECONDS 2
#define LISTENER_LATE_MS 400

static int	ipc;

/* Until the other side is gone. */
static void
say(const char *data, size_t len)
{
	ssize_t	 n;

	for (; len > 0; data += n, len -= (size_t)n) {
		n = send(ipc, data, len, MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			n = 0;
		if (n == -1)
			return;
	}
}

static void
say_line(const char *s)
{
	say(s, strlen(s));
	say("\n", 1);
}

/* Read until the end, or a request to leave. */
static void
obey(void)
{
	char	 buf[65536];
	ssize_t	 n;

	while ((n = read(ipc, buf, sizeof(buf))) > 0)
		if (memmem(buf, (size_t)n, "\"disconnect\"", 12) != NULL)
			return;
}

/* Stay alive after the channel is closed, until a signal comes. */
static _Noreturn void
stay(void)
{
	for (;;)
		(void)pause();
}

static void
run_garbage(void)
{
	static const char *const	 lines[] = {
		"", " ", "{", "}", "nonsense", "{\"rota\":5}",
		"{\"rota\":null}", "{\"rota\":\"\"}",
		"{\"rota\":\"no such thing\"}", "{\"rota\":\"publish\"}",
		"{\"rota\":\"pong\",\"id\":\"x\"}", "{\"rota\":\"ready\"}",
		"{\"rota\":\"disconnect\"}", "{\"rota\":\"hello\"}",
		"{\"rota\":\"status\",\"text\":7}", "{\"rota\":[1,2]}",
		"{\"a\":1,\"a\":2}", "1e999", "\"\\ud800\"", "[1,]",
		"{\"rota\":\"ready\"} {\"rota\":\"ready\"}", "\xff\xfe",
		"\x1b[31mred\x1b[0m", "{\"event\":\"a good one\"}",
	};
	size_t				 i;

	for (i = 0; i < ARRAY_LEN(lines); i++)
		say_line(lines[i]);
	say("a\0b\n", 4);
	for (i = 0; i < DEEP; i++)
		say("[", 1);
	say_line("");
	obey();
}

static void
run_long(void)
{
	static char	 text[65536];
	size_t		 sent;

	memset(text, 'x', sizeof(text));
	for (sent = 0; sent < LONG_LINE; sent += sizeof(text))
		say(text, sizeof(text));
	stay();
}

/* Good messages, faster than anybody wants them. */
static void
run_flood(void)
{
	int	 i;

	for (i = 0; i < FLOOD_LINES; i++)
		say_line("{\"event\":\"again\"}");
	say_line("{\"rota\":\"status\",\"text\":\"all said\"}");
	obey();
}

static void
run_deaf(void)
{
	stay();
}

static void
run_stopped(void)
{
	(void)raise(SIGSTOP);
	stay();
}

static void
run_shut(void)
{
	(void)shutdown(ipc, SHUT_RDWR);
	stay();
}

/* It is the supervisor's socket, too, that becomes non-blocking. */
static void
run_nonblock(void)
{
	const char	*conn = getenv("ROTA_CONN_FD");

	if (fcntl(ipc, F_SETFL, O_NONBLOCK) == -1 ||
	    (conn != NULL &&
	    fcntl((int)strtol(conn, NULL, 10), F_SETFL, O_NONBLOCK) == -1))
		err(1, "fcntl");
	(void)raise(SIGKILL);
}

/* Nothing can be said to it any more, but it still listens to signals. */
static void
run_half(void)
{
	(void)shutdown(ipc, SHUT_RD);
	stay();
}

/* Away before anybody has heard that it is ready. */
static void
run_brief(void)
{
	_exit(3);
}

/* Ready for a moment. */
static void
run_crash(void)
{
	(void)poll(NULL, 0, CRASH_MS);
	_exit(3);
}

/* Shut ROTA_CONN_FD down when so many connections wait in it. */
static void
shut_conn(void)
{
	const char	*conn = getenv("ROTA_CONN_FD");
	int		 fd, bytes = 0;

	if (conn == NULL)
		errx(2, "no ROTA_CONN_FD");
	fd = (int)strtol(conn, NULL, 10);
	while (ioctl(fd, FIONREAD, &bytes) == 0 && bytes < CONNS_WAITING)
		(void)poll(NULL, 0, 10);
	if (shutdown(fd, SHUT_RDWR) == -1)
		err(1, "shutdown");
}

static void
run_conn_exit(void)
{
	shut_conn();
	_exit(1);
}

static void
run_conn_die(void)
{
	shut_conn();
	(void)raise(SIGKILL);
}

static void
run_conn_stay(void)
{
	shut_conn();
	obey();
}

/* The first listener, which it shares, again and again for a while. */
static void
run_listener(void)
{
	struct timespec	 now, end;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += LISTENER_SECONDS;
	do {
		(void)shutdown(LISTENER_FD, SHUT_RDWR);
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec &&
	    now.tv_nsec < end.tv_nsec));
	say_line("{\"event\":\"it is over\"}");
	obey();
}

/* Once, when it has its turns already; then it serves. */
static void
run_listener_once(void)
{
	(void)poll(NULL, 0, LISTENER_LATE_MS);
	if (shutdown(LISTENER_FD, SHUT_RDWR) == -1)
		err(1, "shutdown");
	(void)execlp("rota-http", "rota-http", (char *)NULL);
	err(1, "rota-http");
}

static const struct {
	const char	*name;
	void		(*run)(void);
} kinds[] = {
	{ "garbage", run_garbage }, { "long", run_long },
	{ "flood", run_flood }, { "deaf", run_deaf },
	{ "stopped", run_stopped }, { "shut", run_shut },
	{ "nonblock", run_nonblock }, { "half", run_half },
	{ "brief", run_brief }, { "crash", run_crash },
	{ "conn-exit", run_conn_exit }, { "conn-die", run_conn_die },
	{ "conn-stay", run_conn_stay }, { "listener", run_listener },
	{ "listener-once", run_listener_once },
};

int
main(int argc, char **argv)
{
	const char	*fd = getenv("ROTA_IPC_FD");
	size_t		 i;

	if (argc != 2 || fd == NULL)
		errx(2, "usage: rogue KIND, by rota");
	ipc = (int)strtol(fd, NULL, 10);
	say_line("{\"rota\":\"ready\"}");
	for (i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(argv[1], kinds[i].name) == 0) {
			kinds[i].run();
			return EXIT_SUCCESS;
		}
	errx(2, "no such kind: %s", argv[1]);
}
