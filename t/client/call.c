/*
 * call: how long a supervisor takes to answer a request.
 *
 *	call SOCKET COUNT REQUEST
 *
 * The request is one line of JSON, which is sent so many times, one after
 * the other.  Prints median_us, max_us, bytes (of an answer), and the last
 * answer as answer=...
 */
#include "config.h"
#include "quartiles.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"

#define COUNT_MAX	10000
#define ANSWER_MAX	((size_t)16 << 20)
#define ANSWER_SHOWN	200
#define PAUSE_MS	5	/* the supervisor has other things to do */

static char	 answer[ANSWER_MAX];

/* One line, with its newline; its length. */
static size_t
read_line(int fd)
{
	size_t	 got = 0;
	ssize_t	 n;

	do {
		n = read(fd, answer + got, sizeof(answer) - got);
		if (n <= 0)
			errx(1, "control socket: closed");
		got += (size_t)n;
	} while (answer[got - 1] != '\n');
	return got;
}

static int
connect_to(const char *path)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(path) >= sizeof(sun.sun_path))
		errx(1, "%s: too long", path);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (fd == -1 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		err(1, "%s", path);
	(void)read_line(fd);		/* the greeting */
	return fd;
}

int
main(int argc, char **argv)
{
	static uint64_t	 ns[COUNT_MAX];
	uint64_t	 count, i, began;
	size_t		 len, bytes = 0;
	int		 fd;

	if (argc != 4 || parse_count(argv[2], &count) != PARSE_OK ||
	    count == 0 || count > COUNT_MAX)
		errx(2, "usage: call SOCKET COUNT REQUEST");
	len = strlen(argv[3]);
	argv[3][len] = '\n';		/* in place of its end */
	fd = connect_to(argv[1]);
	for (i = 0; i < count; i++) {
		began = clock_ns();
		if (write(fd, argv[3], len + 1) != (ssize_t)len + 1)
			err(1, "control socket");
		bytes = read_line(fd);
		ns[i] = clock_ns() - began;
		(void)poll(NULL, 0, PAUSE_MS);
	}
	sort_times(ns, count);
	(void)printf("median_us=%" PRIu64 "\nmax_us=%" PRIu64 "\nbytes=%zu\n"
	    "answer=%.*s\n", ns[count / 2] / 1000, ns[count - 1] / 1000,
	    bytes, bytes > ANSWER_SHOWN ? ANSWER_SHOWN : (int)bytes - 1,
	    answer);
	return EXIT_SUCCESS;
}
