#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"
#include "base/limit.h"
#include "base/list.h"
#include "base/parse.h"
#include "base/text.h"
#include "base/util.h"
#include "t/unit.h"

/* --- parse ---------------------------------------------------------------- */

typedef enum parse_result parser(const char *, uint64_t *);

static const struct {
	parser			*parse;
	const char		*text;
	enum parse_result	 result;
	uint64_t		 value;
} parse_rows[] = {
	{ parse_count, "0", PARSE_OK, 0 },
	{ parse_count, "42", PARSE_OK, 42 },
	{ parse_count, "18446744073709551615", PARSE_OK, UINT64_MAX },
	{ parse_count, "18446744073709551616", PARSE_TOO_LARGE, 0 },
	{ parse_count, "99999999999999999999999", PARSE_TOO_LARGE, 0 },
	{ parse_count, "", PARSE_NOT_A_NUMBER, 0 },
	{ parse_count, "4abc", PARSE_NOT_A_NUMBER, 0 },
	{ parse_count, "-1", PARSE_NOT_A_NUMBER, 0 },
	{ parse_count, "+1", PARSE_NOT_A_NUMBER, 0 },
	{ parse_count, " 1", PARSE_NOT_A_NUMBER, 0 },
	{ parse_count, "1 ", PARSE_NOT_A_NUMBER, 0 },
	{ parse_count, "1e3", PARSE_NOT_A_NUMBER, 0 },
	{ parse_count, "0x10", PARSE_NOT_A_NUMBER, 0 },
	{ parse_count, "1.0", PARSE_NOT_A_NUMBER, 0 },
	{ parse_count, "1_000", PARSE_NOT_A_NUMBER, 0 },
	{ parse_duration, "0", PARSE_OK, 0 },
	{ parse_duration, "0s", PARSE_OK, 0 },
	{ parse_duration, "250ms", PARSE_OK, 250 },
	{ parse_duration, "5s", PARSE_OK, 5000 },
	{ parse_duration, "2m", PARSE_OK, 120000 },
	{ parse_duration, "1h", PARSE_OK, 3600000 },
	{ parse_duration, "5", PARSE_NEEDS_UNIT, 0 },
	{ parse_duration, "5d", PARSE_BAD_UNIT, 0 },
	{ parse_duration, "5 s", PARSE_BAD_UNIT, 0 },
	{ parse_duration, "5S", PARSE_BAD_UNIT, 0 },
	{ parse_duration, "1h30m", PARSE_BAD_UNIT, 0 },
	{ parse_duration, "1.5s", PARSE_BAD_UNIT, 0 },
	{ parse_duration, "s", PARSE_NOT_A_NUMBER, 0 },
	{ parse_duration, "-5s", PARSE_NOT_A_NUMBER, 0 },
	{ parse_duration, "18446744073709551615h", PARSE_TOO_LARGE, 0 },
	{ parse_size, "512", PARSE_OK, 512 },
	{ parse_size, "64K", PARSE_OK, 65536 },
	{ parse_size, "1M", PARSE_OK, 1048576 },
	{ parse_size, "2G", PARSE_OK, UINT64_C(2147483648) },
	{ parse_size, "1k", PARSE_BAD_UNIT, 0 },
	{ parse_size, "1KB", PARSE_BAD_UNIT, 0 },
	{ parse_size, "18446744073709551615K", PARSE_TOO_LARGE, 0 },
	{ parse_factor, "2", PARSE_OK, 2000 },
	{ parse_factor, "1.5", PARSE_OK, 1500 },
	{ parse_factor, "1.618", PARSE_OK, 1618 },
	{ parse_factor, "0.05", PARSE_OK, 50 },
	{ parse_factor, "1.6180", PARSE_NOT_A_NUMBER, 0 },
	{ parse_factor, "1.", PARSE_NOT_A_NUMBER, 0 },
	{ parse_factor, ".5", PARSE_NOT_A_NUMBER, 0 },
	{ parse_factor, "2x", PARSE_NOT_A_NUMBER, 0 },
	{ parse_factor, "1,5", PARSE_NOT_A_NUMBER, 0 },
	{ parse_factor, "18446744073709551615", PARSE_TOO_LARGE, 0 },
	{ parse_factor, "18446744073709551.999", PARSE_TOO_LARGE, 0 },
	{ parse_percent, "20%", PARSE_OK, 20 },
	{ parse_percent, "0", PARSE_OK, 0 },
	{ parse_percent, "20", PARSE_NEEDS_UNIT, 0 },
	{ parse_percent, "20 %", PARSE_BAD_UNIT, 0 },
	{ parse_percent, "%", PARSE_NOT_A_NUMBER, 0 },
};

