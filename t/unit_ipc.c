#include "config.h"

#include <errno.h>
#include <ev.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/env.h"
#include "base/util.h"
#include "ipc/channel.h"
#include "ipc/dialect.h"
#include "ipc/message.h"
#include "ipc/proto.h"
#include "t/unit.h"

/* A channel, the other end of it, and what has been heard. */
struct pair {
	struct ev_loop	*loop;
	struct channel	 ch;
	int		 peer;
	size_t		 lines;
	size_t		 last_len;
	char		 last[256];
	bool		 closed;
	const char	*why;
};

static void
heard_line(void *arg, const char *line, size_t len)
{
	struct pair	*p = arg;

	p->lines++;
	p->last_len = len;
	(void)snprintf(p->last, sizeof(p->last), "%.*s",
	    (int)(len < 255 ? len : 255), line);
}

static void
heard_closed(void *arg, const char *why)
{
	struct pair	*p = arg;

	p->closed = true;
	p->why = why;
}

static const struct channel_ops ops = {
	.line = heard_line,
	.closed = heard_closed,
};

static void
pair_open(struct pair *p)
{
	int	 sv[2];

	memset(p, 0, sizeof(*p));
	p->loop = ev_loop_new(EVFLAG_AUTO);
	ck_assert_ptr_nonnull(p->loop);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	p->peer = sv[1];
	channel_init(&p->ch, p->loop, sv[0], &ops, p);
}

static void
pair_close(struct pair *p)
{
	channel_close(&p->ch);
	if (p->peer != -1)
		(void)close(p->peer);
	ev_loop_destroy(p->loop);
}

/* Turn the loop until nothing more happens. */
static void
pair_run(struct pair *p)
{
	int	 i;

	for (i = 0; i < 50; i++)
		(void)ev_run(p->loop, EVRUN_NOWAIT);
}

