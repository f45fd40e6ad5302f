#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "config/conf.h"
#include "config/diff.h"
#include "config/keys.h"
#include "config/load.h"
#include "t/unit.h"

static struct conf *
load(const char *path, const char *text)
{
	struct conf_problems	 p = { 0 };
	struct conf		*c;

	c = conf_load_text(path, text, strlen(text), &p);
	ck_assert_msg(c != NULL, "%s: %s", text, p.count > 0 ?
	    p.list[0].text : "?");
	return c;
}

/* Two files that begin with the same lines. */
static struct conf *
load_two(const char *before, const char *after)
{
	char	 text[8192];

	(void)snprintf(text, sizeof(text), "%s%s\n", before, after);
	return load("/etc/x.yaml", text);
}

/* --- each key ------------------------------------------------------------- */

/* What is given besides a name, and two ends that differ in the key alone. */
#define BASE "command: sh\n"
#define ROTA BASE "dialect: rota\n"

static const struct row {
	enum conf_effect	 effect;
	const char		*base, *from, *to;
	const char		*want;	/* how the change reads */
} rows[] = {
	[POOL_NAME] = { CONF_EFFECT_NONE, BASE, "name: a", "name: b",
	    "name: a -> b" },
	[POOL_COMMAND] = { CONF_EFFECT_ROLLOUT, "name: a\n",
	    "command: sh -c 'a b'", "command: sh -c x",
	    "argv: [sh, \"-c\", \"a b\"] -> [sh, \"-c\", x]" },
	[POOL_ARGV] = { CONF_EFFECT_ROLLOUT, "name: a\n", "argv: [a]",
	    "argv: [a, '']", "argv: [a] -> [a, \"\"]" },
	[POOL_PORT] = { CONF_EFFECT_ROLLOUT, ROTA, "", "port: 70",
	    "listen: none -> [\"70\"]" },
	[POOL_LISTEN] = { CONF_EFFECT_ROLLOUT, ROTA, "listen: [70, 'a=71']",
	    "listen: [70, 'b=71']",
	    "listen: [\"70\", \"a=71\"] -> [\"70\", \"b=71\"]" },
	[POOL_STDIN] = { CONF_EFFECT_ROLLOUT,
	    BASE "port: 7\ndialect: plain\n", "", "stdin: listener",
	    "stdin: nothing -> listener" },
	[POOL_LISTEN_ANY] = { CONF_EFFECT_ROLLOUT,
	    BASE "dialect: node\nport: 0\n", "", "listen_any: yes",
	    "listen_any: no -> yes" },
	[POOL_BACKLOG] = { CONF_EFFECT_LISTENER, BASE, "", "backlog: 1",
	    "backlog: 4096 -> 1" },
	[POOL_DEFER_ACCEPT] = { CONF_EFFECT_LISTENER, BASE, "",
	    "defer_accept: yes", "defer_accept: no -> yes" },
	[POOL_COUNT] = { CONF_EFFECT_COUNT, BASE, "count: 2", "count: 8",
	    "count: 2 -> 8" },
	[POOL_BALANCE] = { CONF_EFFECT_ROLLOUT, BASE, "", "balance: shared",
	    "balance: round-robin -> shared" },
	[POOL_MECHANISM] = { CONF_EFFECT_ROLLOUT, BASE "port: 7\n", "",
	    "mechanism: hand-over", "mechanism: auto -> hand-over" },
	[POOL_MAX_CONNECTIONS] = { CONF_EFFECT_ROLLOUT, BASE "port: 7\n", "",
	    "max_connections: 65535", "max_connections: 0 -> 65535" },
	[POOL_DIALECT] = { CONF_EFFECT_ROLLOUT, BASE "ready: {when: delay}\n",
	    "", "dialect: [systemd, rota]",
	    "dialect: plain -> [systemd, rota]" },
	[POOL_RESTART] = { CONF_EFFECT_NONE, BASE, "", "restart: always",
	    "restart: on-failure -> always" },
	[POOL_SUCCESS_EXIT] = { CONF_EFFECT_NONE, BASE, "",
	    "success_exit: [3, 0]", "success_exit: [0] -> [0, 3]" },
	[POOL_BACKOFF_INITIAL] = { CONF_EFFECT_NONE, BASE, "",
	    "backoff: {initial: 0}", "backoff.initial: 100ms -> 0" },
	[POOL_BACKOFF_MAX] = { CONF_EFFECT_NONE, BASE, "",
	    "backoff: {max: 1h}", "backoff.max: 30s -> 1h" },
	[POOL_BACKOFF_FACTOR] = { CONF_EFFECT_NONE, BASE, "",
	    "backoff: {factor: 1.5}", "backoff.factor: 2 -> 1.5" },
	[POOL_BACKOFF_JITTER] = { CONF_EFFECT_NONE, BASE, "",
	    "backoff: {jitter: 0%}", "backoff.jitter: 20% -> 0%" },
	[POOL_BACKOFF_RESET_AFTER] = { CONF_EFFECT_NONE, BASE, "",
	    "backoff: {reset_after: 0}", "backoff.reset_after: 10s -> 0" },
	[POOL_READY_WHEN] = { CONF_EFFECT_NONE,
	    ROTA, "ready: {when: message}", "ready: {when: delay}",
	    "ready.when: message -> delay" },
	[POOL_READY_TIMEOUT] = { CONF_EFFECT_NONE, BASE, "",
	    "ready: {timeout: 2s}", "ready.timeout: 30s -> 2s" },
	[POOL_READY_SOAK] = { CONF_EFFECT_NONE, BASE, "",
	    "ready: {soak: 0}", "ready.soak: 1s -> 0" },
	[POOL_READY_DELAY] = { CONF_EFFECT_NONE, BASE, "",
	    "ready: {delay: 0}", "ready.delay: 1s -> 0" },
	[POOL_READY_COMMAND] = { CONF_EFFECT_NONE, BASE,
	    "ready: {when: exec, command: a}",
	    "ready: {when: exec, command: b c}",
	    "ready.command: \"'a'\" -> \"'b' 'c'\"" },
	[POOL_READY_PATH] = { CONF_EFFECT_NONE, BASE "port: 7\n",
	    "ready: {when: http}", "ready: {when: http, path: /x}",
	    "ready.path: / -> /x" },
	[POOL_READY_INTERVAL] = { CONF_EFFECT_NONE,
	    BASE "port: 7\n", "ready: {when: http}",
	    "ready: {when: http, interval: 2s}",
	    "ready.interval: 500ms -> 2s" },
	[POOL_HEALTH_HEARTBEAT] = { CONF_EFFECT_ROLLOUT,
	    BASE "dialect: systemd\n", "", "health: {heartbeat: 5s}",
	    "health.heartbeat: none -> 5s" },
	[POOL_HEALTH_HANG] = { CONF_EFFECT_NONE, BASE "port: 7\n",
	    "health: {hang: 5s}", "health: {hang: 1m}",
	    "health.hang: 5s -> 1m" },
	[POOL_STOP_SIGNAL] = { CONF_EFFECT_NONE, BASE, "",
	    "stop: {signal: INT}", "stop.signal: TERM -> INT" },
	[POOL_STOP_TIMEOUT] = { CONF_EFFECT_NONE, BASE, "",
	    "stop: {timeout: 0}", "stop.timeout: 30s -> 0" },
	[POOL_RELOAD_ORDER] = { CONF_EFFECT_NONE, BASE, "",
	    "reload: {order: old-first}",
	    "reload.order: new-first -> old-first" },
	[POOL_RELOAD_BATCH] = { CONF_EFFECT_NONE, BASE, "",
	    "reload: {batch: all}", "reload.batch: 1 -> all" },
	[POOL_BROADCAST] = { CONF_EFFECT_BROADCAST, ROTA, "",
	    "broadcast: {interval: 5s, key: k, counter: 7}",
	    "broadcast: none -> [{interval: 5s, key: k, counter: 7}]" },
	[POOL_CWD] = { CONF_EFFECT_ROLLOUT, BASE, "", "cwd: a",
	    "cwd: /etc -> /etc/a" },
	[POOL_ENV] = { CONF_EFFECT_ROLLOUT, BASE,
	    "env: {A: hidden1, B: hidden2, C: '', D: same}",
	    "env: {E: hidden3, D: same, C: hidden4, A: hidden}",
	    "env: A changed, B removed, C changed, E added" },
	[POOL_ENV_FILE] = { CONF_EFFECT_ROLLOUT, BASE, "env_file: a",
	    "env_file: [a, b]", "env_file: [a] -> [a, b]" },
	[POOL_ON_SUPERVISOR_EXIT] = { CONF_EFFECT_ROLLOUT, BASE, "",
	    "on_supervisor_exit: continue",
	    "on_supervisor_exit: stop -> continue" },
	[POOL_LOG_FORMAT] = { CONF_EFFECT_NONE, BASE, "",
	    "log: {format: json}", "log.format: text -> json" },
};
_Static_assert(ARRAY_LEN(rows) == POOL__COUNT, "a pool key is missing");