/* What is returned on failure is left alone. */
START_TEST(parse_table)
{
	uint64_t	 v = 12345;

	ck_assert_msg(parse_rows[_i].parse(parse_rows[_i].text, &v) ==
	    parse_rows[_i].result, "'%s'", parse_rows[_i].text);
	ck_assert_uint_eq(v, parse_rows[_i].result == PARSE_OK ?
	    parse_rows[_i].value : 12345);
}
END_TEST

/* --- text ----------------------------------------------------------------- */

static const struct {
	const char	*bytes;
	size_t		 n, len;
} utf8_rows[] = {
	{ "a", 1, 1 }, { "", 0, 0 }, { "\0", 1, 1 }, { "\x7f", 1, 1 },
	{ "\x80", 1, 0 }, { "\xc0\x80", 2, 0 }, { "\xc1\xbf", 2, 0 },
	{ "\xc2\x80", 2, 2 }, { "\xc3\xa9", 2, 2 }, { "\xc3", 1, 0 },
	{ "\xc3(", 2, 0 }, { "\xe0\x80\x80", 3, 0 }, { "\xe0\x9f\xbf", 3, 0 },
	{ "\xe0\xa0\x80", 3, 3 }, { "\xe2\x82\xac", 3, 3 },
	{ "\xe2\x82", 2, 0 }, { "\xed\x9f\xbf", 3, 3 },
	{ "\xed\xa0\x80", 3, 0 }, { "\xef\xbf\xbf", 3, 3 },
	{ "\xf0\x80\x80\x80", 4, 0 }, { "\xf0\x90\x80\x80", 4, 4 },
	{ "\xf4\x8f\xbf\xbf", 4, 4 }, { "\xf4\x90\x80\x80", 4, 0 },
	{ "\xf5\x80\x80\x80", 4, 0 }, { "\xff", 1, 0 },
};

START_TEST(utf8_table)
{
	ck_assert_uint_eq(text_utf8(utf8_rows[_i].bytes, utf8_rows[_i].n),
	    utf8_rows[_i].len);
	ck_assert(text_is_utf8(utf8_rows[_i].bytes, utf8_rows[_i].n) ==
	    (utf8_rows[_i].len > 0 || utf8_rows[_i].n == 0));
}
END_TEST

static const struct {
	const char	*in;
	size_t		 size;		/* of the output */
	const char	*out;
} escape_rows[] = {
	{ "plain \ttext", 64, "plain \ttext" },
	{ "caf\xc3\xa9 \xe2\x82\xac", 64, "caf\xc3\xa9 \xe2\x82\xac" },
	{ "a\x1b[31mb\n", 64, "a\\x1b[31mb\\x0a" },
	{ "\xff\xfe", 64, "\\xff\\xfe" },
	{ "\xc2\x9b" "31m", 64, "\\xc2\\x9b31m" },
	{ "\x7f", 64, "\\x7f" },
	{ "abc", 3, "ab" },
	{ "a\xe2\x82\xac", 4, "a" },
	{ "a\xe2\x82\xac", 5, "a\xe2\x82\xac" },
	{ "a\x01", 5, "a" },
	{ "a\x01", 6, "a\\x01" },
	{ "x", 1, "" },
};

