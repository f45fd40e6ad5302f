/*
 * pest: a client of the control socket that behaves badly, until it is
 * killed.
 *
 *	pest SOCKET crowd N	N connections; "in=N refused=N"
 *	pest SOCKET garbage	lines of garbage, and one that is too long;
 *				"errors=N closed=1"
 *	pest SOCKET half	half a line
 *	pest SOCKET unread	asks for status and logs, and reads nothing
 *	pest SOCKET slow	follows logs, a few bytes at a time
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/util.h"

#define LONG_LINE	((1u << 20) + 65536)
#define ASKS		200

static const char	*path;

static int
pest_connect(void)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(path) >= sizeof(sun.sun_path))
		errx(1, "%s: too long", path);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (fd == -1 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		err(1, "%s", path);
	return fd;
}

static void
say(int fd, const char *data, size_t len)
{
	(void)send(fd, data, len, MSG_NOSIGNAL);
}

static void
stay(void)
{
	(void)fflush(stdout);
	for (;;)
		(void)pause();
}

static void
crowd(const char *count)
{
	uint64_t	 i, n, in = 0, refused = 0;
	char		 buf[512];
	ssize_t		 got;
	int		 fd;

	if (parse_count(count, &n) != PARSE_OK)
		errx(2, "not a number: %s", count);
	for (i = 0; i < n; i++) {
		fd = pest_connect();
		got = read(fd, buf, sizeof(buf) - 1);
		buf[got > 0 ? got : 0] = '\0';
		if (strstr(buf, "\"error\"") != NULL)
			refused++;
		else
			in++;
	}
	(void)printf("in=%llu refused=%llu\n", (unsigned long long)in,
	    (unsigned long long)refused);
	stay();
}

static void
garbage(void)
{
	static const char	 bad[] = "{\"id\":1,}\n\n[]\n\xff\xfe\n{}\n";
	static char		 text[LONG_LINE];
	int			 fd = pest_connect();
	size_t			 errors = 0;
	ssize_t			 i, n;

	memset(text, 'x', sizeof(text));
	for (i = 0; i < 20; i++)
		say(fd, bad, sizeof(bad) - 1);
	say(fd, text, sizeof(text));
	while ((n = read(fd, text, sizeof(text))) > 0)
		for (i = 0; i + 12 < n; i++)
			errors += memcmp(text + i, "\"bad-request", 12) == 0;
	(void)printf("errors=%zu closed=%d\n", errors, n <= 0);
	stay();
}

static void
half(void)
{
	say(pest_connect(), "{\"id\":1,\"comm", 13);
	(void)printf("half\n");
	stay();
}

static void
unread(void)
{
	int	 fd = pest_connect(), i, n;
	char	 line[128];

	for (i = 0; i < ASKS; i++) {
		n = snprintf(line, sizeof(line), "{\"id\":%d,\"command\":\"%s"
		    "\"}\n", i, i % 2 == 0 ? "status" : "logs");
		(void)send(fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	(void)printf("asked\n");
	stay();
}

static void
slow(void)
{
	static const char	 ask[] = "{\"id\":1,\"command\":\"logs\","
				    "\"args\":{\"follow\":true}}\n";
	int			 fd = pest_connect();
	char			 buf[200];

	say(fd, ask, sizeof(ask) - 1);
	(void)printf("following\n");
	(void)fflush(stdout);
	while (read(fd, buf, sizeof(buf)) > 0)
		(void)poll(NULL, 0, 50);
	stay();
}

int
main(int argc, char **argv)
{
	if (argc < 3)
		errx(2, "usage: pest SOCKET KIND [N]");
	path = argv[1];
	if (strcmp(argv[2], "crowd") == 0 && argc == 4)
		crowd(argv[3]);
	else if (strcmp(argv[2], "garbage") == 0)
		garbage();
	else if (strcmp(argv[2], "half") == 0)
		half();
	else if (strcmp(argv[2], "unread") == 0)
		unread();
	else if (strcmp(argv[2], "slow") == 0)
		slow();
	errx(2, "no such kind");
}
