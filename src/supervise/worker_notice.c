#include "config.h"
#include "supervise/worker.h"

#include <string.h>

#include "config/conf.h"
#include "ipc/sdnotify.h"
#include "os/loop.h"
#include "supervise/common.h"
#include "supervise/generation.h"

/* What a worker says by sd_notify(3), and its heartbeat. */

static void
worker_heartbeat_over(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct worker	*w = t->data;

	(void)revents;
	ev_timer_stop(loop, t);
	w->job.ops->ailing(w->job.arg, w, "has missed its heartbeat");
}

void
worker_heartbeat_init(struct worker *w)
{
	ev_timer_init(&w->heartbeat, worker_heartbeat_over, 0., 0.);
	w->heartbeat.data = w;
}

void
worker_heartbeat(struct worker *w)
{
	uint64_t	 ms = w->gen->conf->heartbeat_ms;

	ev_timer_stop(w->job.common->loop, &w->heartbeat);
	if (ms == 0 || w->state != WS_READY)
		return;
	ev_now_update(w->job.common->loop);
	ev_timer_set(&w->heartbeat, loop_seconds(ms), 0.);
	ev_timer_start(w->job.common->loop, &w->heartbeat);
}

/* What it has no right to, or what we do not do: said once. */
static void
worker_notified_oddly(struct worker *w, const struct sdnotify *n, size_t fds)
{
	if ((n->has & SDNOTIFY_BAD) != 0)
		worker_complain(w, "bad notification", "a number that makes "
		    "no sense");
	if ((n->has & SDNOTIFY_FDSTORE) != 0 && !w->refused_fds) {
		w->refused_fds = true;
		worker_post(w, LOG_INFO, EV_TROUBLE, "wants %zu descriptors "
		    "to be stored (FDSTORE): that is not done, they are "
		    "closed", fds);
	}
}

static void
worker_notified_text(struct worker *w, const struct sdnotify *n)
{
	if ((n->has & SDNOTIFY_STATUS) != 0)
		worker_set_status(w, n->status);
	if ((n->has & SDNOTIFY_ERRNO) != 0 && n->error != 0)
		worker_post(w, LOG_WARN, EV_STATUS, "says that it has failed: "
		    "%s (ERRNO)", strerror(n->error));
	if ((n->has & SDNOTIFY_RELOADING) != 0)
		worker_post(w, LOG_DEBUG, EV_STATUS, "is reloading");
	if ((n->has & SDNOTIFY_STOPPING) != 0 && w->state == WS_READY)
		worker_post(w, LOG_INFO, EV_STATUS, "is about to end");
}

void
worker_notified(struct worker *w, const struct sdnotify *n, size_t fds)
{
	if ((n->has & SDNOTIFY_MAINPID) != 0)
		worker_follow(w, n->main_pid);
	worker_notified_oddly(w, n, fds);
	worker_notified_text(w, n);
	if ((n->has & SDNOTIFY_EXTEND) != 0)
		worker_extend(w, n->extend_ms);
	if ((n->has & SDNOTIFY_WATCHDOG) != 0)
		worker_heartbeat(w);
	if ((n->has & SDNOTIFY_READY) != 0 &&
	    w->gen->conf->ready.when == CONF_READY_NOTIFY)
		worker_is_up(w);
	if ((n->has & SDNOTIFY_TRIGGER) != 0 && w->state == WS_READY)
		w->job.ops->ailing(w->job.arg, w, "says that it is not well "
		    "(WATCHDOG=trigger)");
}
