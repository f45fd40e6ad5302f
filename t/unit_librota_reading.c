#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "librota/line.h"
#include "librota/wire.h"
#include "t/unit_link.h"

/* --- lines ---------------------------------------------------------------- */

/* Feed text in pieces of so many bytes; collect the lines with '|'. */
static void
feed_lines(const char *text, size_t piece, char *out, size_t size)
{
	struct librota_line	 l = { 0 };
	size_t			 left = strlen(text), room, len, n;
	char			*to, *line;

	*out = '\0';
	while (left > 0) {
		to = librota_line_room(&l, &room);
		ck_assert_ptr_nonnull(to);
		n = piece < left ? piece : left;
		n = n < room ? n : room;
		memcpy(to, text, n);
		librota_line_filled(&l, n);
		text += n;
		left -= n;
		while ((line = librota_line_next(&l, &len)) != NULL) {
			ck_assert_uint_eq(strlen(line), len);
			(void)snprintf(out + strlen(out), size - strlen(out),
			    "%s|", line);
		}
	}
	librota_line_free(&l);
}

START_TEST(lines_split_anywhere)
{
	static const char	 text[] = "one\n\ntwo\n{\"a\":[1,2]}\nrest";
	char			 out[64];

	feed_lines(text, (size_t)_i, out, sizeof(out));
	ck_assert_str_eq(out, "one||two|{\"a\":[1,2]}|");
}
END_TEST

/* Length of line that is given back, or errno negated. */
static long
long_line(size_t len)
{
	struct librota_line	 l = { 0 };
	size_t			 room, done = 0, n, got;
	long			 result = 0;
	char			*to;

	while (result == 0) {
		to = librota_line_room(&l, &room);
		if (to == NULL) {
			result = -errno;
			break;
		}
		n = len + 1 - done < room ? len + 1 - done : room;
		memset(to, 'x', n);
		done += n;
		if (done == len + 1)
			to[n - 1] = '\n';
		librota_line_filled(&l, n);
		if (librota_line_next(&l, &got) != NULL)
			result = (long)got;
	}
	librota_line_free(&l);
	return result;
}

START_TEST(lines_up_to_1_mib)
{
	ck_assert_int_eq(long_line(1), 1);
	ck_assert_int_eq(long_line(4095), 4095);
	ck_assert_int_eq(long_line(4096), 4096);
	ck_assert_int_eq(long_line(LIBROTA_LINE_MAX), LIBROTA_LINE_MAX);
	ck_assert_int_eq(long_line(LIBROTA_LINE_MAX + 1), -EMSGSIZE);
}
END_TEST

/* --- wire ----------------------------------------------------------------- */

static const struct {
	const char		*line;
	enum librota_wire_kind	 kind;
} wire_rows[] = {
	{ "", LIBROTA_WIRE_BAD },
	{ "{", LIBROTA_WIRE_BAD },
	{ "nul", LIBROTA_WIRE_BAD },
	{ "1 2", LIBROTA_WIRE_BAD },
	{ "\"\xff\"", LIBROTA_WIRE_BAD },
	{ "{\"rota\":1}", LIBROTA_WIRE_BAD },
	{ "{\"rota\":null}", LIBROTA_WIRE_BAD },
	{ "{\"rota\":\"ping\"}", LIBROTA_WIRE_BAD },
	{ "{\"rota\":\"later\",\"x\":1}", LIBROTA_WIRE_UNKNOWN },
	{ "{\"rota\":\"ping\",\"id\":1}", LIBROTA_WIRE_PING },
	{ "{\"\\u0072ota\":\"ping\",\"id\":1}", LIBROTA_WIRE_PING },
	{ "{\"rota\":\"disconnect\"}", LIBROTA_WIRE_DISCONNECT },
	{ "{\"rota\":\"hello\"}", LIBROTA_WIRE_HELLO },
	{ "{\"rota\":\"hello\",\"listeners\":[1,{}]}", LIBROTA_WIRE_HELLO },
	{ "null", LIBROTA_WIRE_USER },
	{ " 7 ", LIBROTA_WIRE_USER },
	{ "{\"usersCount\":51}", LIBROTA_WIRE_USER },
	{ "[\"rota\"]", LIBROTA_WIRE_USER },
	{ "123456789012345678901234567890", LIBROTA_WIRE_USER },
	{ "\"a\\u0000b\"", LIBROTA_WIRE_USER },
};

START_TEST(wire_kinds)
{
	struct librota_wire	 w;

	librota_wire_parse(wire_rows[_i].line, strlen(wire_rows[_i].line), &w);
	ck_assert_int_eq(w.kind, wire_rows[_i].kind);
	librota_hello_free(&w.hello);
}
END_TEST

START_TEST(wire_hello_fields)
{
	static const char	 line[] = "{\"rota\":\"hello\","
	    "\"version\":1,\"pool\":\"web\",\"slot\":2,\"count\":3,"
	    "\"generation\":7,\"pid\":1,\"listeners\":["
	    "{\"name\":\"http\",\"address\":\"[::]:7000\",\"fd\":3},"
	    "{\"name\":null,\"address\":\"unix:/x\"},"
	    "{\"fd\":-1},{\"fd\":2},{\"fd\":1e99}],"
	    "\"stop_timeout_ms\":1500,\"on_supervisor_exit\":\"continue\"}";
	struct librota_wire	 w;

	librota_wire_parse(line, sizeof(line) - 1, &w);
	ck_assert_int_eq(w.kind, LIBROTA_WIRE_HELLO);
	ck_assert_str_eq(w.hello.pool, "web");
	ck_assert_uint_eq(w.hello.slot, 2);
	ck_assert_uint_eq(w.hello.count, 3);
	ck_assert_uint_eq(w.hello.generation, 7);
	ck_assert_uint_eq(w.hello.stop_timeout_ms, 1500);
	ck_assert(!w.hello.stop_on_exit);
	ck_assert_uint_eq(w.hello.listener_count, 5);
	ck_assert_str_eq(w.hello.listeners[0].name, "http");
	ck_assert_int_eq(w.hello.listeners[0].fd, 3);
	ck_assert_ptr_null(w.hello.listeners[1].name);
	ck_assert_str_eq(w.hello.listeners[1].address, "unix:/x");
	ck_assert_int_eq(w.hello.listeners[1].fd, -1);
	ck_assert_int_eq(w.hello.listeners[2].fd, -1);
	ck_assert_int_eq(w.hello.listeners[3].fd, -1);
	ck_assert_int_eq(w.hello.listeners[4].fd, -1);
	librota_hello_free(&w.hello);
}
END_TEST

void
fill_reading(Suite *s)
{
	TCase	*t = tcase_create("reading");

	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, lines_split_anywhere, 1, 28);
	tcase_add_test(t, lines_up_to_1_mib);
	tcase_add_loop_test(t, wire_kinds, 0,
	    sizeof(wire_rows) / sizeof(wire_rows[0]));
	tcase_add_test(t, wire_hello_fields);
	suite_add_tcase(s, t);
}
