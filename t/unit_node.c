#include "config.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "ipc/channel.h"
#include "ipc/cluster.h"
#include "ipc/message.h"
#include "ipc/proto.h"
#include "t/unit.h"

#define C "{\"cmd\":\"NODE_CLUSTER\","
#define Q C "\"act\":\"queryServer\",\"seq\":1,"

/* What a line is taken for. */
static const struct {
	const char		*line;
	enum cluster_kind	 kind;
} kinds[] = {
	{ "", CLUSTER_USER },
	{ "\"ready\"", CLUSTER_USER },
	{ "null", CLUSTER_USER },
	{ "{\"cmd\":\"NODE_\"}", CLUSTER_USER },
	{ "{\"cmd\":5}", CLUSTER_USER },
	{ "{\"x\":{\"cmd\":\"NODE_CLUSTER\"}}", CLUSTER_USER },
	{ "{\"cmd\":\"NODE_CLUSTER\"", CLUSTER_USER },
	{ "[\"NODE_CLUSTER\"]", CLUSTER_USER },
	{ "{\"cmd\":\"NODE_WHATEVER\"}", CLUSTER_OTHER },
	{ "{\"cmd\":\"NODE_CLUSTER\"}", CLUSTER_OTHER },
	{ C "\"act\":\"dance\"}", CLUSTER_OTHER },
	{ C "\"act\":7}", CLUSTER_OTHER },
	{ C "\"act\":\"online\",\"seq\":0}", CLUSTER_ONLINE },
	{ "{\"act\":\"online\",\"seq\":0,\"cmd\":\"NODE_CLUSTER\"}",
	    CLUSTER_ONLINE },
	{ C "\"act\":\"listening\",\"port\":1,\"seq\":2}",
	    CLUSTER_LISTENING },
	{ C "\"act\":\"close\",\"key\":\"3\",\"seq\":5}", CLUSTER_CLOSE },
	{ C "\"act\":\"close\",\"key\":\"-3\"}", CLUSTER_BAD },
	{ C "\"act\":\"close\",\"key\":\"99999999999999999999\"}",
	    CLUSTER_BAD },
	{ C "\"act\":\"close\",\"key\":3}", CLUSTER_BAD },
	{ C "\"act\":\"close\"}", CLUSTER_BAD },
	{ C "\"act\":\"exitedAfterDisconnect\",\"seq\":4}",
	    CLUSTER_LEAVING },
	{ C "\"act\":\"exitedAfterDisconnect\"}", CLUSTER_BAD },
	{ C "\"ack\":1,\"accepted\":true,\"seq\":3}", CLUSTER_ANSWER },
	{ C "\"ack\":1,\"accepted\":false,\"seq\":3}", CLUSTER_ANSWER },
	{ C "\"ack\":1,\"accepted\":1,\"seq\":3}", CLUSTER_OTHER },
	{ C "\"ack\":1,\"act\":\"online\",\"seq\":3}", CLUSTER_OTHER },
	{ "{\"cmd\":\"NODE_HANDLE_ACK\"}", CLUSTER_ACK },
	{ "{ \"cmd\" : \"NODE_HANDLE_ACK\" }", CLUSTER_ACK },
	{ "{\"cmd\":\"NODE_HANDLE_NACK\"}", CLUSTER_NACK },
	{ "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\"}",
	    CLUSTER_HANDLE },
	{ "{\"cmd\":\"NODE_SOCKET_GET_COUNT\",\"key\":\"4:null:1\"}",
	    CLUSTER_GET_COUNT },
	{ "{\"cmd\":\"NODE_SOCKET_NOTIFY_CLOSE\",\"key\":\"4\"}",
	    CLUSTER_NOTIFY_CLOSE },
	{ "{\"cmd\":\"NODE_SOCKET_NOTIFY_CLOSE\"}", CLUSTER_BAD },
	{ "{\"cmd\":\"NODE_SOCKET_GET_COUNT\",\"key\":\"a\\u0000b\"}",
	    CLUSTER_BAD },
	{ C "\"act\":\"queryServer\",\"address\":null,\"port\":1,"
	    "\"addressType\":4}", CLUSTER_BAD },
	{ Q "\"address\":null,\"port\":70000,\"addressType\":4}",
	    CLUSTER_BAD },
	{ Q "\"address\":null,\"port\":-1,\"addressType\":4}",
	    CLUSTER_BAD },
	{ Q "\"address\":5,\"port\":1,\"addressType\":4}", CLUSTER_BAD },
	{ Q "\"address\":\"1\\u0000\",\"port\":1,\"addressType\":4}",
	    CLUSTER_BAD },
	{ Q "\"address\":null,\"port\":1,\"addressType\":5}", CLUSTER_BAD },
	{ Q "\"address\":null,\"port\":1}", CLUSTER_BAD },
	{ Q "\"address\":null,\"port\":-1,\"addressType\":-1}",
	    CLUSTER_BAD },
	{ Q "\"address\":\"\",\"addressType\":-1}", CLUSTER_BAD },
	{ Q "\"address\":\"x\\u0000\",\"addressType\":-1}", CLUSTER_QUERY },
};

