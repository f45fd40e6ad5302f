#include "config.h"
#include "supervise/ready.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "supervise/common.h"
#include "supervise/worker.h"

/* It has closed the descriptor without a newline: it never will be ready. */
static void
fd_closed(struct ready *r)
{
	worker_post(r->worker, LOG_WARN, EV_TROUBLE, "has closed the "
	    "descriptor on which it is to say by a newline that it is ready");
	ready_close(r);
}

static void
fd_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct ready	*r = io->data;
	char		 text[256];
	ssize_t		 n = read(r->fd, text, sizeof(text));

	(void)loop;
	(void)revents;
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		fd_closed(r);
	else if (memchr(text, '\n', (size_t)n) != NULL)
		ready_found(r);
}

static void
fd_begin(struct ready *r)
{
	(void)fd_set_nonblock(r->fd, true);
	ready_watch(r, EV_READ, fd_readable);
}

/* A newline on a pipe, as s6 and dinit have it. */
const struct ready_kind ready_by_fd = {
	.begin = fd_begin,
	.missing = "it has not written a newline to its descriptor "
	    "{ready_fd} (ROTA_READY_FD)",
};
