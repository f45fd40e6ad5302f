#include "config.h"
#include "client/chaos.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define LIMIT		(64u << 20)
#define TALLY_MAX	128

/* How often each command ended in which way. */
static struct {
	const char	*command;
	char		 code[24];
	size_t		 count;
} tally[TALLY_MAX];
static size_t	tally_count;

static void
tally_add(const char *command, const char *code)
{
	size_t	 i;

	for (i = 0; i < tally_count; i++)
		if (strcmp(tally[i].command, command) == 0 &&
		    strcmp(tally[i].code, code) == 0)
			break;
	if (i == TALLY_MAX)
		return;
	if (i == tally_count) {
		tally[i].command = command;
		(void)snprintf(tally[i].code, sizeof(tally[i].code), "%s",
		    code);
		tally_count++;
	}
	tally[i].count++;
}

void
client_tally(void)
{
	size_t	 i;

	for (i = 0; i < tally_count; i++)
		(void)printf("%s.%s=%zu\n", tally[i].command, tally[i].code,
		    tally[i].count);
}

void
client_connect(struct chaos *c, struct chaos_client *cl)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };

	if (strlen(c->socket) >= sizeof(sun.sun_path))
		errx(1, "%s: too long", c->socket);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", c->socket);
	cl->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (cl->fd == -1)
		err(1, "socket");
	if (connect(cl->fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		chaos_wrong(c, "connect %s: %s", c->socket, strerror(errno));
		(void)close(cl->fd);
		cl->fd = -1;
	} else if (fcntl(cl->fd, F_SETFL, O_NONBLOCK) == -1) {
		err(1, "fcntl");
	}
	buf_init(&cl->in, LIMIT);
	buf_init(&cl->out, LIMIT);
	cl->under_way = cl->follows = cl->garbage = 0;
	cl->half_closed = cl->may_be_closed = false;
}

void
client_leave(struct chaos *c, struct chaos_client *cl)
{
	size_t	 i;

	for (i = 1; i <= c->sent; i++) {
		if (c->asks[i].client != cl->number ||
		    (c->asks[i].state != ASK_UNDER_WAY &&
		    c->asks[i].state != ASK_FOLLOWS))
			continue;
		c->asks[i].state = ASK_LEFT;
		c->left++;
	}
	if (cl->fd != -1)
		(void)close(cl->fd);
	cl->fd = -1;
	buf_free(&cl->in);
	buf_free(&cl->out);
	cl->under_way = cl->garbage = 0;
}

void
client_text(struct chaos_client *cl, const char *text, size_t len)
{
	if (buf_append(&cl->out, text, len) == -1)
		errx(1, "out of memory");
}

size_t
client_ask(struct chaos *c, struct chaos_client *cl, const char *command,
    json_t *args, bool follows)
{
	size_t		 id = ++c->sent;
	json_t		*v;
	char		*text;

	v = json_pack("{s:I, s:s, s:o*}", "id", (json_int_t)id, "command",
	    command, "args", args);
	text = v != NULL ? json_dumps(v, JSON_COMPACT) : NULL;
	if (text == NULL)
		errx(1, "%s: cannot be made", command);
	client_text(cl, text, strlen(text));
	client_text(cl, "\n", 1);
	free(text);
	json_decref(v);
	c->asks[id].state = follows ? ASK_FOLLOWS : ASK_UNDER_WAY;
	c->asks[id].command = command;
	c->asks[id].client = cl->number;
	c->asks[id].since_ms = clock_ms();
	if (!follows)
		cl->under_way++;
	return id;
}

/* The ask that a line is about; NULL, which is wrong. */
static struct ask *
ask_of(struct chaos *c, struct chaos_client *cl, const json_t *v)
{
	json_int_t	 id = json_integer_value(json_object_get(v, "id"));

	if (id < 1 || (size_t)id > c->sent ||
	    c->asks[id].client != cl->number) {
		chaos_wrong(c, "client %u: id %lld was not asked",
		    cl->number, (long long)id);
		return NULL;
	}
	return &c->asks[id];
}

