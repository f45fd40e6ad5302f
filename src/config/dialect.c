#include "config.h"
#include "config/dialect.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/parse.h"
#include "base/util.h"
#include "config/build.h"
#include "config/conf.h"
#include "config/expand.h"
#include "config/node.h"
#include "config/problem.h"
#include "config/shape.h"
#include "config/yaml.h"

#define BIT(n) (UINT64_C(1) << (n))
#define PATH_MAX_LEN 512

/* What the dialects have and have not, in the order of enum conf_dialect. */
static const struct rule {
	enum conf_ready	 ready;		/* by default */
	bool		 says_ready;	/* ready.when: message */
	bool		 hears;		/* broadcasts */
	bool		 needs_listener;
	bool		 heartbeat;
	int		 stop_signal;
} rules[CONF_DIALECT__COUNT] = {
	[CONF_ROTA] = { .ready = CONF_READY_MESSAGE, .says_ready = true,
	    .hears = true, .stop_signal = SIGTERM },
	[CONF_PLAIN] = { .ready = CONF_READY_DELAY, .stop_signal = SIGTERM },
	[CONF_SYSTEMD] = { .ready = CONF_READY_NOTIFY, .heartbeat = true,
	    .stop_signal = SIGTERM },
	[CONF_EINHORN] = { .ready = CONF_READY_MESSAGE, .says_ready = true,
	    .needs_listener = true, .stop_signal = SIGUSR2 },
	[CONF_SERVER_STARTER] = { .ready = CONF_READY_DELAY,
	    .needs_listener = true, .stop_signal = SIGTERM },
};

/* One pool, and where its keys stand. */
struct speech {
	struct build		*b;
	struct conf_pool	*pool;
	const struct shape_map	*m;
	const struct rule	*rule;
	const char		*name;		/* of the dialect */
};

#define SPEECH_PROBLEM(s, key, ...) \
	FILE_PROBLEM((s)->b->p, shape_pos((s)->m, key), __VA_ARGS__)

static bool
has_listeners(const struct speech *s)
{
	return s->pool->first_port == 0 &&
	    (s->m->seen[POOL_PORT] || s->m->seen[POOL_LISTEN]);
}

/* The workers get connections, not the listeners. */
static bool
is_handed_over(const struct speech *s)
{
	return has_listeners(s) && s->pool->dialect == CONF_ROTA &&
	    s->pool->balance == CONF_ROUND_ROBIN;
}

static void
check_messages(const struct speech *s)
{
	if (!s->rule->says_ready &&
	    s->pool->ready.when == CONF_READY_MESSAGE)
		SPEECH_PROBLEM(s, POOL_READY_WHEN, "ready.when: a worker of "
		    "dialect %s sends no messages; expected %s, or "
		    "'dialect: rota'", s->name,
		    keys_pool.keys[POOL_READY_WHEN].words[s->rule->ready]);
	if (!s->rule->hears && s->m->seen[POOL_BROADCAST])
		SPEECH_PROBLEM(s, POOL_BROADCAST, "broadcast: a worker of "
		    "dialect %s hears no messages; add 'dialect: rota' if "
		    "it does", s->name);
}

/* Keys that belong to one kind of readiness, or two. */
static const struct {
	int		 key;
	uint64_t	 kinds;
	const char	*of;
} ready_keys[] = {
	{ POOL_READY_DELAY, BIT(CONF_READY_DELAY), "delay" },
	{ POOL_READY_COMMAND, BIT(CONF_READY_EXEC), "exec" },
	{ POOL_READY_PATH, BIT(CONF_READY_HTTP), "http" },
	{ POOL_READY_INTERVAL, BIT(CONF_READY_EXEC) | BIT(CONF_READY_HTTP),
	    "exec' or 'when: http" },
};

