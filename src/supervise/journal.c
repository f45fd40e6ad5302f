#include "config.h"
#include "supervise/journal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "supervise/history.h"

#define TEXT_MAX	1024
#define MESSAGE_KEPT	65536	/* a longer one is only spoken of */

static const char *const kind_names[EV__COUNT] = {
#define X(id, name) [EV_##id] = name,
	EVENT_KINDS(X)
#undef X
};

const char *
event_kind_name(enum event_kind k)
{
	return kind_names[k];
}

void
journal_init(struct journal *j)
{
	memset(j, 0, sizeof(*j));
	list_init(&j->events);
	list_init(&j->watchers);
}

/* The event and its texts are one piece of memory. */
static void
journal_forget_oldest(struct journal *j)
{
	struct event	*ev = LIST_ENTRY(j->events.next, struct event, node);

	list_remove(&ev->node);
	j->bytes -= ev->size;
	j->count--;
	free(ev);
}

void
journal_fini(struct journal *j)
{
	while (j->count > 0)
		journal_forget_oldest(j);
}

void
journal_watch(struct journal *j, struct watcher *w)
{
	list_append(&j->watchers, &w->node);
}

void
journal_unwatch(struct watcher *w)
{
	list_remove(&w->node);
}

/* Copy a string behind what is there already. */
static const char *
put(char **to, const char *s, size_t len)
{
	char	*at = *to;

	if (s == NULL)
		return NULL;
	memcpy(at, s, len);
	at[len] = '\0';
	*to += len + 1;
	return at;
}

/* What has no memory is not remembered. */
static void
journal_keep(struct journal *j, const struct event *ev)
{
	size_t		 pool = ev->about.pool ? strlen(ev->about.pool) : 0;
	size_t		 text = strlen(ev->text);
	size_t		 size = sizeof(*ev) + pool + text + ev->message_len + 3;
	struct event	*kept = malloc(size);
	char		*to = (char *)(kept + 1);
	struct list	*n, *tmp;
	struct watcher	*w;

	if (kept == NULL)
		return;
	*kept = *ev;
	kept->size = size;
	kept->seq = ++j->next_event;
	kept->real_ms = clock_real_ms();
	kept->about.pool = put(&to, ev->about.pool, pool);
	kept->text = put(&to, ev->text, text);
	kept->message = put(&to, ev->message, ev->message_len);
	while (j->count > 0 && (j->count >= JOURNAL_EVENTS ||
	    j->bytes + size > JOURNAL_BYTES))
		journal_forget_oldest(j);
	list_append(&j->events, &kept->node);
	j->bytes += size;
	j->count++;
	LIST_FOREACH(n, tmp, &j->watchers) {
		w = LIST_ENTRY(n, struct watcher, node);
		if (w->event != NULL)
			w->event(w->arg, kept);
	}
}

/* "web[0] pid 12: ", as much of it as there is. */
static void
prefix(const struct about *a, char *buf, size_t size)
{
	char	 slot[16] = "", pid[24] = "";

	buf[0] = '\0';
	if (a == NULL || a->pool == NULL)
		return;
	if (a->slot >= 0)
		(void)snprintf(slot, sizeof(slot), "[%d]", a->slot);
	if (a->pid > 0)
		(void)snprintf(pid, sizeof(pid), " pid %ld", (long)a->pid);
	(void)snprintf(buf, size, "%s%s%s: ", a->pool, slot, pid);
}

void
journal_post(struct journal *j, enum log_level level, enum event_kind kind,
    const struct about *about, const char *fmt, ...)
{
	static const struct about	 nobody = { .slot = -1 };
	char				 text[TEXT_MAX], who[128];
	struct event			 ev = {
		.level = level,
		.kind = kind,
		.about = about != NULL ? *about : nobody,
		.text = text,
	};
	va_list				 ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	prefix(about, who, sizeof(who));
	log_at(level, "%s%s", who, text);
	journal_keep(j, &ev);
}

void
journal_message(struct journal *j, enum event_kind kind,
    const struct about *about, const char *json, size_t len)
{
	char		 text[64];
	struct event	 ev = {
		.level = LOG_INFO,
		.kind = kind,
		.about = *about,
		.text = text,
	};

	while (len > 0 && json[len - 1] == '\n')
		len--;
	(void)snprintf(text, sizeof(text), "%s of %zu bytes",
	    event_kind_name(kind), len);
	if (len <= MESSAGE_KEPT) {
		ev.message = json;
		ev.message_len = len;
	}
	journal_keep(j, &ev);
}

void
journal_line(struct journal *j, struct history *h, enum log_format format,
    const struct log_line *l)
{
	uint64_t	 seq = ++j->next_line;
	struct list	*n, *tmp;
	struct watcher	*w;

	log_worker_line(format, l);
	if (h != NULL)
		history_add(h, seq, l->pid, l->text, l->len);
	LIST_FOREACH(n, tmp, &j->watchers) {
		w = LIST_ENTRY(n, struct watcher, node);
		if (w->line != NULL)
			w->line(w->arg, seq, l);
	}
}
