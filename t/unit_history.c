#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/util.h"
#include "supervise/history.h"
#include "supervise/journal.h"
#include "t/unit.h"

#define LONG 1000

/* --- history ------------------------------------------------------------- */

struct seen {
	size_t		 count, bytes;
	uint64_t	 first, last;
	const char	*text;		/* of the last */
};

static void
see(void *arg, const struct history_line *l, const char *text)
{
	struct seen	*s = arg;

	ck_assert_uint_eq(l->len, strlen(text));
	if (s->count++ == 0)
		s->first = l->seq;
	else
		ck_assert_uint_gt(l->seq, s->last);
	s->last = l->seq;
	s->bytes += sizeof(*l) + l->len + 1;
	s->text = text;
}

static struct seen
look(const struct history *h, size_t lines, pid_t pid)
{
	struct seen	 s = { 0 };

	history_last(h, lines, pid, see, &s);
	return s;
}

START_TEST(history_of_nothing)
{
	struct history	 h;

	history_init(&h);
	ck_assert_uint_eq(look(&h, 10, 0).count, 0);
	ck_assert_ptr_null(h.buf.data);
	history_free(&h);
}
END_TEST

START_TEST(history_keeps_so_many_lines)
{
	struct history	 h;
	uint64_t	 i;

	history_init(&h);
	for (i = 1; i <= 3 * HISTORY_LINES; i++)
		history_add(&h, i, 1 + (pid_t)(i % 2), "x", 1);
	ck_assert_uint_eq(look(&h, SIZE_MAX, 0).count, HISTORY_LINES);
	ck_assert_uint_eq(look(&h, SIZE_MAX, 0).first, 2 * HISTORY_LINES + 1);
	ck_assert_uint_eq(look(&h, 7, 0).count, 7);
	ck_assert_uint_eq(look(&h, 7, 0).last, 3 * HISTORY_LINES);
	ck_assert_uint_eq(look(&h, 0, 0).count, 0);
	ck_assert_uint_eq(look(&h, SIZE_MAX, 2).count, HISTORY_LINES / 2);
	ck_assert_uint_eq(look(&h, 3, 2).first, 3 * HISTORY_LINES - 5);
	ck_assert_uint_eq(look(&h, 3, 3).count, 0);
	history_free(&h);
}
END_TEST

START_TEST(history_keeps_so_many_bytes)
{
	static char	 line[LOG_LINE_MAX];
	struct history	 h;
	struct seen	 s;
	uint64_t	 i;

	memset(line, 'x', sizeof(line));
	history_init(&h);
	for (i = 1; i <= 2000; i++) {
		history_add(&h, i, 1, line, (i * 997) % sizeof(line));
		s = look(&h, SIZE_MAX, 0);
		ck_assert_uint_le(s.bytes, HISTORY_BYTES);
		ck_assert_uint_eq(s.last, i);
	}
	/* No more is forgotten than has to be. */
	ck_assert_uint_gt(s.bytes + sizeof(line) +
	    sizeof(struct history_line), HISTORY_BYTES);
	ck_assert_uint_le(h.buf.size, 4 * HISTORY_BYTES);
	history_free(&h);
}
END_TEST

START_TEST(history_of_a_nul)
{
	struct history	 h;

	history_init(&h);
	history_add(&h, 1, 1, "a\0b", 3);
	ck_assert_str_eq(look(&h, 1, 0).text, "a b");
	history_free(&h);
}
END_TEST

/* The numbers of the lines of the tail: "3 4 5 ". */
static void
tail_of(const struct history *h, pid_t pid, size_t *ret_bytes, char *text,
    size_t size)
{
	struct buf	 b;
	const char	*p;
	size_t		 n = 0;

	buf_init(&b, HISTORY_TAIL_BYTES);
	history_tail(h, pid, &b);
	*ret_bytes = buf_len(&b);
	text[0] = '\0';
	for (p = buf_head(&b); buf_len(&b) > 0 && p < b.data + b.end;
	    p += strlen(p) + 1)
		n += (size_t)snprintf(text + n, size - n, "%ld ",
		    strtol(p, NULL, 10));
	buf_free(&b);
}

