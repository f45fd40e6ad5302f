#include "config.h"
#include "config/keys.h"

#include <signal.h>
#include <string.h>

#include "base/util.h"
#include "config/conf.h"

#define SECOND	UINT64_C(1000)
#define HOUR	(3600 * SECOND)
#define DAY	(24 * HOUR)

/* The order of the words is the order of the enums in conf.h. */
static const char *const balances[] = {
	"round-robin", "least-connections", "sticky", "random", "shared", NULL
};
static const char *const mechanisms[] = {
	"auto", "kernel", "hand-over", NULL
};
static const char *const dialects[] = {
	"rota", "plain", "systemd", "einhorn", "server-starter", "node",
	"node-fork", NULL
};
static const char *const restarts[] = {
	"always", "on-failure", "never", NULL
};
static const char *const readies[] = {
	"message", "delay", "notify", "fd", "exec", "http", "listening", NULL
};
static const char *const stdins[] = { "nothing", "listener", NULL };
static const char *const orders[] = { "new-first", "old-first", NULL };
static const char *const orphans[] = { "stop", "continue", NULL };
static const char *const formats[] = { "text", "json", NULL };
static const char *const modes[] = { "0600", "0660", NULL };

#define AT(member) .offset = offsetof(struct conf_pool, member)
#define BAT(member) .offset = offsetof(struct conf_broadcast, member)
#define RANGE(lo, hi) .min = (lo), .max = (hi)
#define KEY(p, k) .path = p, .kind = k
#define EFFECT(e) .effect = CONF_EFFECT_##e

