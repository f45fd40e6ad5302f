#include "config.h"
#include "control/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "control/server.h"
#include "control/session.h"

#define ERROR_SIZE	1024
#define ARGS_MAX	16

static void
request_free(struct request *r)
{
	json_decref(r->id);
	json_decref(r->args);
	free(r);
}

/* Out of its session's accounts; its memory is still there. */
static void
request_unlink(struct request *r)
{
	list_remove(&r->node);
	r->session->request_count--;
	r->session->env->held_bytes -= r->bytes;
	r->session = NULL;
}

void
request_leave_all(struct session *s)
{
	struct request	*r;

	while (!list_empty(&s->requests)) {
		r = LIST_ENTRY(s->requests.next, struct request, node);
		request_unlink(r);
		if (r->gone != NULL)
			r->gone(r);
		request_free(r);
	}
}

/* NULL: out of memory.  Takes the value. */
static json_t *
reply_new(json_t *id, const char *key, json_t *value)
{
	json_t	*reply = json_object();

	if (json_object_set_new(reply, "id", json_incref(id)) == 0 &&
	    json_object_set_new(reply, key, json_incref(value)) == 0) {
		json_decref(value);
		return reply;
	}
	json_decref(reply);
	json_decref(value);
	return NULL;
}

/* NULL: out of memory.  Takes details. */
static json_t *
reply_error(json_t *id, const char *code, json_t *details, const char *text)
{
	char	 line[2 * ERROR_SIZE];
	json_t	*reply = reply_new(id, "ok", json_false());

	(void)text_escape(line, sizeof(line), text, strlen(text));
	if (reply == NULL ||
	    json_object_set_new(reply, "code", json_string(code)) == -1 ||
	    json_object_set_new(reply, "error", json_string(line)) == -1 ||
	    (details != NULL &&
	    json_object_set(reply, "details", details) == -1)) {
		json_decref(reply);
		reply = NULL;
	}
	json_decref(details);
	return reply;
}

void
request_reject(struct session *s, const char *code, json_t *id,
    const char *why)
{
	(void)session_send(s, reply_error(id != NULL ? id : json_null(), code,
	    NULL, why), SESSION_ANSWER);
	session_changed(s);
}

/* The end of a request, with an answer that is taken. */
static void
request_answer(struct request *r, json_t *reply)
{
	struct session	*s = r->session;
	json_t		*id = json_incref(r->id);
	bool		 was_dead = s->is_dead;

	request_unlink(r);
	request_free(r);
	if (session_send(s, reply, SESSION_ANSWER) == -1 && !was_dead &&
	    !s->is_dead)
		(void)session_send(s, reply_error(id, "failed", NULL,
		    "the answer is too long"), SESSION_ANSWER);
	json_decref(id);
	session_changed(s);
}

int
request_data(struct request *r, json_t *v)
{
	if (r->session == NULL || r->session->is_dead) {
		json_decref(v);
		return -1;
	}
	return session_send(r->session, reply_new(r->id, "data", v),
	    SESSION_DATA);
}

void
request_done(struct request *r, json_t *result)
{
	json_t	*reply;

	if (r->session == NULL) {	/* it is just leaving */
		json_decref(result);
		return;
	}
	if (result == NULL) {
		request_fail(r, "no-memory", NULL, "out of memory");
		return;
	}
	reply = reply_new(r->id, "ok", json_true());
	if (reply != NULL &&
	    json_object_set(reply, "result", result) == -1) {
		json_decref(reply);
		reply = NULL;
	}
	json_decref(result);
	request_answer(r, reply);
}

