#include "config.h"
#include "http/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "http/conn.h"
#include "http/faults.h"

#define CONNECTION_MAX	(1u << 24)	/* descriptors run out before */
#define MEMORY_MAX	8192		/* for the head of a request */

/* What is said, once as it is and once with "Connection: close". */
enum answer { ANSWER_PAGE, ANSWER_HEALTH, ANSWER__COUNT };

struct server {
	const struct options	*opt;
	const char		*identity;
	struct MHD_Daemon	*http;
	int			 fd, epoll;
	struct list		 fresh;		/* the first is the oldest */
	struct list		 conns;
	struct list		 waiting;	/* the first is due first */
	struct conn		*adopting;	/* it goes to libmicrohttpd */
	size_t			 conn_count;
	uint64_t		 now_ms;	/* at this turn of the loop */
	uint64_t		 sweep_ms;	/* next, while draining */
	bool			 draining;
	char			*value;
	struct MHD_Response	*answers[ANSWER__COUNT][2];
};

/* --- answers -------------------------------------------------------------- */

static struct MHD_Response *
answer_make(const struct server *s, const char *text, bool last)
{
	struct MHD_Response	*r;

	r = MHD_create_response_from_buffer_with_free_callback(strlen(text),
	    strdup(text), free);
	if (r == NULL)
		return NULL;
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE,
	    "text/plain");
	if (s->identity != NULL)
		(void)MHD_add_response_header(r, "X-Worker", s->identity);
	if (last)
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION,
		    "close");
	return r;
}

static void
answers_free(struct server *s)
{
	size_t	 i;

	for (i = 0; i < ANSWER__COUNT * 2; i++) {
		if (s->answers[i / 2][i % 2] != NULL)
			MHD_destroy_response(s->answers[i / 2][i % 2]);
		s->answers[i / 2][i % 2] = NULL;
	}
}

/* The answers of this moment; the old ones stay while they are in use. */
static void
answers_make(struct server *s)
{
	char	*page;
	int	 last;

	answers_free(s);
	if (asprintf(&page, "Handled by process %ld.\nCached value: %s\n",
	    (long)getpid(), s->value == NULL ? "none" : s->value) == -1)
		return;
	for (last = 0; last < 2; last++) {
		s->answers[ANSWER_PAGE][last] = answer_make(s, page, last);
		s->answers[ANSWER_HEALTH][last] = answer_make(s,
		    s->draining ? "draining\n" : "ok\n", last);
	}
	free(page);
}

static enum MHD_Result
answer_send(struct server *s, struct MHD_Connection *http, const char *url)
{
	struct MHD_Response	*r;
	unsigned int		 status = MHD_HTTP_OK;
	enum answer		 which = ANSWER_PAGE;

	if (strcmp(url, "/healthz") == 0) {
		which = ANSWER_HEALTH;
		if (s->draining)
			status = MHD_HTTP_SERVICE_UNAVAILABLE;
	}
	r = s->answers[which][s->draining];
	return r == NULL ? MHD_NO : MHD_queue_response(http, status, r);
}

/* --- requests ------------------------------------------------------------- */

