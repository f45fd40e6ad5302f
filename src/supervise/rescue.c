#include "config.h"
#include "supervise/rescue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "os/conn.h"
#include "os/proc.h"
#include "os/spawn.h"
#include "supervise/common.h"
#include "supervise/dispatch.h"
#include "supervise/listeners.h"
#include "supervise/nodelink.h"
#include "supervise/nodequeue.h"
#include "supervise/worker.h"

#define LOOKS_A_TURN	64
#define FDS_KEPT	64	/* to start its successor, and for commands */
#define STILL_SECONDS	0.001	/* until it stands still, most likely */

static void	rescue_step(struct ev_loop *, ev_timer *, int);

void
rescue_init(struct rescue *r, struct worker *w)
{
	static const struct grab	 none = GRAB_NONE;

	r->worker = w;
	r->grab = none;
	ev_timer_init(&r->timer, rescue_step, 0., 0.);
	r->timer.data = r;
}

static void
rescue_later(struct rescue *r, double seconds)
{
	ev_timer_set(&r->timer, seconds, 0.);
	ev_timer_start(r->worker->job.common->loop, &r->timer);
}

void
rescue_begin(struct rescue *r)
{
	rescue_later(r, 0.);
}

void
rescue_end(struct rescue *r)
{
	ev_timer_stop(r->worker->job.common->loop, &r->timer);
	grab_end(&r->grab);
	free(r->inodes);
	r->inodes = NULL;
	r->count = r->size = 0;
}

/* It may have several descriptors of one; false: out of memory. */
static bool
rescue_note(struct rescue *r, uint64_t inode)
{
	size_t		 size = r->size > 0 ? 2 * r->size : 16;
	uint64_t	*inodes;

	if (r->count == r->size) {
		inodes = realloc(r->inodes, size * sizeof(*inodes));
		if (inodes == NULL)
			return false;
		r->inodes = inodes;
		r->size = size;
	}
	r->inodes[r->count++] = inode;
	return true;
}

static bool
rescue_has(const struct rescue *r, uint64_t inode)
{
	size_t	 i;

	for (i = 0; i < r->count; i++)
		if (r->inodes[i] == inode)
			return true;
	return false;
}

/* The listener that it has come by, or NULL. */
static struct listener *
rescue_from(const struct rescue *r, int conn)
{
	const struct queue	*q = r->worker->queue;
	struct listener		*l, *best = NULL;
	bool			 is_exact;
	size_t			 i;

	for (i = 0; i < q->set->count; i++) {
		l = q->set->list[i];
		if (l->fd == -1 || queue_index(q, l) == -1 ||
		    !conn_is_of(conn, l->fd, &is_exact))
			continue;
		if (is_exact)
			return l;
		best = l;
	}
	return best;
}

/* What Node has not accepted yet is kept here, and goes back by itself. */
static void
rescue_look(struct rescue *r, int fd)
{
	struct worker	*w = r->worker;
	AUTO_FD		 conn = fd;
	uint64_t	 inode = conn_inode(conn);
	struct listener	*from;

	if (!conn_is_unread(conn) || rescue_has(r, inode) ||
	    (w->link != NULL && nodequeue_has(w->link, inode)))
		return;
	from = rescue_from(r, conn);
	if (from == NULL || !rescue_note(r, inode))
		return;
	(void)fd_set_nonblock(conn, true);	/* as they are handed over */
	queue_lose(w->queue, conn);
	dispatch_pass(w->queue->dispatch, from, fd_take(&conn));
}

/* What it has already said counts before it is looked at. */
static int
rescue_open(struct rescue *r, struct err *e)
{
	struct worker	*w = r->worker;

	r->is_begun = true;
	if (w->link != NULL)
		channel_drain(&w->channel);
	return grab_begin(&r->grab, w->pid, e);
}

static void
rescue_is_over(struct rescue *r, const struct err *e)
{
	struct worker		*w = r->worker;
	struct proc_stat	 st;

	/* Of who is dead already nothing can be had, and that is no news. */
	if (e->code != 0 && !w->job.common->told_grab &&
	    proc_stat(w->pid, &st) == 0 && !st.is_dead) {
		w->job.common->told_grab = true;
		worker_post(w, LOG_WARN, EV_TROUBLE, "what a hung worker has "
		    "accepted cannot be taken back, it is lost: %s", e->msg);
	}
	if (r->count > 0)
		worker_post(w, LOG_INFO, EV_HUNG, "%zu connections that it "
		    "had accepted and not read go to others", r->count);
	rescue_end(r);
	if (w->link != NULL)
		nodelink_close(w->link);
	worker_is_rescued(w);
}

/* Some more; true once there are no more. */
static bool
rescue_some(struct rescue *r, struct err *e)
{
	unsigned int	 budget = LOOKS_A_TURN;
	bool		 is_over = false;
	int		 fd;

	while (!is_over && budget > 0) {
		fd = grab_next(&r->grab, &budget, &is_over, e);
		if (fd == -1)
			continue;
		if ((size_t)fd + FDS_KEPT < spawn_fd_limit()) {
			rescue_look(r, fd);
			continue;
		}
		(void)close(fd);
		err_set(e, EMFILE, "the rest, since %s", strerror(EMFILE));
		return true;
	}
	return is_over;
}

static void
rescue_step(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct rescue	*r = t->data;
	struct worker	*w = r->worker;
	struct err	 e = { .code = 0 };

	(void)loop;
	(void)revents;
	if (!queue_is_fed(w->queue))
		rescue_is_over(r, &e);
	else if (!r->is_begun && !grab_is_still(w->pid))
		rescue_later(r, STILL_SECONDS);
	else if ((!r->is_begun && rescue_open(r, &e) == -1) ||
	    rescue_some(r, &e))
		rescue_is_over(r, &e);
	else
		rescue_later(r, 0.);
}
