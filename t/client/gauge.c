/*
 * gauge: how long a supervisor takes to answer the command status, and how
 * long a connection to one of its workers takes meanwhile.
 *
 *	gauge SOCKET PORT CALLS
 *
 * Prints, in us: status.median and status.max of the calls; idle.median and
 * idle.max of connections with a request and its answer, one after another,
 * for a second; and busy.* of those while status was asked for.  And
 * status.bytes.
 */
#include "config.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"

#define TIMES_MAX 100000

struct times {
	uint64_t	 ns[TIMES_MAX];
	size_t		 count;
};

static void
times_add(struct times *t, uint64_t ns)
{
	if (t->count < TIMES_MAX)
		t->ns[t->count++] = ns;
}

static int
compare(const void *a, const void *b)
{
	const uint64_t	*x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
times_print(struct times *t, const char *name)
{
	if (t->count == 0)
		errx(1, "%s: nothing was measured", name);
	qsort(t->ns, t->count, sizeof(t->ns[0]), compare);
	(void)printf("%s.count=%zu\n%s.median=%" PRIu64 "\n%s.max=%" PRIu64
	    "\n", name, t->count, name, t->ns[t->count / 2] / 1000, name,
	    t->ns[t->count - 1] / 1000);
}

/* --- connections ---------------------------------------------------------- */

static uint64_t
one_connection(uint16_t port)
{
	static const char	 ask[] = "GET / HTTP/1.1\r\nHost: x\r\n"
				    "Connection: close\r\n\r\n";
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				    .sin_port = htons(port) };
	char			 buf[4096];
	uint64_t		 began = clock_ns();
	size_t			 got = 0;
	ssize_t			 n;
	int			 fd = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 ||
	    connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    write(fd, ask, sizeof(ask) - 1) == -1)
		err(1, "port %u", (unsigned int)port);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		got += (size_t)n;
	if (got == 0)
		errx(1, "port %u: no answer", (unsigned int)port);
	(void)close(fd);
	return clock_ns() - began;
}

static bool
has_ended(int fd)
{
	struct pollfd	 pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) != 0;
}

/* Until something can be read from fd. */
static void
connect_until(int fd, uint16_t port, const char *name)
{
	static struct times	 t;
	char			 byte;

	t.count = 0;
	while (!has_ended(fd)) {
		times_add(&t, one_connection(port));
		(void)poll(NULL, 0, 1);
	}
	(void)!read(fd, &byte, 1);
	times_print(&t, name);
}

/* --- status --------------------------------------------------------------- */

static int
control_connect(const char *path)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char			 c = '\0';

	if (strlen(path) >= sizeof(sun.sun_path))
		errx(1, "%s: too long", path);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (fd == -1 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		err(1, "%s", path);
	while (c != '\n')		/* the greeting */
		if (read(fd, &c, 1) != 1)
			errx(1, "%s: no greeting", path);
	return fd;
}

/* Returns the bytes of the answer. */
static size_t
one_status(int fd)
{
	static const char	 ask[] = "{\"id\":1,\"command\":\"status\"}\n";
	static char		 buf[1u << 16];
	size_t			 got = 0;
	ssize_t			 n;

	if (write(fd, ask, sizeof(ask) - 1) == -1)
		err(1, "control socket");
	do {
		n = read(fd, buf, sizeof(buf));
		if (n <= 0)
			errx(1, "control socket: closed");
		got += (size_t)n;
	} while (buf[n - 1] != '\n');
	return got;
}

static void
ask_status(const char *path, uint64_t calls)
{
	static struct times	 t;
	int			 fd = control_connect(path);
	uint64_t		 began;
	size_t			 bytes = 0;

	for (; calls > 0; calls--) {
		began = clock_ns();
		bytes = one_status(fd);
		times_add(&t, clock_ns() - began);
		(void)poll(NULL, 0, 5);
	}
	(void)close(fd);
	times_print(&t, "status");
	(void)printf("status.bytes=%zu\n", bytes);
}

static uint64_t
number(const char *text)
{
	uint64_t	 n;

	if (parse_count(text, &n) != PARSE_OK)
		errx(2, "not a number: %s", text);
	return n;
}

int
main(int argc, char **argv)
{
	int		 fds[2], status;
	uint16_t	 port;
	pid_t		 pid;

	if (argc != 4)
		errx(2, "usage: gauge SOCKET PORT CALLS");
	port = (uint16_t)number(argv[2]);
	if (pipe(fds) == -1 || (pid = fork()) == -1)
		err(1, "fork");
	if (pid == 0) {
		(void)close(fds[1]);
		connect_until(fds[0], port, "idle");
		connect_until(fds[0], port, "busy");
		return fflush(stdout) == EOF;
	}
	(void)poll(NULL, 0, 1000);
	(void)!write(fds[1], "", 1);
	ask_status(argv[1], number(argv[3]));
	(void)fflush(stdout);
	(void)!write(fds[1], "", 1);
	if (waitpid(pid, &status, 0) == -1 || status != 0)
		errx(1, "the connections have failed");
	return EXIT_SUCCESS;
}