static struct conn *
conn_of(struct MHD_Connection *http)
{
	const union MHD_ConnectionInfo	*info;

	info = MHD_get_connection_info(http,
	    MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info->socket_context;
}

/* Put the answer off; the handler is called again when it is due. */
static enum MHD_Result
request_delay(struct server *s, struct conn *c)
{
	c->delayed = true;
	c->due_ms = clock_ms() + s->opt->faults.delay_ms;
	list_append(&s->waiting, &c->waiting);
	MHD_suspend_connection(c->http);
	return MHD_YES;
}

/*
 * The first call comes with the head alone.  An answer at that point would
 * make libmicrohttpd close the connection.
 */
static enum MHD_Result
request_begin(struct MHD_Connection *http, void **arg)
{
	const union MHD_ConnectionInfo	*info;
	struct conn			*c = conn_of(http);

	*arg = c;
	c->busy = true;
	c->delayed = false;
	info = MHD_get_connection_info(http,
	    MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	if (info != NULL)
		c->used_bytes += info->header_size;
	return MHD_YES;
}

/* Part of a body: not looked at.  Chunks have more to them than we see. */
static enum MHD_Result
request_body(struct conn *c, size_t *size)
{
	if (MHD_lookup_connection_value(c->http, MHD_HEADER_KIND,
	    MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL)
		c->inexact = true;
	c->used_bytes += *size;
	*size = 0;
	return MHD_YES;
}

static enum MHD_Result
request_handle(void *cls, struct MHD_Connection *http, const char *url,
    const char *method, const char *version, const char *upload,
    size_t *upload_size, void **arg)
{
	struct server	*s = cls;
	struct conn	*c = *arg;

	(void)method;
	(void)version;
	(void)upload;
	if (c == NULL)
		return request_begin(http, arg);
	if (*upload_size > 0)
		return request_body(c, upload_size);
	if (s->opt->faults.delay_ms > 0 && !c->delayed)
		return request_delay(s, c);
	faults_at_request(&s->opt->faults, url);
	return answer_send(s, http, url);
}

static void
request_done(void *cls, struct MHD_Connection *http, void **arg,
    enum MHD_RequestTerminationCode how)
{
	struct server	*s = cls;
	struct conn	*c = *arg;

	(void)http;
	(void)how;
	*arg = NULL;
	if (c == NULL)
		return;
	c->busy = false;
	c->quiet_since_ms = s->now_ms;
}

/* --- connections ---------------------------------------------------------- */

static void
conn_free(struct server *s, struct conn *c)
{
	list_remove(&c->waiting);
	list_remove(&c->node);
	s->conn_count--;
	free(c);
}

static void
conn_notify(void *cls, struct MHD_Connection *http, void **context,
    enum MHD_ConnectionNotificationCode what)
{
	struct server	*s = cls;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		conn_free(s, *context);
		return;
	}
	*context = s->adopting;
	s->adopting->http = http;
	list_append(&s->conns, &s->adopting->node);
	s->adopting = NULL;
}

/*
 * A connection goes to libmicrohttpd when there is something to read: it
 * would try at once, in vain most often, and then have to wait for it too.
 */
void
server_readable(struct server *s, void *arg)
{
	struct sockaddr_in	 none = { .sin_family = AF_INET };
	struct conn		*c = arg;

	list_remove(&c->node);
	s->adopting = c;
	/* The address is of no use there; on failure it closes. */
	(void)MHD_add_connection(s->http, c->fd, (struct sockaddr *)&none,
	    sizeof(none));
	if (s->adopting != NULL)
		conn_free(s, c);
	s->adopting = NULL;
}

void
server_adopt(struct server *s, int fd, uint64_t now_ms)
{
	struct epoll_event	 ev = { .events = EPOLLIN | EPOLLONESHOT };
	struct conn		*c = calloc(1, sizeof(*c));

	if (c == NULL) {
		(void)close(fd);
		return;
	}
	c->fd = fd;
	c->quiet_since_ms = now_ms;
	list_init(&c->waiting);
	list_append(&s->fresh, &c->node);
	s->conn_count++;
	ev.data.ptr = c;
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) == -1)
		server_readable(s, c);
}

size_t
server_connections(const struct server *s)
{
	return s->conn_count;
}

/* --- the loop's side ------------------------------------------------------ */

/* Answers that were put off and are due now. */
static void
server_resume(struct server *s)
{
	struct list	*l, *tmp;
	struct conn	*c;

	LIST_FOREACH(l, tmp, &s->waiting) {
		c = LIST_ENTRY(l, struct conn, waiting);
		if (c->due_ms > s->now_ms)
			break;
		list_remove(l);
		MHD_resume_connection(c->http);
	}
}

static uint64_t
server_sweep_list(struct server *s, struct list *conns, uint64_t next)
{
	struct list	*l, *tmp;
	uint64_t	 look;

	LIST_FOREACH(l, tmp, conns) {
		look = conn_sweep(LIST_ENTRY(l, struct conn, node), s->now_ms);
		if (look < next)
			next = look;
	}
	return next;
}

static void
server_sweep(struct server *s)
{
	uint64_t	 next = s->now_ms + CONN_IDLE_MS;

	next = server_sweep_list(s, &s->fresh, next);
	s->sweep_ms = server_sweep_list(s, &s->conns, next);
}

