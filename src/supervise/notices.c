#include "config.h"
#include "supervise/notices.h"

#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "ipc/sdnotify.h"
#include "supervise/common.h"
#include "supervise/worker.h"

/* So many in a row, then others have their turn. */
#define NOTICES_AT_ONCE 32
/* No more can wait in the socket, as systems are set up. */
#define NOTICES_WAITING 1024

static void	notices_readable(struct ev_loop *, ev_io *, int);

void
notices_init(struct notices *n, struct common *common)
{
	n->common = common;
	n->fd = -1;
}

void
notices_fini(struct notices *n)
{
	if (n->fd != -1)
		ev_io_stop(n->common->loop, &n->io);
	fd_close(&n->fd);
}

const char *
notices_address(struct notices *n, struct err *e)
{
	if (n->fd == -1) {
		n->fd = datagram_open(n->address, e);
		if (n->fd == -1)
			return NULL;
		ev_io_init(&n->io, notices_readable, n->fd, EV_READ);
		n->io.data = n;
		ev_io_start(n->common->loop, &n->io);
	}
	return n->address;
}

/* Whoever it is may go on: it costs us a line now and then. */
static void
notices_refuse(struct notices *n, pid_t pid)
{
	unsigned int	 more;

	if (!limit_pass(&n->strangers, clock_ms(), &more))
		return;
	log_debug("notify socket: a message of process %ld, which is no "
	    "worker's, is dropped (%u before it)", (long)pid, more);
}

static void
notices_read(struct notices *n, int at_most)
{
	static char	 data[SDNOTIFY_MAX];
	struct datagram	 d = { .data = data, .size = sizeof(data) };
	struct sdnotify	 said;
	struct worker	*w;
	int		 i;

	for (i = 0; i < at_most && datagram_receive(n->fd, &d) == 1;
	    i++) {
		w = worker_find(n->common->reaper, d.pid);
		if (w == NULL) {
			notices_refuse(n, d.pid);
			continue;
		}
		sdnotify_parse(data, d.len, &said);
		worker_notified(w, &said, d.fd_count);
	}
}

static void
notices_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	notices_read(io->data, NOTICES_AT_ONCE);
}

void
notices_drain(struct notices *n)
{
	if (n->fd != -1)
		notices_read(n, NOTICES_WAITING);
}