static void
check_ready_keys(const struct speech *s)
{
	const struct conf_pool	*pool = s->pool;
	const char		*when;
	size_t			 i;

	when = keys_pool.keys[POOL_READY_WHEN].words[pool->ready.when];
	for (i = 0; i < ARRAY_LEN(ready_keys); i++)
		if (s->m->at[ready_keys[i].key] != NULL &&
		    (ready_keys[i].kinds & BIT(pool->ready.when)) == 0)
			SPEECH_PROBLEM(s, ready_keys[i].key, "%s: is for "
			    "'when: %s', and this pool waits for '%s'; leave "
			    "it out", keys_pool.keys[ready_keys[i].key].path,
			    ready_keys[i].of, when);
	if (pool->ready.when == CONF_READY_DELAY &&
	    pool->ready.delay_ms >= pool->ready.timeout_ms)
		SPEECH_PROBLEM(s, s->m->seen[POOL_READY_DELAY] ?
		    POOL_READY_DELAY : POOL_READY_TIMEOUT, "ready.delay: "
		    "must be less than ready.timeout, else no worker is "
		    "ever ready");
}

/* A probe has to reach one worker, and no other. */
static void
check_probe(const struct speech *s)
{
	const struct conf_pool	*pool = s->pool;

	if (pool->ready.when == CONF_READY_EXEC &&
	    !s->m->seen[POOL_READY_COMMAND])
		SPEECH_PROBLEM(s, POOL_READY_WHEN, "ready.when: exec needs "
		    "'command:' beside it");
	if (pool->ready.when != CONF_READY_HTTP || pool->first_port != 0 ||
	    is_handed_over(s))
		return;
	SPEECH_PROBLEM(s, POOL_READY_WHEN, has_listeners(s) ?
	    "ready.when: http cannot ask one worker where all share a "
	    "listener; expected exec or delay, 'port: 7001+', or 'dialect: "
	    "rota'" : "ready.when: http needs a port to ask at; add 'port'");
}

static void
build_probe(const struct speech *s, const struct raw_value *v)
{
	struct conf_pool	*pool = s->pool;
	const char		*path = v[POOL_READY_PATH].text;

	if (v[POOL_READY_COMMAND].text != NULL)
		pool->ready.argv = build_words(s->b, "ready.command",
		    v[POOL_READY_COMMAND].text,
		    shape_pos(s->m, POOL_READY_COMMAND));
	if (path == NULL && pool->ready.when != CONF_READY_HTTP)
		return;
	pool->ready.path = build_copy(s->b, path != NULL ? path : "/");
	if (path != NULL && (path[0] != '/' || strlen(path) > PATH_MAX_LEN ||
	    path[strcspn(path, " \t\r\n")] != '\0'))
		SPEECH_PROBLEM(s, POOL_READY_PATH, "ready.path: expected a "
		    "path that begins with '/', without blanks, of at most "
		    "%d bytes", PATH_MAX_LEN);
}

static void
check_what_it_needs(const struct speech *s)
{
	if (s->rule->needs_listener && !has_listeners(s))
		SPEECH_PROBLEM(s, POOL_DIALECT, "dialect: %s is a way to pass "
		    "listeners on; add 'port' or 'listen'", s->name);
	if (s->m->seen[POOL_HEALTH_HEARTBEAT] && !s->rule->heartbeat)
		SPEECH_PROBLEM(s, POOL_HEALTH_HEARTBEAT, "health.heartbeat: "
		    "a worker of dialect %s sends none; it needs 'dialect: "
		    "systemd'", s->name);
}

static void
check_own_ports(const struct speech *s)
{
	const struct conf_pool	*pool = s->pool;

	if (pool->first_port == 0)
		return;
	if (s->rule->needs_listener)
		SPEECH_PROBLEM(s, POOL_PORT, "port: '%llu+' means that each "
		    "worker listens by itself, and dialect %s is a way to "
		    "pass listeners on; use one port",
		    (unsigned long long)pool->first_port, s->name);
	if (pool->first_port + pool->count - 1 > 65535)
		SPEECH_PROBLEM(s, POOL_PORT, "port: '%llu+' leaves too few "
		    "ports up to 65535 for %llu slots",
		    (unsigned long long)pool->first_port,
		    (unsigned long long)pool->count);
}

static void
check_stdin(const struct speech *s)
{
	if (s->pool->in != CONF_STDIN_LISTENER)
		return;
	if (!has_listeners(s))
		SPEECH_PROBLEM(s, POOL_STDIN, "stdin: there is no listener; "
		    "add 'listen'");
	else if (is_handed_over(s))
		SPEECH_PROBLEM(s, POOL_STDIN, "stdin: the connections of "
		    "this pool are handed over one by one; add 'dialect: "
		    "plain'");
}