START_TEST(parse_kind)
{
	const char		*line = kinds[_i].line;
	struct cluster_in	 in;

	cluster_parse(line, strlen(line), &in);
	ck_assert_msg(in.kind == kinds[_i].kind, "%s: %d", line,
	    (int)in.kind);
	ck_assert((in.kind == CLUSTER_BAD) == (in.why != NULL));
	cluster_in_free(&in);
}
END_TEST

/* The two lines of each connection, and what is nearly one of them. */
static const char	*answers[] = {
	"{\"cmd\":\"NODE_HANDLE_ACK\"}", "{\"cmd\":\"NODE_HANDLE_ACK\"}}",
	"{\"cmd\":\"NODE_HANDLE_ACK\"} ", "{\"cmd\":\"NODE_HANDLE_ACK\"",
	"{\"cmd\":\"NODE_HANDLE_ACK\"}" C
	    "\"ack\":1,\"accepted\":true,\"seq\":7}",
	C "\"ack\":0,\"accepted\":true,\"seq\":0}",
	C "\"ack\":17,\"accepted\":true,\"seq\":23}",
	C "\"ack\":17,\"accepted\":false,\"seq\":23}",
	C "\"ack\":17,\"accepted\":true,\"seq\":23,\"act\":\"close\"}",
	C "\"ack\":17,\"accepted\":true,\"seq\":23}x",
	C "\"ack\":17,\"accepted\":true,\"seq\":23} ",
	C "\"ack\":17,\"accepted\":true}",
	C "\"ack\":017,\"accepted\":true,\"seq\":23}",
	C "\"ack\":17.5,\"accepted\":true,\"seq\":23}",
	C "\"ack\":17e1,\"accepted\":true,\"seq\":23}",
	C "\"ack\":-17,\"accepted\":true,\"seq\":23}",
	C "\"ack\":,\"accepted\":true,\"seq\":23}",
	C "\"ack\":17,\"accepted\":null,\"seq\":23}",
	C "\"ack\":17,\"accepted\":truefalse,\"seq\":23}",
	C "\"ack\":17,\"accepted\":true,\"seq\":00}",
	C "\"ack\":999999999999999,\"accepted\":true,\"seq\":1}",
	C "\"ack\":1000000000000000,\"accepted\":true,\"seq\":1}",
	C "\"ack\":9223372036854775807,\"accepted\":true,\"seq\":1}",
	C "\"ack\":9223372036854775808,\"accepted\":true,\"seq\":1}",
};

/* A blank before it means nothing in JSON, but then it is parsed. */
START_TEST(parse_answer)
{
	const char		*line = answers[_i];
	char			 slow[128];
	struct cluster_in	 a, b;

	(void)snprintf(slow, sizeof(slow), " %s", line);
	cluster_parse(line, strlen(line), &a);
	cluster_parse(slow, strlen(slow), &b);
	ck_assert_msg(a.kind == b.kind, "%s: %d %d", line, (int)a.kind,
	    (int)b.kind);
	ck_assert_int_eq(a.ack, b.ack);
	ck_assert_int_eq(a.seq, b.seq);
	ck_assert(a.accepted == b.accepted);
	cluster_in_free(&a);
	cluster_in_free(&b);
}
END_TEST

