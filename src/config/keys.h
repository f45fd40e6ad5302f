#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Every key there is, once: what it may be, its default, where its value
 * goes.  Reading, checking, printing, suggestions and the test of the
 * manual all use these tables.
 */
enum key_kind {
	/* One value, parsed and stored by value.c. */
	KEY_COUNT, KEY_DURATION, KEY_FACTOR, KEY_PERCENT, KEY_BOOL, KEY_ENUM,
	KEY_SIGNAL,
	KEY_MODE,		/* one of the words, which are octal */
	/* One value, with a function of its own. */
	KEY_TEXT,
	KEY_ANY,		/* null is a value too */
	/* Several. */
	KEY_LIST,		/* a list of values */
	KEY_ONE_OR_MORE,	/* or one of them without the list */
	KEY_FREE_MAP,		/* names of the user's */
	KEY_BROADCASTS,		/* a map of broadcast keys, or several */
	KEY_POOLS		/* a list of maps of pool keys */
};

/* What it takes for a new value to be in force while rota runs. */
enum conf_effect {
	CONF_EFFECT_NONE,	/* it is looked up where it is needed */
	CONF_EFFECT_LISTENER,	/* set on the sockets, which stay open */
	CONF_EFFECT_BROADCAST,	/* the broadcasts begin anew */
	CONF_EFFECT_COUNT,	/* slots are added or taken away */
	CONF_EFFECT_ROLLOUT	/* every worker is replaced */
};

struct key {
	const char		*path;		/* "backoff.initial" */
	enum key_kind		 kind;
	uint64_t		 min, max;	/* as stored */
	const char		*dflt;		/* as in the file, or NULL */
	const char		*note;		/* the default in words */
	const char		*word;		/* legal beside numbers... */
	uint64_t		 word_value;	/* ...and what it stands for */
	const char *const	*words;		/* of an enum, in its order */
	size_t			 offset;	/* where it is stored */
	enum conf_effect	 effect;	/* of a change, on a pool */
	const char		*expect;	/* what would be right */
	const char		*text;		/* what it is */
};

enum {
	POOL_NAME, POOL_COMMAND, POOL_ARGV, POOL_PORT, POOL_LISTEN,
	POOL_LISTEN_ANY, POOL_STDIN,
	POOL_BACKLOG, POOL_DEFER_ACCEPT, POOL_COUNT, POOL_BALANCE,
	POOL_MECHANISM, POOL_MAX_CONNECTIONS,
	POOL_DIALECT, POOL_RESTART, POOL_SUCCESS_EXIT, POOL_BACKOFF_INITIAL,
	POOL_BACKOFF_MAX, POOL_BACKOFF_FACTOR, POOL_BACKOFF_JITTER,
	POOL_BACKOFF_RESET_AFTER, POOL_READY_WHEN, POOL_READY_TIMEOUT,
	POOL_READY_SOAK, POOL_READY_DELAY,
	POOL_READY_COMMAND, POOL_READY_PATH, POOL_READY_INTERVAL,
	POOL_HEALTH_HEARTBEAT, POOL_HEALTH_HANG, POOL_STOP_SIGNAL,
	POOL_STOP_TIMEOUT, POOL_RELOAD_ORDER, POOL_RELOAD_BATCH,
	POOL_BROADCAST, POOL_CWD, POOL_ENV, POOL_ENV_FILE,
	POOL_ON_SUPERVISOR_EXIT, POOL_LOG_FORMAT, POOL__COUNT
};

enum {
	BROADCAST_INTERVAL, BROADCAST_KEY, BROADCAST_COUNTER,
	BROADCAST_COMMAND, BROADCAST_FILE, BROADCAST_VALUE,
	BROADCAST_TIMEOUT, BROADCAST__COUNT
};

enum {
	TOP_LOG_FORMAT, TOP_CONTROL_PATH, TOP_CONTROL_OWNER,
	TOP_CONTROL_GROUP, TOP_CONTROL_MODE, TOP_POOLS, TOP__COUNT
};

/* Most keys that one table has. */
#define KEYS_MAX POOL__COUNT

struct key_table {
	const struct key	*keys;
	size_t			 count;
	const char		*name;		/* goes before the path */
};

extern const struct key_table	 keys_pool, keys_broadcast, keys_top;

/* The index of a path, or -1. */
int	 keys_find(const struct key_table *, const char *path);
/* "backoff" is one: some paths begin with it and a dot. */
bool	 keys_is_group(const struct key_table *, const char *path);
/*
 * The names below a group (NULL: the top), each once, at most max of them.
 * Returns how many.
 */
#define KEYS_NAME_MAX 32
size_t	 keys_below(const struct key_table *, const char *group,
	    char names[][KEYS_NAME_MAX], size_t max);
/* The path that has this as its last part, or NULL. */
const char *keys_by_last_part(const struct key_table *, const char *name);

static inline bool
key_is_stored(const struct key *k)
{
	return k->kind <= KEY_MODE;
}

static inline bool
key_is_list(const struct key *k)
{
	return k->kind == KEY_LIST || k->kind == KEY_ONE_OR_MORE;
}
#endif