static const struct key pool_keys[] = {
	[POOL_NAME] = { KEY("name", KEY_TEXT),
	    .note = "the command's base name",
	    .expect = "1 to 64 letters, digits, '_', '.' or '-'",
	    .text = "name of the pool, unique in the file" },
	[POOL_COMMAND] = { KEY("command", KEY_TEXT), .note = "required",
	    .expect = "a command and its arguments", EFFECT(ROLLOUT),
	    .text = "the program and its arguments, quoted as in a shell" },
	[POOL_ARGV] = { KEY("argv", KEY_LIST), .note = "required",
	    .expect = "a list of words such as [sh, -c, 'exec app']",
	    EFFECT(ROLLOUT),
	    .text = "the program and its arguments as a list" },
	[POOL_PORT] = { KEY("port", KEY_TEXT), RANGE(0, 65535),
	    .note = "none", .expect = "a port number from 0 to 65535",
	    EFFECT(ROLLOUT), .text = "TCP port on all addresses, 0 for any "
	    "free one; 7001+: each slot has its own" },
	[POOL_LISTEN] = { KEY("listen", KEY_ONE_OR_MORE), .note = "none",
	    .expect = "addresses such as 7000, 127.0.0.1:7000, [::1]:7000 "
	    "or unix:/path", EFFECT(ROLLOUT),
	    .text = "addresses to listen on, each may be named" },
	[POOL_LISTEN_ANY] = { KEY("listen_any", KEY_BOOL), .dflt = "no",
	    AT(listen_any), EFFECT(ROLLOUT),
	    .text = "open what workers of dialect node ask for, too" },
	[POOL_STDIN] = { KEY("stdin", KEY_ENUM), .words = stdins,
	    .dflt = "nothing", AT(in), EFFECT(ROLLOUT),
	    .text = "what descriptor 0 is; listener: the first one" },
	[POOL_BACKLOG] = { KEY("backlog", KEY_COUNT), RANGE(1, 65535),
	    .dflt = "4096", AT(backlog), EFFECT(LISTENER),
	    .text = "connections that may wait in a listener" },
	[POOL_DEFER_ACCEPT] = { KEY("defer_accept", KEY_BOOL), .dflt = "no",
	    AT(defer_accept), EFFECT(LISTENER),
	    .text = "hand over a connection only once the client has spoken" },
	[POOL_COUNT] = { KEY("count", KEY_COUNT), RANGE(1, 10000),
	    .dflt = "auto", .word = "auto", AT(count), EFFECT(COUNT),
	    .text = "number of slots; auto: the CPUs it may use" },
	[POOL_BALANCE] = { KEY("balance", KEY_ENUM), .words = balances,
	    .dflt = "round-robin", AT(balance),
	    EFFECT(ROLLOUT), .text = "how connections are shared out" },
	[POOL_MECHANISM] = { KEY("mechanism", KEY_ENUM), .words = mechanisms,
	    .dflt = "auto", AT(mechanism), EFFECT(ROLLOUT),
	    .text = "who takes turns: the kernel, or the supervisor" },
	[POOL_MAX_CONNECTIONS] = { KEY("max_connections", KEY_COUNT),
	    RANGE(0, 65535), .dflt = "0", AT(max_connections),
	    EFFECT(ROLLOUT), .text = "that a worker has open at a time; what "
	    "is over waits in the listener" },
	[POOL_DIALECT] = { KEY("dialect", KEY_ONE_OR_MORE), .words = dialects,
	    .note = "rota with a port, plain without",
	    EFFECT(ROLLOUT), .text = "how a worker is spoken to; several, "
	    "where they do not conflict" },
	[POOL_RESTART] = { KEY("restart", KEY_ENUM), .words = restarts,
	    .dflt = "on-failure", AT(restart),
	    .text = "when a worker that ended is started again" },
	[POOL_SUCCESS_EXIT] = { KEY("success_exit", KEY_ONE_OR_MORE),
	    RANGE(0, 255), .dflt = "0",
	    .expect = "exit statuses from 0 to 255",
	    .text = "exit statuses that are no failure" },
	[POOL_BACKOFF_INITIAL] = { KEY("backoff.initial", KEY_DURATION),
	    RANGE(0, HOUR), .dflt = "100ms", AT(backoff.initial_ms),
	    .text = "delay before the first restart after a failure" },
	[POOL_BACKOFF_MAX] = { KEY("backoff.max", KEY_DURATION),
	    RANGE(0, DAY), .dflt = "30s", AT(backoff.max_ms),
	    .text = "longest delay" },
	[POOL_BACKOFF_FACTOR] = { KEY("backoff.factor", KEY_FACTOR),
	    RANGE(1000, 10000), .dflt = "2", AT(backoff.factor_milli),
	    .text = "growth of the delay from one failure to the next" },
	[POOL_BACKOFF_JITTER] = { KEY("backoff.jitter", KEY_PERCENT),
	    RANGE(0, 100), .dflt = "20%", AT(backoff.jitter_percent),
	    .text = "random part of the delay" },
	[POOL_BACKOFF_RESET_AFTER] = {
	    KEY("backoff.reset_after", KEY_DURATION), RANGE(0, DAY),
	    .dflt = "10s", AT(backoff.reset_after_ms),
	    .text = "a worker ready for so long restarts without delay" },
	[POOL_READY_WHEN] = { KEY("ready.when", KEY_ENUM), .words = readies,
	    .note = "by the dialect",
	    AT(ready.when), .text = "what makes a worker ready" },
	[POOL_READY_TIMEOUT] = { KEY("ready.timeout", KEY_DURATION),
	    RANGE(10, DAY), .dflt = "30s", AT(ready.timeout_ms),
	    .text = "longest time from start to ready" },
	[POOL_READY_SOAK] = { KEY("ready.soak", KEY_DURATION),
	    RANGE(0, HOUR), .dflt = "1s", AT(ready.soak_ms),
	    .text = "how long a new worker is watched in a rolling restart" },
	[POOL_READY_DELAY] = { KEY("ready.delay", KEY_DURATION),
	    RANGE(0, HOUR), .dflt = "1s", AT(ready.delay_ms),
	    .text = "with delay: ready after being up for so long" },
	[POOL_READY_COMMAND] = { KEY("ready.command", KEY_TEXT),
	    .note = "none", .expect = "a command and its arguments",
	    .text = "with exec: ready once this exits with 0" },
	[POOL_READY_PATH] = { KEY("ready.path", KEY_TEXT), .note = "/",
	    .expect = "a path such as /healthz",
	    .text = "with http: ready once this is answered well" },
	[POOL_READY_INTERVAL] = { KEY("ready.interval", KEY_DURATION),
	    RANGE(10, HOUR), .dflt = "500ms", AT(ready.interval_ms),
	    .text = "with exec and http: from one try to the next" },
	[POOL_HEALTH_HEARTBEAT] = { KEY("health.heartbeat", KEY_DURATION),
	    RANGE(100, DAY), .note = "none", AT(heartbeat_ms),
	    EFFECT(ROLLOUT),
	    .text = "a ready worker that is silent for longer is replaced" },
	[POOL_HEALTH_HANG] = { KEY("health.hang", KEY_DURATION),
	    RANGE(100, DAY), .note = "none", AT(hang_ms),
	    .text = "a worker that takes nothing of what waits for it for so "
	    "long is killed and replaced" },
	[POOL_STOP_SIGNAL] = { KEY("stop.signal", KEY_SIGNAL),
	    .note = "TERM; USR2 with dialect einhorn", AT(stop.signal),
	    .text = "signal that asks a worker to stop" },
	[POOL_STOP_TIMEOUT] = { KEY("stop.timeout", KEY_DURATION),
	    RANGE(0, DAY), .dflt = "30s", AT(stop.timeout_ms),
	    .text = "a worker that is left after it is killed" },
	[POOL_RELOAD_ORDER] = { KEY("reload.order", KEY_ENUM),
	    .words = orders, .dflt = "new-first", AT(reload.order),
	    .text = "whether the new worker starts before the old one stops" },
	[POOL_RELOAD_BATCH] = { KEY("reload.batch", KEY_COUNT),
	    RANGE(1, 10000), .dflt = "1", .word = "all",
	    .word_value = CONF_BATCH_ALL, AT(reload.batch),
	    .text = "slots that are replaced at a time" },
	[POOL_BROADCAST] = { KEY("broadcast", KEY_BROADCASTS),
	    .note = "none",
	    .expect = "a map with interval, key and one source, or a list "
	    "of such maps",
	    EFFECT(BROADCAST), .text = "values that are sent to every worker" },
	[POOL_CWD] = { KEY("cwd", KEY_TEXT),
	    .note = "the directory of the file", .expect = "a directory",
	    EFFECT(ROLLOUT),
	    .text = "working directory; relative paths start there" },
	[POOL_ENV] = { KEY("env", KEY_FREE_MAP), .note = "none",
	    .expect = "a map of names and values",
	    EFFECT(ROLLOUT), .text = "environment variables" },
	[POOL_ENV_FILE] = { KEY("env_file", KEY_ONE_OR_MORE),
	    .note = "none", .expect = "paths of files", EFFECT(ROLLOUT),
	    .text = "files of NAME=value lines, read for each generation" },
	[POOL_ON_SUPERVISOR_EXIT] = { KEY("on_supervisor_exit", KEY_ENUM),
	    .words = orphans, .dflt = "stop", AT(on_supervisor_exit),
	    EFFECT(ROLLOUT),
	    .text = "what a worker does when the supervisor is gone" },
	[POOL_LOG_FORMAT] = { KEY("log.format", KEY_ENUM),
	    .words = formats, .note = "the top level log.format",
	    AT(log_format), .text = "form of the lines that workers print" },
};

