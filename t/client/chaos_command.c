#include "config.h"
#include "client/chaos.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define VARIANTS 2	/* few: a file that waits is written anew */

/* What a client may do, and how often out of the sum. */
typedef void command_fn(struct chaos *, struct chaos_client *);

static const char *const names[] = { "web", "api", "task", "extra" };
static const char *const others[] = { "wbe", "nosuch", "x/y", "" };

static const char *
some_pool(struct chaos *c)
{
	if (chaos_chance(c, 3))
		return others[chaos_random(c, ARRAY_LEN(others))];
	return names[chaos_random(c, ARRAY_LEN(names))];
}

/* "web" or "web:3" */
static const char *
some_target(struct chaos *c)
{
	static char	 text[64];

	if (chaos_chance(c, 50))
		return some_pool(c);
	(void)snprintf(text, sizeof(text), "%s:%zu", some_pool(c),
	    chaos_random(c, 6));
	return text;
}

static bool
some_wait(struct chaos *c)
{
	return chaos_chance(c, 40);
}

static void
do_status(struct chaos *c, struct chaos_client *cl)
{
	client_ask(c, cl, "status", chaos_chance(c, 70) ? NULL :
	    json_pack("{s:s}", "target", some_target(c)), false);
}

static void
do_reload(struct chaos *c, struct chaos_client *cl)
{
	json_t	*args = json_pack("{s:b}", "wait", some_wait(c)), *list;
	size_t	 n = chaos_random(c, 3);

	if (n > 0) {
		list = json_array();
		while (n-- > 0)
			(void)json_array_append_new(list,
			    json_string(some_pool(c)));
		(void)json_object_set_new(args, "pools", list);
	}
	client_ask(c, cl, "reload", args, false);
}

static void
do_abort(struct chaos *c, struct chaos_client *cl)
{
	client_ask(c, cl, "reload", json_pack("{s:b}", "abort", 1), false);
}

static void
do_apply(struct chaos *c, struct chaos_client *cl)
{
	json_t	*args = json_pack("{s:b}", "wait", some_wait(c));

	if (!chaos_chance(c, 15))
		(void)json_object_set_new(args, "file", json_string(
		    chaos_chance(c, 25) ? c->base : variant_write(c)));
	client_ask(c, cl, "apply", args, false);
}

static void
do_plan(struct chaos *c, struct chaos_client *cl)
{
	client_ask(c, cl, "plan", chaos_chance(c, 40) ? NULL :
	    json_pack("{s:s}", "file", variant_write(c)), false);
}

static void
do_scale(struct chaos *c, struct chaos_client *cl)
{
	static const char *const	 counts[] = {
		"1", "2", "3", "4", "5", "6", "+1", "+2", "-1", "-2", "+0",
		"0", "20000", "x",
	};

	client_ask(c, cl, "scale", json_pack("{s:s, s:s, s:b}", "pool",
	    some_pool(c), "count", counts[chaos_random(c,
	    ARRAY_LEN(counts))], "wait", some_wait(c)), false);
}

static void
do_slots(struct chaos *c, struct chaos_client *cl, const char *command)
{
	client_ask(c, cl, command, json_pack("{s:s, s:b}", "target",
	    some_target(c), "wait", some_wait(c)), false);
}

static void
do_start(struct chaos *c, struct chaos_client *cl)
{
	do_slots(c, cl, "start");
}

static void
do_stop(struct chaos *c, struct chaos_client *cl)
{
	do_slots(c, cl, "stop");
}

static void
do_restart(struct chaos *c, struct chaos_client *cl)
{
	do_slots(c, cl, "restart");
}

static void
do_signal(struct chaos *c, struct chaos_client *cl)
{
	static const char *const	 signals[] = {
		"USR1", "SIGTERM", "9", "STOP", "CONT", "WINCH", "HUP", "0",
		"NOSUCH",
	};

	client_ask(c, cl, "signal", json_pack("{s:s, s:s}", "target",
	    some_target(c), "signal", signals[chaos_random(c,
	    ARRAY_LEN(signals))]), false);
}

static const char *
some_json(struct chaos *c)
{
	static const char *const	 texts[] = {
		"1", "{\"a\":[1,2]}", "\"text\"", "null", "{bad", "",
		"{\"rota\":\"disconnect\"}",
	};

	return texts[chaos_random(c, ARRAY_LEN(texts))];
}

