#include "config.h"
#include "t/unit_control_rig.h"

#include <sys/socket.h>

#include "base/clock.h"
#include "base/util.h"

/* Lines and requests: what comes in, and what is answered. */

#define ECHO(id) "{\"id\":" #id ",\"command\":\"echo\"}"
#define HOLD(id) "{\"id\":" #id ",\"command\":\"hold\"}"

static int
id_of(json_t *v)
{
	return (int)json_integer_value(json_object_get(v, "id"));
}

/* The next line answers this one. */
static void
expect_id(struct rig *rig, int fd, int id)
{
	json_t	*v = client_hear(rig, fd);

	ck_assert_int_eq(id_of(v), id);
	json_decref(v);
}

START_TEST(in_pieces)
{
	static const char	 text[] = ECHO(1) "\r\n" ECHO(2) "\n";
	struct rig		 rig;
	size_t			 cut;
	int			 fd;

	rig_open(&rig, NULL);
	fd = client_new(&rig);
	for (cut = 0; cut < sizeof(text); cut++) {
		client_say(&rig, fd, text, cut);
		client_say(&rig, fd, text + cut, sizeof(text) - 1 - cut);
		expect_id(&rig, fd, 1);
		expect_id(&rig, fd, 2);
	}
	(void)close(fd);
	rig_close(&rig);
}
END_TEST

/* Many in one read, answered in any order. */
START_TEST(in_any_order)
{
	static const char	 text[] = HOLD(1) "\n" HOLD(2) "\n"
				    ECHO("x") "\n" HOLD(3) "\n";
	struct rig		 rig;
	int			 fd;
	json_t			*v;

	rig_open(&rig, NULL);
	fd = client_new(&rig);
	client_say(&rig, fd, text, sizeof(text) - 1);
	ck_assert_uint_eq(rig.held_count, 3);
	ck_assert_int_eq(request_data(rig.held[1], json_true()), 0);
	request_done(rig.held[2], json_object());
	request_done(rig.held[0], json_object());
	ck_assert_int_eq(request_data(rig.held[1], json_false()), 0);
	request_done(rig.held[1], json_pack("{s:i}", "n", 7));
	v = client_hear(&rig, fd);
	ck_assert_str_eq(json_string_value(json_object_get(v, "id")), "x");
	json_decref(v);
	expect_id(&rig, fd, 2);
	expect_id(&rig, fd, 3);
	expect_id(&rig, fd, 1);
	expect_id(&rig, fd, 2);
	v = client_hear(&rig, fd);
	ck_assert_int_eq(id_of(v), 2);
	ck_assert_int_eq((int)json_integer_value(json_object_get(
	    json_object_get(v, "result"), "n")), 7);
	json_decref(v);
	(void)close(fd);
	rig_close(&rig);
}
END_TEST

#define LONG_32 "0123456789abcdef0123456789abcdef"
#define LONG_64 LONG_32 LONG_32
#define LINE(s) { s, sizeof(s) - 1, NULL }
#define WITH_ID(s) { s, sizeof(s) - 1, "a" }

static const struct {
	const char	*text;
	size_t		 len;
	const char	*id;		/* that is echoed, if any */
} bad_lines[] = {
	LINE(""), LINE(" "), LINE("x"), LINE("["), LINE("[]"), LINE("1"),
	LINE("null"), LINE("\"x\""), LINE("{}"), LINE("{\"id\":1"),
	LINE("{\"command\":\"echo\"}"),
	LINE("{\"id\":null,\"command\":\"echo\"}"),
	LINE("{\"id\":true,\"command\":\"echo\"}"),
	LINE("{\"id\":[1],\"command\":\"echo\"}"),
	LINE("{\"id\":99999999999999999999,\"command\":\"echo\"}"),
	LINE("{\"id\":1e999,\"command\":\"echo\"}"),
	LINE("{\"id\":\"" LONG_64 LONG_64 "x\",\"command\":\"echo\"}"),
	LINE("{\"id\":1,\"id\":1,\"command\":\"echo\"}"),
	LINE("{\"id\":1,\"command\":\"echo\"}{}"),
	LINE("{\"id\":1,\"command\":\"echo\\u0000\"}"),
	LINE("{\"id\":1,\"command\":\"ec\0ho\"}"),
	LINE("{\"id\":1,\"command\":\"echo\"}\0"),
	LINE("\0\0\0\0"),
	LINE("\xff\xfe"),
	LINE("{\"id\":1,\"command\":\"\xc3\x28\"}"),
	WITH_ID("{\"id\":\"a\"}"),
	WITH_ID("{\"id\":\"a\",\"command\":1}"),
	WITH_ID("{\"id\":\"a\",\"command\":\"\"}"),
	WITH_ID("{\"id\":\"a\",\"command\":\"" LONG_32 "\"}"),
	WITH_ID("{\"id\":\"a\",\"command\":\"echo\",\"args\":[]}"),
	WITH_ID("{\"id\":\"a\",\"command\":\"echo\",\"args\":null}"),
	WITH_ID("{\"id\":\"a\",\"command\":\"echo\",\"arg\":{}}"),
};

