#include "config.h"
#include "ipc/proto.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ipc/cluster.h"
#include "ipc/message.h"

#define DECODE_FLAGS (JSON_DECODE_ANY | JSON_ALLOW_NUL)
#define ENCODE_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY)

/* Compact JSON as a message; takes the value, NULL included. */
static struct message *
proto_encode(json_t *v)
{
	struct message	*m = NULL;
	char		*text;

	if (v == NULL)
		return NULL;
	text = json_dumps(v, ENCODE_FLAGS);
	json_decref(v);
	if (text != NULL)
		m = message_new(text, strlen(text));
	free(text);
	return m;
}

static void
proto_bad(struct proto_in *in, const char *why)
{
	in->kind = PROTO_BAD;
	(void)snprintf(in->text, sizeof(in->text), "%s", why);
}

static void
proto_parse_pong(json_t *v, struct proto_in *in)
{
	json_t	*id = json_object_get(v, "id");

	if (!json_is_integer(id)) {
		proto_bad(in, "a pong without a number as its id");
		return;
	}
	in->kind = PROTO_PONG;
	in->id = json_integer_value(id);
}

static void
proto_parse_status(json_t *v, struct proto_in *in)
{
	const char	*text = json_string_value(json_object_get(v, "text"));
	size_t		 len;

	if (text == NULL) {
		proto_bad(in, "a status without a text");
		return;
	}
	in->kind = PROTO_STATUS;
	len = text_cut(text, strlen(text), sizeof(in->text) - 1);
	memcpy(in->text, text, len);
	in->text[len] = '\0';
}

static const char	 is_ours[] = "an object with the key \"rota\", which "
			    "belongs to the protocol";
static const char	 is_nodes[] = "an object whose \"cmd\" begins with "
			    CLUSTER_CMD_PREFIX ", which belongs to Node";

/* Why no user may send this value to a worker, or NULL. */
static const char *
proto_taken(const json_t *v)
{
	if (json_object_get(v, "rota") != NULL)
		return is_ours;
	if (cluster_is_own_cmd(json_string_value(json_object_get(v, "cmd"))))
		return is_nodes;
	return NULL;
}

static void
proto_parse_publish(json_t *v, struct proto_in *in)
{
	json_t	*data = json_object_get(v, "data");

	if (data == NULL) {
		proto_bad(in, "a publish without data");
		return;
	}
	if (json_object_get(data, "rota") != NULL) {
		proto_bad(in, "published data with the key \"rota\"");
		return;
	}
	if (proto_taken(data) != NULL) {
		proto_bad(in, "published data with a \"cmd\" of Node's");
		return;
	}
	in->data = proto_encode(json_incref(data));
	if (in->data == NULL) {
		proto_bad(in, "out of memory");
	} else if (in->data->len > MESSAGE_MAX_LEN) {
		message_unref(in->data);
		in->data = NULL;
		proto_bad(in, "published data that is longer than 1 MiB");
	} else {
		in->kind = PROTO_PUBLISH;
	}
}

static void
proto_parse_ready(json_t *v, struct proto_in *in)
{
	(void)v;
	in->kind = PROTO_READY;
}

static const struct {
	const char	*name;
	void		(*parse)(json_t *, struct proto_in *);
} kinds[] = {
	{ "pong", proto_parse_pong },
	{ "publish", proto_parse_publish },
	{ "ready", proto_parse_ready },
	{ "status", proto_parse_status },
};

/* The value has the key "rota": it belongs to the protocol. */
static void
proto_parse_own(json_t *v, json_t *rota, struct proto_in *in)
{
	const char	*name = json_string_value(rota);
	size_t		 i;

	if (name == NULL) {
		proto_bad(in, "the key \"rota\" without a string");
		return;
	}
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, name) != 0)
			continue;
		kinds[i].parse(v, in);
		return;
	}
	in->kind = PROTO_UNKNOWN;
	(void)snprintf(in->text, sizeof(in->text), "%s", name);
}

void
proto_parse(const char *line, size_t len, struct proto_in *in)
{
	json_error_t	 e;
	json_t		*v = json_loadb(line, len, DECODE_FLAGS, &e);
	json_t		*rota;

	memset(in, 0, sizeof(*in));
	if (v == NULL) {
		proto_bad(in, e.text);
		return;
	}
	rota = json_object_get(v, "rota");
	if (rota != NULL)
		proto_parse_own(v, rota, in);
	else
		in->kind = PROTO_EVENT;
	json_decref(v);
}

void
proto_parse_node(const char *line, size_t len, struct proto_in *in)
{
	static const char	 ready[] = "\"ready\"";

	proto_parse(line, len, in);
	in->says_ready = in->kind == PROTO_EVENT &&
	    len == sizeof(ready) - 1 && memcmp(line, ready, len) == 0;
}