/* What is in a query, as it is described. */
static const struct {
	const char		*members;
	enum cluster_type	 type;
	const char		*text;
} queries[] = {
	{ "\"index\":0,\"data\":null,\"address\":null,\"port\":7000,"
	    "\"addressType\":4,\"flags\":0,\"backlog\":0", CLUSTER_TCP4,
	    "port 7000" },
	{ "\"address\":\"127.0.0.1\",\"port\":7000,\"addressType\":4,"
	    "\"backlog\":false", CLUSTER_TCP4, "127.0.0.1:7000" },
	{ "\"address\":\"::1\",\"port\":7000,\"addressType\":6",
	    CLUSTER_TCP6, "[::1]:7000" },
	{ "\"address\":\"/run/x\",\"port\":-1,\"addressType\":-1",
	    CLUSTER_UNIX, "unix:/run/x" },
	{ "\"address\":\"/cwd/\\u0000name\",\"port\":-1,"
	    "\"addressType\":-1", CLUSTER_UNIX, "unix:@name" },
	{ "\"address\":null,\"port\":null,\"addressType\":null,\"fd\":9",
	    CLUSTER_FD, "descriptor 9" },
	{ "\"address\":\"0.0.0.0\",\"port\":53,\"addressType\":\"udp4\","
	    "\"fd\":-1", CLUSTER_UDP4, "UDP 0.0.0.0:53" },
	{ "\"address\":\"::\",\"port\":53,\"addressType\":\"udp6\","
	    "\"fd\":-1,\"flags\":1", CLUSTER_UDP6, "UDP [::]:53" },
};

START_TEST(parse_query)
{
	struct cluster_in	 in;
	char			 line[512], text[CLUSTER_ADDRESS_MAX + 32];

	(void)snprintf(line, sizeof(line), Q "%s}", queries[_i].members);
	cluster_parse(line, strlen(line), &in);
	ck_assert_int_eq(in.kind, CLUSTER_QUERY);
	ck_assert_int_eq(in.seq, 1);
	ck_assert_int_eq(in.query.type, queries[_i].type);
	cluster_describe(&in.query, text, sizeof(text));
	ck_assert_str_eq(text, queries[_i].text);
	ck_assert_ptr_null(in.data);
	cluster_in_free(&in);
}
END_TEST

/* A line cut anywhere is never taken for one of Node's. */
START_TEST(parse_cut)
{
	static const char	 line[] = Q "\"address\":null,\"port\":1,"
	    "\"addressType\":4,\"data\":{\"ticketKeys\":\"00ff\"}}";
	struct cluster_in	 in;
	size_t			 n;

	for (n = 0; n < sizeof(line) - 1; n++) {
		cluster_parse(line, n, &in);
		ck_assert_int_eq(in.kind, CLUSTER_USER);
		cluster_in_free(&in);
	}
	cluster_parse(line, n, &in);
	ck_assert_int_eq(in.kind, CLUSTER_QUERY);
	ck_assert_str_eq(in.data, "{\"ticketKeys\":\"00ff\"}");
	cluster_in_free(&in);
}
END_TEST

static void
is_line(struct message *m, const char *want)
{
	json_t	*v;

	ck_assert_ptr_nonnull(m);
	ck_assert_int_eq(m->data[m->len - 1], '\n');
	m->data[m->len - 1] = '\0';
	ck_assert_str_eq(m->data, want);
	v = json_loads(m->data, 0, NULL);
	ck_assert_ptr_nonnull(v);
	json_decref(v);
	message_unref(m);
}