static void
do_send(struct chaos *c, struct chaos_client *cl)
{
	client_ask(c, cl, "send", json_pack("{s:s, s:s}", "target",
	    some_target(c), "json", some_json(c)), false);
}

static void
do_broadcast(struct chaos *c, struct chaos_client *cl)
{
	json_t	*args = json_pack("{s:s}", "json", some_json(c));

	if (chaos_chance(c, 50))
		(void)json_object_set_new(args, "pool",
		    json_string(some_pool(c)));
	client_ask(c, cl, "broadcast", args, false);
}

/* A follow ends with the connection, some commands later. */
static void
do_journal(struct chaos *c, struct chaos_client *cl)
{
	bool	 follow = chaos_chance(c, 50);
	json_t	*args = json_pack("{s:b, s:I}", "follow", follow, "lines",
		    (json_int_t)chaos_random(c, 300));

	if (chaos_chance(c, 40))
		(void)json_object_set_new(args, "target",
		    json_string(some_target(c)));
	client_ask(c, cl, chaos_chance(c, 50) ? "logs" : "events", args,
	    follow);
	if (follow && cl->follows == 0)
		cl->follows = 2 + (unsigned int)chaos_random(c, 20);
}

/* Well-formed, but not what the command takes. */
static void
do_misuse(struct chaos *c, struct chaos_client *cl)
{
	static const char *const	 commands[] = {
		"status", "reload", "apply", "plan", "scale", "start",
		"signal", "send", "broadcast", "logs", "events", "statsu",
	};
	const char	*command = commands[chaos_random(c,
			    ARRAY_LEN(commands))];

	client_ask(c, cl, command, json_pack("{s:[i], s:n}", "target", 1,
	    "what"), false);
}

static void
do_garbage(struct chaos *c, struct chaos_client *cl)
{
	static const char *const	 lines[] = {
		"\n", "garbage\n", "{\"id\":\n", "[]\n", "{}\n",
		"\xff\xfe\n", "{\"id\":null,\"command\":\"status\"}\n",
		"{\"id\":[1],\"command\":\"status\"}\n", "nul\n",
	};
	const char	*line = lines[chaos_random(c, ARRAY_LEN(lines))];

	client_text(cl, line, strlen(line));
	cl->garbage++;
	c->sent++;
	c->asks[c->sent].state = ASK_LEFT;
	c->asks[c->sent].client = cl->number;
	c->asks[c->sent].command = "garbage";
}

/* In the middle of what goes on, perhaps in the middle of a line. */
static void
do_vanish(struct chaos *c, struct chaos_client *cl)
{
	do_reload(c, cl);
	if (chaos_chance(c, 50))
		client_text(cl, "{\"id\":1,\"comm", 13);
	client_move(c, cl, 4 /* POLLOUT */);
	client_leave(c, cl);
	client_connect(c, cl);
}

/* It says no more, and hears the answers. */
static void
do_half_close(struct chaos *c, struct chaos_client *cl)
{
	if (cl->follows > 0)
		return;
	do_status(c, cl);
	do_restart(c, cl);
	cl->half_closed = true;
}

static const struct {
	unsigned int	 weight;
	command_fn	*run;
} acts[] = {
	{ 16, do_status }, { 10, do_reload }, { 1, do_abort },
	{ 12, do_apply }, { 5, do_plan }, { 8, do_scale }, { 10, do_start },
	{ 6, do_stop }, { 7, do_restart }, { 5, do_signal }, { 5, do_send },
	{ 4, do_broadcast }, { 7, do_journal }, { 3, do_misuse },
	{ 3, do_garbage }, { 2, do_vanish }, { 1, do_half_close },
};

void
command_random(struct chaos *c, struct chaos_client *cl)
{
	size_t	 i, at, sum = 0;

	for (i = 0; i < ARRAY_LEN(acts); i++)
		sum += acts[i].weight;
	at = chaos_random(c, sum);
	for (i = 0; at >= acts[i].weight; i++)
		at -= acts[i].weight;
	acts[i].run(c, cl);
}

/* --- other configs -------------------------------------------------------- */

static const char *
pick(struct chaos *c, const char *const *list, size_t n)
{
	return list[chaos_random(c, n)];
}
#define PICK(c, ...) pick(c, (const char *const []){ __VA_ARGS__ },	\
	sizeof((const char *const []){ __VA_ARGS__ }) / sizeof(char *))

