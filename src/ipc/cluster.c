#include "config.h"
#include "ipc/cluster.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/util.h"
#include "ipc/message.h"

#define DECODE_FLAGS (JSON_DECODE_ANY | JSON_ALLOW_NUL)
#define ENCODE_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY)

#define FLAG_IPV6_ONLY	1
#define DATA_MAX	65536
#define KEY_MAX		255
#define NUMBER_DIGITS	15

bool
cluster_is_own_cmd(const char *cmd)
{
	const size_t	 n = sizeof(CLUSTER_CMD_PREFIX) - 1;

	return cmd != NULL && strncmp(cmd, CLUSTER_CMD_PREFIX, n) == 0 &&
	    cmd[n] != '\0';
}

/* --- what it says --------------------------------------------------------- */

static void
bad(struct cluster_in *in, const char *why)
{
	in->kind = CLUSTER_BAD;
	in->why = why;
}

/* A whole number from 0 to max, or -1. */
static int64_t
whole(const json_t *v, const char *key, int64_t max)
{
	const json_t	*n = json_object_get(v, key);

	if (!json_is_integer(n) || json_integer_value(n) < 0 ||
	    json_integer_value(n) > max)
		return -1;
	return json_integer_value(n);
}

/*
 * The path, absolute.  Node has put its directory before an abstract name,
 * which begins with NUL.
 */
static bool
take_path(const json_t *address, struct cluster_query *q)
{
	const char	*path = json_string_value(address);
	size_t		 len = json_string_length(address);

	if (path == NULL || len == 0)
		return false;
	q->is_abstract = memchr(path, '\0', len) != NULL;
	if (q->is_abstract)
		path += strlen(path) + 1;
	return (size_t)snprintf(q->address, sizeof(q->address), "%s", path) <
	    sizeof(q->address);
}

static bool
take_address(const json_t *address, struct cluster_query *q)
{
	const char	*text = json_string_value(address);

	q->is_any = json_is_null(address);
	if (q->is_any)
		return true;
	return text != NULL && strlen(text) == json_string_length(address) &&
	    (size_t)snprintf(q->address, sizeof(q->address), "%s", text) <
	    sizeof(q->address);
}

/* The kind of socket, by what stands for it in addressType. */
static bool
take_type(const json_t *type, struct cluster_query *q)
{
	static const struct {
		json_int_t		 number;
		const char		*name;
		enum cluster_type	 type;
	} types[] = {
		{ 4, NULL, CLUSTER_TCP4 }, { 6, NULL, CLUSTER_TCP6 },
		{ -1, NULL, CLUSTER_UNIX }, { 0, "udp4", CLUSTER_UDP4 },
		{ 0, "udp6", CLUSTER_UDP6 },
	};
	const char	*name = json_string_value(type);
	size_t		 i;

	for (i = 0; i < ARRAY_LEN(types); i++) {
		if (types[i].name != NULL ? name != NULL &&
		    strcmp(name, types[i].name) == 0 :
		    json_is_integer(type) &&
		    json_integer_value(type) == types[i].number) {
			q->type = types[i].type;
			return true;
		}
	}
	return false;
}

static bool
take_query(const json_t *v, struct cluster_query *q)
{
	const json_t	*address = json_object_get(v, "address");
	int64_t		 n = whole(v, "fd", INT32_MAX);

	if (n != -1) {
		q->type = CLUSTER_FD;
		q->fd = (int)n;
		return true;
	}
	if (!take_type(json_object_get(v, "addressType"), q))
		return false;
	if (q->type == CLUSTER_UNIX)
		return take_path(address, q);
	n = whole(v, "port", UINT16_MAX);
	if (n == -1 || !take_address(address, q))
		return false;
	q->port = (uint16_t)n;
	n = whole(v, "index", UINT16_MAX);
	q->index = n == -1 ? 0 : (unsigned int)n;
	n = whole(v, "flags", UINT16_MAX);
	q->ipv6_only = n != -1 && (n & FLAG_IPV6_ONLY) != 0;
	return true;
}

