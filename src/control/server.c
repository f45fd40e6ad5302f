#include "config.h"
#include "control/server.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "control/session.h"
#include "control/socket.h"
#include "os/loop.h"

const struct control_limits	control_limits = {
	.clients = 64,
	.requests = 16,
	.line_bytes = (1u << 20) + 4096,
	.held_bytes = 8u << 20,
	.data_bytes = 1u << 20,
	.out_bytes = 16u << 20,
	.idle_ms = 60000,
	.stall_ms = 30000,
	.probe_ms = 5000,
	.pause_ms = 1000,
};

struct control_server {
	struct session_env	 env;
	struct control_socket	 socket;
	struct control_access	 access;
	ev_io			 accept_io;
	ev_timer		 pause;
};

/* The client has these among its groups, and we need not look them up. */
static bool
has_group(int fd, gid_t first, gid_t wanted)
{
	gid_t		 few[64], *groups = few;
	socklen_t	 len = sizeof(few);
	size_t		 i;
	bool		 found = first == wanted;
	int		 n;

	n = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len);
	if (n == -1 && errno == ERANGE) {
		groups = malloc(len);
		n = groups != NULL ? getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS,
		    groups, &len) : -1;
	}
	for (i = 0; n == 0 && !found && i < len / sizeof(*groups); i++)
		found = groups[i] == wanted;
	if (groups != few)
		free(groups);
	return found;
}

/* The mode of the file says the same; here nobody can change it. */
static bool
is_allowed(const struct control_server *cs, int fd, const struct ucred *peer)
{
	if (peer->uid == 0 || peer->uid == geteuid())
		return true;
	if (cs->access.has_uid && peer->uid == cs->access.uid)
		return true;
	return (cs->access.mode & 0060) == 0060 &&
	    has_group(fd, peer->gid, cs->socket.gid);
}

/* A line instead of the greeting, if there is room for it, and the end. */
static void
refuse(int fd, const char *why)
{
	json_t	*v = json_pack("{s:s, s:i, s:s}", "rota", "control",
		    "version", CONTROL_VERSION, "error", why);
	char	*text = v != NULL ? json_dumps(v, JSON_COMPACT) : NULL;
	size_t	 len;

	json_decref(v);
	if (text != NULL) {
		len = strlen(text);
		text[len] = '\n';
		(void)send(fd, text, len + 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	free(text);
	fd_close(&fd);
}

static void
server_refuse(struct control_server *cs, int fd, const struct ucred *peer,
    const char *why)
{
	unsigned int	 held;

	refuse(fd, why);
	if (limit_pass(&cs->env.log_limit, clock_ms(), &held))
		log_warn("control: client pid %ld (user %u) refused: %s",
		    (long)peer->pid, (unsigned int)peer->uid, why);
}

/* Takes the descriptor of a client. */
static void
server_welcome(struct control_server *cs, int fd)
{
	struct ucred	 peer = { .uid = (uid_t)-1, .gid = (gid_t)-1 };
	socklen_t	 len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1 ||
	    !is_allowed(cs, fd, &peer))
		server_refuse(cs, fd, &peer, "not permitted");
	else if (cs->env.count >= cs->env.limits->clients)
		server_refuse(cs, fd, &peer, "too many clients");
	else if (session_new(&cs->env, fd, peer.uid, peer.pid) == -1)
		log_warn("control: client dropped: out of memory");
}

/* Without this a client that cannot be accepted would keep us busy. */
static void
server_pause(struct control_server *cs, int code)
{
	unsigned int	 held;

	ev_io_stop(cs->env.loop, &cs->accept_io);
	ev_timer_set(&cs->pause, loop_seconds(cs->env.limits->pause_ms), 0.);
	ev_timer_start(cs->env.loop, &cs->pause);
	if (limit_pass(&cs->env.log_limit, clock_ms(), &held))
		log_warn("control: no new clients for a moment: %s",
		    strerror(code));
}

static void
server_resume(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct control_server	*cs = w->data;

	(void)revents;
	ev_io_start(loop, &cs->accept_io);
}

static void
server_acceptable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct control_server	*cs = w->data;
	int			 fd;

	(void)loop;
	(void)revents;
	fd = accept4(cs->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd != -1)
		server_welcome(cs, fd);
	else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		server_pause(cs, errno);
}