/* What rota-http does, most of the time nothing bad. */
static const char *
some_fault(struct chaos *c)
{
	if (chaos_chance(c, 75))
		return "";
	return PICK(c, " --exit 3", " --never-ready", " --die-after 5ms",
	    " --start-delay 50ms", " --nosuch", " --print hello");
}

static void
write_pool(struct chaos *c, FILE *f, const char *name, bool is_web)
{
	(void)fprintf(f, "- name: %s\n  command: %s%s\n  count: %zu\n", name,
	    chaos_chance(c, 3) ? "no-such-program" : "rota-http",
	    some_fault(c), 1 + chaos_random(c, 5));
	(void)fprintf(f, "  listen: %s\n", PICK(c, "0", "0",
	    "[127.0.0.1:0]", "[0, \"[::1]:0\"]"));
	(void)fprintf(f, "  restart: %s\n", is_web ? "always" :
	    PICK(c, "always", "on-failure", "never"));
	(void)fprintf(f, "  balance: %s\n", PICK(c, "round-robin",
	    "round-robin", "shared"));
	(void)fprintf(f, "  ready: { timeout: %s, soak: %s }\n",
	    PICK(c, "300ms", "2s"), PICK(c, "0", "20ms"));
	(void)fprintf(f, "  stop: { timeout: %s }\n", PICK(c, "100ms", "1s"));
	(void)fprintf(f, "  reload: { order: %s, batch: %s }\n", PICK(c,
	    "new-first", "old-first"), PICK(c, "1", "2", "all"));
	(void)fprintf(f, "  backoff: { initial: %s, max: 100ms }\n", PICK(c,
	    "0", "10ms"));
	(void)fprintf(f, "  backlog: %s\n", PICK(c, "64", "128"));
	if (chaos_chance(c, 70))
		(void)fprintf(f, "  env: { CHAOS: %s }\n", PICK(c, "a", "b"));
	if (chaos_chance(c, 40))
		(void)fprintf(f, "  broadcast: { interval: 50ms, %s }\n",
		    PICK(c, "counter: 1", "value: x", "command: echo 1",
		    "command: sleep 3", "file: base.yaml"));
}

static void
write_task(struct chaos *c, FILE *f)
{
	(void)fprintf(f, "- name: task\n  argv: [sh, -c, \"echo up; "
	    "exec sleep %s\"]\n  count: %zu\n", PICK(c, "1000", "2000",
	    "0.2"), 1 + chaos_random(c, 4));
	(void)fprintf(f, "  restart: %s\n  ready: { delay: 10ms, soak: 0 }\n"
	    "  stop: { timeout: 1s }\n  env: { CHAOS: %s }\n"
	    "  backoff: { initial: 10ms, max: 100ms }\n", PICK(c, "always",
	    "on-failure", "never"), PICK(c, "a", "b"));
}

/* A file that nobody can apply. */
static void
write_broken(struct chaos *c, FILE *f)
{
	(void)fprintf(f, "%s", PICK(c, "pools: [\n", "", "- name: web\n",
	    "cuont: 3\n", "pools:\n- { name: a, command: x, count: 0 }\n",
	    "command: rota-http\ncwd: /no/such/place\n",
	    "pools:\n- { name: a, command: sleep 1 }\n"
	    "- { name: a, command: sleep 1 }\n"));
}

const char *
variant_write(struct chaos *c)
{
	static char	 path[4096], new[4200];
	FILE		*f;

	(void)snprintf(path, sizeof(path), "%s/variant.%zu.yaml", c->folder,
	    c->variants++ % VARIANTS);
	(void)snprintf(new, sizeof(new), "%s.new", path);
	f = fopen(new, "we");
	if (f == NULL)
		err(1, "%s", new);
	if (chaos_chance(c, 10)) {
		write_broken(c, f);
	} else {
		(void)fprintf(f, "pools:\n");
		write_pool(c, f, "web", true);
		if (chaos_chance(c, 75))
			write_pool(c, f, "api", false);
		if (chaos_chance(c, 75))
			write_task(c, f);
		if (chaos_chance(c, 40))
			write_pool(c, f, "extra", false);
	}
	if (fclose(f) == EOF || rename(new, path) == -1)
		err(1, "%s", path);
	return path;
}