static void
parse_query(const json_t *v, struct cluster_in *in)
{
	const json_t	*data = json_object_get(v, "data");

	if (in->seq == -1 || !take_query(v, &in->query)) {
		bad(in, "a queryServer that cannot be understood");
		return;
	}
	in->kind = CLUSTER_QUERY;
	if (data == NULL || json_is_null(data))
		return;
	in->data = json_dumps(data, ENCODE_FLAGS);
	if (in->data == NULL || strlen(in->data) > DATA_MAX)
		bad(in, "a queryServer with too much data");
}

static void
parse_close(const json_t *v, struct cluster_in *in)
{
	const char	*key = json_string_value(json_object_get(v, "key"));
	uint64_t	 n;

	if (key == NULL || parse_count(key, &n) != PARSE_OK || n > KEY_MAX) {
		bad(in, "a close of what it was never given");
		return;
	}
	in->kind = CLUSTER_CLOSE;
	in->key = (unsigned int)n;
}

static void
parse_leaving(const json_t *v, struct cluster_in *in)
{
	(void)v;
	if (in->seq == -1)
		bad(in, "an exitedAfterDisconnect without a number");
	else
		in->kind = CLUSTER_LEAVING;
}

static void
parse_online(const json_t *v, struct cluster_in *in)
{
	(void)v;
	in->kind = CLUSTER_ONLINE;
}

static void
parse_listening(const json_t *v, struct cluster_in *in)
{
	(void)v;
	in->kind = CLUSTER_LISTENING;
}

static const struct {
	const char	*name;
	void		(*parse)(const json_t *, struct cluster_in *);
} acts[] = {
	{ "close", parse_close },
	{ "exitedAfterDisconnect", parse_leaving },
	{ "listening", parse_listening },
	{ "online", parse_online },
	{ "queryServer", parse_query },
};

/* NODE_CLUSTER: an answer to something of ours, or an act of its own. */
static void
parse_cluster(const json_t *v, struct cluster_in *in)
{
	const json_t	*accepted = json_object_get(v, "accepted");
	const char	*act = json_string_value(json_object_get(v, "act"));
	size_t		 i;

	in->seq = whole(v, "seq", INT64_MAX);
	in->ack = whole(v, "ack", INT64_MAX);
	if (in->ack != -1) {
		if (json_is_boolean(accepted)) {
			in->kind = CLUSTER_ANSWER;
			in->accepted = json_is_true(accepted);
		}
		return;
	}
	for (i = 0; act != NULL && i < ARRAY_LEN(acts); i++)
		if (strcmp(acts[i].name, act) == 0)
			acts[i].parse(v, in);
}

static void
parse_ack(const json_t *v, struct cluster_in *in)
{
	(void)v;
	in->kind = CLUSTER_ACK;
}

static void
parse_nack(const json_t *v, struct cluster_in *in)
{
	(void)v;
	in->kind = CLUSTER_NACK;
}

static void
parse_handle(const json_t *v, struct cluster_in *in)
{
	(void)v;
	in->kind = CLUSTER_HANDLE;
}

/* What became of the sockets that it has sent under this key. */
static void
parse_socket(const json_t *v, struct cluster_in *in, enum cluster_kind kind)
{
	const json_t	*key = json_object_get(v, "key");
	const char	*name = json_string_value(key);

	if (name == NULL || strlen(name) != json_string_length(key) ||
	    strlen(name) >= sizeof(in->name)) {
		bad(in, "a question about sockets without a key");
		return;
	}
	in->kind = kind;
	(void)snprintf(in->name, sizeof(in->name), "%s", name);
}

static void
parse_get_count(const json_t *v, struct cluster_in *in)
{
	parse_socket(v, in, CLUSTER_GET_COUNT);
}

static void
parse_notify_close(const json_t *v, struct cluster_in *in)
{
	parse_socket(v, in, CLUSTER_NOTIFY_CLOSE);
}

static const struct {
	const char	*name;
	void		(*parse)(const json_t *, struct cluster_in *);
} cmds[] = {
	{ "NODE_CLUSTER", parse_cluster },
	{ "NODE_HANDLE", parse_handle },
	{ "NODE_HANDLE_ACK", parse_ack },
	{ "NODE_HANDLE_NACK", parse_nack },
	{ "NODE_SOCKET_GET_COUNT", parse_get_count },
	{ "NODE_SOCKET_NOTIFY_CLOSE", parse_notify_close },
};