void
request_fail(struct request *r, const char *code, json_t *details,
    const char *fmt, ...)
{
	char	 text[ERROR_SIZE];
	va_list	 ap;

	if (r->session == NULL) {
		json_decref(details);
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	request_answer(r, reply_error(r->id, code, details, text));
}

static void
fail_unknown(struct request *r, const char *name,
    const struct request_arg *args, size_t count)
{
	const char	*names[ARGS_MAX + 1];
	const char	*nearest;
	size_t		 i;

	for (i = 0; i < count && i < ARGS_MAX; i++)
		names[i] = args[i].name;
	names[i] = NULL;
	nearest = text_nearest(name, names);
	if (nearest != NULL)
		request_fail(r, "usage", NULL, "unknown argument '%s'; did "
		    "you mean '%s'?", name, nearest);
	else
		request_fail(r, "usage", NULL, "unknown argument '%s'", name);
}

static bool
is_strings(const json_t *v)
{
	size_t	 i;

	if (!json_is_array(v))
		return false;
	for (i = 0; i < json_array_size(v); i++)
		if (json_string_length(json_array_get(v, i)) == 0)
			return false;
	return true;
}

/* True: it is what the row asks for, and set. */
static bool
read_arg(const struct request_arg *a, json_t *v)
{
	switch (a->kind) {
	case REQUEST_STRING:
		if (json_string_length(v) == 0)
			return false;
		*(const char **)a->to = json_string_value(v);
		return true;
	case REQUEST_BOOL:
		if (!json_is_boolean(v))
			return false;
		*(bool *)a->to = json_is_true(v);
		return true;
	case REQUEST_INT:
		if (!json_is_integer(v) || json_integer_value(v) < a->min ||
		    json_integer_value(v) > a->max)
			return false;
		*(int64_t *)a->to = json_integer_value(v);
		return true;
	case REQUEST_STRINGS:
		if (!is_strings(v))
			return false;
		*(json_t **)a->to = v;
		return true;
	default:
		return false;
	}
}

static void
fail_arg(struct request *r, const struct request_arg *a)
{
	static const char *const	 what[] = {
		[REQUEST_STRING] = "a string that is not empty",
		[REQUEST_BOOL] = "true or false",
		[REQUEST_STRINGS] = "a list of strings",
	};

	if (a->kind == REQUEST_INT)
		request_fail(r, "usage", NULL, "argument '%s': must be a "
		    "whole number from %lld to %lld", a->name,
		    (long long)a->min, (long long)a->max);
	else
		request_fail(r, "usage", NULL, "argument '%s': must be %s",
		    a->name, what[a->kind]);
}

static bool
is_listed(const char *name, const struct request_arg *args, size_t count)
{
	size_t	 i;

	for (i = 0; i < count; i++)
		if (strcmp(args[i].name, name) == 0)
			return true;
	return false;
}

int
request_args(struct request *r, const struct request_arg *args, size_t count)
{
	const char	*name;
	json_t		*v;
	size_t		 i;

	json_object_foreach(r->args, name, v) {
		if (is_listed(name, args, count))
			continue;
		fail_unknown(r, name, args, count);
		return -1;
	}
	for (i = 0; i < count; i++) {
		v = json_object_get(r->args, args[i].name);
		if (v == NULL && args[i].is_required) {
			request_fail(r, "usage", NULL, "argument '%s' is "
			    "missing", args[i].name);
			return -1;
		}
		if (v != NULL && !read_arg(&args[i], v)) {
			fail_arg(r, &args[i]);
			return -1;
		}
	}
	return 0;
}

int
request_no_args(struct request *r)
{
	return request_args(r, NULL, 0);
}

static bool
is_id(const json_t *id)
{
	return json_is_number(id) || (json_is_string(id) &&
	    json_string_length(id) <= REQUEST_ID_BYTES);
}

static bool
is_under_way(const struct session *s, const json_t *id)
{
	struct list	*l;

	for (l = s->requests.next; l != &s->requests; l = l->next)
		if (json_equal(LIST_ENTRY(l, struct request, node)->id, id))
			return true;
	return false;
}

/* What is wrong with the object, or NULL; *code is for the answer. */
static const char *
find_fault(const struct session *s, json_t *v, size_t len, const char **code)
{
	const struct control_limits	*l = s->env->limits;
	const char			*name;
	json_t				*member;

	*code = "bad-request";
	if (!is_id(json_object_get(v, "id")))
		return "\"id\" must be a number, or a string of at most 128 "
		    "bytes";
	if (is_under_way(s, json_object_get(v, "id")))
		return "a request with this \"id\" is still under way";
	json_object_foreach(v, name, member)
		if (strcmp(name, "id") != 0 && strcmp(name, "command") != 0 &&
		    strcmp(name, "args") != 0)
			return "there is a member other than \"id\", "
			    "\"command\" and \"args\"";
	member = json_object_get(v, "command");
	if (json_string_length(member) == 0 ||
	    json_string_length(member) >= REQUEST_COMMAND_SIZE)
		return "\"command\" must be a string of 1 to 31 bytes";
	member = json_object_get(v, "args");
	if (member != NULL && !json_is_object(member))
		return "\"args\" must be an object";
	*code = "busy";
	if (s->request_count >= l->requests)
		return "too many requests are under way on this connection";
	if (s->env->held_bytes + len > l->held_bytes)
		return "the requests that are under way are too large";
	return NULL;
}

/* The object has no fault.  NULL: out of memory. */
static struct request *
request_new(struct session *s, json_t *v, size_t len)
{
	struct request	*r = calloc(1, sizeof(*r));
	json_t		*args = json_object_get(v, "args");

	if (r == NULL)
		return NULL;
	r->args = args != NULL ? json_incref(args) : json_object();
	if (r->args == NULL) {
		free(r);
		return NULL;
	}
	r->id = json_incref(json_object_get(v, "id"));
	(void)snprintf(r->command, sizeof(r->command), "%s",
	    json_string_value(json_object_get(v, "command")));
	r->bytes = len;
	r->uid = s->uid;
	r->pid = s->pid;
	r->session = s;
	list_append(&s->requests, &r->node);
	s->request_count++;
	s->env->held_bytes += len;
	return r;
}

/* One object; the session cannot go away below this. */
static void
request_begin(struct session *s, json_t *v, size_t len)
{
	json_t		*id = json_object_get(v, "id");
	const char	*code, *why = find_fault(s, v, len, &code);
	struct request	*r;

	if (why != NULL) {
		request_reject(s, code, is_id(id) ? id : NULL, why);
		return;
	}
	r = request_new(s, v, len);
	if (r == NULL) {
		request_reject(s, "no-memory", id, "out of memory");
		return;
	}
	session_changed(s);
	s->env->ops->request(s->env->arg, r);
}

void
request_take(struct session *s, const char *line, size_t len)
{
	char		 why[sizeof(((json_error_t *)0)->text) + 16];
	json_error_t	 e;
	json_t		*v = json_loadb(line, len, JSON_REJECT_DUPLICATES, &e);

	if (v == NULL) {
		(void)snprintf(why, sizeof(why), "not JSON: %s", e.text);
		request_reject(s, "bad-request", NULL, why);
		return;
	}
	if (json_is_object(v))
		request_begin(s, v, len);
	else
		request_reject(s, "bad-request", NULL, "not an object");
	json_decref(v);
}
