#include "config.h"
#include "client/chaos.h"

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define PIDS_MAX	256
#define ANSWER_MS	60000
#define SETTLE_MS	30000

/* What is wrong with what is there, for people. */
static char	 fault[1024];

PRINTFLIKE(1, 2) static bool
is_wrong(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(fault, sizeof(fault), fmt, ap);
	va_end(ap);
	return false;
}

/* One request of a client of its own; the answer, or NULL. */
static json_t *
facts_ask(struct chaos *c, const char *command, json_t *args)
{
	struct chaos_client	 cl = { .number = 1000 };
	struct pollfd		 pfd = { .events = POLLIN | POLLOUT };
	uint64_t		 end = clock_ms() + ANSWER_MS;
	json_t			*v = NULL;
	char			*nl;
	size_t			 id;
	ssize_t			 n;

	client_connect(c, &cl);
	id = client_ask(c, &cl, command, args, false);
	pfd.fd = cl.fd;
	while (cl.fd != -1 && clock_ms() < end && poll(&pfd, 1, 1000) >= 0) {
		char	*p = buf_reserve(&cl.in, 65536);

		if (buf_len(&cl.out) > 0 && (n = write(cl.fd, buf_head(
		    &cl.out), buf_len(&cl.out))) > 0)
			buf_consume(&cl.out, (size_t)n);
		if (buf_len(&cl.out) == 0)
			pfd.events = POLLIN;
		if ((n = read(cl.fd, p, 65536)) == 0)
			break;
		if (n > 0)
			buf_commit(&cl.in, (size_t)n);
		while (v == NULL && (nl = memchr(buf_head(&cl.in), '\n',
		    buf_len(&cl.in))) != NULL) {
			n = nl - buf_head(&cl.in);
			v = json_loadb(buf_head(&cl.in), (size_t)n, 0, NULL);
			buf_consume(&cl.in, (size_t)n + 1);
			if (json_object_get(v, "ok") == NULL) {
				json_decref(v);
				v = NULL;
			}
		}
		if (v != NULL)
			break;
	}
	c->asks[id].state = ASK_ANSWERED;
	client_leave(c, &cl);
	return v;
}

static bool
facts_do(struct chaos *c, const char *command, json_t *args)
{
	json_t		*v = facts_ask(c, command, args);
	const char	*why = json_string_value(json_object_get(v, "error"));
	bool		 is_ok = json_is_true(json_object_get(v, "ok"));

	if (!is_ok)
		(void)is_wrong("%s: %s", command, why != NULL ? why :
		    "no answer");
	json_decref(v);
	return is_ok;
}

/* A removed pool of the same name may still be leaving. */
static bool
facts_apply(struct chaos *c)
{
	uint64_t	 end = clock_ms() + SETTLE_MS;

	while (!facts_do(c, "apply", json_pack("{s:s}", "file", c->base))) {
		(void)printf("apply.base: %s\n", fault);
		if (clock_ms() > end)
			return false;
		(void)poll(NULL, 0, 200);
	}
	return true;
}

static long
number_of(const json_t *v, const char *name)
{
	return (long)json_integer_value(json_object_get(v, name));
}

/* The worker has the environment of the base config. */
static bool
has_environment(long pid)
{
	char	 path[64], text[65536];
	ssize_t	 n = -1;
	int	 fd;

	(void)snprintf(path, sizeof(path), "/proc/%ld/environ", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		n = read(fd, text, sizeof(text));
		(void)close(fd);
	}
	return n > 0 && memmem(text, (size_t)n, "CHAOS=base", 11) != NULL;
}

static bool
check_slot(const char *name, const json_t *s, pid_t *pids, size_t *count)
{
	long	 pid = number_of(s, "pid");

	if (strcmp(json_string_value(json_object_get(s, "state")),
	    "ready") != 0)
		return is_wrong("%s: slot %ld is %s", name,
		    number_of(s, "slot"), json_string_value(json_object_get(
		    s, "state")));
	if (!json_is_null(json_object_get(s, "beside")) ||
	    json_array_size(json_object_get(s, "draining")) != 0)
		return is_wrong("%s: slot %ld has more than one worker",
		    name, number_of(s, "slot"));
	if (!has_environment(pid))
		return is_wrong("%s: slot %ld, pid %ld, generation %ld: not "
		    "the environment of the config", name,
		    number_of(s, "slot"), pid, number_of(s, "generation"));
	if (*count < PIDS_MAX)
		pids[(*count)++] = (pid_t)pid;
	return true;
}