static const struct key broadcast_keys[] = {
	[BROADCAST_INTERVAL] = { KEY("interval", KEY_DURATION),
	    RANGE(10, DAY), .note = "required", BAT(interval_ms),
	    .text = "time from one message to the next" },
	[BROADCAST_KEY] = { KEY("key", KEY_TEXT), .note = "none",
	    .expect = "the name under which the value is sent",
	    .text = "the value is sent as {\"key\": value}" },
	[BROADCAST_COUNTER] = { KEY("counter", KEY_TEXT),
	    RANGE(0, (UINT64_C(1) << 53) - 1), .note = "none",
	    .expect = "a whole number from 0 to 9007199254740991",
	    .text = "a number that grows by one each time, from this one on" },
	[BROADCAST_COMMAND] = { KEY("command", KEY_TEXT), .note = "none",
	    .expect = "a command and its arguments",
	    .text = "the output of a command" },
	[BROADCAST_FILE] = { KEY("file", KEY_TEXT), .note = "none",
	    .expect = "the path of a file",
	    .text = "the content of a file" },
	[BROADCAST_VALUE] = { KEY("value", KEY_ANY), .note = "none",
	    .expect = "a value", .text = "always the same value" },
	[BROADCAST_TIMEOUT] = { KEY("timeout", KEY_DURATION),
	    RANGE(10, HOUR), .dflt = "10s", BAT(timeout_ms),
	    .text = "a command that takes longer is killed" },
};

