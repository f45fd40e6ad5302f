#include "config.h"
#include "supervise/ready.h"

#include "config/conf.h"
#include "supervise/generation.h"
#include "supervise/worker.h"

static void
delay_over(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	ready_found(t->data);
}

static void
delay_begin(struct ready *r)
{
	ready_after(r, r->worker->gen->conf->ready.delay_ms, delay_over);
}

/* It has been up for a while. */
const struct ready_kind ready_by_delay = { .begin = delay_begin };