static json_t *
proto_listeners(const struct proto_hello *h)
{
	json_t	*list = json_array(), *l;
	size_t	 i;

	for (i = 0; i < h->listener_count; i++) {
		l = json_pack("{s:s?, s:s}", "name", h->listeners[i].name,
		    "address", h->listeners[i].address);
		if (h->listeners[i].fd != -1)
			(void)json_object_set_new(l, "fd",
			    json_integer(h->listeners[i].fd));
		(void)json_array_append_new(list, l);
	}
	return list;
}

struct message *
proto_hello(const struct proto_hello *h)
{
	return proto_encode(json_pack(
	    "{s:s, s:i, s:s, s:i, s:i, s:i, s:i, s:o, s:I, s:s}",
	    "rota", "hello", "version", PROTO_VERSION, "pool", h->pool,
	    "slot", (int)h->slot, "count", (int)h->count,
	    "generation", (int)h->generation, "pid", (int)h->pid,
	    "listeners", proto_listeners(h),
	    "stop_timeout_ms", (json_int_t)h->stop_timeout_ms,
	    "on_supervisor_exit", h->on_supervisor_exit));
}

struct message *
proto_disconnect(uint64_t deadline_ms)
{
	return proto_encode(json_pack("{s:s, s:I}", "rota", "disconnect",
	    "deadline_ms", (json_int_t)deadline_ms));
}

/* Valid JSON on one line: a line end can only stand between its tokens. */
static size_t
flatten(char *to, const char *json, size_t len)
{
	size_t	 i;

	while (len > 0 && strchr(" \t\r\n", json[len - 1]) != NULL)
		len--;
	for (i = 0; i < len; i++)
		to[i] = json[i] == '\n' || json[i] == '\r' ? ' ' : json[i];
	return len;
}

/*
 * The text of a value as it is, so that numbers keep their digits; with a
 * key (in JSON) as an object.
 */
static struct message *
proto_wrap(const char *key, const char *json, size_t len)
{
	size_t		 n = 0, room = len + 4;
	char		*line;
	struct message	*m;

	if (key != NULL)
		room += strlen(key);
	line = malloc(room);
	if (line == NULL)
		return NULL;
	if (key != NULL)
		n = (size_t)snprintf(line, room, "{%s:", key);
	n += flatten(line + n, json, len);
	if (key != NULL)
		line[n++] = '}';
	m = message_new(line, n);
	free(line);
	return m;
}

/* A JSON string of text, or NULL: not UTF-8, or out of memory. */
static char *
proto_string(const char *text, size_t len)
{
	json_t	*v = json_stringn(text, len);
	char	*s = v != NULL ? json_dumps(v, ENCODE_FLAGS) : NULL;

	json_decref(v);
	return s;
}

/* Refuse what is longer than a line may be. */
static struct message *
proto_bounded(struct message *m, const char **ret_why)
{
	if (m == NULL || m->len <= MESSAGE_MAX_LEN)
		return m;
	*ret_why = "longer than 1 MiB";
	message_unref(m);
	return NULL;
}

struct message *
proto_user(const char *json, size_t len, const char **ret_why)
{
	json_t		*v = json_loadb(json, len, DECODE_FLAGS |
			    JSON_DECODE_INT_AS_REAL, NULL);
	const char	*taken = proto_taken(v);

	json_decref(v);
	*ret_why = v == NULL ? "not JSON" : taken != NULL ? taken :
	    "out of memory";
	if (v == NULL || taken != NULL)
		return NULL;
	return proto_bounded(proto_wrap(NULL, json, len), ret_why);
}

struct message *
proto_value(const char *text, size_t len, const char *key,
    const char **ret_why)
{
	json_t		*v = json_loadb(text, len, DECODE_FLAGS |
			    JSON_DECODE_INT_AS_REAL, NULL);
	bool		 is_json = v != NULL;
	const char	*taken = proto_taken(v);
	char		*name = NULL, *string = NULL;
	struct message	*m = NULL;

	json_decref(v);
	if (key == NULL && taken != NULL) {
		*ret_why = taken;
		return NULL;
	}
	*ret_why = "out of memory";
	if (key != NULL && (name = proto_string(key, strlen(key))) == NULL)
		return NULL;
	if (!is_json && len > 0 && text[len - 1] == '\n')
		len--;
	if (is_json)
		m = proto_wrap(name, text, len);
	else if ((string = proto_string(text, len)) != NULL)
		m = proto_wrap(name, string, strlen(string));
	else
		*ret_why = "neither JSON nor UTF-8 text";
	free(name);
	free(string);
	return proto_bounded(m, ret_why);
}
