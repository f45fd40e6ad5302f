#ifndef CONFIG_CONF_H
#define CONFIG_CONF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "base/log.h"
#include "policy/restart.h"

/*
 * The typed config: what a file means once every default is filled in and
 * every check of the file has passed.  Plain data, owned by struct conf,
 * never changed after conf_load, and freed with the last who holds it.
 * rota.yaml(5) is generated knowledge of the table in keys.c: both list each
 * key, its range and its default.
 */
#define CONF_POOLS_MAX		256
#define CONF_LISTEN_MAX		32
#define CONF_BROADCAST_MAX	32
#define CONF_BATCH_ALL		0

enum conf_balance {
	CONF_ROUND_ROBIN, CONF_LEAST, CONF_STICKY, CONF_RANDOM, CONF_SHARED
};
enum conf_mechanism {
	CONF_MECHANISM_AUTO, CONF_MECHANISM_KERNEL, CONF_MECHANISM_HANDOVER
};
enum conf_dialect {
	CONF_ROTA, CONF_PLAIN, CONF_SYSTEMD, CONF_EINHORN,
	CONF_SERVER_STARTER, CONF_NODE, CONF_NODE_FORK, CONF_DIALECT__COUNT
};
enum conf_restart { CONF_ALWAYS, CONF_ON_FAILURE, CONF_NEVER };
enum conf_ready {
	CONF_READY_MESSAGE, CONF_READY_DELAY, CONF_READY_NOTIFY,
	CONF_READY_FD, CONF_READY_EXEC, CONF_READY_HTTP,
	CONF_READY_LISTENING, CONF_READY__COUNT
};
enum conf_stdin { CONF_STDIN_NOTHING, CONF_STDIN_LISTENER };
enum conf_order { CONF_NEW_FIRST, CONF_OLD_FIRST };
enum conf_orphan { CONF_ORPHAN_STOP, CONF_ORPHAN_CONTINUE };
enum conf_source {
	CONF_COUNTER, CONF_COMMAND, CONF_FILE, CONF_VALUE
};

/* Where something stands in the file; line 0: nowhere (a default). */
struct conf_pos {
	unsigned int	line, col;
};

struct conf_listen {
	char			*name;	/* "http", or NULL */
	char			*text;	/* as it was written, for messages */
	struct sockaddr_storage	 addr;	/* AF_INET, AF_INET6 or AF_UNIX */
	socklen_t		 addr_len;
	bool			 dual_stack; /* :: that takes IPv4 as well */
	bool			 datagram;   /* UDP; a worker has asked */
	struct conf_pos		 pos;
};

struct conf_broadcast {
	uint64_t		 interval_ms;
	uint64_t		 timeout_ms;	/* of a command */
	char			*key;		/* NULL: sent as it is */
	enum conf_source	 source;
	int64_t			 counter;	/* its first value */
	char			**argv;		/* command, NULL-terminated */
	char			*path;		/* file, as written */
	char			*value;		/* one line of valid JSON */
	struct conf_pos		 pos;		/* of the source's key */
};