/* Is found in both directions, and has the effect that the table has. */
START_TEST(each_pool_key)
{
	const struct row	*row = &rows[_i];
	struct conf		*a, *b;
	struct conf_changes	 c;
	char			 text[CONF_CHANGE_SIZE];

	ck_assert_msg(row->want != NULL, "%s is missing",
	    keys_pool.keys[_i].path);
	ck_assert_int_eq(keys_pool.keys[_i].effect, row->effect);
	a = load_two(row->base, row->from);
	b = load_two(row->base, row->to);
	ck_assert_int_eq(conf_diff_pool(a->pools, b->pools, &c), 0);
	ck_assert_uint_ge(c.count, 1);
	conf_change_format(&c.list[0], text);
	ck_assert_str_eq(text, row->want);
	ck_assert_int_eq(c.list[0].effect, row->effect);
	/* The only one that brings another with it. */
	ck_assert_uint_eq(c.count, _i == POOL_READY_WHEN ? 2 : 1);
	conf_changes_free(&c);
	ck_assert_int_eq(conf_diff_pool(b->pools, a->pools, &c), 0);
	ck_assert_uint_ge(c.count, 1);
	conf_changes_free(&c);
	ck_assert_int_eq(conf_diff_pool(b->pools, b->pools, &c), 0);
	ck_assert_uint_eq(c.count, 0);
	conf_changes_free(&c);
	conf_unref(a);
	conf_unref(b);
}
END_TEST