/* What is left of a line, while it is just as it was expected. */
struct rest {
	const char	*p, *end;
};

static bool
rest_text(struct rest *r, const char *text)
{
	size_t	 n = strlen(text);

	if ((size_t)(r->end - r->p) < n || memcmp(r->p, text, n) != 0)
		return false;
	r->p += n;
	return true;
}

/* As JSON has it; one that may be too large is left to others. */
static bool
rest_number(struct rest *r, int64_t *ret)
{
	const char	*begin = r->p;
	int64_t		 n = 0;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9' &&
	    r->p - begin < NUMBER_DIGITS)
		n = n * 10 + (*r->p++ - '0');
	*ret = n;
	return r->p > begin && (*begin != '0' || r->p == begin + 1);
}

/*
 * The two lines that come for each connection, letter by letter as Node
 * writes them; whatever differs is parsed.
 */
static bool
parse_frequent(const char *line, size_t len, struct cluster_in *in)
{
	static const char	 arrived[] = "{\"cmd\":\"NODE_HANDLE_ACK\"}";
	struct rest		 r = { line, line + len };
	int64_t			 ack, seq;
	bool			 yes;

	if (len == sizeof(arrived) - 1 && memcmp(line, arrived, len) == 0) {
		in->kind = CLUSTER_ACK;
		return true;
	}
	if (!rest_text(&r, "{\"cmd\":\"NODE_CLUSTER\",\"ack\":") ||
	    !rest_number(&r, &ack) || !rest_text(&r, ",\"accepted\":"))
		return false;
	yes = rest_text(&r, "true");
	if ((!yes && !rest_text(&r, "false")) ||
	    !rest_text(&r, ",\"seq\":") || !rest_number(&r, &seq) ||
	    !rest_text(&r, "}") || r.p != r.end)
		return false;
	in->kind = CLUSTER_ANSWER;
	in->ack = ack;
	in->seq = seq;
	in->accepted = yes;
	return true;
}

void
cluster_parse(const char *line, size_t len, struct cluster_in *in)
{
	json_t		*v;
	const char	*cmd;
	size_t		 i;

	*in = (struct cluster_in){ .seq = -1, .ack = -1 };
	if (parse_frequent(line, len, in))
		return;
	in->kind = CLUSTER_USER;
	if (memmem(line, len, CLUSTER_CMD_PREFIX,
	    sizeof(CLUSTER_CMD_PREFIX) - 1) == NULL)
		return;
	v = json_loadb(line, len, DECODE_FLAGS, NULL);
	cmd = json_string_value(json_object_get(v, "cmd"));
	if (cluster_is_own_cmd(cmd)) {
		in->kind = CLUSTER_OTHER;
		for (i = 0; i < ARRAY_LEN(cmds); i++)
			if (strcmp(cmds[i].name, cmd) == 0)
				cmds[i].parse(v, in);
	}
	json_decref(v);
}

void
cluster_in_free(struct cluster_in *in)
{
	free(in->data);
	in->data = NULL;
}

void
cluster_describe(const struct cluster_query *q, char *buf, size_t size)
{
	bool	 is_udp = q->type == CLUSTER_UDP4 || q->type == CLUSTER_UDP6;
	bool	 is_ipv6 = strchr(q->address, ':') != NULL;

	if (q->type == CLUSTER_FD)
		(void)snprintf(buf, size, "descriptor %d", q->fd);
	else if (q->type == CLUSTER_UNIX)
		(void)snprintf(buf, size, "unix:%s%s", q->is_abstract ? "@" :
		    "", q->address);
	else if (q->is_any)
		(void)snprintf(buf, size, "%sport %u", is_udp ? "UDP " : "",
		    q->port);
	else
		(void)snprintf(buf, size, "%s%s%s%s:%u", is_udp ? "UDP " : "",
		    is_ipv6 ? "[" : "", q->address, is_ipv6 ? "]" : "",
		    q->port);
}

/* --- what it is told ------------------------------------------------------ */

