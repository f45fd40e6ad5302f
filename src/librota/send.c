#include "config.h"
#include "librota/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The most that waits to be sent. */
#define OUT_MAX (2 * (size_t)(ROTA_MESSAGE_MAX + 1))

static void
send_forget(struct rota *r)
{
	free(r->out);
	r->out = NULL;
	r->out_len = r->out_sent = 0;
}

void
librota_flush(struct rota *r)
{
	ssize_t	 n;

	while (r->out_sent < r->out_len) {
		n = send(r->ipc, r->out + r->out_sent,
		    r->out_len - r->out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == ENOBUFS ||
		    errno == ENOMEM))
			return;
		if (n == -1) {
			r->writable = false;
			break;
		}
		r->out_sent += (size_t)n;
	}
	send_forget(r);
}

/* Put a line behind what waits; copies it. */
static int
send_append(struct rota *r, const char *line, size_t len)
{
	size_t	 waiting = r->out_len - r->out_sent;
	char	*out;

	if (len > OUT_MAX - waiting) {
		errno = EAGAIN;
		return -1;
	}
	memmove(r->out, r->out + r->out_sent, waiting);
	r->out_len = waiting;
	r->out_sent = 0;
	out = realloc(r->out, waiting + len);
	if (out == NULL)
		return -1;
	memcpy(out + waiting, line, len);
	r->out = out;
	r->out_len = waiting + len;
	return 0;
}

int
librota_send_line(struct rota *r, char *line, size_t len)
{
	int	 result = 0;

	librota_flush(r);
	if (!r->writable) {
		errno = EPIPE;
		result = -1;
	} else if (r->out != NULL)
		result = send_append(r, line, len);
	else {
		r->out = line;
		r->out_len = len;
		librota_flush(r);
		if (r->writable)
			return 0;
		errno = EPIPE;
		return -1;
	}
	free(line);
	return result;
}

/* A line just made, or NULL with errno. */
static int
send_made(struct rota *r, char *line, size_t len)
{
	if (line == NULL)
		return -1;
	return librota_send_line(r, line, len);
}

int
rota_ready(struct rota *r)
{
	static const char	 ready[] = "{\"rota\":\"ready\"}\n";

	if (librota_check_pid(r) == -1)
		return -1;
	return send_made(r, strdup(ready), sizeof(ready) - 1);
}

int
rota_send(struct rota *r, const char *json)
{
	size_t	 len = 0;
	char	*line;

	if (librota_check_pid(r) == -1)
		return -1;
	line = librota_wire_plain(json, &len);
	return send_made(r, line, len);
}

int
rota_publish(struct rota *r, const char *json)
{
	size_t	 len = 0;
	char	*line;

	if (librota_check_pid(r) == -1)
		return -1;
	line = librota_wire_publish(json, &len);
	return send_made(r, line, len);
}

int
rota_status(struct rota *r, const char *text)
{
	size_t	 len = 0;
	char	*line;

	if (librota_check_pid(r) == -1)
		return -1;
	line = librota_wire_status(text, &len);
	return send_made(r, line, len);
}
