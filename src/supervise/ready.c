#include "config.h"
#include "supervise/ready.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/fd.h"
#include "config/conf.h"
#include "os/loop.h"
#include "supervise/common.h"
#include "supervise/worker.h"

/* Those that are said elsewhere have no function. */
static const struct ready_kind ready_message = { .begin = NULL };
static const struct ready_kind ready_notify = {
	.missing = "it has not sent READY=1 to NOTIFY_SOCKET (a program that "
	    "does not needs 'ready: {when: delay}')",
};

static const struct ready_kind ready_listening = {
	.missing = "it does not listen (the command has to be the program "
	    "itself, as in 'node server.js'; one that does not listen needs "
	    "'ready: {when: delay}')",
};

static const struct ready_kind *const kinds[CONF_READY__COUNT] = {
	[CONF_READY_MESSAGE] = &ready_message,
	[CONF_READY_DELAY] = &ready_by_delay,
	[CONF_READY_NOTIFY] = &ready_notify,
	[CONF_READY_FD] = &ready_by_fd,
	[CONF_READY_EXEC] = &ready_by_exec,
	[CONF_READY_HTTP] = &ready_by_http,
	[CONF_READY_LISTENING] = &ready_listening,
};

static struct ev_loop *
ready_loop(const struct ready *r)
{
	return r->worker->job.common->loop;
}

void
ready_init(struct ready *r, struct worker *w)
{
	r->worker = w;
	r->fd = -1;
	ev_timer_init(&r->timer, NULL, 0., 0.);
	r->timer.data = r->io.data = r;
}

int
ready_prepare(struct ready *r, enum conf_ready when, struct err *e)
{
	r->kind = kinds[when];
	if (!r->kind->has_probe)
		return 0;
	r->probe = calloc(1, sizeof(*r->probe));
	return r->probe != NULL ? 0 : err_set(e, ENOMEM, "ready");
}

void
ready_fini(struct ready *r)
{
	ready_end(r);
	free(r->probe);
}

void
ready_begin(struct ready *r, int fd)
{
	r->fd = fd;
	r->busy = true;
	if (r->kind->begin != NULL)
		r->kind->begin(r);
}

void
ready_end(struct ready *r)
{
	if (!r->busy)
		return;
	r->busy = false;
	ev_timer_stop(ready_loop(r), &r->timer);
	if (r->kind->end != NULL)
		r->kind->end(r);
	ready_close(r);
}

void
ready_found(struct ready *r)
{
	ready_end(r);
	worker_is_up(r->worker);
}

void
ready_after(struct ready *r, uint64_t ms,
    void (*cb)(struct ev_loop *, ev_timer *, int))
{
	ev_timer_stop(ready_loop(r), &r->timer);
	ev_timer_init(&r->timer, cb, loop_seconds(ms), 0.);
	ev_now_update(ready_loop(r));
	ev_timer_start(ready_loop(r), &r->timer);
}

void
ready_watch(struct ready *r, int events,
    void (*cb)(struct ev_loop *, ev_io *, int))
{
	if (ev_is_active(&r->io))
		ev_io_stop(ready_loop(r), &r->io);
	ev_io_init(&r->io, cb, r->fd, events);
	ev_io_start(ready_loop(r), &r->io);
}

void
ready_close(struct ready *r)
{
	if (ev_is_active(&r->io))
		ev_io_stop(ready_loop(r), &r->io);
	fd_close(&r->fd);
}