START_TEST(tail_gives_way_oldest_first)
{
	char		 line[LONG + 1], text[256];
	struct history	 h;
	size_t		 bytes;
	uint64_t	 i;

	history_init(&h);
	tail_of(&h, 1, &bytes, text, sizeof(text));
	ck_assert_uint_eq(bytes, 0);
	for (i = 1; i <= 25; i++) {
		(void)snprintf(line, sizeof(line), "%d", (int)i);
		history_add(&h, i, 1, line, strlen(line));
	}
	history_add(&h, 26, 2, "26", 2);
	tail_of(&h, 1, &bytes, text, sizeof(text));
	ck_assert_str_eq(text, "6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 "
	    "22 23 24 25 ");
	tail_of(&h, 0, &bytes, text, sizeof(text));
	ck_assert_uint_eq(bytes, 0);
	/* 20 lines of this length are more than a tail holds. */
	for (i = 27; i < 47; i++) {
		(void)snprintf(line, sizeof(line), "%-*d", LONG, (int)i);
		history_add(&h, i, 3, line, LONG);
	}
	tail_of(&h, 3, &bytes, text, sizeof(text));
	ck_assert_uint_eq(bytes, HISTORY_TAIL_BYTES / (LONG + 1) *
	    (LONG + 1));
	ck_assert_str_eq(text, "31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 "
	    "46 ");
	history_free(&h);
}
END_TEST

/* --- journal ------------------------------------------------------------- */

struct watch {
	struct watcher	 w;
	uint64_t	 events, lines;		/* the last of each */
	size_t		 count;
};

static void
quiet(const char *line, size_t len)
{
	(void)line;
	(void)len;
}

static void
watch_event(void *arg, const struct event *ev)
{
	struct watch	*w = arg;

	ck_assert_uint_eq(ev->seq, w->events + 1);
	w->events = ev->seq;
	w->count++;
}

static void
watch_line(void *arg, uint64_t seq, const struct log_line *l)
{
	struct watch	*w = arg;

	ck_assert_str_eq(l->text, "hello");
	ck_assert_uint_eq(seq, w->lines + 1);
	w->lines = seq;
	w->count++;
}

/* It has seen enough: it leaves in the middle of being told. */
static void
watch_once(void *arg, const struct event *ev)
{
	struct watch	*w = arg;

	(void)ev;
	w->count++;
	journal_unwatch(&w->w);
}

static struct event *
oldest(const struct journal *j)
{
	return LIST_ENTRY(j->events.next, struct event, node);
}

static void
assert_ring(const struct journal *j)
{
	struct list	*n;
	struct event	*ev;
	size_t		 count = 0, bytes = 0;

	for (n = j->events.next; n != &j->events; n = n->next) {
		ev = LIST_ENTRY(n, struct event, node);
		ck_assert_uint_eq(ev->seq, oldest(j)->seq + count);
		count++;
		bytes += ev->size;
	}
	ck_assert_uint_eq(j->count, count);
	ck_assert_uint_eq(j->bytes, bytes);
	ck_assert_uint_le(count, JOURNAL_EVENTS);
	ck_assert_uint_le(bytes, JOURNAL_BYTES);
	ck_assert(count == 0 || oldest(j)->seq + count == j->next_event + 1);
}

START_TEST(journal_keeps_so_many_events)
{
	struct about	 a = { "web", 3, 42, 7 };
	struct journal	 j;
	int		 i;

	journal_init(&j);
	for (i = 1; i <= 2500; i++)
		journal_post(&j, LOG_INFO, EV_READY, &a, "number %d", i);
	assert_ring(&j);
	ck_assert_uint_eq(j.count, JOURNAL_EVENTS);
	ck_assert_str_eq(oldest(&j)->text, "number 1501");
	ck_assert_str_eq(oldest(&j)->about.pool, "web");
	ck_assert_ptr_ne(oldest(&j)->about.pool, a.pool);
	ck_assert_ptr_null(oldest(&j)->message);
	journal_fini(&j);
	ck_assert_uint_eq(j.count, 0);
	ck_assert_uint_eq(j.bytes, 0);
}
END_TEST

