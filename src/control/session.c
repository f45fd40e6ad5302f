#include "config.h"
#include "control/session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "control/request.h"
#include "control/server.h"
#include "os/loop.h"

/* Small, so that a client which sends nothing but errors costs little. */
#define READ_SIZE	8192

static const struct control_limits *
limits_of(const struct session *s)
{
	return s->env->limits;
}

static void
session_log(struct session *s, const char *what)
{
	unsigned int	 held;

	if (limit_pass(&s->env->log_limit, clock_ms(), &held))
		log_warn("control: client pid %ld (user %u) %s",
		    (long)s->pid, (unsigned int)s->uid, what);
}

static enum session_wait
wait_of(const struct session *s)
{
	if (s->is_dead)
		return SESSION_WAIT_END;
	if (buf_len(&s->out) > 0)
		return SESSION_WAIT_STALL;
	if (s->request_count == 0)
		return SESSION_WAIT_IDLE;
	return s->is_half ? SESSION_WAIT_PROBE : SESSION_WAIT_NONE;
}

static uint64_t
wait_ms(const struct session *s, enum session_wait w)
{
	switch (w) {
	case SESSION_WAIT_IDLE:
		return limits_of(s)->idle_ms;
	case SESSION_WAIT_STALL:
		return limits_of(s)->stall_ms;
	case SESSION_WAIT_PROBE:
		return limits_of(s)->probe_ms;
	case SESSION_WAIT_NONE:
	case SESSION_WAIT_END:
	default:
		return 0;
	}
}

/* The timer for what is waited for now; anew: what ran starts again. */
static void
session_arm(struct session *s, bool anew)
{
	enum session_wait	 w = wait_of(s);

	if (w == s->wait && !anew)
		return;
	s->wait = w;
	ev_timer_stop(s->env->loop, &s->timer);
	if (w == SESSION_WAIT_NONE)
		return;
	ev_now_update(s->env->loop);	/* a handler may have taken long */
	ev_timer_set(&s->timer, loop_seconds(wait_ms(s, w)), 0.);
	ev_timer_start(s->env->loop, &s->timer);
}

/* Reading stops while so much waits that answers could not be queued. */
static void
session_watch(struct session *s)
{
	size_t	 waiting = buf_len(&s->out);

	if (!s->is_dead && !s->is_half && !s->is_closing &&
	    waiting <= limits_of(s)->data_bytes)
		ev_io_start(s->env->loop, &s->in_io);
	else
		ev_io_stop(s->env->loop, &s->in_io);
	if (!s->is_dead && waiting > 0)
		ev_io_start(s->env->loop, &s->out_io);
	else
		ev_io_stop(s->env->loop, &s->out_io);
}

/*
 * Everything that depends on the state.  A session only ever dies here,
 * and is freed by its timer: whoever sends to it need not expect that.
 */
static void
session_update(struct session *s, bool anew)
{
	if (buf_len(&s->out) == 0 &&
	    (s->is_closing || (s->is_half && s->request_count == 0)))
		s->is_dead = true;
	session_watch(s);
	session_arm(s, anew);
}

static void
session_kill(struct session *s)
{
	s->is_dead = true;
	session_update(s, false);
}

void
session_changed(struct session *s)
{
	session_update(s, s->request_count == 0 && buf_len(&s->out) == 0);
}

void
session_flush(struct session *s)
{
	ssize_t	 n;

	if (s->is_dead || buf_len(&s->out) == 0)
		return;
	n = send(s->fd, buf_head(&s->out), buf_len(&s->out),
	    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == -1 && errno != EAGAIN && errno != EINTR &&
	    errno != ENOBUFS && errno != ENOMEM) {
		session_kill(s);
		return;
	}
	if (n > 0) {
		buf_consume(&s->out, (size_t)n);
		buf_trim(&s->out);
	}
	session_update(s, n > 0);
}

/* The text of a line with its newline at text[len - 1], or NULL. */
static char *
line_of(json_t *v, size_t *ret_len)
{
	char	*text = v != NULL ? json_dumps(v, JSON_COMPACT) : NULL;

	json_decref(v);
	if (text == NULL)
		return NULL;
	*ret_len = strlen(text) + 1;
	text[*ret_len - 1] = '\n';
	return text;
}

int
session_send(struct session *s, json_t *v, enum session_line kind)
{
	size_t	 waiting = buf_len(&s->out), len = 0;
	char	*text;
	int	 result = -1;

	if (s->is_dead ||
	    (kind == SESSION_DATA && waiting > limits_of(s)->data_bytes)) {
		json_decref(v);
		return -1;
	}
	text = line_of(v, &len);
	if (text != NULL && len > (kind == SESSION_DATA ?
	    limits_of(s)->line_bytes + 1 : limits_of(s)->out_bytes)) {
		free(text);
		return -1;
	}
	if (text != NULL)
		result = buf_append(&s->out, text, len);
	free(text);
	if (result == 0 && waiting == 0) {
		session_flush(s);
	} else if (result == -1 && kind == SESSION_ANSWER) {
		session_log(s, "has too many answers waiting: dropped");
		session_kill(s);
	}
	return result;
}

