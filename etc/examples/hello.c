/*
 * A worker in C with librota: it answers one request after the other.
 *
 *	cc -o hello hello.c $(pkg-config --cflags --libs rota)
 *	rota run hello.yaml
 */
#include <poll.h>
#include <rota.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENT_TIMEOUT_MS 5000

static char	 value[256] = "none";

/* Read until the blank line that ends a request; 0 if it came. */
static int
read_request(int fd)
{
	char		 text[4096];
	size_t		 len = 0;
	ssize_t		 n;
	struct pollfd	 p = { .fd = fd, .events = POLLIN };

	while (len < sizeof(text) - 1) {
		if (poll(&p, 1, CLIENT_TIMEOUT_MS) != 1)
			return -1;
		n = read(fd, text + len, sizeof(text) - 1 - len);
		if (n <= 0)
			return -1;
		len += (size_t)n;
		text[len] = '\0';
		if (strstr(text, "\r\n\r\n") != NULL)
			return 0;
	}
	return -1;
}

static void
answer(int fd)
{
	char	 body[400], head[200];

	if (read_request(fd) == 0) {
		snprintf(body, sizeof(body), "Handled by process %ld.\n"
		    "Cached value: %s\n", (long)getpid(), value);
		snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n"
		    "Content-Type: text/plain\r\nContent-Length: %zu\r\n"
		    "Connection: close\r\n\r\n", strlen(body));
		send(fd, head, strlen(head), MSG_NOSIGNAL | MSG_MORE);
		send(fd, body, strlen(body), MSG_NOSIGNAL);
	}
	close(fd);
}

static void
answer_waiting(struct rota *r)
{
	int	 fd;

	while ((fd = rota_accept(r, NULL)) != -1)
		answer(fd);
}

/* {"usersCount":51} becomes 51. */
static void
remember(const char *json)
{
	const char	*colon = strchr(json, ':');

	snprintf(value, sizeof(value), "%s", colon ? colon + 1 : json);
	if (colon != NULL)
		value[strcspn(value, "}")] = '\0';
}

int
main(void)
{
	struct rota		*r = rota_connect();
	struct rota_event	 ev;

	if (r == NULL) {
		perror("hello: not started by rota");
		return EXIT_FAILURE;
	}
	rota_ready(r);
	while (rota_next(r, &ev, -1) == 1) {
		if (ev.type == ROTA_MESSAGE)
			remember(ev.json);
		else if (ev.type == ROTA_CONNECTION)
			answer_waiting(r);
		else if (ev.type == ROTA_DISCONNECT || ev.type == ROTA_GONE)
			break;
	}
	answer_waiting(r);
	rota_close(r);
	return EXIT_SUCCESS;
}
