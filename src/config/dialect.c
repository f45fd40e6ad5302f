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
#include "config/value.h"
#include "config/yaml.h"

#define BIT(n) (UINT64_C(1) << (n))
#define PATH_MAX_LEN 512

/* What the dialects have and have not, in the order of enum conf_dialect. */
static const struct rule {
	enum conf_ready	 ready;		/* by default */
	bool		 says_ready;	/* ready.when: message */
	bool		 hears;		/* broadcasts */
	bool		 asks;		/* for what it listens on */
	bool		 needs_listener;
	bool		 heartbeat;
	int		 stop_signal;
	/* What decides whether it goes with another. */
	bool		 goes;		/* with any other at all */
	bool		 channel;	/* it has the one for messages */
	bool		 takes;		/* connections that are handed over */
} rules[CONF_DIALECT__COUNT] = {
	[CONF_ROTA] = { .ready = CONF_READY_MESSAGE, .says_ready = true,
	    .hears = true, .stop_signal = SIGTERM,
	    .goes = true, .channel = true, .takes = true },
	[CONF_PLAIN] = { .ready = CONF_READY_DELAY, .stop_signal = SIGTERM },
	[CONF_SYSTEMD] = { .ready = CONF_READY_NOTIFY, .heartbeat = true,
	    .stop_signal = SIGTERM, .goes = true },
	[CONF_EINHORN] = { .ready = CONF_READY_MESSAGE, .says_ready = true,
	    .needs_listener = true, .stop_signal = SIGUSR2,
	    .goes = true, .channel = true },
	[CONF_SERVER_STARTER] = { .ready = CONF_READY_DELAY,
	    .needs_listener = true, .stop_signal = SIGTERM, .goes = true },
	[CONF_NODE] = { .ready = CONF_READY_LISTENING, .says_ready = true,
	    .hears = true, .asks = true, .stop_signal = SIGTERM,
	    .channel = true, .takes = true },
	[CONF_NODE_FORK] = { .ready = CONF_READY_DELAY, .says_ready = true,
	    .hears = true, .stop_signal = SIGTERM, .channel = true },
};

/* "systemd+server-starter" */
#define NAME_SIZE 128

/* One pool, and where its keys stand. */
struct speech {
	struct build		*b;
	struct conf_pool	*pool;
	const struct shape_map	*m;
	struct rule		 rule;		/* of all its dialects */
	char			 name[NAME_SIZE]; /* of them */
};

#define SPEECH_PROBLEM(s, key, ...) \
	FILE_PROBLEM((s)->b->p, shape_pos((s)->m, key), __VA_ARGS__)

static bool
has_listeners(const struct speech *s)
{
	return s->pool->first_port == 0 &&
	    (s->m->seen[POOL_PORT] || s->m->seen[POOL_LISTEN]);
}

/* The workers may get connections, and not the listeners. */
static bool
may_hand_over(const struct speech *s)
{
	return has_listeners(s) && s->rule.takes &&
	    s->pool->balance != CONF_SHARED &&
	    s->pool->mechanism != CONF_MECHANISM_KERNEL;
}

/* Its workers may get no listeners as descriptors. */
static bool
may_have_no_fds(const struct speech *s)
{
	return may_hand_over(s) || s->rule.asks;
}

static bool
may_listen(const struct speech *s)
{
	return has_listeners(s) || s->pool->listen_any;
}

static void
check_messages(const struct speech *s)
{
	if (!s->rule.says_ready &&
	    s->pool->ready.when == CONF_READY_MESSAGE)
		SPEECH_PROBLEM(s, POOL_READY_WHEN, "ready.when: a worker of "
		    "dialect %s sends no messages; expected %s, or "
		    "'dialect: rota'", s->name,
		    keys_pool.keys[POOL_READY_WHEN].words[s->rule.ready]);
	if (!s->rule.hears && s->m->seen[POOL_BROADCAST])
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
	    (may_hand_over(s) && !s->rule.asks))
		return;
	if (pool->dialect == CONF_ROTA && has_listeners(s))
		SPEECH_PROBLEM(s, POOL_READY_WHEN, "ready.when: http asks "
		    "over a connection that is handed over, which '%s' rules "
		    "out; expected message, exec or delay",
		    pool->balance == CONF_SHARED ? "balance: shared" :
		    "mechanism: kernel");
	else
		SPEECH_PROBLEM(s, POOL_READY_WHEN, has_listeners(s) ?
		    "ready.when: http cannot ask one worker where all have "
		    "the same port; expected exec or delay, 'port: 7001+', "
		    "or 'dialect: rota'" :
		    "ready.when: http needs a port to ask at; add 'port'");
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
	if (s->rule.needs_listener && !has_listeners(s))
		SPEECH_PROBLEM(s, POOL_DIALECT, "dialect: %s is a way to pass "
		    "listeners on; add 'port' or 'listen'", s->name);
	if (s->m->seen[POOL_HEALTH_HEARTBEAT] && !s->rule.heartbeat)
		SPEECH_PROBLEM(s, POOL_HEALTH_HEARTBEAT, "health.heartbeat: "
		    "a worker of dialect %s sends none; it needs 'dialect: "
		    "systemd'", s->name);
	if (s->m->seen[POOL_HEALTH_HANG] &&
	    (!may_listen(s) || s->pool->balance == CONF_SHARED))
		SPEECH_PROBLEM(s, POOL_HEALTH_HANG, "health.hang: is about "
		    "connections that wait for one worker, and here none do; "
		    "%s", may_listen(s) ? "it excludes 'balance: shared'" :
		    "it needs 'port' or 'listen'");
}