START_TEST(escape_table)
{
	char	 out[64];
	size_t	 n;

	n = text_escape(out, escape_rows[_i].size, escape_rows[_i].in,
	    strlen(escape_rows[_i].in));
	ck_assert_str_eq(out, escape_rows[_i].out);
	ck_assert_uint_eq(n, strlen(out));
}
END_TEST

static const struct {
	const char	*in;
	size_t		 size;
	const char	*out;
} json_rows[] = {
	{ "a\"b\\c", 64, "a\\\"b\\\\c" },
	{ "\n\r\t\x01", 64, "\\n\\r\\t\\u0001" },
	{ "\xc3\xa9\xff", 64, "\xc3\xa9\xef\xbf\xbd" },
	{ "abc\"", 5, "abc" },
	{ "abc\"", 6, "abc\\\"" },
};

START_TEST(json_table)
{
	char	 out[64];
	size_t	 n;

	n = text_json(out, json_rows[_i].size, json_rows[_i].in,
	    strlen(json_rows[_i].in));
	ck_assert_str_eq(out, json_rows[_i].out);
	ck_assert_uint_eq(n, strlen(out));
}
END_TEST

static const char *const candidates[] = {
	"count", "command", "cwd", "env", "env_file", NULL
};

static const struct {
	const char	*word, *want;
} nearest_rows[] = {
	{ "coutn", "count" }, { "comand", "command" }, { "cuont", "count" },
	{ "count", "count" }, { "envfile", "env_file" }, { "en", "env" },
	{ "xyzzy", NULL }, { "", NULL }, { "commander", "command" },
	{ "a-word-of-more-than-sixty-four-bytes-that-is-near-nothing-at-all-"
	    "here", NULL },
};

START_TEST(nearest_table)
{
	const char	*got = text_nearest(nearest_rows[_i].word, candidates);

	ck_assert_msg(got == nearest_rows[_i].want || (got != NULL &&
	    nearest_rows[_i].want != NULL &&
	    strcmp(got, nearest_rows[_i].want) == 0), "'%s' gives '%s'",
	    nearest_rows[_i].word, got ? got : "nothing");
}
END_TEST

static const struct {
	const char	*in;
	size_t		 most, want;
} cut_rows[] = {
	{ "abc", 5, 3 }, { "abc", 3, 3 }, { "abc", 2, 2 }, { "abc", 0, 0 },
	{ "a\xe2\x82\xac", 3, 1 }, { "a\xe2\x82\xac", 2, 1 },
	{ "a\xe2\x82\xac" "b", 4, 4 }, { "\xc3\xa9\xc3\xa9", 3, 2 },
	{ "\xf0\x9f\x99\x82", 3, 0 }, { "", 0, 0 },
};

START_TEST(cut_table)
{
	ck_assert_uint_eq(text_cut(cut_rows[_i].in, strlen(cut_rows[_i].in),
	    cut_rows[_i].most), cut_rows[_i].want);
}
END_TEST

static const struct {
	const char	*in, *out;
} to_utf8_rows[] = {
	{ "", "" }, { "caf\xc3\xa9\n", "caf\xc3\xa9\n" },
	{ "\xff", "\xef\xbf\xbd" },
	{ "a\xc3(", "a\xef\xbf\xbd(" },
	{ "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd" },
	{ "\xe2\x82\xac\x80", "\xe2\x82\xac\xef\xbf\xbd" },
};

START_TEST(to_utf8_table)
{
	const char	*in = to_utf8_rows[_i].in;
	char		*out = malloc(3 * strlen(in) + 1);	/* no more */
	size_t		 n = text_to_utf8(out, in, strlen(in));

	ck_assert_uint_le(n, 3 * strlen(in));
	out[n] = '\0';
	ck_assert_str_eq(out, to_utf8_rows[_i].out);
	ck_assert(text_is_utf8(out, n));
	free(out);
}
END_TEST

/* --- env ------------------------------------------------------------------ */