static bool
check_pool(const json_t *p, pid_t *pids, size_t *count)
{
	const char	*name = json_string_value(json_object_get(p, "name"));
	const json_t	*slots = json_object_get(p, "slots"), *s;
	size_t		 i, n = json_array_size(slots);

	if (number_of(p, "count") != number_of(p, "configured_count") ||
	    (size_t)number_of(p, "count") != n ||
	    (size_t)number_of(p, "ready") != n)
		return is_wrong("%s: count %ld, configured %ld, ready %ld, "
		    "%zu slots", name, number_of(p, "count"),
		    number_of(p, "configured_count"), number_of(p, "ready"),
		    n);
	json_array_foreach(slots, i, s) {
		if ((size_t)number_of(s, "slot") != i)
			return is_wrong("%s: slot %zu is missing", name, i);
		if (!check_slot(name, s, pids, count))
			return false;
	}
	return true;
}

static bool
is_among(pid_t pid, const pid_t *pids, size_t n)
{
	size_t	 i, found = 0;

	for (i = 0; i < n; i++)
		found += pids[i] == pid;
	return found == 1;
}

/* Children of rota, zombies too, are what status shows, each once. */
static bool
check_children(const struct chaos *c, const pid_t *pids, size_t count)
{
	pid_t	 children[PIDS_MAX];
	size_t	 i, n = children_of(c->rota, children, PIDS_MAX);

	for (i = 0; i < count; i++)
		if (!is_among(pids[i], children, n))
			return is_wrong("pid %ld is no child", (long)pids[i]);
	for (i = 0; i < n; i++)
		if (!is_among(children[i], pids, count))
			return is_wrong("child %ld is in no slot",
			    (long)children[i]);
	return true;
}

static bool
check_status(struct chaos *c, const json_t *r)
{
	const json_t	*pools = json_object_get(r, "pools"), *p;
	pid_t		 pids[PIDS_MAX];
	size_t		 i, count = 0;

	if (!json_is_null(json_object_get(r, "activity")))
		return is_wrong("something is under way");
	if (json_is_true(json_object_get(r, "file_differs")))
		return is_wrong("the file differs");
	if (json_array_size(pools) != 3)
		return is_wrong("%zu pools", json_array_size(pools));
	json_array_foreach(pools, i, p)
		if (!check_pool(p, pids, &count))
			return false;
	return check_children(c, pids, count);
}

/* Twice in a row, so that it is no moment. */
static bool
facts_settle(struct chaos *c)
{
	uint64_t	 end = clock_ms() + SETTLE_MS;
	unsigned int	 good = 0;
	json_t		*v;

	while (good < 2 && clock_ms() < end) {
		v = facts_ask(c, "status", NULL);
		good = v != NULL && check_status(c, json_object_get(v,
		    "result")) ? good + 1 : 0;
		json_decref(v);
		(void)poll(NULL, 0, 100);
	}
	return good == 2;
}

/* Nothing would be changed any more. */
static bool
facts_plan(struct chaos *c)
{
	json_t		*v = facts_ask(c, "plan", json_pack("{s:s}", "file",
			    c->base));
	json_t		*list = json_object_get(json_object_get(v, "result"),
			    "changes");
	bool		 good = json_is_array(list) &&
			    json_array_size(list) == 0;
	char		*text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

	if (!good)
		(void)is_wrong("plan: %s", text != NULL ? text : "nothing");
	free(text);
	json_decref(v);
	return good;
}

bool
facts_restore(struct chaos *c)
{
	static const char *const	 pools[] = { "web", "api", "task" };
	uint64_t			 began = clock_ms();
	bool				 good = facts_apply(c);
	size_t				 i;

	for (i = 0; good && i < ARRAY_LEN(pools); i++)
		good = facts_do(c, "start", json_pack("{s:s}", "target",
		    pools[i]));
	good = good && facts_settle(c) && facts_plan(c);
	(void)printf("restored_ms=%llu\n",
	    (unsigned long long)(clock_ms() - began));
	if (!good)
		(void)printf("fault: %s\n", fault);
	return good;
}
