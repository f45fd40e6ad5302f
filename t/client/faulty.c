/*
 * faulty: an HTTP server that does wrong what the request's path asks for,
 * so that the accounting of rota-load can be tested.  It serves one
 * connection at a time, and prints its port first.
 */
#include "config.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

#define BODY "Handled by process 4711.\nCached value: 7\n"
#define REQUEST_MAX 4096

/* How the connection goes on after an answer. */
enum after { AFTER_AS_ASKED, AFTER_CLOSE, AFTER_RESET, AFTER_STAY };

struct fault {
	const char	*path;
	const char	*head;		/* "%zu": the body's length */
	const char	*body;
	size_t		 cut;		/* bytes left off at the end */
	enum after	 after;
	unsigned int	 right;		/* right answers before the fault */
};

#define HEAD "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n"
#define HEAD_CLOSE HEAD "Connection: close\r\n"

static const struct fault faults[] = {
	{ "/right", HEAD, BODY, 0, AFTER_AS_ASKED, 0 },
	{ "/status", "HTTP/1.1 503 Busy\r\nContent-Length: %zu\r\n", BODY, 0,
	    AFTER_AS_ASKED, 0 },
	{ "/body", HEAD_CLOSE, "Handled by process x.\nCached value: 7\n", 0,
	    AFTER_CLOSE, 0 },
	{ "/no-value", HEAD_CLOSE, "Handled by process 1.\nCached value: \n",
	    0, AFTER_CLOSE, 0 },
	{ "/truncated", HEAD_CLOSE, BODY, 1, AFTER_CLOSE, 0 },
	{ "/head-only", HEAD_CLOSE, BODY, sizeof(BODY) + 10, AFTER_CLOSE, 0 },
	{ "/too-short", "HTTP/1.1 200 OK\r\nContent-Length: 38\r\n"
	    "Connection: close\r\n", BODY, 0, AFTER_CLOSE, 0 },
	{ "/extra", HEAD_CLOSE, BODY "X", 0, AFTER_CLOSE, 0 },
	{ "/chunked", HEAD_CLOSE "Transfer-Encoding: chunked\r\n", BODY, 0,
	    AFTER_CLOSE, 0 },
	{ "/no-length", "HTTP/1.1 200 OK\r\nConnection: close\r\n", BODY, 0,
	    AFTER_CLOSE, 0 },
	{ "/two-lengths", HEAD_CLOSE "Content-Length: 40\r\n", BODY, 0,
	    AFTER_CLOSE, 0 },
	{ "/garbage", "\001\002\003\r\n", "", 0, AFTER_CLOSE, 0 },
	{ "/empty", "", "", 0, AFTER_CLOSE, 0 },
	{ "/reset", "", "", 0, AFTER_RESET, 0 },
	{ "/reset-half", HEAD_CLOSE, BODY, 5, AFTER_RESET, 0 },
	{ "/reset-after", HEAD_CLOSE, BODY, 0, AFTER_RESET, 0 },
	{ "/silent", "", "", 0, AFTER_STAY, 0 },
	{ "/stall", HEAD_CLOSE, BODY, 3, AFTER_STAY, 0 },
	{ "/no-end", HEAD_CLOSE, BODY, 0, AFTER_STAY, 0 },
	{ "/unannounced", HEAD, BODY, 0, AFTER_CLOSE, 0 },
	{ "/third-eof", "", "", 0, AFTER_CLOSE, 2 },
	{ "/third-half", HEAD, BODY, 9, AFTER_CLOSE, 2 },
	{ "/third-reset", "", "", 0, AFTER_RESET, 2 },
};

static const struct fault *
find_fault(const char *request)
{
	const struct fault	*f;
	size_t			 len;

	for (f = faults; f < faults + ARRAY_LEN(faults); f++) {
		len = strlen(f->path);
		if (strncmp(request, "GET ", 4) == 0 &&
		    strncmp(request + 4, f->path, len) == 0 &&
		    request[4 + len] == ' ')
			return f;
	}
	return NULL;
}

static bool
read_request(int fd, char *buf)
{
	size_t	 len = 0;
	ssize_t	 n;

	for (;;) {
		n = read(fd, buf + len, REQUEST_MAX - 1 - len);
		if (n <= 0)
			return false;
		len += (size_t)n;
		buf[len] = '\0';
		if (strstr(buf, "\r\n\r\n") != NULL)
			return true;
		if (len == REQUEST_MAX - 1)
			return false;
	}
}

/* What the fault sends, its end cut off; /extra lies about its length. */
static void
send_answer(int fd, const struct fault *f, bool close_asked)
{
	char	 out[REQUEST_MAX];
	size_t	 body_len = strlen(f->body);
	int	 n = 0;

	if (strcmp(f->path, "/extra") == 0)
		body_len--;
	if (f->head[0] != '\0') {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		n = snprintf(out, sizeof(out), f->head, body_len);
#pragma GCC diagnostic pop
		n += snprintf(out + n, sizeof(out) - (size_t)n, "%s\r\n%s",
		    close_asked && f->after == AFTER_AS_ASKED ?
		    "Connection: close\r\n" : "", f->body);
	}
	if ((size_t)n > f->cut && write(fd, out, (size_t)n - f->cut) == -1)
		warn("write");
}

/* Whether the connection goes on. */
static bool
follow(int fd, const struct fault *f, bool close_asked)
{
	struct linger	 reset = { .l_onoff = 1, .l_linger = 0 };
	char		 byte;

	switch (f->after) {
	case AFTER_AS_ASKED:
		return !close_asked;
	case AFTER_CLOSE:
		return false;
	case AFTER_RESET:
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset,
		    sizeof(reset));
		return false;
	case AFTER_STAY:
		while (read(fd, &byte, 1) > 0)
			;
		return false;
	}
	return false;
}

static void
serve(int fd)
{
	static const struct fault	 right = { "/right", HEAD, BODY, 0,
					     AFTER_AS_ASKED, 0 };
	char				 request[REQUEST_MAX];
	const struct fault		*f;
	unsigned int			 answered = 0;
	bool				 close_asked;

	while (read_request(fd, request)) {
		f = find_fault(request);
		if (f == NULL)
			errx(1, "unknown path: %s", request);
		if (answered++ < f->right)
			f = &right;
		close_asked = strstr(request, "Connection: close") != NULL;
		send_answer(fd, f, close_asked);
		if (!follow(fd, f, close_asked))
			break;
	}
	(void)close(fd);
}

int
main(void)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };
	socklen_t		 len = sizeof(sin);
	int			 lfd, fd;

	(void)signal(SIGPIPE, SIG_IGN);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	lfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (lfd == -1 ||
	    bind(lfd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(lfd, 128) == -1 ||
	    getsockname(lfd, (struct sockaddr *)&sin, &len) == -1)
		err(1, "listener");
	(void)printf("%u\n", ntohs(sin.sin_port));
	(void)fflush(stdout);
	for (;;) {
		fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC);
		if (fd == -1)
			err(1, "accept4");
		serve(fd);
	}
}