void
control_server_listen(struct control_server *cs, struct control_socket *taken,
    const struct control_access *access)
{
	control_server_close(cs);
	cs->access = *access;
	cs->socket = *taken;
	taken->fd = -1;
	ev_io_init(&cs->accept_io, server_acceptable, cs->socket.fd, EV_READ);
	cs->accept_io.data = cs;
	ev_io_start(cs->env.loop, &cs->accept_io);
}

struct control_server *
control_server_new(struct ev_loop *loop, struct control_socket *taken,
    const struct control_access *access, const struct control_ops *ops,
    void *arg, struct err *e)
{
	struct control_server	*cs = calloc(1, sizeof(*cs));

	if (cs == NULL) {
		err_set(e, ENOMEM, "control socket");
		control_socket_close(taken);
		return NULL;
	}
	cs->env.loop = loop;
	cs->env.limits = &control_limits;
	cs->env.ops = ops;
	cs->env.arg = arg;
	list_init(&cs->env.sessions);
	ev_timer_init(&cs->pause, server_resume, 0., 0.);
	cs->pause.data = cs;
	ev_io_init(&cs->accept_io, server_acceptable, -1, EV_READ);
	cs->socket.fd = -1;
	control_server_listen(cs, taken, access);
	return cs;
}

void
control_server_set_limits(struct control_server *cs,
    const struct control_limits *limits)
{
	cs->env.limits = limits;
}

size_t
control_server_clients(const struct control_server *cs)
{
	return cs->env.count;
}

void
control_server_close(struct control_server *cs)
{
	ev_io_stop(cs->env.loop, &cs->accept_io);
	ev_timer_stop(cs->env.loop, &cs->pause);
	control_socket_close(&cs->socket);
}

/* Wait for one who has something to take, at most so long. */
static void
flush_once(struct control_server *cs, struct pollfd *pfds, uint64_t ms)
{
	struct list	*l, *next;
	struct session	*s;
	nfds_t		 n = 0;

	LIST_FOREACH(l, next, &cs->env.sessions) {
		s = LIST_ENTRY(l, struct session, node);
		if (s->is_dead || buf_len(&s->out) == 0)
			continue;
		pfds[n].fd = s->fd;
		pfds[n++].events = POLLOUT;
	}
	if (n == 0 || poll(pfds, n, ms < 1000 ? (int)ms : 1000) <= 0)
		return;
	LIST_FOREACH(l, next, &cs->env.sessions)
		session_flush(LIST_ENTRY(l, struct session, node));
}

static bool
has_output(const struct control_server *cs)
{
	struct list	*l, *next;
	struct session	*s;

	LIST_FOREACH(l, next, &cs->env.sessions) {
		s = LIST_ENTRY(l, struct session, node);
		if (!s->is_dead && buf_len(&s->out) > 0)
			return true;
	}
	return false;
}

static void
server_flush(struct control_server *cs, uint64_t ms)
{
	uint64_t	 now = clock_ms(), end = now + ms;
	struct pollfd	*pfds = calloc(cs->env.count + 1, sizeof(*pfds));

	while (pfds != NULL && has_output(cs) && (now = clock_ms()) < end)
		flush_once(cs, pfds, end - now);
	free(pfds);
}

void
control_server_free(struct control_server *cs, uint64_t flush_ms)
{
	if (cs == NULL)
		return;
	control_server_close(cs);
	server_flush(cs, flush_ms);
	while (!list_empty(&cs->env.sessions))
		session_free(LIST_ENTRY(cs->env.sessions.next, struct session,
		    node));
	free(cs);
}
