#include "config.h"
#include "supervise/lookout.h"

#include "base/clock.h"
#include "config/conf.h"
#include "os/loop.h"
#include "supervise/pool.h"
#include "supervise/queue.h"
#include "supervise/seat.h"
#include "supervise/slot.h"
#include "supervise/worker.h"

static void	lookout_look(struct ev_loop *, ev_timer *, int);

void
lookout_init(struct lookout *l, struct pool *p)
{
	l->pool = p;
	ev_timer_init(&l->timer, lookout_look, 0., 0.);
	l->timer.data = l;
}

/* Its queue, if somebody is there to take from it, or NULL. */
static struct queue *
lookout_queue(const struct slot *s)
{
	return s->current != NULL && worker_is_ready(s->current) ? s->queue :
	    NULL;
}

/* To be called back, or (NULL) not any more, when something comes. */
static void
lookout_await(struct lookout *l, void (*stirred)(void *))
{
	struct pool	*p = l->pool;
	struct queue	*q;
	size_t		 i;

	p->dispatch.stirred = stirred;
	p->dispatch.stirred_arg = l;
	for (i = 0; i < p->slot_count; i++) {
		q = p->slots[i]->queue;
		if (q != NULL && q->seat != NULL)
			seat_await(q->seat, stirred, l);
	}
}

static void
lookout_look_in(struct lookout *l, uint64_t ms)
{
	struct ev_loop	*loop = l->pool->common->loop;

	ev_timer_stop(loop, &l->timer);
	ev_timer_set(&l->timer, loop_seconds(ms), 0.);
	ev_timer_start(loop, &l->timer);
}

static void
lookout_wake(void *arg)
{
	struct lookout	*l = arg;

	if (!l->sleeps)
		return;
	l->sleeps = false;
	lookout_await(l, NULL);
	lookout_look_in(l, hang_pause(l->pool->conf->hang_ms, 0));
}

static void
lookout_sleep(struct lookout *l)
{
	l->sleeps = true;
	lookout_await(l, lookout_wake);
}

/* Whether it takes turns. */
static void
lookout_doubt(struct slot *s, bool on)
{
	if (s->doubted == on)
		return;
	s->doubted = on;
	if (on)
		queue_down(s->queue, s->index);
	else
		queue_up(s->queue, s->index);
}

/* Returns whether something waits there; adds what it was given. */
static bool
lookout_look_at(struct lookout *l, struct slot *s, struct queue *q)
{
	uint64_t		 after_ms = l->pool->conf->hang_ms;
	struct hang_sight	 sight = {
		.now_ms = clock_ms(),
		.given = queue_given(q),
		.waiting = queue_waiting(q),
		.is_exact = queue_is_fed(q),
		.is_blind = !queue_counts(q),
	};

	l->given += sight.given;
	switch (hang_look(&s->hang, &sight, after_ms)) {
	case HANG_NONE:
		lookout_doubt(s, false);
		return false;
	case HANG_WAITS:
		lookout_doubt(s, false);
		break;
	case HANG_DOUBT:
		lookout_doubt(s, true);
		break;
	case HANG_HUNG:
		if (sight.is_blind && seat_gets(q->seat)) {
			s->hang = (struct hang){ 0 };
			lookout_doubt(s, false);
			break;		/* it may take as many as come */
		}
		slot_worker_hung(s, sight.waiting, after_ms);
		break;
	}
	return true;
}

static void
lookout_look(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct lookout	*l = t->data;
	struct pool	*p = l->pool;
	uint64_t	 given = l->given;
	unsigned int	 doubts = 0;
	bool		 waits = false;
	struct queue	*q;
	struct slot	*s;
	size_t		 i;

	(void)loop;
	(void)revents;
	l->given = 0;
	for (i = 0; i < p->slot_count; i++) {
		s = p->slots[i];
		q = lookout_queue(s);
		if (q != NULL)
			waits = lookout_look_at(l, s, q) || waits;
		if (s->doubted && (doubts == 0 || s->hang.doubts < doubts))
			doubts = s->hang.doubts;
	}
	if (waits || l->given != given)
		lookout_look_in(l, hang_pause(p->conf->hang_ms, doubts));
	else
		lookout_sleep(l);
}

void
lookout_stop(struct lookout *l)
{
	ev_timer_stop(l->pool->common->loop, &l->timer);
	lookout_await(l, NULL);
	l->sleeps = false;
}

void
lookout_update(struct lookout *l)
{
	struct pool	*p = l->pool;
	size_t		 i;

	lookout_stop(l);
	for (i = 0; i < p->slot_count; i++)
		if (lookout_queue(p->slots[i]) != NULL)
			lookout_slot_up(l, p->slots[i]);
}

void
lookout_slot_up(struct lookout *l, struct slot *s)
{
	s->hang = (struct hang){ 0 };
	lookout_doubt(s, false);
	if (l->pool->conf->hang_ms == 0 || s->queue == NULL)
		return;
	if (l->sleeps)
		lookout_wake(l);
	else if (!loop_timer_runs(&l->timer))
		lookout_look_in(l, hang_pause(l->pool->conf->hang_ms, 0));
}