static void
session_too_long(struct session *s)
{
	s->is_closing = true;
	buf_free(&s->in);
	request_reject(s, "bad-request", NULL, "a line is too long");
}

/* Keep a part of a line; false: no more can be kept. */
static bool
session_keep(struct session *s, const char *p, size_t n)
{
	if (buf_len(&s->in) + n > limits_of(s)->line_bytes) {
		session_too_long(s);
		return false;
	}
	if (buf_append(&s->in, p, n) == 0)
		return true;
	session_log(s, "dropped: out of memory");
	session_kill(s);
	return false;
}

static void
session_line(struct session *s, const char *p, size_t n)
{
	if (buf_len(&s->in) == 0 && n <= limits_of(s)->line_bytes) {
		request_take(s, p, n);
		return;
	}
	if (!session_keep(s, p, n))
		return;
	request_take(s, buf_head(&s->in), buf_len(&s->in));
	buf_free(&s->in);
}

static void
session_input(struct session *s, const char *p, size_t n)
{
	const char	*nl;

	while (!s->is_dead && !s->is_closing && n > 0 &&
	    (nl = memchr(p, '\n', n)) != NULL) {
		session_line(s, p, (size_t)(nl - p));
		n -= (size_t)(nl - p) + 1;
		p = nl + 1;
	}
	if (!s->is_dead && !s->is_closing && n > 0)
		(void)session_keep(s, p, n);
}

/* Gone for good, and not only done with sending. */
static bool
session_is_left(const struct session *s)
{
	struct pollfd	 pfd = { .fd = s->fd };

	return poll(&pfd, 1, 0) == 1 && (pfd.revents & (POLLHUP | POLLERR));
}

/* A client may say all it has to say, and wait for the answers. */
static void
session_eof(struct session *s)
{
	if (session_is_left(s)) {
		session_kill(s);
		return;
	}
	s->is_half = true;
	if (buf_len(&s->in) > 0)
		request_reject(s, "bad-request", NULL,
		    "the last line does not end with a newline");
	buf_free(&s->in);
}

/* One read a turn, so that a talkative client cannot keep the loop. */
static void
session_readable(struct ev_loop *loop, ev_io *w, int revents)
{
	static char	 data[READ_SIZE];	/* used up before we return */
	struct session	*s = w->data;
	ssize_t		 n;

	(void)loop;
	(void)revents;
	n = recv(s->fd, data, sizeof(data), MSG_DONTWAIT);
	if (n > 0)
		session_input(s, data, (size_t)n);
	else if (n == 0)
		session_eof(s);
	else if (errno != EAGAIN && errno != EINTR)
		session_kill(s);
	session_update(s, false);
}

static void
session_writable(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	session_flush(w->data);
}

static void
session_due(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct session	*s = w->data;

	(void)loop;
	(void)revents;
	switch (s->wait) {
	case SESSION_WAIT_END:
		session_free(s);
		return;
	case SESSION_WAIT_PROBE:
		if (session_is_left(s))
			break;
		session_arm(s, true);
		return;
	case SESSION_WAIT_STALL:
		session_log(s, "does not read: dropped");
		break;
	case SESSION_WAIT_IDLE:
	case SESSION_WAIT_NONE:
	default:
		break;
	}
	session_kill(s);
}

static json_t *
session_greeting(void)
{
	return json_pack("{s:s, s:i, s:i, s:s}", "rota", "control",
	    "version", CONTROL_VERSION, "pid", (int)getpid(),
	    "release", PACKAGE_VERSION);
}

int
session_new(struct session_env *env, int fd, uid_t uid, pid_t pid)
{
	struct session	*s = calloc(1, sizeof(*s));

	if (s == NULL) {
		fd_close(&fd);
		return -1;
	}
	s->env = env;
	s->fd = fd;
	s->uid = uid;
	s->pid = pid;
	buf_init(&s->in, env->limits->line_bytes);
	buf_init(&s->out, env->limits->out_bytes);
	list_init(&s->requests);
	list_append(&env->sessions, &s->node);
	env->count++;
	ev_io_init(&s->in_io, session_readable, fd, EV_READ);
	ev_io_init(&s->out_io, session_writable, fd, EV_WRITE);
	ev_timer_init(&s->timer, session_due, 0., 0.);
	s->in_io.data = s->out_io.data = s->timer.data = s;
	(void)session_send(s, session_greeting(), SESSION_ANSWER);
	session_update(s, true);
	return 0;
}

void
session_free(struct session *s)
{
	s->is_dead = true;
	session_update(s, false);
	ev_timer_stop(s->env->loop, &s->timer);
	request_leave_all(s);
	list_remove(&s->node);
	s->env->count--;
	fd_close(&s->fd);
	buf_free(&s->in);
	buf_free(&s->out);
	free(s);
}
