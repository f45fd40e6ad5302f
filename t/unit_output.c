#include "config.h"

#include <ev.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "supervise/history.h"
#include "supervise/journal.h"
#include "supervise/output.h"
#include "t/unit.h"

#define TAIL_TEXT 1024

/* What has come out, line by line. */
static char	 got[32][LOG_LINE_MAX + 64];
static size_t	 got_count;
static struct journal	 journal;
static struct history	 history;

static void
catch(const char *line, size_t len)
{
	ck_assert_uint_lt(got_count, ARRAY_LEN(got));
	ck_assert_int_eq(line[len - 1], '\n');
	(void)snprintf(got[got_count++], sizeof(got[0]), "%.*s",
	    (int)(len - 1), line);
}

/* Let a worker print these pieces, one read each, and end. */
static void
print(struct output *o, const char *const *pieces)
{
	struct ev_loop		*loop = ev_loop_new(EVFLAG_AUTO);
	const struct output_to	 to = { &journal, &history, LOG_TEXT, "web",
				    3, 42 };
	size_t			 n;
	int			 fd[2];

	got_count = 0;
	journal_init(&journal);
	history_init(&history);
	log_set_writer(catch);
	ck_assert_int_eq(pipe2(fd, O_CLOEXEC), 0);
	ck_assert_int_gt(fcntl(fd[1], F_SETPIPE_SZ, 1 << 20), 0);
	output_init(o, loop, fd[0], &to);
	for (; *pieces != NULL; pieces++) {
		n = strlen(*pieces);
		ck_assert_int_eq(write(fd[1], *pieces, n), (ssize_t)n);
		output_drain(o);
	}
	(void)close(fd[1]);
	output_drain(o);
	ck_assert_int_eq(o->fd, -1);
	ev_loop_destroy(loop);
}

static const struct {
	const char	*pieces[6];
	const char	*lines[6];
} cases[] = {
	{ { "one\ntwo\n" }, { "one", "two" } },
	{ { "o", "ne", "\nt", "wo" }, { "one", "two" } },
	{ { "\n\n" }, { "", "" } },
	{ { "no newline" }, { "no newline" } },
	{ { "tab\tkept, \x1b[31mcolour\x1b[m not\r\n" },
	    { "tab\tkept, \\x1b[31mcolour\\x1b[m not\\x0d" } },
	{ { "gr\xc3\xbc\xc3\x9f ", "\xe2\x82\xac \xf0\x9f\x99\x82\n" },
	    { "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x99\x82" } },
	{ { "bad \xff \xc3( \xed\xa0\x80\n" },
	    { "bad \\xff \\xc3( \\xed\\xa0\\x80" } },
	{ { "c1 \xc2\x9b" "31m\n" }, { "c1 \\xc2\\x9b31m" } },
};

START_TEST(output_lines)
{
	struct output	 o;
	char		 want[256];
	size_t		 i;

	print(&o, cases[_i].pieces);
	for (i = 0; cases[_i].lines[i] != NULL; i++) {
		ck_assert_uint_lt(i, got_count);
		(void)snprintf(want, sizeof(want), "web[3] 42 | %s",
		    cases[_i].lines[i]);
		ck_assert_str_eq(got[i], want);
	}
	ck_assert_uint_eq(got_count, i);
	history_free(&history);
}
END_TEST

/* A line of n bytes, in pieces of k: split at LOG_LINE_MAX, nothing lost. */
static void
assert_split(size_t n, size_t k)
{
	const char	*pieces[64] = { NULL };
	char		*line = malloc(n + 2);
	char		*store[64];
	size_t		 i, count = 0, at, len, total = 0;
	struct output	 o;

	memset(line, 'x', n);
	line[n] = '\n';
	line[n + 1] = '\0';
	for (at = 0; at < n + 1; at += len) {
		len = n + 1 - at < k ? n + 1 - at : k;
		store[count] = strndup(line + at, len);
		pieces[count] = store[count];
		count++;
	}
	print(&o, pieces);
	ck_assert_uint_eq(got_count, n == 0 ? 1 :
	    (n + LOG_LINE_MAX - 1) / LOG_LINE_MAX);
	for (i = 0; i < got_count; i++)
		total += strlen(got[i]) - strlen("web[3] 42 | ");
	ck_assert_uint_eq(total, n);
	for (i = 0; i < count; i++)
		free(store[i]);
	free(line);
	history_free(&history);
}

START_TEST(output_long_lines)
{
	static const size_t	 sizes[] = { 0, 1, LOG_LINE_MAX - 1,
				    LOG_LINE_MAX, LOG_LINE_MAX + 1,
				    2 * LOG_LINE_MAX, 100000 };
	size_t			 i;

	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		assert_split(sizes[i], 65536);
		assert_split(sizes[i], 4096);
	}
}
END_TEST

/* A character is not cut in two where a long line is split. */
START_TEST(output_split_utf8)
{
	char		*line = malloc(LOG_LINE_MAX + 16);
	const char	*pieces[] = { line, NULL };
	struct output	 o;

	memset(line, 'x', LOG_LINE_MAX - 1);
	memcpy(line + LOG_LINE_MAX - 1, "\xe2\x82\xac!\n", 6);
	print(&o, pieces);
	ck_assert_uint_eq(got_count, 2);
	ck_assert_str_eq(got[1], "web[3] 42 | \xe2\x82\xac!");
	free(line);
	history_free(&history);
}
END_TEST

static void
collect(void *arg, const struct history_line *l, const char *line)
{
	char	*all = arg;
	size_t	 n = strlen(all);

	ck_assert_int_eq(l->pid, 42);
	ck_assert_uint_eq(l->len, strlen(line));
	(void)snprintf(all + n, TAIL_TEXT - n, "%s,", line);
}

START_TEST(output_keeps_history)
{
	char		 all[TAIL_TEXT] = "", many[400] = "";
	const char	*pieces[] = { many, NULL };
	struct output	 o;
	int		 i;

	for (i = 1; i <= 30; i++)
		(void)snprintf(many + strlen(many),
		    sizeof(many) - strlen(many), "line %d\n", i);
	print(&o, pieces);
	history_last(&history, 20, 42, collect, all);
	history_last(&history, 20, 41, collect, all);
	ck_assert_ptr_nonnull(strstr(all, "line 11,line 12,"));
	ck_assert_ptr_null(strstr(all, "line 10,"));
	ck_assert_ptr_nonnull(strstr(all, "line 30,"));
	history_free(&history);
}
END_TEST

START_TEST(output_json)
{
	struct log_line	 l = { "web", 3, 42, "say \"hi\"\x1b\xff", 10 };

	got_count = 0;
	log_set_writer(catch);
	log_worker_line(LOG_JSON, &l);
	ck_assert_uint_eq(got_count, 1);
	ck_assert_ptr_nonnull(strstr(got[0], "\"pool\":\"web\",\"slot\":3,"
	    "\"pid\":42,\"line\":\"say \\\"hi\\\"\\u001b\xef\xbf\xbd\"}"));
	ck_assert_ptr_nonnull(strstr(got[0], "{\"time\":\"20"));
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("output");

	tcase_add_loop_test(tc, output_lines, 0, ARRAY_LEN(cases));
	tcase_add_test(tc, output_long_lines);
	tcase_add_test(tc, output_split_utf8);
	tcase_add_test(tc, output_keeps_history);
	tcase_add_test(tc, output_json);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("output", fill)
