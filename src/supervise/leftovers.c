#include "config.h"
#include "supervise/leftovers.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "os/loop.h"
#include "os/tree.h"
#include "supervise/common.h"
#include "supervise/slot.h"

/* A look that takes less is not worth waiting for. */
#define LOOK_CHEAP_NS	UINT64_C(500000)
#define LOOK_SHARE	10		/* of the time: one tenth */
#define LOOK_AT_ONCE	256		/* dead, by one look */
/* Again after as long as it has been, at first after this. */
#define AGAIN_NS	UINT64_C(5000000)
#define AGAIN_MAX_NS	UINT64_C(2000000000)

static void	leftovers_look(struct leftovers *);

struct dead {
	struct list	 node;
	pid_t		 leader;
	struct slot	*slot;		/* NULL: of a command */
	struct about	 about;		/* pool: as long as the slot */
	unsigned long long before_ticks; /* of a command: what was started
					   later is not its own */
	uint64_t	 died_ns;
	char		 pool[72], tag[16];
};

static void
leftovers_due(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	leftovers_look(t->data);
}

void
leftovers_init(struct leftovers *l, struct common *common)
{
	l->common = common;
	list_init(&l->dead);
	ev_timer_init(&l->look, leftovers_due, 0., 0.);
	l->look.data = l;
}

void
leftovers_fini(struct leftovers *l)
{
	struct list	*n, *tmp;

	ev_timer_stop(l->common->loop, &l->look);
	LIST_FOREACH(n, tmp, &l->dead) {
		list_remove(n);
		free(LIST_ENTRY(n, struct dead, node));
	}
}

/* What a live worker of the slot may have started is not the dead one's. */
static struct tree_dead
dead_look(const struct dead *d)
{
	struct tree_dead	 t = {
		.leader = d->leader,
		.pool = d->pool,
		.slot = d->tag,
		.not_after_ticks = d->slot != NULL ?
		    slot_oldest_start(d->slot) : d->before_ticks,
	};

	return t;
}

static void
dead_say(struct leftovers *l, const struct dead *d, size_t killed)
{
	if (killed > 0 && d->slot != NULL)
		journal_post(&l->common->journal, LOG_INFO, EV_TROUBLE,
		    &d->about, "killed %zu of its children that it had left "
		    "behind", killed);
}

/* Look for some of the dead; those for whom it is to be again go there. */
static void
leftovers_some(struct leftovers *l, struct list *again)
{
	static struct tree_dead	 dead[LOOK_AT_ONCE];
	static struct dead	*of[LOOK_AT_ONCE];
	size_t			 i, n = 0, unsure;
	uint64_t		 now = clock_ns();

	for (; n < LOOK_AT_ONCE && !list_empty(&l->dead); n++) {
		of[n] = LIST_ENTRY(l->dead.next, struct dead, node);
		list_remove(&of[n]->node);
		dead[n] = dead_look(of[n]);
	}
	unsure = tree_kill_left(l->common->reaper, dead, n);
	for (i = 0; i < n; i++) {
		dead_say(l, of[i], dead[i].killed);
		if (unsure > 0 && now - of[i]->died_ns < AGAIN_MAX_NS)
			list_append(again, &of[i]->node);
		else
			free(of[i]);
	}
}

/* Look at this time, if not earlier. */
static void
leftovers_wait(struct leftovers *l, uint64_t until_ns, uint64_t now)
{
	if (ev_is_active(&l->look) && l->look_ns <= until_ns)
		return;
	l->look_ns = until_ns;
	ev_timer_stop(l->common->loop, &l->look);
	ev_now_update(l->common->loop);
	ev_timer_set(&l->look,
	    loop_seconds((until_ns - now) / 1000000 + 1), 0.);
	ev_timer_start(l->common->loop, &l->look);
}

static void
leftovers_look_again(struct leftovers *l, struct list *again)
{
	uint64_t	 now = clock_ns(), age, youngest = AGAIN_MAX_NS;
	struct list	*n, *tmp;

	LIST_FOREACH(n, tmp, again) {
		age = now - LIST_ENTRY(n, struct dead, node)->died_ns;
		youngest = age < youngest ? age : youngest;
		list_remove(n);
		list_append(&l->dead, n);
	}
	now += AGAIN_NS + youngest;
	leftovers_wait(l, now > l->next_ns ? now : l->next_ns, clock_ns());
}

static void
leftovers_look(struct leftovers *l)
{
	uint64_t	 began = clock_ns(), took;
	struct list	 again;

	ev_timer_stop(l->common->loop, &l->look);
	if (list_empty(&l->dead))
		return;
	list_init(&again);
	while (!list_empty(&l->dead))
		leftovers_some(l, &again);
	took = clock_ns() - began;
	l->next_ns = took < LOOK_CHEAP_NS ? 0 :
	    began + LOOK_SHARE * took;
	if (!list_empty(&again))
		leftovers_look_again(l, &again);
}

/* Now, or when it is time. */
static void
leftovers_plan(struct leftovers *l)
{
	uint64_t	 now = clock_ns();

	if (now >= l->next_ns) {
		leftovers_look(l);
		return;
	}
	leftovers_wait(l, l->next_ns, now);
}

/* Without memory for it one is looked for alone, and at once. */
static void
leftovers_add(struct leftovers *l, const struct dead *d)
{
	struct dead		*kept = malloc(sizeof(*kept));
	struct tree_dead	 alone;

	if (kept == NULL) {
		alone = dead_look(d);
		(void)tree_kill_left(l->common->reaper, &alone, 1);
		dead_say(l, d, alone.killed);
		return;
	}
	*kept = *d;
	kept->died_ns = clock_ns();
	list_append(&l->dead, &kept->node);
	leftovers_plan(l);
}

void
leftovers_of_worker(struct leftovers *l, pid_t leader, struct slot *s,
    const struct about *about)
{
	struct dead	 d = { .leader = leader, .slot = s, .about = *about };

	(void)snprintf(d.pool, sizeof(d.pool), "%s", about->pool);
	(void)snprintf(d.tag, sizeof(d.tag), "%u", s->index);
	leftovers_add(l, &d);
}

void
leftovers_of_command(struct leftovers *l, pid_t leader, const char *pool,
    const char *tag)
{
	/* Its next run, perhaps before we look, is not to be hurt. */
	struct dead	 d = { .leader = leader,
	    .before_ticks = tree_now_ticks() + 1 };

	(void)snprintf(d.pool, sizeof(d.pool), "%s", pool);
	(void)snprintf(d.tag, sizeof(d.tag), "%s", tag);
	leftovers_add(l, &d);
}

void
leftovers_settle(struct leftovers *l)
{
	struct list	*n;
	struct dead	*d;

	leftovers_look(l);
	for (n = l->dead.next; n != &l->dead; n = n->next) {
		d = LIST_ENTRY(n, struct dead, node);
		d->before_ticks = dead_look(d).not_after_ticks;
		if (d->before_ticks == 0)
			d->before_ticks = tree_now_ticks() + 1;
		d->slot = NULL;
	}
}