/* Each part of a broadcast. */
static const char *const broadcasts[] = {
	"[{interval: 1s, key: a, counter: 1}]",
	"[{interval: 2s, key: a, counter: 1}]",
	"[{interval: 1s, key: b, counter: 1}]",
	"[{interval: 1s, counter: 1}]",
	"[{interval: 1s, key: a, counter: 2}]",
	"[{interval: 1s, key: a, value: 1}]",
	"[{interval: 1s, key: a, value: '\"1\"'}]",
	"[{interval: 1s, key: a, file: a}]",
	"[{interval: 1s, key: a, command: a}]",
	"[{interval: 1s, key: a, command: a b}]",
	"[{interval: 1s, key: a, command: \"'a b'\"}]",
	"[{interval: 1s, key: a, command: a, timeout: 1s}]",
	"[{interval: 1s, key: a, counter: 1}, {interval: 1s, counter: 1}]",
};

START_TEST(each_broadcast_key)
{
	struct conf		*a, *b;
	struct conf_changes	 c;
	size_t			 i;

	for (i = 0; i < ARRAY_LEN(broadcasts); i++) {
		a = load_two(ROTA "broadcast: ", broadcasts[_i]);
		b = load_two(ROTA "broadcast: ", broadcasts[i]);
		ck_assert_int_eq(conf_diff_pool(a->pools, b->pools, &c), 0);
		ck_assert_uint_eq(c.count, i != (size_t)_i);
		conf_changes_free(&c);
		conf_unref(a);
		conf_unref(b);
	}
}
END_TEST

