#include "config.h"
#include "librota/wire.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "librota/line.h"

/* Integers of any size are the user's good right: none overflows a real. */
#define DECODE_FLAGS \
	(JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL)

#define DEFAULT_STOP_MS	30000
#define NUMBER_MAX	9007199254740992.0	/* 2^53: exact in a double */

/* A whole number from 0 to max, or what was given for none. */
static uint64_t
wire_number(const json_t *o, const char *key, double max, uint64_t none)
{
	const json_t	*v = json_object_get(o, key);
	double		 d = json_number_value(v);

	if (!json_is_number(v) || !(d >= 0 && d <= max))
		return none;
	return (uint64_t)d;
}

/* A copy, or NULL: no string there, or no memory. */
static char *
wire_string(const json_t *o, const char *key)
{
	const char	*s = json_string_value(json_object_get(o, key));

	return s == NULL ? NULL : strdup(s);
}

static void
wire_listeners(const json_t *list, struct librota_hello *h)
{
	size_t			 i, n = json_array_size(list);
	const json_t		*o;
	struct librota_listener	*l;

	if (n == 0 || n > LIBROTA_WIRE_LISTENERS)
		return;
	h->listeners = calloc(n, sizeof(*h->listeners));
	if (h->listeners == NULL)
		return;
	for (i = 0; i < n; i++) {
		o = json_array_get(list, i);
		l = &h->listeners[i];
		l->name = wire_string(o, "name");
		l->address = wire_string(o, "address");
		l->fd = (int)wire_number(o, "fd", 0x7ffffffe, 0);
		if (l->fd <= STDERR_FILENO)
			l->fd = -1;
	}
	h->listener_count = n;
}

static void
wire_hello(const json_t *o, struct librota_wire *w)
{
	struct librota_hello	*h = &w->hello;
	const char		*stop;

	stop = json_string_value(json_object_get(o, "on_supervisor_exit"));
	h->pool = wire_string(o, "pool");
	h->slot = (unsigned int)wire_number(o, "slot", 0xffffffff, 0);
	h->count = (unsigned int)wire_number(o, "count", 0xffffffff, 0);
	h->generation =
	    (unsigned int)wire_number(o, "generation", 0xffffffff, 0);
	h->stop_timeout_ms = wire_number(o, "stop_timeout_ms", NUMBER_MAX,
	    DEFAULT_STOP_MS);
	h->stop_on_exit = stop == NULL || strcmp(stop, "continue") != 0;
	wire_listeners(json_object_get(o, "listeners"), h);
	w->kind = LIBROTA_WIRE_HELLO;
}

static void
wire_disconnect(const json_t *o, struct librota_wire *w)
{
	w->deadline_ms = wire_number(o, "deadline_ms", NUMBER_MAX,
	    DEFAULT_STOP_MS);
	w->kind = LIBROTA_WIRE_DISCONNECT;
}

static void
wire_ping(const json_t *o, struct librota_wire *w)
{
	if (!json_is_number(json_object_get(o, "id")))
		return;
	w->id = (int64_t)wire_number(o, "id", NUMBER_MAX, 0);
	w->kind = LIBROTA_WIRE_PING;
}

static const struct {
	const char	*name;
	void		(*parse)(const json_t *, struct librota_wire *);
} wire_kinds[] = {
	{ "disconnect", wire_disconnect },
	{ "hello", wire_hello },
	{ "ping", wire_ping },
};

/* The object has the key "rota": it belongs to the protocol. */
static void
wire_own(const json_t *o, const json_t *rota, struct librota_wire *w)
{
	const char	*name = json_string_value(rota);
	size_t		 i;

	if (name == NULL)
		return;
	for (i = 0; i < sizeof(wire_kinds) / sizeof(wire_kinds[0]); i++) {
		if (strcmp(wire_kinds[i].name, name) != 0)
			continue;
		wire_kinds[i].parse(o, w);
		return;
	}
	w->kind = LIBROTA_WIRE_UNKNOWN;
}

void
librota_wire_parse(const char *line, size_t len, struct librota_wire *ret)
{
	json_t		*v = json_loadb(line, len, DECODE_FLAGS, NULL);
	const json_t	*rota;

	memset(ret, 0, sizeof(*ret));
	ret->kind = LIBROTA_WIRE_BAD;
	if (v == NULL)
		return;
	rota = json_object_get(v, "rota");
	if (rota == NULL)
		ret->kind = LIBROTA_WIRE_USER;
	else
		wire_own(v, rota, ret);
	json_decref(v);
}

void
librota_hello_free(struct librota_hello *h)
{
	size_t	 i;

	for (i = 0; i < h->listener_count; i++) {
		free(h->listeners[i].name);
		free(h->listeners[i].address);
	}
	free(h->listeners);
	free(h->pool);
	memset(h, 0, sizeof(*h));
}

/* What a user may send: one JSON value that is not the protocol's. */
static int
wire_check(const char *json, size_t len)
{
	json_error_t	 e;
	json_t		*v;
	int		 own;

	v = json_loadb(json, len, DECODE_FLAGS, &e);
	if (v == NULL) {
		errno = json_error_code(&e) == json_error_out_of_memory ?
		    ENOMEM : EINVAL;
		return -1;
	}
	own = json_object_get(v, "rota") != NULL;
	json_decref(v);
	if (own)
		errno = EINVAL;
	return own ? -1 : 0;
}

/*
 * The text between head and tail as one line.  A newline can only be blank
 * space there, for JSON has it escaped inside of strings.
 */
static char *
wire_line(const char *head, const char *json, const char *tail,
    size_t *ret_len)
{
	size_t	 head_len = strlen(head), tail_len = strlen(tail);
	size_t	 i, len = strlen(json);
	char	*line;

	if (len > LIBROTA_LINE_MAX - head_len - tail_len) {
		errno = EMSGSIZE;
		return NULL;
	}
	line = malloc(head_len + len + tail_len + 2);
	if (line == NULL)
		return NULL;
	memcpy(line, head, head_len);
	for (i = 0; i < len; i++)
		line[head_len + i] = json[i] == '\n' || json[i] == '\r' ?
		    ' ' : json[i];
	memcpy(line + head_len + len, tail, tail_len);
	*ret_len = head_len + len + tail_len + 1;
	line[*ret_len - 1] = '\n';
	line[*ret_len] = '\0';
	return line;
}

char *
librota_wire_plain(const char *json, size_t *ret_len)
{
	if (wire_check(json, strlen(json)) == -1)
		return NULL;
	return wire_line("", json, "", ret_len);
}

char *
librota_wire_publish(const char *json, size_t *ret_len)
{
	if (wire_check(json, strlen(json)) == -1)
		return NULL;
	return wire_line("{\"rota\":\"publish\",\"data\":", json, "}",
	    ret_len);
}

char *
librota_wire_status(const char *text, size_t *ret_len)
{
	json_t	*s = json_string(text);
	char	*json, *line;

	if (s == NULL) {
		errno = EINVAL;
		return NULL;
	}
	json = json_dumps(s, JSON_ENCODE_ANY);
	json_decref(s);
	if (json == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	line = wire_line("{\"rota\":\"status\",\"text\":", json, "}",
	    ret_len);
	free(json);
	return line;
}