/* --- what stands in braces ------------------------------------------------ */

static void
check_braces(const struct speech *s, const char *name, const char *text,
    struct conf_pos pos, bool is_probe)
{
	const struct expand_facts	 f = {
		.port = has_listeners(s) || s->pool->first_port != 0,
		.ready_fd = s->pool->ready.when != CONF_READY_FD || is_probe ?
		    -1 : 0,
		.first_fd = is_handed_over(s) || is_probe ? -1 : 3,
		.listen = s->pool->listen,
		.listen_count = s->pool->listen_count,
	};
	struct err			 e;
	char				*done = expand(text, &f, &e);

	if (done == NULL && e.code == ENOMEM)
		s->b->failed = true;
	else if (done == NULL)
		FILE_PROBLEM(s->b->p, pos, "%s: %s", name, e.msg);
	free(done);
}

static void
check_words(const struct speech *s)
{
	const struct conf_pool	*pool = s->pool;
	bool			 is_list = s->m->seen[POOL_ARGV];
	size_t			 i;

	if (pool->argv != NULL && pool->argv[0] != NULL &&
	    expand_needed(pool->argv[0]))
		FILE_PROBLEM(s->b->p, pool->command_pos, "%s: the program "
		    "itself cannot differ from slot to slot; only its "
		    "arguments can", is_list ? "argv" : "command");
	for (i = 1; pool->argv != NULL && pool->argv[0] != NULL &&
	    pool->argv[i] != NULL; i++)
		check_braces(s, is_list ? "argv" : "command", pool->argv[i],
		    is_list ? shape_item_pos(s->m, POOL_ARGV, i) :
		    pool->command_pos, false);
	for (i = 0; pool->ready.argv != NULL && pool->ready.argv[i] != NULL;
	    i++)
		check_braces(s, "ready.command", pool->ready.argv[i],
		    shape_pos(s->m, POOL_READY_COMMAND), true);
}

static void
check_env(const struct speech *s)
{
	const struct node	*n = s->m->at[POOL_ENV];

	for (n = n != NULL ? n->first : NULL; n != NULL; n = n->next)
		if (n->text != NULL)
			check_braces(s, "env", n->text, n->pos, false);
}

/* --- all of it ------------------------------------------------------------ */

void
dialect_own_ports(struct build *b, struct conf_pool *pool, const char *text,
    struct conf_pos pos)
{
	char		 digits[16], cut[PROBLEM_CUT_SIZE];
	uint64_t	 n;

	(void)snprintf(digits, sizeof(digits), "%.*s",
	    (int)strlen(text) - 1, text);
	if (parse_count(digits, &n) == PARSE_OK && n >= 1 && n <= 65535) {
		pool->first_port = n;
		return;
	}
	pool->first_port = 1;		/* so that it breaks no other rule */
	FILE_PROBLEM(b->p, pos, "port: '%s' is no first port; expected a "
	    "number from 1 to 65535 and '+', such as 7001+",
	    problem_cut(cut, text));
}

void
dialect_build(struct build *b, struct conf_pool *pool,
    const struct shape_map *m, const struct raw_value *v, uint64_t bad)
{
	struct speech	 s = { .b = b, .pool = pool, .m = m };

	if ((bad & (BIT(POOL_DIALECT) | BIT(POOL_READY_WHEN))) != 0)
		return;
	if (v[POOL_DIALECT].text == NULL)
		pool->dialect = has_listeners(&s) ? CONF_ROTA : CONF_PLAIN;
	if (pool->first_port != 0 && v[POOL_RELOAD_ORDER].text == NULL)
		pool->reload.order = CONF_OLD_FIRST;
	s.rule = &rules[pool->dialect];
	s.name = keys_pool.keys[POOL_DIALECT].words[pool->dialect];
	if (v[POOL_READY_WHEN].text == NULL)
		pool->ready.when = s.rule->ready;
	if (v[POOL_STOP_SIGNAL].text == NULL)
		pool->stop.signal = s.rule->stop_signal;
	build_probe(&s, v);
	check_messages(&s);
	check_ready_keys(&s);
	check_probe(&s);
	check_what_it_needs(&s);
	check_own_ports(&s);
	check_stdin(&s);
	check_words(&s);
	check_env(&s);
}