static const struct {
	const char	*from, *to, *want;
} top_rows[] = {
	[TOP_LOG_FORMAT] = { "", "log: {format: json}",
	    "log.format: text -> json" },
	[TOP_CONTROL_PATH] = { "", "control: {path: a.sock}",
	    "control.path: none -> /etc/a.sock" },
	[TOP_CONTROL_OWNER] = { "", "control: {owner: adm}",
	    "control.owner: none -> adm" },
	[TOP_CONTROL_GROUP] = { "control: {group: '7'}",
	    "control: {group: adm}", "control.group: \"7\" -> adm" },
	[TOP_CONTROL_MODE] = { "", "control: {mode: 0660}",
	    "control.mode: 0600 -> 0660" },
	[TOP_POOLS] = { "name: a", "name: b", NULL },
};
_Static_assert(ARRAY_LEN(top_rows) == TOP__COUNT, "a top key is missing");

START_TEST(each_top_key)
{
	struct conf		*a = load_two(BASE, top_rows[_i].from);
	struct conf		*b = load_two(BASE, top_rows[_i].to);
	struct conf_changes	 c;
	char			 text[CONF_CHANGE_SIZE];

	ck_assert_int_eq(conf_diff_top(a, b, &c), 0);
	ck_assert_uint_eq(c.count, top_rows[_i].want != NULL);
	if (c.count > 0) {
		conf_change_format(&c.list[0], text);
		ck_assert_str_eq(text, top_rows[_i].want);
		ck_assert_int_eq(c.list[0].effect, CONF_EFFECT_NONE);
	}
	conf_changes_free(&c);
	conf_unref(a);
	conf_unref(b);
}
END_TEST

/* --- what is no change ---------------------------------------------------- */

static const struct {
	const char	*path, *from, *other_path, *to;
} same_rows[] = {
	{ "/a/x.yaml", "command: a 'b c'", "/a/y.yaml",
	    "argv:\n- a\n- 'b c'\n" },
	{ "/a/x.yaml", "command: a\nport: 70", "/a/x.yaml",
	    "command: a\nlisten: ['70']" },
	{ "/a/x.yaml", "command: a\nlisten: '[::0]:70'", "/a/x.yaml",
	    "command: a\nlisten: ['[::]:70']" },
	{ "/a/x.yaml", "command: a\nlisten: unix:s", "/a/x.yaml",
	    "command: a\nlisten: unix:/a/s" },
	{ "/a/x.yaml", "command: /bin/a", "/a/x.yaml",
	    "pools:\n- name: a\n  argv: [/bin/a]\n" },
	{ "/a/x.yaml", "command: a", "/a/x.yaml",
	    "command: a\ncwd: /a\nrestart: on-failure\nstop:\n"
	    "  timeout: 30000ms\n  signal: SIGTERM\ndefer_accept: false\n"
	    "control: {mode: '0600'}\nsuccess_exit: 0\n" },
	{ "/a/x.yaml", "command: a\nenv: {A: 1, B: 2}", "/a/x.yaml",
	    "command: a\nenv: {B: '2', A: '1'}" },
	{ "/a/x.yaml", "command: a\nport: 0\nbackoff: {max: 60s}\n"
	    "env: {A: b}\nlog: {format: json}\ncontrol: {path: s}\n"
	    "broadcast: {interval: 1s, value: '[1]'}\n", "/a/x.ini",
	    "log.format = json\ncontrol.path = /a/s\ncommand = a\n"
	    "listen = 0\nbackoff.max = 1m\nenv.A = b\n"
	    "broadcast.interval = 1000ms\nbroadcast.value = [1]\n" },
};

