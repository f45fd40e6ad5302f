/*
 * What a worker of Node may send: each line of the input is parsed, and
 * what is answered to it is one line of JSON.
 */
#include "config.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/cluster.h"
#include "ipc/message.h"
#include "t/fuzz/fuzz.h"

static void
check_message(struct message *m)
{
	json_t	*v;

	if (m == NULL)
		return;
	if (m->data[m->len - 1] != '\n' ||
	    memchr(m->data, '\n', m->len - 1) != NULL)
		__builtin_trap();
	v = json_loadb(m->data, m->len, JSON_ALLOW_NUL, NULL);
	if (v == NULL)
		__builtin_trap();
	json_decref(v);
	message_unref(m);
}

static void
check_query(const struct cluster_in *in)
{
	char			 text[64];
	struct cluster_reply	 r = {
		.ack = in->seq, .data = in->data,
		.address = in->query.type == CLUSTER_UNIX ? NULL : "::1",
		.is_ipv6 = true, .port = in->query.port,
	};

	cluster_describe(&in->query, text, sizeof(text));
	check_message(cluster_reply(&r));
	check_message(cluster_reply_handle(&r, true));
	r.error = 13;
	check_message(cluster_reply(&r));
}

/* A blank before it changes nothing but the way by which it is parsed. */
static void
check_both_ways(const char *line, size_t len, const struct cluster_in *in)
{
	char			*copy = malloc(len + 1);
	struct cluster_in	 slow;

	if (copy == NULL)
		return;
	copy[0] = ' ';
	if (len > 0)
		memcpy(copy + 1, line, len);
	cluster_parse(copy, len + 1, &slow);
	if (slow.kind != in->kind || slow.ack != in->ack ||
	    slow.seq != in->seq || slow.accepted != in->accepted)
		__builtin_trap();
	cluster_in_free(&slow);
	free(copy);
}

static void
one_line(const char *line, size_t len)
{
	struct cluster_in	 in;

	cluster_parse(line, len, &in);
	check_both_ways(line, len, &in);
	if ((in.kind == CLUSTER_BAD) != (in.why != NULL))
		__builtin_trap();
	if (in.kind == CLUSTER_QUERY)
		check_query(&in);
	if (in.kind == CLUSTER_LEAVING)
		check_message(cluster_leave(in.seq, 1));
	if (in.kind == CLUSTER_GET_COUNT || in.kind == CLUSTER_NOTIFY_CLOSE)
		check_message(cluster_no_sockets(&in));
	cluster_in_free(&in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char	*p = (const char *)data, *nl;
	size_t		 n;

	while (size > 0) {
		nl = memchr(p, '\n', size);
		n = nl != NULL ? (size_t)(nl - p) : size;
		one_line(p, n);
		n += nl != NULL;
		p += n;
		size -= n;
	}
	return 0;
}