static void
peer_says(struct pair *p, const char *s, size_t n)
{
	ssize_t	 k;

	while (n > 0) {
		k = send(p->peer, s, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (k == -1 && errno == EAGAIN) {
			(void)ev_run(p->loop, EVRUN_NOWAIT);
			continue;
		}
		if (k == -1)
			return;
		s += k;
		n -= (size_t)k;
	}
}

/* Lines may arrive in any pieces. */
START_TEST(channel_pieces)
{
	static const char	 text[] = "{\"a\":1}\n\n[2]\n\"three\"\n";
	struct pair		 p;
	size_t			 cut;

	for (cut = 0; cut < sizeof(text) - 1; cut++) {
		pair_open(&p);
		peer_says(&p, text, cut);
		pair_run(&p);
		peer_says(&p, text + cut, sizeof(text) - 1 - cut);
		pair_run(&p);
		ck_assert_uint_eq(p.lines, 4);
		ck_assert_str_eq(p.last, "\"three\"");
		ck_assert(!p.closed);
		pair_close(&p);
	}
}
END_TEST

START_TEST(channel_longest_line)
{
	struct pair	 p;
	char		*line = malloc(MESSAGE_MAX_LEN + 2);

	memset(line, 'x', MESSAGE_MAX_LEN + 2);
	line[MESSAGE_MAX_LEN] = '\n';
	pair_open(&p);
	peer_says(&p, line, MESSAGE_MAX_LEN + 1);
	pair_run(&p);
	ck_assert_uint_eq(p.lines, 1);
	ck_assert_uint_eq(p.last_len, MESSAGE_MAX_LEN);
	line[MESSAGE_MAX_LEN] = 'x';
	peer_says(&p, line, MESSAGE_MAX_LEN + 2);
	pair_run(&p);
	ck_assert(p.closed);
	ck_assert_str_eq(p.why, "a line is longer than 1 MiB");
	ck_assert_uint_eq(p.lines, 1);
	pair_close(&p);
	free(line);
}
END_TEST

START_TEST(channel_end_of_file)
{
	struct pair	 p;

	pair_open(&p);
	peer_says(&p, "1\nhalf", 6);
	(void)close(p.peer);
	p.peer = -1;
	pair_run(&p);
	ck_assert_uint_eq(p.lines, 1);
	ck_assert(p.closed);
	ck_assert_ptr_null(p.why);
	pair_close(&p);
}
END_TEST

/* What the dead have said before is heard, though nobody can be answered. */
START_TEST(channel_last_words)
{
	struct message	*m = message_new("1", 1);
	struct pair	 p;

	pair_open(&p);
	peer_says(&p, "last\n", 5);
	(void)close(p.peer);
	p.peer = -1;
	ck_assert_int_eq(channel_send(&p.ch, m, CHANNEL_PROTOCOL), -1);
	channel_drain(&p.ch);
	ck_assert_uint_eq(p.lines, 1);
	ck_assert_str_eq(p.last, "last");
	ck_assert(p.closed);
	message_unref(m);
	pair_close(&p);
}
END_TEST

static int
send_text(struct pair *p, const char *text, int how)
{
	struct message	*m = message_new(text, strlen(text));
	int		 r;

	ck_assert_ptr_nonnull(m);
	r = channel_send(&p->ch, m, how);
	message_unref(m);
	return r;
}

/* Fill the socket, so that everything further waits. */
static void
fill_socket(struct pair *p)
{
	char	*big = malloc(300001);

	memset(big, 'b', 300000);
	big[300000] = '\0';
	while (channel_lag(&p->ch) == 0)
		(void)send_text(p, big, CHANNEL_ONCE);
	free(big);
}

/* Read everything; returns how many times the text stands in it. */
static size_t
peer_hears(struct pair *p, const char *text)
{
	static char	 data[8 << 20];
	size_t		 n = 0, count = 0;
	ssize_t		 k;
	char		*at;
	int		 i;

	for (i = 0; i < 2000; i++) {
		(void)ev_run(p->loop, EVRUN_NOWAIT);
		k = recv(p->peer, data + n, sizeof(data) - 1 - n,
		    MSG_DONTWAIT);
		if (k > 0)
			n += (size_t)k;
	}
	data[n] = '\0';
	for (at = data; (at = strstr(at, text)) != NULL; at++)
		count++;
	return count;
}

START_TEST(channel_newest_only)
{
	struct pair	 p;

	pair_open(&p);
	fill_socket(&p);
	ck_assert_int_eq(send_text(&p, "\"value 1\"", 0), 0);
	ck_assert_int_eq(send_text(&p, "\"other 1\"", 1), 0);
	ck_assert_int_eq(send_text(&p, "\"value 2\"", 0), 0);
	ck_assert_int_eq(send_text(&p, "\"value 3\"", 0), 0);
	ck_assert_uint_eq(channel_lag(&p.ch), 3);
	ck_assert_uint_eq(p.ch.dropped, 2);
	ck_assert_uint_eq(peer_hears(&p, "value"), 1);
	ck_assert_uint_eq(channel_lag(&p.ch), 0);
	ck_assert_int_eq(send_text(&p, "\"value 4\"", 0), 0);
	ck_assert_uint_eq(peer_hears(&p, "value 4"), 1);
	pair_close(&p);
}
END_TEST

/*
 * The queue is bounded, but the protocol's own messages get through, and so
 * does the newest of each broadcast.
 */
START_TEST(channel_bounded)
{
	struct pair	 p;
	int		 i;

	pair_open(&p);
	fill_socket(&p);
	for (i = 0; i < 2 * CHANNEL_QUEUE_MAX; i++)
		ck_assert_int_eq(send_text(&p, "\"event\"", CHANNEL_ONCE),
		    i < CHANNEL_QUEUE_MAX - 1 ? 0 : -1);
	ck_assert_uint_eq(channel_lag(&p.ch), CHANNEL_QUEUE_MAX);
	ck_assert_uint_eq(p.ch.dropped, CHANNEL_QUEUE_MAX + 1);
	ck_assert_int_eq(send_text(&p, "\"value 1\"", 0), 0);
	ck_assert_int_eq(send_text(&p, "\"value 2\"", 0), 0);
	ck_assert_uint_eq(channel_lag(&p.ch), CHANNEL_QUEUE_MAX + 1);
	ck_assert_int_eq(send_text(&p, "\"bye 1\"", CHANNEL_PROTOCOL), 0);
	ck_assert_uint_eq(channel_lag(&p.ch), CHANNEL_QUEUE_MAX + 2);
	ck_assert_uint_eq(peer_hears(&p, "\"value 2\"\n\"bye 1\""), 1);
	ck_assert(!p.closed);
	pair_close(&p);
}
END_TEST

/* Full by its bytes rather than by the number of messages. */
START_TEST(channel_bounded_bytes)
{
	struct pair	 p;
	char		*big = malloc(500001);

	memset(big, 'b', 500000);
	big[500000] = '\0';
	pair_open(&p);
	fill_socket(&p);
	while (send_text(&p, big, CHANNEL_ONCE) == 0)
		continue;
	ck_assert_uint_lt(channel_lag(&p.ch), 20);
	ck_assert_uint_le(p.ch.bytes, CHANNEL_QUEUE_BYTES);
	ck_assert_int_eq(send_text(&p, big, 0), 0);
	ck_assert_int_eq(send_text(&p, "\"value\"", 0), 0);
	ck_assert_uint_eq(peer_hears(&p, "\"value\""), 1);
	pair_close(&p);
	free(big);
}
END_TEST

/* Who does not read any more can still be heard. */
START_TEST(channel_nobody_reads)
{
	struct pair	 p;

	pair_open(&p);
	ck_assert_int_eq(send_text(&p, "1", CHANNEL_PROTOCOL), 0);
	ck_assert_int_eq(shutdown(p.peer, SHUT_RD), 0);
	ck_assert_int_eq(send_text(&p, "2", CHANNEL_PROTOCOL), -1);
	ck_assert_int_eq(send_text(&p, "3", 0), -1);
	ck_assert_int_eq(send_text(&p, "4", CHANNEL_ONCE), -1);
	ck_assert(!channel_is_open(&p.ch));
	ck_assert_uint_eq(channel_lag(&p.ch), 0);
	peer_says(&p, "still here\n", 11);
	pair_run(&p);
	ck_assert_uint_eq(p.lines, 1);
	ck_assert_str_eq(p.last, "still here");
	pair_close(&p);
}
END_TEST

/* What waits is lost when the other side is gone, and that is said. */
START_TEST(channel_unsent)
{
	struct pair	 p;

	pair_open(&p);
	fill_socket(&p);
	ck_assert_int_eq(send_text(&p, "1", CHANNEL_PROTOCOL), 0);
	ck_assert(!p.ch.unsent);
	ck_assert_int_eq(shutdown(p.peer, SHUT_RDWR), 0);
	pair_run(&p);
	ck_assert(p.closed);
	ck_assert(p.ch.unsent);
	ck_assert_uint_eq(channel_lag(&p.ch), 0);
	ck_assert_int_eq(send_text(&p, "2", CHANNEL_PROTOCOL), -1);
	pair_close(&p);
}
END_TEST

/* --- protocol ------------------------------------------------------------*/

static const struct {
	const char	*line;
	enum proto_kind	 kind;
} lines[] = {
	{ "{\"rota\":\"ready\"}",			PROTO_READY },
	{ " {\"rota\":\"ready\",\"later\":1} \r",	PROTO_READY },
	{ "{\"rota\":\"pong\",\"id\":7}",		PROTO_PONG },
	{ "{\"rota\":\"pong\",\"id\":\"7\"}",		PROTO_BAD },
	{ "{\"rota\":\"status\",\"text\":\"fine\"}",	PROTO_STATUS },
	{ "{\"rota\":\"status\"}",			PROTO_BAD },
	{ "{\"rota\":\"publish\",\"data\":[1]}",	PROTO_PUBLISH },
	{ "{\"rota\":\"publish\",\"data\":null}",	PROTO_PUBLISH },
	{ "{\"rota\":\"publish\"}",			PROTO_BAD },
	{ "{\"rota\":\"publish\",\"data\":{\"rota\":1}}", PROTO_BAD },
	{ "{\"rota\":\"shiny\"}",			PROTO_UNKNOWN },
	{ "{\"rota\":5}",				PROTO_BAD },
	{ "{\"user\":\"rota\"}",			PROTO_EVENT },
	{ "[{\"rota\":\"ready\"}]",			PROTO_EVENT },
	{ "\"ready\"",					PROTO_EVENT },
	{ "null",					PROTO_EVENT },
	{ "-1.5e3",					PROTO_EVENT },
	{ "\"nul \\u0000 inside\"",			PROTO_EVENT },
	{ "",						PROTO_BAD },
	{ "ready",					PROTO_BAD },
	{ "{\"rota\":\"ready\"} x",			PROTO_BAD },
	{ "\"\xff\"",					PROTO_BAD },
};

START_TEST(proto_kinds)
{
	struct proto_in	 in;

	proto_parse(lines[_i].line, strlen(lines[_i].line), &in);
	ck_assert_int_eq(in.kind, lines[_i].kind);
	if (in.kind == PROTO_BAD)
		ck_assert_str_ne(in.text, "");
	ck_assert_int_eq(in.data != NULL, in.kind == PROTO_PUBLISH);
	message_unref(in.data);
}
END_TEST

START_TEST(proto_deep)
{
	char		 deep[8192];
	struct proto_in	 in;

	memset(deep, '[', sizeof(deep));
	proto_parse(deep, sizeof(deep), &in);
	ck_assert_int_eq(in.kind, PROTO_BAD);
}
END_TEST

/* A publish of n copies of a text, between [ and ]. */
static enum proto_kind
publish_many(const char *text, size_t n, struct proto_in *in)
{
	static const char	 head[] =
				    "{\"rota\":\"publish\",\"data\":[";
	struct buf		 b;
	size_t			 i;

	buf_init(&b, MESSAGE_MAX_LEN);
	ck_assert_int_eq(buf_append(&b, head, strlen(head)), 0);
	for (i = 0; i < n; i++)
		ck_assert_int_eq(buf_append(&b, text, strlen(text)), 0);
	ck_assert_int_eq(buf_append(&b, "0]}", 3), 0);
	proto_parse(buf_head(&b), buf_len(&b), in);
	buf_free(&b);
	return in->kind;
}

/* 0.1 takes four bytes here and twenty when it is written in full. */
START_TEST(proto_publish_grows)
{
	struct proto_in	 in;

	ck_assert_int_eq(publish_many("0.1,", 40000, &in), PROTO_PUBLISH);
	ck_assert_uint_le(in.data->len, MESSAGE_MAX_LEN);
	message_unref(in.data);
	ck_assert_int_eq(publish_many("0.1,", 150000, &in), PROTO_BAD);
	ck_assert_ptr_null(in.data);
	ck_assert_ptr_nonnull(strstr(in.text, "longer than 1 MiB"));
	ck_assert_int_eq(publish_many("1,", 500000, &in), PROTO_PUBLISH);
	message_unref(in.data);
}
END_TEST

static const struct {
	const char	*text, *key, *want;	/* NULL: refused */
} values[] = {
	{ "51", "usersCount", "{\"usersCount\":51}\n" },
	{ "51\n", "n", "{\"n\":51}\n" },
	{ "[1,\r\n 2]\n \n", NULL, "[1,   2]\n" },
	{ "0.1", "k", "{\"k\":0.1}\n" },
	{ "1.10\n", NULL, "1.10\n" },
	{ "12345678901234567890", "k", "{\"k\":12345678901234567890}\n" },
	{ "1", "say \"k\"", "{\"say \\\"k\\\"\":1}\n" },
	{ "two words\n", "k", "{\"k\":\"two words\"}\n" },
	{ "two\nlines\n", NULL, "\"two\\nlines\"\n" },
	{ "", "k", "{\"k\":\"\"}\n" },
	{ "{\"rota\":1}", "k", "{\"k\":{\"rota\":1}}\n" },
	{ "{\"rota\":1}", NULL, NULL },
	{ "\xff", "k", NULL },
};

START_TEST(proto_values)
{
	const char	*why = NULL;
	struct message	*m = proto_value(values[_i].text,
			    strlen(values[_i].text), values[_i].key, &why);

	if (values[_i].want == NULL) {
		ck_assert_ptr_null(m);
		ck_assert_ptr_nonnull(why);
		return;
	}
	ck_assert_ptr_nonnull(m);
	ck_assert_uint_eq(m->len, strlen(values[_i].want));
	ck_assert_mem_eq(m->data, values[_i].want, m->len);
	message_unref(m);
}
END_TEST

START_TEST(proto_too_long)
{
	size_t		 n = MESSAGE_MAX_LEN;
	char		*text = malloc(n);
	const char	*why;

	memset(text, 'x', n);
	ck_assert_ptr_null(proto_value(text, n, NULL, &why));
	ck_assert_str_eq(why, "longer than 1 MiB");
	free(text);
}
END_TEST

START_TEST(proto_says_hello)
{
	struct proto_listener	 l[] = {
		{ NULL, "[::]:7000", -1 }, { "admin", "127.0.0.1:1", 4 },
	};
	struct proto_hello	 h = {
		.pool = "web", .slot = 1, .count = 4, .generation = 2,
		.pid = 77, .listeners = l, .listener_count = 2,
		.stop_timeout_ms = 30000, .on_supervisor_exit = "stop",
	};
	struct message		*m = proto_hello(&h);

	static const char	 want[] =
	    "{\"rota\":\"hello\",\"version\":1,\"pool\":\"web\",\"slot\":1,"
	    "\"count\":4,\"generation\":2,\"pid\":77,\"listeners\":["
	    "{\"name\":null,\"address\":\"[::]:7000\"},"
	    "{\"name\":\"admin\",\"address\":\"127.0.0.1:1\",\"fd\":4}],"
	    "\"stop_timeout_ms\":30000,\"on_supervisor_exit\":\"stop\"}\n";

	ck_assert_ptr_nonnull(m);
	ck_assert_uint_eq(m->len, sizeof(want) - 1);
	ck_assert_mem_eq(m->data, want, m->len);
	message_unref(m);
}
END_TEST

/* --- dialects ------------------------------------------------------------*/

START_TEST(dialect_env)
{
	struct dialect_facts	 f = {
		.pool = "web", .slot = 3, .count = 4, .generation = 9,
		.port = 7000, .ipc_fd = 5, .conn_fd = 6, .ready_fd = -1,
	};
	struct env		 env = { 0 };

	ck_assert_int_eq(dialect_set_env(dialect_get(CONF_ROTA), &env, &f),
	    0);
	ck_assert_uint_eq(env.count, 7);
	ck_assert_str_eq(env_get(&env, "ROTA_POOL"), "web");
	ck_assert_str_eq(env_get(&env, "ROTA_SLOT"), "3");
	ck_assert_str_eq(env_get(&env, "ROTA_COUNT"), "4");
	ck_assert_str_eq(env_get(&env, "ROTA_GENERATION"), "9");
	ck_assert_str_eq(env_get(&env, "PORT"), "7000");
	ck_assert_str_eq(env_get(&env, "ROTA_IPC_FD"), "5");
	ck_assert_str_eq(env_get(&env, "ROTA_CONN_FD"), "6");
	env_free(&env);
	f.port = 0;
	ck_assert_int_eq(dialect_set_env(dialect_get(CONF_PLAIN), &env, &f),
	    0);
	ck_assert_uint_eq(env.count, 4);
	ck_assert_ptr_null(env_get(&env, "ROTA_IPC_FD"));
	env_free(&env);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("ipc");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, channel_pieces);
	tcase_add_test(tc, channel_longest_line);
	tcase_add_test(tc, channel_end_of_file);
	tcase_add_test(tc, channel_last_words);
	tcase_add_test(tc, channel_newest_only);
	tcase_add_test(tc, channel_bounded);
	tcase_add_test(tc, channel_bounded_bytes);
	tcase_add_test(tc, channel_nobody_reads);
	tcase_add_test(tc, channel_unsent);
	tcase_add_loop_test(tc, proto_kinds, 0, ARRAY_LEN(lines));
	tcase_add_test(tc, proto_deep);
	tcase_add_test(tc, proto_publish_grows);
	tcase_add_loop_test(tc, proto_values, 0, ARRAY_LEN(values));
	tcase_add_test(tc, proto_too_long);
	tcase_add_test(tc, proto_says_hello);
	tcase_add_test(tc, dialect_env);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("ipc", fill)