START_TEST(no_change)
{
	struct conf		*a = load(same_rows[_i].path,
				    same_rows[_i].from);
	struct conf		*b = load(same_rows[_i].other_path,
				    same_rows[_i].to);
	struct conf_changes	 c;

	ck_assert_int_eq(conf_diff_top(a, b, &c), 0);
	ck_assert_msg(c.count == 0, "%s", c.list[0].key);
	conf_changes_free(&c);
	ck_assert_int_eq(conf_diff_pool(a->pools, b->pools, &c), 0);
	ck_assert_msg(c.count == 0, "%s", c.list[0].key);
	conf_changes_free(&c);
	conf_unref(a);
	conf_unref(b);
}
END_TEST

/* What is printed of a file is no change of it. */
START_TEST(no_change_when_printed)
{
	char			 path[PATH_MAX], *text;
	const char		*top = getenv("top_srcdir");
	struct conf_problems	 p = { 0 };
	struct conf_changes	 c;
	struct conf		*a, *b;

	(void)snprintf(path, sizeof(path), "%s/t/conf/good/all-keys.yaml",
	    top != NULL ? top : ".");
	a = conf_load(path, &p);
	ck_assert_ptr_nonnull(a);
	text = conf_print(a);
	ck_assert_ptr_nonnull(text);
	b = load("/elsewhere/x.yaml", text);
	ck_assert_int_eq(conf_diff_top(a, b, &c), 0);
	ck_assert_uint_eq(c.count, 0);
	conf_changes_free(&c);
	ck_assert_int_eq(conf_diff_pool(a->pools, b->pools, &c), 0);
	ck_assert_uint_eq(c.count, 0);
	conf_changes_free(&c);
	free(text);
	conf_unref(a);
	conf_unref(b);
}
END_TEST

/* --- long values ---------------------------------------------------------- */

static void
check_long(const char *from, const char *to)
{
	char			 text[CONF_CHANGE_SIZE];
	struct conf_changes	 c;
	struct conf		*a = load_two("name: n\ncommand: ", from);
	struct conf		*b = load_two("name: n\ncommand: ", to);

	ck_assert_int_eq(conf_diff_pool(a->pools, b->pools, &c), 0);
	ck_assert_uint_eq(c.count, 1);
	ck_assert_uint_le(strlen(c.list[0].from), CONF_CHANGE_VALUE_MAX);
	ck_assert_uint_le(strlen(c.list[0].to), CONF_CHANGE_VALUE_MAX);
	ck_assert_ptr_nonnull(strstr(c.list[0].to, "xyz"));
	ck_assert_ptr_nonnull(strstr(c.list[0].from, "..."));
	conf_change_format(&c.list[0], text);
	ck_assert(text_is_utf8(text, strlen(text)));
	ck_assert_ptr_nonnull(strstr(text, " -> "));
	conf_changes_free(&c);
	conf_unref(a);
	conf_unref(b);
}

/* They are cut so that the difference is seen, and at whole characters. */
START_TEST(long_values)
{
	char	 from[4096], to[4096];
	size_t	 i, n = 0;

	for (i = 0; i < 1000; i++)
		n += (size_t)snprintf(from + n, sizeof(from) - n,
		    "\u20ac");
	for (i = 0; i < 1000; i += i < 50 ? 1 : 45) {
		memcpy(to, from, n + 1);
		memcpy(to + 3 * i, "xyz", 3);
		check_long(from, to);
	}
}
END_TEST

static void
fill(Suite *s)
{
	TCase	*tc = tcase_create("diff");

	tcase_add_loop_test(tc, each_pool_key, 0, ARRAY_LEN(rows));
	tcase_add_loop_test(tc, each_broadcast_key, 0,
	    ARRAY_LEN(broadcasts));
	tcase_add_loop_test(tc, each_top_key, 0, ARRAY_LEN(top_rows));
	tcase_add_loop_test(tc, no_change, 0, ARRAY_LEN(same_rows));
	tcase_add_test(tc, no_change_when_printed);
	tcase_add_test(tc, long_values);
	suite_add_tcase(s, tc);
}

UNIT_MAIN("diff", fill)
