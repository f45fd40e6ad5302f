#ifndef IPC_PROTO_H
#define IPC_PROTO_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
struct message;

/* The protocol of rota-ipc(7): lines to messages and back.  Pure. */
#define PROTO_VERSION 1
#define PROTO_STATUS_MAX 256

enum proto_kind {
	PROTO_BAD,		/* not JSON, or not what its key promises */
	PROTO_READY,
	PROTO_PONG,
	PROTO_STATUS,
	PROTO_PUBLISH,
	PROTO_EVENT,		/* the user's own */
	PROTO_UNKNOWN		/* a "rota" of a later version */
};

struct proto_in {
	enum proto_kind	 kind;
	int64_t		 id;			/* of a pong */
	bool		 says_ready;		/* an event that means so */
	char		 text[PROTO_STATUS_MAX + 1]; /* status; what is bad */
	struct message	*data;			/* publish: to be sent on */
};

/* in->data is the caller's to unref. */
void	proto_parse(const char *line, size_t len, struct proto_in *in);

/*
 * The same for a program of Node's: "ready", as PM2 knows it, is an event
 * that means {"rota":"ready"}, too.
 */
void	proto_parse_node(const char *line, size_t len, struct proto_in *);

struct proto_listener {
	const char	*name;			/* or NULL */
	const char	*address;
	int		 fd;			/* in the worker, or -1 */
};

struct proto_hello {
	const char			*pool;
	unsigned int			 slot, count, generation;
	pid_t				 pid;
	const struct proto_listener	*listeners;
	size_t				 listener_count;
	uint64_t			 stop_timeout_ms;
	const char			*on_supervisor_exit;
};

/* NULL: out of memory. */
struct message	*proto_hello(const struct proto_hello *);
struct message	*proto_disconnect(uint64_t deadline_ms);

/*
 * A value of the user's, given as JSON; it is sent as it is written.  NULL
 * with the reason in *ret_why, as below or since it is not JSON.
 */
struct message	*proto_user(const char *json, size_t len,
		    const char **ret_why);

/*
 * What a broadcast sends: the text as it is if it is JSON, else as a
 * string without its last newline; with key as {"key": value}.  NULL with
 * the reason in *ret_why: too long, not UTF-8, or an object of the user's
 * that a protocol would take for its own: with the key "rota", or with a
 * "cmd" that is Node's.
 */
struct message	*proto_value(const char *text, size_t len, const char *key,
		    const char **ret_why);
#endif
