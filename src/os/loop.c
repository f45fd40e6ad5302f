#include "config.h"
#include "os/loop.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"

/* A date that does not come, and that libev can still count with. */
#define FAR_OFF 1e11

static void
far_off_cb(struct ev_loop *loop, ev_periodic *w, int revents)
{
	(void)loop;
	(void)w;
	(void)revents;
}

struct ev_loop *
loop_new(struct err *e)
{
	struct ev_loop	*loop;
	ev_periodic	*far_off;

	far_off = malloc(sizeof(*far_off));
	if (far_off == NULL) {
		err_set(e, ENOMEM, "event loop");
		return NULL;
	}
	loop = ev_loop_new(EVFLAG_NOENV | EVFLAG_NOINOTIFY | EVBACKEND_EPOLL);
	if (loop == NULL) {
		err_set(e, errno, "event loop");
		free(far_off);
		return NULL;
	}
	ev_periodic_init(far_off, far_off_cb, FAR_OFF, 0., NULL);
	ev_periodic_start(loop, far_off);
	ev_unref(loop);			/* it must not keep the loop alive */
	ev_set_userdata(loop, far_off);
	return loop;
}

void
loop_free(struct ev_loop *loop)
{
	ev_periodic	*far_off;

	if (loop == NULL)
		return;
	far_off = ev_userdata(loop);
	ev_ref(loop);
	ev_periodic_stop(loop, far_off);
	ev_loop_destroy(loop);
	free(far_off);
}
