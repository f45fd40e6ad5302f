#include "config.h"
#include "cli/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "cli/cli.h"
#include "cli/field.h"
#include "cli/interrupt.h"
#include "cli/out.h"
#include "cli/where.h"
#include "control/socket.h"

#define PROTOCOL_VERSION	1
#define GREETING_MS		5000
#define SEND_MS			10000
#define READ_SIZE		65536
/* More than the protocol has: ten thousand slots are no reason to fail. */
#define LINE_MAX_BYTES		((size_t)16 << 20)

struct client {
	int		 fd;
	char		 path[256];
	struct buf	 in;
	size_t		 scanned;	/* no newline before this in it */
	json_int_t	 last_id;
	pid_t		 pid;
	bool		 shares_pids;
};

int
client_fd(const struct client *c)
{
	return c->fd;
}

const char *
client_path(const struct client *c)
{
	return c->path;
}

pid_t
client_pid(const struct client *c)
{
	return c->pid;
}

bool
client_shares_pids(const struct client *c)
{
	return c->shares_pids;
}

void
client_close(struct client *c)
{
	if (c == NULL)
		return;
	fd_close(&c->fd);
	buf_free(&c->in);
	free(c);
}

/* --- reading ------------------------------------------------------------ */
/* A complete line out of the buffer, or CLIENT_LATE. */
static enum client_event
take_line(struct client *c, json_t **ret)
{
	char	*head, *end;
	size_t	 len = buf_len(&c->in);

	if (len == 0)
		return CLIENT_LATE;
	head = buf_head(&c->in);
	end = memchr(head + c->scanned, '\n', len - c->scanned);
	if (end == NULL) {
		c->scanned = len;
		return len >= LINE_MAX_BYTES ? CLIENT_GARBAGE : CLIENT_LATE;
	}
	*ret = json_loadb(head, (size_t)(end - head), 0, NULL);
	buf_consume(&c->in, (size_t)(end - head) + 1);
	c->scanned = 0;
	if (json_is_object(*ret))
		return CLIENT_LINE;
	json_decref(*ret);
	return CLIENT_GARBAGE;
}

/* What is there to read; CLIENT_LATE: go on. */
static enum client_event
fill(struct client *c)
{
	char	*room = buf_reserve(&c->in, READ_SIZE);
	ssize_t	 n;

	if (room == NULL)
		return CLIENT_GARBAGE;
	n = recv(c->fd, room, READ_SIZE, MSG_DONTWAIT);
	if (n > 0)
		buf_commit(&c->in, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		return CLIENT_LOST;
	return CLIENT_LATE;
}

enum client_event
client_poll(struct client *c, json_t **ret)
{
	enum client_event	 got = take_line(c, ret);

	if (got != CLIENT_LATE)
		return got;
	got = fill(c);
	return got != CLIENT_LATE ? got : take_line(c, ret);
}

/* Until the descriptor can be read or written; CLIENT_LINE: it can. */
static enum client_event
wait_for(const struct client *c, short events, uint64_t until_ms)
{
	struct pollfd	 p = { .fd = c->fd, .events = events };
	struct timespec	 ts;
	uint64_t	 now = clock_ms(), left;
	int		 n;

	left = until_ms > now ? until_ms - now : 0;
	ts.tv_sec = (time_t)(left / 1000);
	ts.tv_nsec = (long)(left % 1000) * 1000000;
	n = ppoll(&p, 1, until_ms == CLIENT_FOREVER ? NULL : &ts,
	    interrupt_mask());
	if (n > 0)
		return CLIENT_LINE;
	if (interrupt_seen())
		return CLIENT_INTERRUPTED;
	if (interrupt_resized())
		return CLIENT_RESIZED;
	return CLIENT_LATE;
}

enum client_event
client_receive(struct client *c, uint64_t until_ms, json_t **ret)
{
	enum client_event	 got;

	for (;;) {
		got = take_line(c, ret);
		if (got != CLIENT_LATE)
			return got;
		got = wait_for(c, POLLIN, until_ms);
		if (got == CLIENT_LATE && clock_ms() < until_ms)
			continue;	/* some other signal */
		if (got != CLIENT_LINE)
			return got;
		got = fill(c);
		if (got != CLIENT_LATE)
			return got;
	}
}

/* --- writing ------------------------------------------------------------ */
static int
write_all(struct client *c, const char *data, size_t len)
{
	uint64_t	 until_ms = clock_ms() + SEND_MS;
	ssize_t		 n;

	while (len > 0) {
		n = send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			(void)wait_for(c, POLLOUT, until_ms);
			if (clock_ms() >= until_ms || interrupt_seen())
				return -1;
		} else if (errno != EINTR)
			return -1;
	}
	return 0;
}