START_TEST(bad_line)
{
	struct rig	 rig;
	int		 fd;
	json_t		*v, *id;

	rig_open(&rig, NULL);
	fd = client_new(&rig);
	client_say(&rig, fd, bad_lines[_i].text, bad_lines[_i].len);
	client_say(&rig, fd, "\n", 1);
	v = client_hear(&rig, fd);
	ck_assert_str_eq(json_string_value(json_object_get(v, "code")),
	    "bad-request");
	id = json_object_get(v, "id");
	if (bad_lines[_i].id != NULL)
		ck_assert_str_eq(json_string_value(id), bad_lines[_i].id);
	else
		ck_assert(json_is_null(id));
	json_decref(v);
	client_line(&rig, fd, ECHO(5));
	expect_id(&rig, fd, 5);
	(void)close(fd);
	rig_close(&rig);
}
END_TEST

/* Deeper than jansson goes, but never deep in our stack. */
START_TEST(deep_nesting)
{
	static char	 text[500000];
	struct rig	 rig;
	int		 fd;
	size_t		 i;

	rig_open(&rig, NULL);
	fd = client_new(&rig);
	for (i = 0; i < sizeof(text) - 1; i++)
		text[i] = '[';
	client_line(&rig, fd, text);
	client_expect(&rig, fd, "bad-request");
	for (i = 0; i + 5 < sizeof(text); i += 5)
		memcpy(text + i, "{\"a\":", 5);
	client_line(&rig, fd, text);
	client_expect(&rig, fd, "bad-request");
	client_line(&rig, fd, ECHO(1));
	client_expect(&rig, fd, NULL);
	(void)close(fd);
	rig_close(&rig);
}
END_TEST

/* A request in a line of that length. */
static void
say_long(struct rig *rig, int fd, size_t len)
{
	static const char	 head[] = ECHO(1);
	char			*line = malloc(len + 1);

	memset(line, ' ', len);
	memcpy(line, head, sizeof(head) - 1);
	line[len] = '\n';
	client_say(rig, fd, line, len + 1);
	free(line);
}