static const struct key top_keys[] = {
	[TOP_LOG_FORMAT] = { KEY("log.format", KEY_ENUM), .words = formats,
	    .dflt = "text", .offset = offsetof(struct conf, log_format),
	    .text = "form of the supervisor's own log" },
	[TOP_CONTROL_PATH] = { KEY("control.path", KEY_TEXT),
	    .note = "of the file's name, in the runtime directory",
	    .expect = "the path of a socket",
	    .text = "where the supervisor takes commands" },
	[TOP_CONTROL_OWNER] = { KEY("control.owner", KEY_TEXT),
	    .note = "the user of the supervisor",
	    .expect = "the name or number of a user",
	    .text = "who may control the supervisor besides root" },
	[TOP_CONTROL_GROUP] = { KEY("control.group", KEY_TEXT),
	    .note = "the group of the supervisor",
	    .expect = "the name or number of a group",
	    .text = "whose members may control it, with mode 0660" },
	[TOP_CONTROL_MODE] = { KEY("control.mode", KEY_MODE),
	    .words = modes, .dflt = "0600",
	    .offset = offsetof(struct conf, control.mode),
	    .text = "0660: the members of the group may control it too" },
	[TOP_POOLS] = { KEY("pools", KEY_POOLS), .note = "none",
	    .expect = "a list of pools, each with a command",
	    .text = "the pools, where there is more than one" },
};

const struct key_table keys_pool = {
	pool_keys, ARRAY_LEN(pool_keys), ""
};
const struct key_table keys_broadcast = {
	broadcast_keys, ARRAY_LEN(broadcast_keys), "broadcast."
};
const struct key_table keys_top = { top_keys, ARRAY_LEN(top_keys), "" };

_Static_assert(ARRAY_LEN(pool_keys) == POOL__COUNT, "a pool key is missing");
_Static_assert(ARRAY_LEN(broadcast_keys) == BROADCAST__COUNT,
    "a broadcast key is missing");
_Static_assert(ARRAY_LEN(top_keys) == TOP__COUNT, "a top key is missing");

int
keys_find(const struct key_table *t, const char *path)
{
	size_t	 i;

	for (i = 0; i < t->count; i++)
		if (strcmp(t->keys[i].path, path) == 0)
			return (int)i;
	return -1;
}

/* What follows "group." in the path, or NULL. */
static const char *
path_below(const char *path, const char *group)
{
	size_t	 n;

	if (group == NULL)
		return path;
	n = strlen(group);
	if (strncmp(path, group, n) != 0 || path[n] != '.')
		return NULL;
	return path + n + 1;
}

bool
keys_is_group(const struct key_table *t, const char *path)
{
	size_t	 i;

	for (i = 0; i < t->count; i++)
		if (path_below(t->keys[i].path, path) != NULL)
			return true;
	return false;
}

size_t
keys_below(const struct key_table *t, const char *group,
    char names[][KEYS_NAME_MAX], size_t max)
{
	const char	*name;
	size_t		 i, len, n = 0;

	for (i = 0; i < t->count && n < max; i++) {
		name = path_below(t->keys[i].path, group);
		if (name == NULL)
			continue;
		len = strcspn(name, ".");
		if (n > 0 && strlen(names[n - 1]) == len &&
		    strncmp(names[n - 1], name, len) == 0)
			continue;
		memcpy(names[n], name, len);
		names[n++][len] = '\0';
	}
	return n;
}

const char *
keys_by_last_part(const struct key_table *t, const char *name)
{
	const char	*dot;
	size_t		 i;

	for (i = 0; i < t->count; i++) {
		dot = strrchr(t->keys[i].path, '.');
		if (dot != NULL && strcmp(dot + 1, name) == 0)
			return t->keys[i].path;
	}
	return NULL;
}