static const struct {
	const char *a, *b;		/* separated by blanks */
	bool	 equal;
} env_rows[] = {
	{ "", "", true }, { "A=1", "", false },
	{ "A=1 B=2", "B=2 A=1", true }, { "A=1 B=2", "A=1 B=3", false },
	{ "A=1 B=2", "A=1 C=2", false }, { "A=1 A=2", "A=2", true },
	{ "A=", "A=1", false }, { "AB=1", "A=B=1", false },
};

static void
env_fill(struct env *env, const char *vars)
{
	char	 var[16];
	int	 n;

	for (; sscanf(vars, " %15[^ ]%n", var, &n) == 1; vars += n)
		ck_assert_int_eq(env_put(env, var), 0);
}

START_TEST(env_is_equal)
{
	struct env	 a = { 0 }, b = { 0 };

	env_fill(&a, env_rows[_i].a);
	env_fill(&b, env_rows[_i].b);
	ck_assert(env_equal(&a, &b) == env_rows[_i].equal);
	ck_assert(env_equal(&b, &a) == env_rows[_i].equal);
	ck_assert(env_equal(&a, &a));
	env_free(&a);
	env_free(&b);
}
END_TEST

/* --- buf ------------------------------------------------------------------ */

START_TEST(buf_keeps_its_limit)
{
	struct buf	 b;

	buf_init(&b, 10);
	ck_assert_int_eq(buf_append(&b, "0123456", 7), 0);
	ck_assert_int_eq(buf_append(&b, "789x", 4), -1);
	ck_assert_uint_eq(buf_len(&b), 7);
	ck_assert_int_eq(buf_append(&b, "789", 3), 0);
	ck_assert_mem_eq(buf_head(&b), "0123456789", 10);
	ck_assert_int_eq(buf_append(&b, "x", 1), -1);
	ck_assert_int_eq(buf_append(&b, "", 0), 0);
	buf_consume(&b, 4);
	ck_assert_int_eq(buf_append(&b, "abcd", 4), 0);
	ck_assert_mem_eq(buf_head(&b), "456789abcd", 10);
	ck_assert_ptr_null(buf_reserve(&b, 1));
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX));
	buf_free(&b);
	ck_assert_uint_eq(buf_len(&b), 0);
	ck_assert_uint_eq(b.limit, 10);
}
END_TEST

/* Numbers go in and come out in order, however the ends move. */
START_TEST(buf_is_a_queue)
{
	struct buf	 b;
	uint32_t	 in = 0, out = 0, got;
	char		*room;
	unsigned int	 round, i;

	buf_init(&b, 1 << 16);
	for (round = 0; round < 2000; round++) {
		for (i = 0; i < round % 7; i++, in++) {
			room = buf_reserve(&b, 100);
			ck_assert_ptr_nonnull(room);
			memcpy(room, &in, sizeof(in));
			buf_commit(&b, sizeof(in));
		}
		for (i = 0; i < round % 5 && out < in; i++, out++) {
			memcpy(&got, buf_head(&b), sizeof(got));
			ck_assert_uint_eq(got, out);
			buf_consume(&b, sizeof(got));
		}
		ck_assert_uint_eq(buf_len(&b), (in - out) * sizeof(in));
	}
	buf_trim(&b);
	ck_assert_ptr_nonnull(b.data);
	buf_consume(&b, buf_len(&b));
	buf_trim(&b);
	ck_assert_ptr_null(b.data);
}
END_TEST

/* --- limit ---------------------------------------------------------------- */

START_TEST(limit_counts_what_it_holds_back)
{
	struct limit	 l = { 0 };
	unsigned int	 held = 99;
	int		 i;

	for (i = 0; i < LIMIT_BURST; i++) {
		ck_assert(limit_pass(&l, 1000, &held));
		ck_assert_uint_eq(held, 0);
	}
	for (i = 0; i < 3; i++)
		ck_assert(!limit_pass(&l, 1000 + LIMIT_WINDOW_MS - 1, &held));
	ck_assert(limit_pass(&l, 1000 + LIMIT_WINDOW_MS, &held));
	ck_assert_uint_eq(held, 3);
	ck_assert(limit_pass(&l, 1000 + LIMIT_WINDOW_MS, &held));
	ck_assert_uint_eq(held, 0);
}
END_TEST