json_int_t
client_send(struct client *c, const char *command, json_t *args)
{
	json_t	*request;
	char	*text = NULL;
	int	 r = -1;

	if (args == NULL) {
		out_complain("%s: the arguments are not UTF-8", command);
		return 0;
	}
	request = json_pack("{s:I, s:s, s:o}", "id", ++c->last_id, "command",
	    command, "args", args);
	if (request != NULL)
		text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (text != NULL && write_all(c, text, strlen(text)) == 0)
		r = write_all(c, "\n", 1);
	free(text);
	if (r == -1) {
		out_complain("%s: the supervisor takes no request", c->path);
		return 0;
	}
	return c->last_id;
}

/* --- beginning ---------------------------------------------------------- */
/* Exit status, EXIT_SUCCESS for a greeting of our version. */
static int
check_greeting(struct client *c, const json_t *hello)
{
	const char	*error = field_text(hello, "error", NULL);
	json_int_t	 version = field_number(hello, "version", -1);

	if (strcmp(field_text(hello, "rota", ""), "control") != 0) {
		out_complain("%s: this is no control socket of rota",
		    c->path);
		return EXIT_FAILURE;
	}
	if (version != PROTOCOL_VERSION) {
		out_complain("%s: the supervisor speaks version %lld of the "
		    "control protocol, and this rota version %d", c->path,
		    (long long)version, PROTOCOL_VERSION);
		return EXIT_FAILURE;
	}
	if (error != NULL) {
		out_complain("%s: %s", c->path, error);
		return EXIT_FAILURE;
	}
	c->pid = (pid_t)field_number(hello, "pid", 0);
	return EXIT_SUCCESS;
}

static int
read_greeting(struct client *c)
{
	json_t	*hello;
	int	 status;

	switch (client_receive(c, clock_ms() + GREETING_MS, &hello)) {
	case CLIENT_LINE:
		status = check_greeting(c, hello);
		json_decref(hello);
		return status;
	case CLIENT_LOST:
		out_complain("%s: the supervisor closed the connection "
		    "without a word", c->path);
		return EXIT_NOBODY;
	case CLIENT_GARBAGE:
		out_complain("%s: this is no control socket of rota",
		    c->path);
		return EXIT_FAILURE;
	case CLIENT_LATE:
	case CLIENT_INTERRUPTED:
	case CLIENT_RESIZED:
	default:
		out_complain("%s: no answer within %d s", c->path,
		    GREETING_MS / 1000);
		return EXIT_FAILURE;
	}
}

static void
compare_pids(struct client *c)
{
	struct ucred	 peer;
	socklen_t	 len = sizeof(peer);

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		c->shares_pids = peer.pid == c->pid;
}

static int
cannot_connect(const char *path, const struct err *e)
{
	if (e->code == ENOENT || e->code == ECONNREFUSED) {
		out_complain("no supervisor runs here (control socket %s)",
		    path);
		return EXIT_NOBODY;
	}
	out_complain("%s", e->msg);
	return EXIT_FAILURE;
}

struct client *
client_open(const struct cli_args *a, int *ret_status)
{
	struct client	*c = calloc(1, sizeof(*c));
	struct err	 e;
	int		 status;

	if (c == NULL) {
		out_complain("out of memory");
		*ret_status = EXIT_FAILURE;
		return NULL;
	}
	c->fd = -1;
	buf_init(&c->in, LINE_MAX_BYTES + READ_SIZE);
	status = where_find(a, c->path, sizeof(c->path));
	if (status == EXIT_SUCCESS) {
		c->fd = control_socket_connect(c->path, &e);
		status = c->fd == -1 ? cannot_connect(c->path, &e) :
		    read_greeting(c);
	}
	if (status != EXIT_SUCCESS) {
		client_close(c);
		*ret_status = status;
		return NULL;
	}
	compare_pids(c);
	return c;
}