/* When the oldest fresh connection has waited too long. */
static uint64_t
server_expiry_ms(const struct server *s)
{
	struct conn	*c;

	if (s->opt->idle_timeout_s == 0 || list_empty(&s->fresh))
		return UINT64_MAX;
	c = LIST_ENTRY(s->fresh.next, struct conn, node);
	return c->quiet_since_ms + s->opt->idle_timeout_s * 1000;
}

static void
server_expire(struct server *s)
{
	struct conn	*c;

	while (server_expiry_ms(s) <= s->now_ms) {
		c = LIST_ENTRY(s->fresh.next, struct conn, node);
		/* Its pointer is not to come out of the set any more. */
		(void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->fd, NULL);
		(void)shutdown(c->fd, SHUT_RDWR);
		server_readable(s, c);
	}
}

void
server_run(struct server *s, uint64_t now_ms)
{
	s->now_ms = now_ms;
	server_resume(s);
	server_expire(s);
	(void)MHD_run(s->http);
	if (s->draining && now_ms >= s->sweep_ms)
		server_sweep(s);
}

/* The sooner of what is known, -1 being never, and a time. */
static int64_t
timeout_min(int64_t known, uint64_t at_ms, uint64_t now_ms)
{
	int64_t	 left = at_ms > now_ms ? (int64_t)(at_ms - now_ms) : 0;

	return known == -1 || left < known ? left : known;
}

int64_t
server_timeout_ms(struct server *s, uint64_t now_ms)
{
	MHD_UNSIGNED_LONG_LONG	 http_ms;
	int64_t			 t = -1;

	if (MHD_get_timeout(s->http, &http_ms) == MHD_YES)
		t = (int64_t)http_ms;
	if (!list_empty(&s->waiting))
		t = timeout_min(t, LIST_ENTRY(s->waiting.next, struct conn,
		    waiting)->due_ms, now_ms);
	if (server_expiry_ms(s) != UINT64_MAX)
		t = timeout_min(t, server_expiry_ms(s), now_ms);
	if (s->draining && s->conn_count > 0)
		t = timeout_min(t, s->sweep_ms, now_ms);
	return t;
}

int
server_fd(const struct server *s)
{
	return s->fd;
}

void
server_set_value(struct server *s, char *value)
{
	free(s->value);
	s->value = value;
	answers_make(s);
}

void
server_drain(struct server *s)
{
	if (s->draining)
		return;
	s->draining = true;
	s->sweep_ms = 0;
	answers_make(s);
}

static int
server_start(struct server *s, struct err *e)
{
	const union MHD_DaemonInfo	*info;
	unsigned int			 flags = MHD_USE_EPOLL |
	    MHD_USE_NO_LISTEN_SOCKET | MHD_USE_TURBO;

	if (s->opt->faults.delay_ms > 0)
		flags |= MHD_ALLOW_SUSPEND_RESUME;
	s->http = MHD_start_daemon(flags, 0, NULL, NULL, request_handle, s,
	    MHD_OPTION_CONNECTION_LIMIT, CONNECTION_MAX,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned int)s->opt->idle_timeout_s,
	    MHD_OPTION_NOTIFY_COMPLETED, request_done, s,
	    MHD_OPTION_NOTIFY_CONNECTION, conn_notify, s, MHD_OPTION_END);
	if (s->http == NULL)
		return err_set(e, errno, "libmicrohttpd does not start: %s",
		    strerror(errno));
	info = MHD_get_daemon_info(s->http, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL)
		return err_set(e, 0, "libmicrohttpd has no epoll descriptor");
	s->fd = info->epoll_fd;
	return 0;
}

struct server *
server_new(const struct options *opt, const char *identity, int epoll,
    struct err *e)
{
	struct server	*s = calloc(1, sizeof(*s));

	if (s == NULL) {
		(void)err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	s->opt = opt;
	s->identity = identity;
	s->epoll = epoll;
	s->now_ms = clock_ms();
	list_init(&s->fresh);
	list_init(&s->conns);
	list_init(&s->waiting);
	answers_make(s);
	if (server_start(s, e) == -1) {
		server_free(s);
		return NULL;
	}
	return s;
}

void
server_free(struct server *s)
{
	if (s == NULL)
		return;
	if (s->http != NULL)
		MHD_stop_daemon(s->http);
	answers_free(s);
	free(s->value);
	free(s);
}