static void
check_own_ports(const struct speech *s)
{
	const struct conf_pool	*pool = s->pool;

	if (pool->first_port == 0)
		return;
	if (s->rule.asks)
		SPEECH_PROBLEM(s, POOL_PORT, "port: '%llu+' means that each "
		    "worker listens by itself, and a worker of dialect %s "
		    "asks; use one port",
		    (unsigned long long)pool->first_port, s->name);
	else if (s->rule.needs_listener)
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
	else if (may_have_no_fds(s))
		SPEECH_PROBLEM(s, POOL_STDIN, "stdin: the connections of "
		    "this pool may be handed over one by one; add 'dialect: "
		    "plain'");
}

/* --- mechanism ------------------------------------------------------------ */

static void
check_kernel(const struct speech *s)
{
	if (conf_has_unix(s->pool))
		SPEECH_PROBLEM(s, POOL_MECHANISM, "mechanism: the kernel "
		    "takes no turns over unix sockets; expected %s",
		    s->rule.takes ? "auto or hand-over" : "auto");
}

/* The config insists on one of them. */
static void
check_mechanism(const struct speech *s)
{
	const struct conf_pool	*pool = s->pool;

	if (pool->mechanism == CONF_MECHANISM_AUTO)
		return;
	if (!may_listen(s))
		SPEECH_PROBLEM(s, POOL_MECHANISM, pool->first_port != 0 ?
		    "mechanism: each worker listens by itself; leave it out" :
		    "mechanism: this pool has nothing to listen on; add "
		    "'port' or 'listen'");
	else if (pool->balance == CONF_SHARED)
		SPEECH_PROBLEM(s, POOL_MECHANISM, "mechanism: with 'balance: "
		    "shared' nobody takes turns; leave one of them out");
	else if (pool->mechanism == CONF_MECHANISM_KERNEL)
		check_kernel(s);
	else if (!s->rule.takes)
		SPEECH_PROBLEM(s, POOL_MECHANISM, "mechanism: a worker of "
		    "dialect %s cannot take connections that are handed "
		    "over; expected auto or kernel", s->name);
}

/* What rules out that connections are handed over, and so counted. */
static void
check_max_connections(const struct speech *s)
{
	const struct conf_pool	*pool = s->pool;

	if (pool->max_connections == 0)
		return;
	if (!may_listen(s))
		SPEECH_PROBLEM(s, POOL_MAX_CONNECTIONS, pool->first_port != 0 ?
		    "max_connections: each worker listens by itself; leave it "
		    "out" : "max_connections: this pool has nothing to listen "
		    "on; add 'port' or 'listen'");
	else if (!s->rule.takes)
		SPEECH_PROBLEM(s, POOL_MAX_CONNECTIONS, "max_connections: "
		    "counts connections that are handed over, and a worker "
		    "of dialect %s cannot take these; leave it out", s->name);
	else if (pool->balance == CONF_SHARED ||
	    pool->mechanism == CONF_MECHANISM_KERNEL)
		SPEECH_PROBLEM(s, POOL_MAX_CONNECTIONS, "max_connections: "
		    "counts connections that are handed over, which '%s' "
		    "rules out; leave one of them out",
		    pool->balance == CONF_SHARED ? "balance: shared" :
		    "mechanism: kernel");
	else if (conf_has_unix(pool))
		SPEECH_PROBLEM(s, POOL_MAX_CONNECTIONS, "max_connections: "
		    "connections of unix sockets cannot be counted; leave "
		    "one of them out");
}

/* --- the rest ------------------------------------------------------------- */

/* What comes of a worker asking for what it listens on. */
static void
check_asking(const struct speech *s)
{
	const struct conf_pool	*pool = s->pool;

	if (pool->listen_any && !s->rule.asks)
		SPEECH_PROBLEM(s, POOL_LISTEN_ANY, "listen_any: a worker of "
		    "dialect %s does not ask for what it listens on; leave "
		    "it out", s->name);
	if (pool->ready.when == CONF_READY_LISTENING && !s->rule.asks)
		SPEECH_PROBLEM(s, POOL_READY_WHEN, "ready.when: a worker of "
		    "dialect %s does not say that it listens; expected %s",
		    s->name, s->rule.says_ready ? "message or delay" :
		    "delay");
	else if (pool->ready.when == CONF_READY_LISTENING && !may_listen(s))
		SPEECH_PROBLEM(s, POOL_READY_WHEN, "ready.when: this pool has "
		    "nothing to listen on; add 'port' or 'listen', or expect "
		    "message or delay");
	if (s->rule.asks &&
	    pool->on_supervisor_exit == CONF_ORPHAN_CONTINUE)
		SPEECH_PROBLEM(s, POOL_ON_SUPERVISOR_EXIT,
		    "on_supervisor_exit: a worker of dialect %s ends with the "
		    "supervisor, whatever is said; expected stop", s->name);
}