/* --- err ------------------------------------------------------------------ */

START_TEST(err_says_all)
{
	struct err	 e;
	char		 want[128];

	ck_assert_int_eq(err_set(&e, 0, "%s %d", "x", 4), -1);
	ck_assert_str_eq(e.msg, "x 4");
	ck_assert_int_eq(e.code, 0);
	ck_assert_int_eq(err_set(&e, ENOENT, "open %s", "f"), -1);
	(void)snprintf(want, sizeof(want), "open f: %s", strerror(ENOENT));
	ck_assert_str_eq(e.msg, want);
	ck_assert_int_eq(e.code, ENOENT);
	ck_assert_int_eq(err_wrap(&e, "pool '%s'", "web"), -1);
	(void)snprintf(want, sizeof(want), "pool 'web': open f: %s",
	    strerror(ENOENT));
	ck_assert_str_eq(e.msg, want);
	ck_assert_int_eq(e.code, ENOENT);
}
END_TEST

START_TEST(err_is_cut)
{
	struct err	 e;
	char		 big[2 * sizeof(e.msg)];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_set(&e, EINVAL, "%s", big);
	ck_assert_uint_eq(strlen(e.msg), sizeof(e.msg) - 1);
	err_wrap(&e, "%s", big);
	ck_assert_uint_eq(strlen(e.msg), sizeof(e.msg) - 1);
}
END_TEST

/* --- list ----------------------------------------------------------------- */

struct item {
	int		 n;
	struct list	 node;
};

START_TEST(list_order)
{
	struct item	 items[4];
	struct list	 head, *node, *next;
	int		 i, seen = 0;

	list_init(&head);
	ck_assert(list_empty(&head));
	for (i = 0; i < 4; i++) {
		items[i].n = i;
		list_append(&head, &items[i].node);
	}
	LIST_FOREACH(node, next, &head) {
		ck_assert_int_eq(LIST_ENTRY(node, struct item, node)->n, seen);
		seen++;
		if (seen % 2 == 0)
			list_remove(node);
	}
	ck_assert_int_eq(seen, 4);
	ck_assert_ptr_eq(head.next, &items[0].node);
	ck_assert_ptr_eq(head.next->next, &items[2].node);
	ck_assert_ptr_eq(head.prev, &items[2].node);
	list_remove(&items[1].node);
	list_remove(&items[0].node);
	list_remove(&items[2].node);
	ck_assert(list_empty(&head));
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("base");

	tcase_add_loop_test(tc, parse_table, 0, ARRAY_LEN(parse_rows));
	tcase_add_loop_test(tc, utf8_table, 0, ARRAY_LEN(utf8_rows));
	tcase_add_loop_test(tc, escape_table, 0, ARRAY_LEN(escape_rows));
	tcase_add_loop_test(tc, json_table, 0, ARRAY_LEN(json_rows));
	tcase_add_loop_test(tc, nearest_table, 0, ARRAY_LEN(nearest_rows));
	tcase_add_loop_test(tc, cut_table, 0, ARRAY_LEN(cut_rows));
	tcase_add_loop_test(tc, to_utf8_table, 0, ARRAY_LEN(to_utf8_rows));
	tcase_add_loop_test(tc, env_is_equal, 0, ARRAY_LEN(env_rows));
	tcase_add_test(tc, buf_keeps_its_limit);
	tcase_add_test(tc, buf_is_a_queue);
	tcase_add_test(tc, limit_counts_what_it_holds_back);
	tcase_add_test(tc, err_says_all);
	tcase_add_test(tc, err_is_cut);
	tcase_add_test(tc, list_order);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("base", fill)