START_TEST(long_line)
{
	struct rig	 rig;
	int		 fd;

	rig_open(&rig, NULL);
	if (_i == 1)
		rig.limits.line_bytes = 100;	/* much less than a read */
	else
		ck_assert_uint_eq(rig.limits.line_bytes, 1048576 + 4096);
	fd = client_new(&rig);
	say_long(&rig, fd, rig.limits.line_bytes);
	client_expect(&rig, fd, NULL);
	client_line(&rig, fd, HOLD(2));
	say_long(&rig, fd, rig.limits.line_bytes + 1);
	client_expect(&rig, fd, "bad-request");
	client_expect_end(&rig, fd);
	rig_wait_clients(&rig, 0);
	ck_assert_uint_eq(rig.gone_count, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(too_many_requests)
{
	struct rig	 rig;
	char		 line[64];
	int		 fd, other, i;

	rig_open(&rig, NULL);
	ck_assert_uint_eq(rig.limits.requests, 16);
	fd = client_new(&rig);
	other = client_new(&rig);
	for (i = 0; i < 17; i++) {
		(void)snprintf(line, sizeof(line),
		    "{\"id\":%d,\"command\":\"hold\"}", i);
		client_line(&rig, fd, line);
	}
	client_expect(&rig, fd, "busy");
	client_line(&rig, other, ECHO(1));
	client_expect(&rig, other, NULL);
	request_done(rig.held[3], json_object());
	expect_id(&rig, fd, 3);
	client_line(&rig, fd, ECHO(3));
	expect_id(&rig, fd, 3);
	client_line(&rig, fd, HOLD(4));		/* is under way */
	client_expect(&rig, fd, "bad-request");
	(void)close(fd);
	(void)close(other);
	rig_wait_clients(&rig, 0);
	ck_assert_uint_eq(rig.gone_count, 15);
	rig_close(&rig);
}
END_TEST

START_TEST(too_much_held)
{
	struct rig	 rig;
	int		 fd;

	rig_open(&rig, NULL);
	rig.limits.held_bytes = 2 * sizeof(HOLD(1));
	fd = client_new(&rig);
	client_line(&rig, fd, HOLD(1));
	client_line(&rig, fd, HOLD(2));
	client_line(&rig, fd, HOLD(3));
	client_expect(&rig, fd, "busy");
	request_done(rig.held[0], json_object());
	client_expect(&rig, fd, NULL);
	client_line(&rig, fd, HOLD(3));
	ck_assert_uint_eq(rig.held_count, 3);
	(void)close(fd);
	rig_close(&rig);
}
END_TEST

/* Data are refused, the answer is not; nothing of a line is ever cut. */
START_TEST(slow_reader)
{
	struct rig	 rig;
	int		 fd, other, lines, refused = -1;
	json_t		*v;

	rig_open(&rig, NULL);
	rig.limits.data_bytes = 10000;
	fd = client_new(&rig);
	other = client_new(&rig);
	client_line(&rig, fd, "{\"id\":1,\"command\":\"data\","
	    "\"args\":{\"n\":100000}}");
	client_line(&rig, other, ECHO(1));
	client_expect(&rig, other, NULL);
	for (lines = 0; refused == -1; lines++) {
		v = client_hear(&rig, fd);
		ck_assert_ptr_nonnull(v);
		(void)json_unpack(v, "{s:{s:i}}", "result", "refused",
		    &refused);
		json_decref(v);
	}
	ck_assert_int_gt(refused, 0);
	ck_assert_int_eq(lines - 1 + refused, 100000);
	(void)close(fd);
	(void)close(other);
	rig_close(&rig);
}
END_TEST

START_TEST(stalled_reader)
{
	struct rig	 rig;
	int		 fd;

	rig_open(&rig, NULL);
	ck_assert_uint_eq(rig.limits.stall_ms, 30000);
	rig.limits.stall_ms = 60;
	fd = client_new(&rig);
	client_line(&rig, fd, HOLD(1));
	client_line(&rig, fd, "{\"id\":2,\"command\":\"big\","
	    "\"args\":{\"n\":4000000}}");
	rig_wait_clients(&rig, 0);
	ck_assert_uint_eq(rig.gone_count, 1);
	(void)close(fd);
	rig_close(&rig);
}
END_TEST

/* One that reads, slowly, is kept: it is progress that counts. */
START_TEST(slow_but_reading)
{
	static char	 buf[100000];
	struct rig	 rig;
	int		 fd, i;

	rig_open(&rig, NULL);
	rig.limits.stall_ms = 1000;
	fd = client_new(&rig);
	client_line(&rig, fd, "{\"id\":2,\"command\":\"big\","
	    "\"args\":{\"n\":4000000}}");
	for (i = 0; i < 12; i++) {
		rig_turn_ms(&rig, 100);
		ck_assert_int_gt(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), 0);
	}
	rig_turn(&rig);
	ck_assert_uint_eq(control_server_clients(rig.server), 1);
	(void)close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(too_much_waits)
{
	/* In one read: after it nothing is read while so much waits. */
	static const char	 three[] =
	    "{\"id\":1,\"command\":\"big\",\"args\":{\"n\":9000000}}\n"
	    "{\"id\":2,\"command\":\"hold\"}\n"
	    "{\"id\":3,\"command\":\"big\",\"args\":{\"n\":9000000}}\n";
	struct rig		 rig;
	int			 fd;

	rig_open(&rig, NULL);
	ck_assert_uint_eq(rig.limits.out_bytes, 16 << 20);
	fd = client_new(&rig);
	client_line(&rig, fd, "{\"id\":1,\"command\":\"big\","
	    "\"args\":{\"n\":16777216}}");
	client_expect(&rig, fd, "failed");	/* no queue would take it */
	client_say(&rig, fd, three, sizeof(three) - 1);
	rig_wait_clients(&rig, 0);
	ck_assert_uint_eq(rig.gone_count, 1);
	(void)close(fd);
	rig_close(&rig);
}
END_TEST

/* Errors without end, none of which is read: it is read no more either. */
START_TEST(flood)
{
	static char	 text[512];
	struct rig	 rig;
	int		 fd, other, i, small = 1;
	ssize_t		 n;
	size_t		 sent = 0;

	rig_open(&rig, NULL);
	rig.limits.data_bytes = 20000;
	fd = client_new(&rig);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	other = client_new(&rig);
	memset(text, '\n', sizeof(text));
	for (i = 0; i < 200; i++) {
		n = send(fd, text, sizeof(text), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			sent += (size_t)n;
		rig_turn(&rig);
	}
	ck_assert_uint_lt(sent, 100000);
	client_line(&rig, other, ECHO(1));
	client_expect(&rig, other, NULL);
	ck_assert_uint_eq(control_server_clients(rig.server), 2);
	for (; sent > 0; sent--)
		client_expect(&rig, fd, "bad-request");
	client_line(&rig, fd, ECHO(1));
	client_expect(&rig, fd, NULL);
	(void)close(fd);
	(void)close(other);
	rig_close(&rig);
}
END_TEST

/* A client that reads what was still waiting; its status. */
static pid_t
late_reader(int fd)
{
	static char	 buf[6000000];
	pid_t		 pid = fork();
	size_t		 n;
	int		 i;

	ck_assert_int_ne(pid, -1);
	if (pid != 0)
		return pid;
	for (i = STDERR_FILENO + 1; i < 64; i++)
		if (i != fd)
			(void)close(i);		/* the server's end of it */
	n = read_all(fd, buf, sizeof(buf));
	_exit(n > 5000000 && buf[n - 1] == '\n' ? 0 : 1);
}

START_TEST(last_words)
{
	struct rig	 rig;
	int		 fd;
	pid_t		 pid;

	rig_open(&rig, NULL);
	fd = client_new(&rig);
	client_line(&rig, fd, "{\"id\":1,\"command\":\"big\","
	    "\"args\":{\"n\":5000000}}");
	pid = late_reader(fd);
	(void)close(fd);
	control_server_free(rig.server, PATIENCE_MS);
	ck_assert_int_eq(status_of(pid), 0);
	rig.server = NULL;
	rig_close(&rig);
}
END_TEST

START_TEST(last_words_to_the_deaf)
{
	struct rig	 rig;
	int		 fd;
	uint64_t	 begin;

	rig_open(&rig, NULL);
	fd = client_new(&rig);
	client_line(&rig, fd, "{\"id\":1,\"command\":\"big\","
	    "\"args\":{\"n\":5000000}}");
	begin = clock_ms();
	control_server_free(rig.server, 100);
	ck_assert_uint_ge(clock_ms() - begin, 90);
	ck_assert_uint_lt(clock_ms() - begin, PATIENCE_MS);
	(void)close(fd);
	rig.server = NULL;
	rig_close(&rig);
}
END_TEST

static const struct {
	const char	*args;
	const char	*error;		/* NULL: it is fine */
} arg_rows[] = {
	{ "{\"alpha\":\"x\"}", NULL },
	{ "{\"alpha\":\"x\",\"wait\":false,\"lines\":0,\"pools\":[]}", NULL },
	{ "{\"alpha\":\"x\",\"lines\":100,\"pools\":[\"a\",\"b\"]}", NULL },
	{ "{}", "argument 'alpha' is missing" },
	{ "{\"wait\":true}", "argument 'alpha' is missing" },
	{ "{\"alpha\":\"\"}", "argument 'alpha': must be a string that is "
	    "not empty" },
	{ "{\"alpha\":1}", "argument 'alpha': must be a string that is not "
	    "empty" },
	{ "{\"alpha\":null}", "argument 'alpha': must be a string that is "
	    "not empty" },
	{ "{\"alpha\":\"x\",\"wait\":1}", "argument 'wait': must be true or "
	    "false" },
	{ "{\"alpha\":\"x\",\"lines\":-1}", "argument 'lines': must be a "
	    "whole number from 0 to 100" },
	{ "{\"alpha\":\"x\",\"lines\":101}", "argument 'lines': must be a "
	    "whole number from 0 to 100" },
	{ "{\"alpha\":\"x\",\"lines\":1.5}", "argument 'lines': must be a "
	    "whole number from 0 to 100" },
	{ "{\"alpha\":\"x\",\"lines\":\"5\"}", "argument 'lines': must be a "
	    "whole number from 0 to 100" },
	{ "{\"alpha\":\"x\",\"pools\":\"a\"}", "argument 'pools': must be a "
	    "list of strings" },
	{ "{\"alpha\":\"x\",\"pools\":[\"a\",1]}", "argument 'pools': must "
	    "be a list of strings" },
	{ "{\"alpha\":\"x\",\"pools\":[\"\"]}", "argument 'pools': must be "
	    "a list of strings" },
	{ "{\"alpha\":\"x\",\"line\":1}", "unknown argument 'line'; did you "
	    "mean 'lines'?" },
	{ "{\"alpha\":\"x\",\"\\u001b[1m\":1}", "unknown argument "
	    "'\\x1b[1m'" },
};

START_TEST(strict_args)
{
	struct rig	 rig;
	char		 line[256];
	int		 fd;
	json_t		*v;
	const char	*error;

	rig_open(&rig, NULL);
	fd = client_new(&rig);
	(void)snprintf(line, sizeof(line),
	    "{\"id\":1,\"command\":\"args\",\"args\":%s}", arg_rows[_i].args);
	client_line(&rig, fd, line);
	v = client_hear(&rig, fd);
	error = json_string_value(json_object_get(v, "error"));
	if (arg_rows[_i].error == NULL) {
		ck_assert(json_is_true(json_object_get(v, "ok")));
	} else {
		ck_assert_ptr_nonnull(error);
		ck_assert_str_eq(error, arg_rows[_i].error);
		ck_assert_str_eq(json_string_value(json_object_get(v,
		    "code")), "usage");
	}
	json_decref(v);
	(void)close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(failures)
{
	struct rig	 rig;
	int		 fd;
	json_t		*v;

	rig_open(&rig, NULL);
	fd = client_new(&rig);
	client_line(&rig, fd, "{\"id\":1,\"command\":\"nonsense\"}");
	v = client_hear(&rig, fd);
	ck_assert_str_eq(json_string_value(json_object_get(v, "error")),
	    "no command 'nonsense'\\x0a");
	ck_assert(json_is_object(json_object_get(v, "details")));
	json_decref(v);
	client_line(&rig, fd, "{\"id\":1,\"command\":\"none\",\"args\":{}}");
	client_expect(&rig, fd, "no-memory");
	client_line(&rig, fd, "{\"id\":1,\"command\":\"none\","
	    "\"args\":{\"x\":1}}");
	client_expect(&rig, fd, "usage");
	(void)close(fd);
	rig_close(&rig);
}
END_TEST

void
fill_answers(Suite *s)
{
	TCase	*tc = tcase_create("answers");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, in_pieces);
	tcase_add_test(tc, in_any_order);
	tcase_add_loop_test(tc, bad_line, 0, ARRAY_LEN(bad_lines));
	tcase_add_test(tc, deep_nesting);
	tcase_add_loop_test(tc, long_line, 0, 2);
	tcase_add_test(tc, too_many_requests);
	tcase_add_test(tc, too_much_held);
	tcase_add_test(tc, slow_reader);
	tcase_add_test(tc, stalled_reader);
	tcase_add_test(tc, slow_but_reading);
	tcase_add_test(tc, too_much_waits);
	tcase_add_test(tc, flood);
	tcase_add_test(tc, last_words);
	tcase_add_test(tc, last_words_to_the_deaf);
	tcase_add_loop_test(tc, strict_args, 0, ARRAY_LEN(arg_rows));
	tcase_add_test(tc, failures);
	suite_add_tcase(s, tc);
}