/* A line made as by printf(3). */
static struct message *line(const char *, ...)
    __attribute__((format(printf, 1, 2)));

static struct message *
line(const char *fmt, ...)
{
	struct message	*m = NULL;
	va_list		 ap;
	char		*text;
	int		 n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n == -1)
		return NULL;
	m = message_new(text, (size_t)n);
	free(text);
	return m;
}

/* Where it listens, as server.address() shows it; the caller frees. */
static char *
sockname(const struct cluster_reply *r)
{
	json_t	*v = json_pack("{s:s, s:s, s:i}", "address", r->address,
		    "family", r->is_ipv6 ? "IPv6" : "IPv4", "port",
		    (int)r->port);
	char	*text = v != NULL ? json_dumps(v, ENCODE_FLAGS) : NULL;

	json_decref(v);
	return text;
}

#define REPLY "{\"cmd\":\"NODE_CLUSTER\",\"errno\":%s,\"key\":\"%u\"," \
	"\"ack\":%lld,\"data\":%s%s%s,\"seq\":%lld}"
#define HANDLE "{\"cmd\":\"NODE_HANDLE\",\"type\":\"%s\",\"msg\":%s}"

/* Node reads data before it looks at the error, so it is always there. */
struct message *
cluster_reply(const struct cluster_reply *r)
{
	struct message	*m;
	char		 code[16] = "null";
	char		*name = NULL;

	if (r->error != 0)
		(void)snprintf(code, sizeof(code), "%d", -r->error);
	if (r->error == 0 && r->address != NULL &&
	    (name = sockname(r)) == NULL)
		return NULL;
	m = line(REPLY, code, r->key, (long long)r->ack,
	    r->data != NULL ? r->data : "null", name != NULL ?
	    ",\"sockname\":" : "", name != NULL ? name : "",
	    (long long)r->seq);
	free(name);
	return m;
}

struct message *
cluster_reply_handle(const struct cluster_reply *r, bool is_datagram)
{
	struct message	*inner = line(REPLY, "0", r->key, (long long)r->ack,
			    r->data != NULL ? r->data : "null", "", "",
			    (long long)r->seq);
	struct message	*m = NULL;

	if (inner == NULL)
		return NULL;
	inner->data[inner->len - 1] = '\0';
	m = line(HANDLE, is_datagram ? "dgram.Native" : "net.Native",
	    inner->data);
	message_unref(inner);
	return m;
}

size_t
cluster_conn(char text[CLUSTER_CONN_MAX], unsigned int key, int64_t seq)
{
	int	 n;

	n = snprintf(text, CLUSTER_CONN_MAX, "{\"cmd\":\"NODE_HANDLE\","
	    "\"type\":\"net.Native\",\"msg\":{\"cmd\":\"NODE_CLUSTER\","
	    "\"act\":\"newconn\",\"key\":\"%u\",\"seq\":%lld}}\n", key,
	    (long long)seq);
	return (size_t)n;
}

struct message *
cluster_leave(int64_t ack, int64_t seq)
{
	return line("{\"cmd\":\"NODE_CLUSTER\",\"ack\":%lld,\"seq\":%lld}",
	    (long long)ack, (long long)seq);
}

struct message *
cluster_disconnect(uint64_t deadline_ms)
{
	(void)deadline_ms;
	return line("{\"cmd\":\"NODE_CLUSTER\",\"act\":\"disconnect\"}");
}

struct message *
cluster_handle_ack(void)
{
	return line("{\"cmd\":\"NODE_HANDLE_ACK\"}");
}

struct message *
cluster_no_sockets(const struct cluster_in *in)
{
	json_t	*v = in->kind == CLUSTER_GET_COUNT ?
		    json_pack("{s:s, s:s, s:i}", "cmd", "NODE_SOCKET_COUNT",
		    "key", in->name, "count", 0) :
		    json_pack("{s:s, s:s}", "cmd", "NODE_SOCKET_ALL_CLOSED",
		    "key", in->name);
	char		*text = v != NULL ? json_dumps(v, ENCODE_FLAGS) : NULL;
	struct message	*m = text != NULL ? line("%s", text) : NULL;

	json_decref(v);
	free(text);
	return m;
}