START_TEST(build)
{
	struct cluster_reply	 r = {
		.ack = 1, .seq = 7, .key = 2, .address = "::",
		.is_ipv6 = true, .port = 7000,
	};
	struct cluster_in	 in = { .name = "a\"b" };
	char			 line[CLUSTER_CONN_MAX];

	is_line(cluster_reply(&r), "{\"cmd\":\"NODE_CLUSTER\",\"errno\":null,"
	    "\"key\":\"2\",\"ack\":1,\"data\":null,\"sockname\":"
	    "{\"address\":\"::\",\"family\":\"IPv6\",\"port\":7000},"
	    "\"seq\":7}");
	r.address = NULL;
	r.error = EADDRINUSE;
	r.data = "{\"k\":1}";
	is_line(cluster_reply(&r), "{\"cmd\":\"NODE_CLUSTER\",\"errno\":-98,"
	    "\"key\":\"2\",\"ack\":1,\"data\":{\"k\":1},\"seq\":7}");
	is_line(cluster_reply_handle(&r, true), "{\"cmd\":\"NODE_HANDLE\","
	    "\"type\":\"dgram.Native\",\"msg\":{\"cmd\":\"NODE_CLUSTER\","
	    "\"errno\":0,\"key\":\"2\",\"ack\":1,\"data\":{\"k\":1},"
	    "\"seq\":7}}");
	(void)cluster_conn(line, 2, 9);
	ck_assert_str_eq(line, "{\"cmd\":\"NODE_HANDLE\",\"type\":"
	    "\"net.Native\",\"msg\":{\"cmd\":\"NODE_CLUSTER\",\"act\":"
	    "\"newconn\",\"key\":\"2\",\"seq\":9}}\n");
	ck_assert_uint_lt(cluster_conn(line, UINT_MAX, INT64_MAX),
	    sizeof(line));
	is_line(cluster_leave(4, 5),
	    "{\"cmd\":\"NODE_CLUSTER\",\"ack\":4,\"seq\":5}");
	is_line(cluster_disconnect(0),
	    "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"disconnect\"}");
	is_line(cluster_handle_ack(), "{\"cmd\":\"NODE_HANDLE_ACK\"}");
	in.kind = CLUSTER_GET_COUNT;
	is_line(cluster_no_sockets(&in), "{\"cmd\":\"NODE_SOCKET_COUNT\","
	    "\"key\":\"a\\\"b\",\"count\":0}");
	in.kind = CLUSTER_NOTIFY_CLOSE;
	is_line(cluster_no_sockets(&in), "{\"cmd\":"
	    "\"NODE_SOCKET_ALL_CLOSED\",\"key\":\"a\\\"b\"}");
}
END_TEST

/* No user may send what Node takes for its own. */
static const struct {
	const char	*json;
	bool		 good;
} users[] = {
	{ "{\"cmd\":\"NODE_HANDLE_ACK\"}", false },
	{ "{\"a\":1,\"cmd\":\"NO\\u0044E_HANDLE_ACK\"}", false },
	{ "{\"cmd\":\"NODE_x\"}", false },
	{ "{\"cmd\":\"NODE_\"}", true },
	{ "{\"cmd\":\"node_x\"}", true },
	{ "[{\"cmd\":\"NODE_x\"}]", true },
	{ "{\"cmd\":1}", true },
};

START_TEST(user_values)
{
	const char	*json = users[_i].json, *why = NULL;
	struct message	*m = proto_user(json, strlen(json), &why);

	ck_assert_msg((m != NULL) == users[_i].good, "%s", json);
	message_unref(m);
	m = proto_value(json, strlen(json), NULL, &why);
	ck_assert_msg((m != NULL) == users[_i].good, "%s", json);
	message_unref(m);
	m = proto_value(json, strlen(json), "key", &why);
	ck_assert_ptr_nonnull(m);
	message_unref(m);
}
END_TEST

START_TEST(says_ready)
{
	struct proto_in	 in;

	proto_parse_node("\"ready\"", 7, &in);
	ck_assert(in.kind == PROTO_EVENT && in.says_ready);
	proto_parse_node("\"readx\"", 7, &in);
	ck_assert(in.kind == PROTO_EVENT && !in.says_ready);
	proto_parse("\"ready\"", 7, &in);
	ck_assert(in.kind == PROTO_EVENT && !in.says_ready);
}
END_TEST

