#include "config.h"
#include "supervise/broadcast.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/limit.h"
#include "base/log.h"
#include "config/conf.h"
#include "ipc/message.h"
#include "ipc/proto.h"
#include "os/loop.h"
#include "supervise/command.h"
#include "supervise/generation.h"
#include "supervise/pool.h"
#include "supervise/worker.h"

struct source {
	struct broadcaster		*owner;
	const struct conf_broadcast	*conf;
	int				 number;	/* in config order */
	ev_timer			 tick;
	int64_t				 counter;
	struct command			 command;
	struct message			*last;		/* NULL: none yet */
	struct limit			 limit;
};

struct broadcaster {
	struct pool	*pool;
	struct source	*sources;
	size_t		 count;
	bool		 begun;
};

static void	source_tick(struct ev_loop *, ev_timer *, int);
static void	source_command_done(void *, const char *, const char *,
		    size_t);

/* The name of a source in messages: its key, or its number. */
static const char *
source_name(const struct source *s, char *buf, size_t size)
{
	if (s->conf->key != NULL)
		return s->conf->key;
	(void)snprintf(buf, size, "%d", s->number + 1);
	return buf;
}

static void
source_failed(struct source *s, const char *why)
{
	unsigned int	 more;
	char		 name[16];

	if (!limit_pass(&s->limit, clock_ms(), &more))
		return;
	log_warn("%s: broadcast %s: %s; %s", s->owner->pool->conf->name,
	    source_name(s, name, sizeof(name)), why,
	    s->last != NULL ? "the last value stays" : "there is none yet");
}

/* A new value: remembered, and sent to everybody who is ready. */
static void
source_value(struct source *s, const char *text, size_t len)
{
	const char	*why = NULL;
	struct message	*m = proto_value(text, len, s->conf->key, &why);

	if (m == NULL) {
		source_failed(s, why);
		return;
	}
	message_unref(s->last);
	s->last = m;
	pool_send(s->owner->pool, m, s->number, NULL);
}

static void
source_counter(struct source *s)
{
	char	 text[24];
	int	 n = snprintf(text, sizeof(text), "%" PRId64, s->counter);

	if (s->counter < INT64_MAX)
		s->counter++;
	source_value(s, text, (size_t)n);
}

static void
source_constant(struct source *s)
{
	source_value(s, s->conf->value, strlen(s->conf->value));
}

/* The pool's newest generation: where its programs find things. */
static const struct generation *
source_place(const struct source *s)
{
	return s->owner->pool->slots[0].gen;
}

static int
source_read_file(struct source *s, char **ret_text, size_t *ret_len,
    struct err *e)
{
	AUTO_FD		 fd = openat(source_place(s)->dir_fd, s->conf->path,
			    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat	 st;
	char		*text;
	ssize_t		 n;

	if (fd == -1 || fstat(fd, &st) == -1)
		return err_set(e, errno, "%s", s->conf->path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, 0, "%s: not a regular file", s->conf->path);
	if (st.st_size > MESSAGE_MAX_LEN)
		return err_set(e, EFBIG, "%s", s->conf->path);
	text = malloc((size_t)st.st_size + 1);
	if (text == NULL)
		return err_set(e, ENOMEM, "%s", s->conf->path);
	n = read(fd, text, (size_t)st.st_size);
	if (n == -1) {
		free(text);
		return err_set(e, errno, "%s", s->conf->path);
	}
	*ret_text = text;
	*ret_len = (size_t)n;
	return 0;
}

static void
source_file(struct source *s)
{
	struct err	 e;
	size_t		 len = 0;
	char		*text = NULL;

	if (source_read_file(s, &text, &len, &e) == -1) {
		source_failed(s, e.msg);
		return;
	}
	source_value(s, text, len);
	free(text);
}

/* One at a time: a command that still runs is let run. */
static void
source_command(struct source *s)
{
	struct err	 e;

	if (command_is_running(&s->command))
		return;
	if (command_start(&s->command, s->conf->argv, source_place(s),
	    s->conf->timeout_ms, &e) == -1)
		source_failed(s, e.msg);
}

static void
source_command_done(void *arg, const char *why, const char *out, size_t len)
{
	struct source	*s = arg;

	if (why != NULL)
		source_failed(s, why);
	else
		source_value(s, out, len);
}

/* One row for each kind of source: what it does when its time has come. */
static void	(*const source_kinds[])(struct source *) = {
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
	b->count = p->conf->broadcast_count;
	for (i = 0; i < b->count; i++) {
		s = &b->sources[i];
		s->owner = b;
		s->conf = &p->conf->broadcast[i];
		s->number = (int)i;
		s->counter = s->conf->counter;
		command_init(&s->command, p->loop, p->reaper,
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
		ev_timer_start(b->pool->loop, &b->sources[i].tick);
}

void
broadcaster_stop(struct broadcaster *b)
{
	size_t	 i;

	for (i = 0; i < b->count; i++) {
		ev_timer_stop(b->pool->loop, &b->sources[i].tick);
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
	free(b->sources);
	free(b);
}

void
broadcaster_greet(struct broadcaster *b, struct worker *w)
{
	size_t	 i;

	for (i = 0; i < b->count; i++)
		if (b->sources[i].last != NULL)
			worker_send(w, b->sources[i].last, (int)i);
}