/* Without anything to listen on it cannot be ready by listening. */
static enum conf_ready
default_ready(const struct speech *s)
{
	return s->rule.ready == CONF_READY_LISTENING && !may_listen(s) ?
	    CONF_READY_DELAY : s->rule.ready;
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
		.first_fd = may_have_no_fds(s) || is_probe ? -1 : 3,
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

/* --- several at once ------------------------------------------------------ */

/* Why a worker cannot be spoken to in both of them, or NULL. */
static const char *
find_conflict(const struct speech *s, enum conf_dialect a,
    enum conf_dialect b)
{
	const struct rule	*x = &rules[a], *y = &rules[b];

	if (a == b)
		return "it is the same, and once is enough";
	if (a == CONF_PLAIN || b == CONF_PLAIN)
		return "plain is a program that knows none; leave it out";
	if (!x->goes || !y->goes)
		return "one of them goes with no other";
	if (x->channel && y->channel)
		return "a worker has one channel for messages, and both "
		    "speak over it";
	if (x->takes != y->takes && s->pool->balance != CONF_SHARED &&
	    s->pool->mechanism != CONF_MECHANISM_KERNEL && has_listeners(s))
		return "connections may come one by one in the one, and "
		    "never in the other; add 'mechanism: kernel' or "
		    "'balance: shared'";
	return NULL;
}

/* One is said of each, with the first that it does not go with. */
static void
check_conflicts(const struct speech *s)
{
	const char *const	*words = keys_pool.keys[POOL_DIALECT].words;
	const struct conf_pool	*pool = s->pool;
	const char		*why;
	size_t			 i, k;

	for (i = 1; i < pool->dialect_count; i++)
		for (k = 0; k < i; k++) {
			why = find_conflict(s, pool->dialects[k],
			    pool->dialects[i]);
			if (why == NULL)
				continue;
			FILE_PROBLEM(s->b->p, shape_item_pos(s->m,
			    POOL_DIALECT, i), "dialect: '%s' and '%s' "
			    "conflict: %s", words[pool->dialects[k]],
			    words[pool->dialects[i]], why);
			break;
		}
}

/* What one of them has they have all; the first decides the rest. */
static void
add_rule(struct speech *s, enum conf_dialect d)
{
	const char	*word = keys_pool.keys[POOL_DIALECT].words[d];
	struct rule	*all = &s->rule;
	size_t		 n = strlen(s->name);

	(void)snprintf(s->name + n, sizeof(s->name) - n, "%s%s",
	    n > 0 ? "+" : "", word);
	if (n == 0) {
		*all = rules[d];
		return;
	}
	all->says_ready = all->says_ready || rules[d].says_ready;
	all->hears = all->hears || rules[d].hears;
	all->needs_listener = all->needs_listener || rules[d].needs_listener;
	all->heartbeat = all->heartbeat || rules[d].heartbeat;
}

/* False: a word is not known, or there are too many. */
static bool
build_dialects(struct speech *s, const struct raw_value *v)
{
	const struct key	*k = &keys_pool.keys[POOL_DIALECT];
	struct conf_pool	*pool = s->pool;
	bool			 good = true;
	unsigned int		 i;
	int			 d;

	pool->dialects[0] = has_listeners(s) ? CONF_ROTA : CONF_PLAIN;
	for (i = 0; i < v->count; i++) {
		if (value_word(k, k->path, v->list[i], &d, shape_item_pos(
		    s->m, POOL_DIALECT, i), s->b->p) == -1)
			good = false;
		else if (pool->dialect_count < ARRAY_LEN(pool->dialects))
			pool->dialects[pool->dialect_count++] =
			    (enum conf_dialect)d;
	}
	if (pool->dialect_count == 0)
		pool->dialect_count = 1;
	pool->dialect = pool->dialects[0];
	for (i = 0; i < pool->dialect_count; i++)
		add_rule(s, pool->dialects[i]);
	check_conflicts(s);
	return good;
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
		pool->port_pos = pos;
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

	if (!build_dialects(&s, &v[POOL_DIALECT]) ||
	    (bad & BIT(POOL_READY_WHEN)) != 0)
		return;
	if (pool->first_port != 0 && v[POOL_RELOAD_ORDER].text == NULL)
		pool->reload.order = CONF_OLD_FIRST;
	if (v[POOL_READY_WHEN].text == NULL)
		pool->ready.when = default_ready(&s);
	if (v[POOL_STOP_SIGNAL].text == NULL)
		pool->stop.signal = s.rule.stop_signal;
	build_probe(&s, v);
	check_messages(&s);
	check_ready_keys(&s);
	check_probe(&s);
	check_what_it_needs(&s);
	check_asking(&s);
	check_own_ports(&s);
	check_mechanism(&s);
	check_max_connections(&s);
	check_stdin(&s);
	check_words(&s);
	check_env(&s);
}