/* --- descriptors over the channel ----------------------------------------- */

static struct ev_loop	*loop;
static struct channel	 chan;
static int		 peer, rooms, lines;

static void
one_line(void *arg, const char *line, size_t len)
{
	(void)arg;
	(void)line;
	(void)len;
	lines++;
}

static void
no_close(void *arg, const char *why)
{
	(void)arg;
	(void)why;
}

static void
room(void *arg)
{
	(void)arg;
	rooms++;
}

static const struct channel_ops ops = { one_line, no_close, room };

static void
setup(void)
{
	int	 sv[2];

	loop = ev_loop_new(EVFLAG_AUTO);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	channel_init(&chan, loop, sv[0], &ops, NULL);
	peer = sv[1];
	rooms = lines = 0;
}

static void
teardown(void)
{
	channel_close(&chan);
	(void)close(peer);
	ev_loop_destroy(loop);
}

/* One read as Node does it; how many descriptors came, the bytes in *n. */
static int
node_reads(char *buf, size_t size, ssize_t *n)
{
	union {
		struct cmsghdr	 h;
		char		 space[CMSG_SPACE(16 * sizeof(int))];
	}		 c;
	struct iovec	 iov = { buf, size };
	struct msghdr	 m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = &c, .msg_controllen = sizeof(c) };
	struct cmsghdr	*h;
	int		 fds[16], i, count = 0;

	*n = recvmsg(peer, &m, MSG_DONTWAIT);
	h = *n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (h == NULL)
		return 0;
	count = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(fds, CMSG_DATA(h), (size_t)count * sizeof(int));
	for (i = 0; i < count; i++)
		(void)close(fds[i]);
	return count;
}

static enum handover_result
offer(int64_t seq)
{
	char	 line[CLUSTER_CONN_MAX];
	size_t	 len = cluster_conn(line, 0, seq);

	return channel_offer(&chan, line, len, 0);
}

/*
 * As libuv takes them: at most 64 KiB and one descriptor a read, of which
 * one is remembered for the next line that is complete.
 */
static size_t
lines_with_descriptor(size_t *without)
{
	static char	 buf[65536];
	static char	 tail[65536 * 3];
	size_t		 with = 0, used = 0, i, begin;
	bool		 pending = false, is_handle;
	ssize_t		 n;
	int		 got;

	*without = 0;
	while (got = node_reads(buf, sizeof(buf), &n), n > 0) {
		ck_assert_int_le(got, 1);
		pending = pending || got == 1;
		memcpy(tail + used, buf, (size_t)n);
		used += (size_t)n;
		for (begin = i = 0; i < used; i++) {
			if (tail[i] != '\n')
				continue;
			is_handle = memmem(tail + begin, i - begin,
			    "NODE_HANDLE", 11) != NULL;
			if (is_handle && pending)
				with++;
			else if (is_handle)
				(*without)++;
			if (is_handle)
				pending = false;
			begin = i + 1;
		}
		memmove(tail, tail + begin, used - begin);
		used -= begin;
	}
	return with;
}

/* Plain bytes before it, so that lines straddle the limit of a read. */
START_TEST(alignment)
{
	static const size_t	 plain[] = { 0, 100, 65000, 65300, 65400,
	    65450, 65500, 65530, 65535, 65536, 65537, 70000 };
	static char		 text[70000];
	struct message		*m;
	size_t			 i, k, without;

	memset(text, ' ', sizeof(text));
	for (i = 0; i < ARRAY_LEN(plain); i++) {
		if (plain[i] > 0) {
			m = message_new(text, plain[i] - 1);
			ck_assert_int_eq(channel_send(&chan, m,
			    CHANNEL_PROTOCOL), 0);
			message_unref(m);
		}
		for (k = 0; k < 5; k++)
			ck_assert_int_eq(offer((int64_t)k), HANDOVER_SENT);
		ck_assert_uint_eq(lines_with_descriptor(&without), 5);
		ck_assert_uint_eq(without, 0);
	}
}
END_TEST