static void
client_data(struct chaos *c, struct chaos_client *cl, const json_t *v)
{
	const struct ask	*a = ask_of(c, cl, v);

	c->events++;
	if (a != NULL && a->state != ASK_UNDER_WAY &&
	    a->state != ASK_FOLLOWS)
		chaos_wrong(c, "%s: data after the answer", a->command);
}

static void
client_answer(struct chaos *c, struct chaos_client *cl, const json_t *v)
{
	struct ask	*a = ask_of(c, cl, v);
	bool		 is_ok = json_is_true(json_object_get(v, "ok"));
	const char	*code = json_string_value(json_object_get(v, "code"));

	if (a == NULL)
		return;
	if (is_ok == (code != NULL))
		chaos_wrong(c, "%s: ok and code do not fit", a->command);
	tally_add(a->command, is_ok ? "ok" : code != NULL ? code : "none");
	if (getenv("CHAOS_VERBOSE") != NULL && !is_ok)
		(void)printf("%s: %s: %s\n", a->command, code,
		    json_string_value(json_object_get(v, "error")));
	if (a->state == ASK_FOLLOWS && !is_ok) {
		a->state = ASK_ANSWERED;
		return;
	}
	if (a->state != ASK_UNDER_WAY) {
		chaos_wrong(c, "%s: answered twice", a->command);
		return;
	}
	a->state = ASK_ANSWERED;
	c->answered++;
	cl->under_way--;
}

static void
client_line(struct chaos *c, struct chaos_client *cl, const char *line,
    size_t len)
{
	json_error_t	 e;
	json_t		*v = json_loadb(line, len, 0, &e);

	if (v == NULL)
		chaos_wrong(c, "not JSON (%s): %.*s", e.text, len < 200 ?
		    (int)len : 200, line);
	else if (json_object_get(v, "rota") != NULL) {
		if (json_object_get(v, "error") != NULL)
			chaos_wrong(c, "client %u is not let in: %s",
			    cl->number, json_string_value(json_object_get(v,
			    "error")));
	} else if (json_is_null(json_object_get(v, "id"))) {
		if (cl->garbage == 0)
			chaos_wrong(c, "client %u: an answer to nothing: "
			    "%.*s", cl->number, (int)len, line);
		else
			cl->garbage--;
	} else if (json_object_get(v, "data") != NULL) {
		client_data(c, cl, v);
	} else {
		client_answer(c, cl, v);
	}
	json_decref(v);
}

/* The supervisor has closed it: was that right?  Then it comes back. */
static void
client_closed(struct chaos *c, struct chaos_client *cl)
{
	if (!cl->may_be_closed && !cl->half_closed)
		chaos_wrong(c, "client %u: closed, %u under way", cl->number,
		    cl->under_way);
	if (cl->half_closed && cl->under_way > 0)
		chaos_wrong(c, "client %u: half closed, and %u were not "
		    "answered", cl->number, cl->under_way);
	client_leave(c, cl);
	client_connect(c, cl);
}

static void
client_read(struct chaos *c, struct chaos_client *cl)
{
	char	*p = buf_reserve(&cl->in, 65536), *nl;
	ssize_t	 n = p != NULL ? read(cl->fd, p, 65536) : -1;

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_closed(c, cl);
		return;
	}
	buf_commit(&cl->in, (size_t)n);
	while (buf_len(&cl->in) > 0 && (nl = memchr(buf_head(&cl->in), '\n',
	    buf_len(&cl->in))) != NULL) {
		n = nl - buf_head(&cl->in);
		client_line(c, cl, buf_head(&cl->in), (size_t)n);
		buf_consume(&cl->in, (size_t)n + 1);
	}
}

void
client_move(struct chaos *c, struct chaos_client *cl, int revents)
{
	ssize_t	 n;

	if ((revents & POLLOUT) != 0 && buf_len(&cl->out) > 0) {
		n = send(cl->fd, buf_head(&cl->out), buf_len(&cl->out),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			buf_consume(&cl->out, (size_t)n);
		if (cl->half_closed && buf_len(&cl->out) == 0)
			(void)shutdown(cl->fd, SHUT_WR);
	}
	if ((revents & (POLLIN | POLLHUP | POLLERR)) != 0)
		client_read(c, cl);
}
