#include "config.h"
#include "supervise/acks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "config/listen.h"
#include "os/listener.h"
#include "supervise/common.h"
#include "supervise/worker.h"

#define LINE_MAX_LEN	1024
#define CLIENTS_MAX	64
#define PATIENCE_S	5.
#define BACKLOG		64

struct ack_client {
	struct list	 node;
	struct acks	*acks;
	int		 fd;
	ev_io		 io;
	ev_timer	 patience;
	size_t		 len;
	char		 line[LINE_MAX_LEN];
};

static void	acks_readable(struct ev_loop *, ev_io *, int);

void
acks_init(struct acks *a, struct common *common)
{
	a->common = common;
	a->fd = -1;
	list_init(&a->clients);
}

static void
client_free(struct ack_client *c)
{
	ev_io_stop(c->acks->common->loop, &c->io);
	ev_timer_stop(c->acks->common->loop, &c->patience);
	fd_close(&c->fd);
	list_remove(&c->node);
	c->acks->count--;
	free(c);
}

void
acks_fini(struct acks *a)
{
	struct list	*n, *tmp;

	LIST_FOREACH(n, tmp, &a->clients)
		client_free(LIST_ENTRY(n, struct ack_client, node));
	if (a->fd == -1)
		return;
	ev_io_stop(a->common->loop, &a->io);
	listener_close(&a->fd);
}

/*
 * Workers may have given up their rights before they acknowledge, for which
 * user is not known here, so that the mode lets everybody connect: who it is
 * counts, and the kernel tells.  By the very file, so that no other one
 * is opened to all.
 */
static int
acks_let_in(const struct acks *a, struct err *e)
{
	AUTO_FD		 fd = open(a->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat	 st;
	char		 proc[64];

	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (fd == -1 || fstat(fd, &st) == -1)
		return err_set(e, errno, "%s", a->path);
	if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
		return err_set(e, 0, "%s: is not ours", a->path);
	return chmod(proc, 0666) == -1 ? err_set(e, errno, "%s: mode",
	    a->path) : 0;
}

int
acks_path(struct acks *a, const char **ret, struct err *e)
{
	char			 text[ACKS_PATH_SIZE + 8];
	struct conf_listen	 l;

	*ret = NULL;
	if (a->path[0] == '\0')
		return 0;
	if (a->fd == -1) {
		(void)snprintf(text, sizeof(text), "unix:%s", a->path);
		if (listen_parse(&l, text, "/", e) == -1)
			return -1;
		a->fd = listener_open(&l, BACKLOG, false, e);
		listen_fini(&l);
		if (a->fd == -1)
			return err_wrap(e, "EINHORN_SOCK_PATH");
		if (acks_let_in(a, e) == -1) {
			listener_close(&a->fd);
			return err_wrap(e, "EINHORN_SOCK_PATH");
		}
		ev_io_init(&a->io, acks_readable, a->fd, EV_READ);
		a->io.data = a;
		ev_io_start(a->common->loop, &a->io);
	}
	*ret = a->path;
	return 0;
}

/* The worker whose process, or a process of whose session, is there. */
static struct worker *
acks_worker(struct acks *a, int fd)
{
	struct ucred	 u = { .pid = 0 };
	socklen_t	 len = sizeof(u);
	unsigned int	 more;
	struct worker	*w;

	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &len);
	w = worker_find(a->common->reaper, u.pid);
	if (w == NULL && limit_pass(&a->limit, clock_ms(), &more))
		log_debug("%s: process %ld is no worker's, nobody listens to "
		    "it", a->path, (long)u.pid);
	return w;
}

static void
client_said(struct ack_client *c, size_t len)
{
	struct worker	*w = acks_worker(c->acks, c->fd);

	if (w != NULL)
		worker_heard(w, c->line, len);
}

static void
client_read(struct ack_client *c)
{
	const char	*end;
	ssize_t		 n;

	n = recv(c->fd, c->line + c->len, sizeof(c->line) - c->len,
	    MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		c->len += (size_t)n;
		end = memchr(c->line, '\n', c->len);
		if (end != NULL)
			client_said(c, (size_t)(end - c->line));
		else if (c->len < sizeof(c->line))
			return;
	}
	client_free(c);
}

static void
client_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	client_read(io->data);
}

static void
client_late(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	client_free(t->data);
}

/* Takes the descriptor. */
static void
client_new(struct acks *a, int fd)
{
	struct ack_client	*c = calloc(1, sizeof(*c));

	if (c == NULL || a->count >= CLIENTS_MAX) {
		free(c);
		fd_close(&fd);
		return;
	}
	c->acks = a;
	c->fd = fd;
	list_append(&a->clients, &c->node);
	a->count++;
	ev_io_init(&c->io, client_readable, fd, EV_READ);
	ev_timer_init(&c->patience, client_late, PATIENCE_S, 0.);
	c->io.data = c->patience.data = c;
	ev_io_start(a->common->loop, &c->io);
	ev_timer_start(a->common->loop, &c->patience);
	client_read(c);
}

static void
acks_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct acks	*a = io->data;
	int		 fd = listener_accept(a->fd);

	(void)loop;
	(void)revents;
	if (fd == -1)
		return;
	if (acks_worker(a, fd) != NULL)
		client_new(a, fd);
	else
		fd_close(&fd);		/* it takes nobody's place */
}