struct conf_pool {
	char			*name;
	char			**argv;		/* NULL-terminated */
	struct conf_listen	*listen;
	size_t			 listen_count;
	uint64_t		 first_port;	/* of slot 0, each slot has its
						   own; 0: no such thing */
	enum conf_stdin		 in;
	bool			 listen_any;	/* what workers ask for, too */
	uint64_t		 backlog;
	bool			 defer_accept;
	uint64_t		 count;		/* auto is resolved */
	enum conf_balance	 balance;
	enum conf_mechanism	 mechanism;
	uint64_t		 max_connections; /* of a worker; 0: any */
	enum conf_dialect	 dialect;	/* the first of these */
	enum conf_dialect	 dialects[CONF_DIALECT__COUNT];
	size_t			 dialect_count;	/* 1.. */
	enum conf_restart	 restart;
	bool			 success_exit[256];
	struct backoff_rule	 backoff;
	struct {
		enum conf_ready	 when;
		uint64_t	 timeout_ms, soak_ms, delay_ms;
		uint64_t	 interval_ms;	/* of exec and http */
		char		**argv;		/* exec, NULL-terminated */
		char		*path;		/* http */
	}			 ready;
	uint64_t		 heartbeat_ms;	/* health.heartbeat; 0: none */
	uint64_t		 hang_ms;	/* health.hang; 0: never */
	struct {
		int		 signal;
		uint64_t	 timeout_ms;
	}			 stop;
	struct {
		enum conf_order	 order;
		uint64_t	 batch;		/* or CONF_BATCH_ALL */
	}			 reload;
	struct conf_broadcast	*broadcast;
	size_t			 broadcast_count;
	char			*cwd;		/* absolute, links unresolved */
	char			**env;		/* "NAME=value", NULL at end */
	char			**env_file;	/* paths as written, NULL */
	enum conf_orphan	 on_supervisor_exit;
	enum log_format		 log_format;
	struct conf_pos		 pos;		/* where the pool begins */
	struct conf_pos		 command_pos, cwd_pos, env_file_pos, port_pos;
};

/* The socket for commands, and who may use it. */
struct conf_control {
	char			*path;		/* absolute; NULL: default */
	char			*owner;		/* name or number, or NULL */
	char			*group;		/* the same */
	uint64_t		 mode;		/* 0600 or 0660 */
	struct conf_pos		 path_pos, owner_pos, group_pos;
};

struct conf {
	unsigned int		 refs;
	char			*path;		/* as the user gave it */
	char			*dir;		/* absolute, of the file */
	struct conf_pool	*pools;
	size_t			 pool_count;
	enum log_format		 log_format;	/* the supervisor's own */
	struct conf_control	 control;
};

/*
 * Everything that is wrong, in the order of the file.  What is wrong with
 * the file itself and what is wrong with this machine are told apart.
 */
enum conf_problem_kind { CONF_BAD_FILE, CONF_BAD_MACHINE };

struct conf_problem {
	enum conf_problem_kind	 kind;
	struct conf_pos		 pos;
	char			*text;
};

struct conf_problems {
	const char		*path;		/* borrowed */
	struct conf_problem	*list;
	size_t			 count;
};

/*
 * Never fails: out of memory is remembered as a problem without text, and
 * of too many the last says so.
 */
#define CONF_PROBLEMS_MAX 1000
void	conf_problem_add(struct conf_problems *, enum conf_problem_kind,
	    struct conf_pos, const char *fmt, ...) PRINTFLIKE(4, 5);
size_t	conf_problems_of(const struct conf_problems *,
	    enum conf_problem_kind);
/* Into the order of the file. */
void	conf_problems_sort(struct conf_problems *);
void	conf_problems_free(struct conf_problems *);

/*
 * Read a file (.ini: INI, anything else: YAML).  NULL if it cannot be used;
 * *p then holds at least one CONF_BAD_FILE.  Facts about this machine are
 * not looked at, but for the number of CPUs that "auto" stands for.
 */
struct conf	*conf_load(const char *path, struct conf_problems *p);
/* The same for a running supervisor: a regular file only, never a wait. */
struct conf	*conf_reload(const char *path, struct conf_problems *p);
/* One more who holds it, and one less; the last frees it.  NULL is fine. */
struct conf	*conf_ref(struct conf *);
void		 conf_unref(struct conf *);
/* A pool by its name, or NULL. */
const struct conf_pool *conf_find_pool(const struct conf *, const char *name);
/* One of its listeners is a unix socket. */
bool	 conf_has_unix(const struct conf_pool *);

/*
 * Facts about this machine: the command exists and can be executed, the
 * directory, the env files and a broadcast's file are there, and so are the
 * user and the group of control.  (Ports are the business of os/listener.)
 * Adds CONF_BAD_MACHINE problems.
 */
void	conf_check_machine(const struct conf *, struct conf_problems *);

/* The effective config as YAML that conf_load accepts.  Caller frees. */
char	*conf_print(const struct conf *);
#endif
