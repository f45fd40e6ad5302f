#ifndef IPC_DIALECT_H
#define IPC_DIALECT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "config/conf.h"
struct env;
struct message;
struct proto_hello;
struct proto_in;

/* Stands where its own pid is to be, which is written over it. */
#define DIALECT_PID "           "

/* One that a worker gets as a descriptor. */
struct dialect_listener {
	const char	*name;		/* or NULL */
	const char	*address;	/* "[::]:7000", "unix:/path" */
	int		 family;
	bool		 dual_stack;
	int		 fd;		/* in the worker */
};

/* What one worker is to be told, in whatever dialect. */
struct dialect_facts {
	const char	*pool;
	unsigned int	 slot, count, generation;
	uint16_t	 port;		/* of the first TCP listener, or 0 */
	int		 ipc_fd;	/* in the worker; -1: none */
	int		 conn_fd;	/* in the worker; -1: none */
	int		 ready_fd;	/* in the worker; -1: none */
	const struct dialect_listener *listeners;
	size_t		 listener_count;
	const char	*notify;	/* NOTIFY_SOCKET, or NULL */
	const char	*ack_path;	/* EINHORN_SOCK_PATH, or NULL */
	uint64_t	 heartbeat_ms;	/* 0: none */
	unsigned int	 serial;	/* 1.., never the same twice */
};

/*
 * A dialect is how a worker is told its sockets, says that it is ready and
 * is asked to leave.  One file each, one row in dialect_get.
 */
struct dialect {
	const char	*name;
	bool		 channel;	/* it gets ROTA_IPC_FD */
	bool		 handover;	/* connections one by one */
	bool		 asks;		/* for what to listen on, over its
					   channel, where it gets connections
					   too: the protocol of cluster.h */
	bool		 notifies;	/* it gets NOTIFY_SOCKET */
	bool		 acks;		/* it gets EINHORN_SOCK_PATH */
	/* Add its own variables.  0, or -1: out of memory. */
	int		(*set_env)(struct env *, const struct dialect_facts *);

	/* For those with a channel: what a line of the worker means. */
	void		(*parse)(const char *line, size_t len,
			    struct proto_in *);
	/*
	 * What it is told first, and when it is to leave; NULL: no memory.
	 * Without a word it is told by stop.signal.
	 */
	struct message	*(*hello)(const struct proto_hello *);
	struct message	*(*disconnect)(uint64_t deadline_ms);

	/* Of several at once: each of them, and NULL. */
	const struct dialect *const *parts;
};

/*
 * Several dialects that do not conflict, as one, which points to the rest
 * of this.
 */
struct dialect_mix {
	struct dialect		 all;
	const struct dialect	*parts[CONF_DIALECT__COUNT + 1];
	char			 name[128];	/* "systemd+einhorn" */
};

const struct dialect	*dialect_get(enum conf_dialect);
/* Those of a pool. */
void			 dialect_mix(struct dialect_mix *,
			    const struct conf_pool *);
/* What every worker is told, then what its dialect adds. */
int			 dialect_set_env(const struct dialect *, struct env *,
			    const struct dialect_facts *);

extern const struct dialect dialect_einhorn, dialect_node, dialect_node_fork,
    dialect_plain, dialect_rota, dialect_server_starter, dialect_systemd;
#endif
