#include "config.h"
#include "supervise/broadcast.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "config/conf.h"
#include "ipc/message.h"
#include "ipc/proto.h"
#include "os/loop.h"
#include "supervise/pool.h"
#include "supervise/source.h"
#include "supervise/worker.h"

struct broadcaster {
	struct pool	*pool;
	struct conf	*owner;		/* of what the sources are */
	struct source	*sources;
	size_t		 count;
	bool		 begun;
};

static void	source_tick(struct ev_loop *, ev_timer *, int);

/* The name of a source in messages: its key, or its number. */
static const char *
source_name(const struct source *s, char *buf, size_t size)
{
	if (s->conf->key != NULL)
		return s->conf->key;
	(void)snprintf(buf, size, "%d", s->number + 1);
	return buf;
}

void
source_failed(struct source *s, const char *why)
{
	unsigned int	 more;
	char		 name[16];

	if (!limit_pass(&s->limit, clock_ms(), &more))
		return;
	pool_post(s->owner->pool, LOG_WARN, EV_TROUBLE, "broadcast %s: %s; "
	    "%s", source_name(s, name, sizeof(name)), why,
	    s->last != NULL ? "the last value stays" : "there is none yet");
}

void
source_value(struct source *s, const char *text, size_t len)
{
	struct pool	*p = s->owner->pool;
	const char	*why = NULL;
	struct message	*m = proto_value(text, len, s->conf->key, &why);

	if (m == NULL) {
		source_failed(s, why);
		return;
	}
	message_unref(s->last);
	s->last = m;
	(void)pool_send(p, 0, p->slot_count, m, s->number, NULL);
}

const struct generation *
source_place(const struct source *s)
{
	return s->owner->pool->gen;
}

/* One row for each kind of source. */
static source_tick_fn	*const source_kinds[] = {
	[CONF_COUNTER] = source_counter,
	[CONF_COMMAND] = source_command,
	[CONF_FILE] = source_file,
	[CONF_VALUE] = source_constant,
};

static void
source_tick(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct source	*s = t->data;

	(void)loop;
	(void)revents;
	source_kinds[s->conf->source](s);
}

struct broadcaster *
broadcaster_new(struct pool *p, struct err *e)
{
	struct broadcaster	*b = calloc(1, sizeof(*b));
	struct source		*s;
	size_t			 i;

	if (b != NULL)
		b->sources = calloc(p->conf->broadcast_count + 1, sizeof(*s));
	if (b == NULL || b->sources == NULL) {
		free(b);
		err_set(e, ENOMEM, "pool '%s'", p->conf->name);
		return NULL;
	}
	b->pool = p;
	b->owner = conf_ref(p->owner);
	b->count = p->conf->broadcast_count;
	for (i = 0; i < b->count; i++) {
		s = &b->sources[i];
		s->owner = b;
		s->conf = &p->conf->broadcast[i];
		s->number = (int)i;
		s->counter = s->conf->counter;
		command_init(&s->command, p->common, p->name, "broadcast",
		    source_command_done, s);
		ev_timer_init(&s->tick, source_tick, 0.,
		    loop_seconds(s->conf->interval_ms));
		s->tick.data = s;
	}
	return b;
}

void
broadcaster_begin(struct broadcaster *b)
{
	size_t	 i;

	if (b->begun)
		return;
	b->begun = true;
	for (i = 0; i < b->count; i++)
		ev_timer_start(b->pool->common->loop, &b->sources[i].tick);
}

void
broadcaster_stop(struct broadcaster *b)
{
	size_t	 i;

	for (i = 0; i < b->count; i++) {
		ev_timer_stop(b->pool->common->loop, &b->sources[i].tick);
		command_cancel(&b->sources[i].command);
	}
	b->begun = true;		/* and never again */
}

void
broadcaster_free(struct broadcaster *b)
{
	size_t	 i;

	if (b == NULL)
		return;
	broadcaster_stop(b);
	for (i = 0; i < b->count; i++)
		message_unref(b->sources[i].last);
	conf_unref(b->owner);
	free(b->sources);
	free(b);
}

void
broadcaster_greet(struct broadcaster *b, struct worker *w)
{
	size_t	 i;

	for (i = 0; i < b->count; i++)
		if (b->sources[i].last != NULL)
			(void)worker_send(w, b->sources[i].last, (int)i);
}