START_TEST(journal_keeps_so_many_bytes)
{
	static char	 json[70000];
	struct about	 a = { "web", 3, 42, 7 };
	struct journal	 j;
	size_t		 i;

	memset(json, 'x', sizeof(json));
	journal_init(&j);
	for (i = 0; i < 100; i++)
		journal_message(&j, EV_PUBLISH, &a, json, 60000);
	assert_ring(&j);
	ck_assert_uint_gt(j.bytes + 61000, JOURNAL_BYTES);
	ck_assert_uint_eq(oldest(&j)->message_len, 60000);
	/* One that is too long is spoken of, and pushes nobody out. */
	i = j.count;
	journal_message(&j, EV_MESSAGE, &a, json, sizeof(json));
	ck_assert_uint_ge(j.count, i);
	ck_assert_ptr_null(LIST_ENTRY(j.events.prev, struct event,
	    node)->message);
	ck_assert_str_eq(LIST_ENTRY(j.events.prev, struct event, node)->text,
	    "message of 70000 bytes");
	assert_ring(&j);
	journal_fini(&j);
}
END_TEST

START_TEST(journal_of_nobody)
{
	struct journal	 j;

	journal_init(&j);
	journal_post(&j, LOG_INFO, EV_CONFIG, NULL, "hello");
	ck_assert_ptr_null(oldest(&j)->about.pool);
	ck_assert_int_eq(oldest(&j)->about.slot, -1);
	journal_fini(&j);
}
END_TEST

START_TEST(journal_tells_who_watches)
{
	struct log_line	 l = { "web", 0, 42, "hello", 5 };
	struct watch	 all = { .w = { .event = watch_event,
			    .line = watch_line } };
	struct watch	 none = { .count = 0 };
	struct watch	 once = { .w = { .event = watch_once } };
	struct journal	 j;
	struct history	 h;

	all.w.arg = &all;
	none.w.arg = &none;
	once.w.arg = &once;
	journal_init(&j);
	history_init(&h);
	journal_watch(&j, &once.w);
	journal_watch(&j, &none.w);
	journal_watch(&j, &all.w);
	journal_post(&j, LOG_INFO, EV_CONFIG, NULL, "one");
	journal_post(&j, LOG_INFO, EV_CONFIG, NULL, "two");
	journal_line(&j, &h, LOG_TEXT, &l);
	journal_line(&j, NULL, LOG_TEXT, &l);	/* of no slot */
	ck_assert_uint_eq(once.count, 1);
	ck_assert_uint_eq(none.count, 0);
	ck_assert_uint_eq(all.count, 4);
	ck_assert_uint_eq(look(&h, 10, 0).count, 1);
	journal_unwatch(&all.w);
	journal_unwatch(&all.w);
	journal_post(&j, LOG_INFO, EV_CONFIG, NULL, "three");
	ck_assert_uint_eq(all.count, 4);
	history_free(&h);
	journal_fini(&j);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("history");

	log_set_writer(quiet);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, history_of_nothing);
	tcase_add_test(tc, history_keeps_so_many_lines);
	tcase_add_test(tc, history_keeps_so_many_bytes);
	tcase_add_test(tc, history_of_a_nul);
	tcase_add_test(tc, tail_gives_way_oldest_first);
	tcase_add_test(tc, journal_keeps_so_many_events);
	tcase_add_test(tc, journal_keeps_so_many_bytes);
	tcase_add_test(tc, journal_of_nobody);
	tcase_add_test(tc, journal_tells_who_watches);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("history", fill)