/* A full socket refuses whole lines, and says when there is room. */
START_TEST(full)
{
	enum handover_result	 r;
	size_t			 n = 0, without, i;

	while ((r = offer((int64_t)n)) == HANDOVER_SENT)
		n++;
	ck_assert_int_eq(r, HANDOVER_FULL);
	ck_assert_uint_gt(n, 50);
	ck_assert_uint_eq(channel_lag(&chan), 0);
	(void)ev_run(loop, EVRUN_NOWAIT);
	ck_assert_int_eq(rooms, 0);
	ck_assert_uint_eq(lines_with_descriptor(&without), n);
	for (i = 0; i < 10 && rooms == 0; i++)
		(void)ev_run(loop, EVRUN_NOWAIT);
	ck_assert_int_eq(rooms, 1);
	ck_assert_int_eq(offer(0), HANDOVER_SENT);
}
END_TEST

/* What waits in the queue goes first, with its descriptor. */
START_TEST(queued)
{
	char		 line[CLUSTER_CONN_MAX];
	struct message	*m = message_new(line, cluster_conn(line, 1, 1) - 1);
	size_t		 n = 0, without;

	while (offer((int64_t)n) == HANDOVER_SENT)
		n++;
	ck_assert_int_eq(channel_send_fd(&chan, m, dup(0)), 0);
	message_unref(m);
	ck_assert_uint_eq(channel_lag(&chan), 1);
	ck_assert_int_eq(offer(0), HANDOVER_FULL);
	ck_assert_uint_eq(lines_with_descriptor(&without), n);
	(void)ev_run(loop, EVRUN_NOWAIT);
	ck_assert_uint_eq(channel_lag(&chan), 0);
	ck_assert_uint_eq(lines_with_descriptor(&without), 1);
	ck_assert_int_eq(rooms, 1);
}
END_TEST

START_TEST(nobody)
{
	(void)shutdown(peer, SHUT_RDWR);
	ck_assert_int_eq(offer(0), HANDOVER_BROKEN);
	ck_assert_int_eq(offer(1), HANDOVER_BROKEN);
}
END_TEST

/* Unwatched, it says nothing by itself, and nothing is lost. */
START_TEST(unwatched)
{
	int	 i;

	channel_watch(&chan, false);
	ck_assert_int_eq(write(peer, "1\n2\n", 4), 4);
	for (i = 0; i < 3; i++)
		(void)ev_run(loop, EVRUN_NOWAIT);
	ck_assert_int_eq(lines, 0);
	channel_hear(&chan);
	ck_assert_int_eq(lines, 2);
	channel_hear(&chan);
	ck_assert_int_eq(lines, 2);
	ck_assert_int_eq(write(peer, "3\n", 2), 2);
	channel_watch(&chan, true);
	for (i = 0; i < 10 && lines == 2; i++)
		(void)ev_run(loop, EVRUN_NOWAIT);
	ck_assert_int_eq(lines, 3);
	channel_watch(&chan, false);
	(void)shutdown(peer, SHUT_RDWR);
	channel_hear(&chan);
	ck_assert(!channel_is_open(&chan));
	channel_watch(&chan, true);
	channel_hear(&chan);
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("codec");

	tcase_add_loop_test(tc, parse_kind, 0, (int)ARRAY_LEN(kinds));
	tcase_add_loop_test(tc, parse_answer, 0, (int)ARRAY_LEN(answers));
	tcase_add_loop_test(tc, parse_query, 0, (int)ARRAY_LEN(queries));
	tcase_add_test(tc, parse_cut);
	tcase_add_test(tc, build);
	tcase_add_loop_test(tc, user_values, 0, (int)ARRAY_LEN(users));
	tcase_add_test(tc, says_ready);
	suite_add_tcase(s, tc);
	tc = tcase_create("channel");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, alignment);
	tcase_add_test(tc, full);
	tcase_add_test(tc, queued);
	tcase_add_test(tc, nobody);
	tcase_add_test(tc, unwatched);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("node", fill)
