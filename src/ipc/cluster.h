#ifndef IPC_CLUSTER_H
#define IPC_CLUSTER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct message;

/*
 * What a worker of Node's cluster says to its primary, and what is said to
 * it: lines to facts and back.  Pure.  Node 18 to 24 speak the same.
 */
#define CLUSTER_ADDRESS_MAX	256
#define CLUSTER_KEY_MAX		256

enum cluster_kind {
	CLUSTER_USER,		/* none of Node's own, JSON or not */
	CLUSTER_BAD,		/* Node's own, and not what it promises */
	CLUSTER_OTHER,		/* Node's own, and nothing to us */
	CLUSTER_ONLINE,		/* Node runs; the program has not begun */
	CLUSTER_QUERY,		/* it wants to listen, or to bind */
	CLUSTER_LISTENING,	/* it does; what and how as in its query */
	CLUSTER_CLOSE,		/* no more of this key */
	CLUSTER_LEAVING,	/* by its own wish; waits for an answer */
	CLUSTER_ANSWER,		/* to a connection that it was given */
	CLUSTER_ACK,		/* a descriptor has come with its line */
	CLUSTER_NACK,		/* the line came without */
	CLUSTER_HANDLE,		/* it sends a descriptor itself */
	CLUSTER_GET_COUNT,	/* of connections that it has sent so */
	CLUSTER_NOTIFY_CLOSE	/* wants to hear when those are closed */
};

enum cluster_type {
	CLUSTER_TCP4, CLUSTER_TCP6, CLUSTER_UNIX, CLUSTER_UDP4, CLUSTER_UDP6,
	CLUSTER_FD		/* a descriptor, by its number with us */
};

/* Where it wants to listen. */
struct cluster_query {
	enum cluster_type	 type;
	bool			 is_any;	/* no address was named */
	char			 address[CLUSTER_ADDRESS_MAX]; /* or path */
	bool			 is_abstract;	/* the path began with NUL */
	uint16_t		 port;
	int			 fd;
	unsigned int		 index;		/* tells several port 0 apart */
	bool			 ipv6_only;
};

struct cluster_in {
	enum cluster_kind	 kind;
	int64_t			 seq;		/* its number, -1: none */
	int64_t			 ack;		/* the number it answers */
	bool			 accepted;	/* of an answer */
	unsigned int		 key;		/* of a close */
	char			 name[CLUSTER_KEY_MAX];	/* a socket's key */
	struct cluster_query	 query;
	char			*data;		/* JSON to be echoed, or NULL */
	const char		*why;		/* it is bad */
};

/* cluster_in_free afterwards. */
void	cluster_parse(const char *line, size_t len, struct cluster_in *);
void	cluster_in_free(struct cluster_in *);
/* "127.0.0.1:7000", "port 7000", "unix:/path", for messages. */
void	cluster_describe(const struct cluster_query *, char *buf,
	    size_t size);

/* The answer to a query.  data is JSON, of the query or an earlier one. */
struct cluster_reply {
	int64_t		 ack;		/* the query's number */
	int64_t		 seq;		/* ours */
	int		 error;		/* errno, 0: it may */
	unsigned int	 key;
	const char	*data;		/* NULL: null */
	const char	*address;	/* as bound, NULL: none to tell */
	bool		 is_ipv6;
	uint16_t	 port;
};

/* A connection comes with this line; its length, the newline included. */
#define CLUSTER_CONN_MAX	160
size_t		 cluster_conn(char text[CLUSTER_CONN_MAX], unsigned int key,
		    int64_t seq);
/* All of these: NULL if out of memory. */
/* It will be given connections one by one, or it may not. */
struct message	*cluster_reply(const struct cluster_reply *);
/* It gets the socket itself, with this line. */
struct message	*cluster_reply_handle(const struct cluster_reply *,
		    bool is_datagram);
/* It may leave now, as it has asked to. */
struct message	*cluster_leave(int64_t ack, int64_t seq);
/* It is to leave. */
struct message	*cluster_disconnect(uint64_t deadline_ms);
/* The descriptor that it sent has come. */
struct message	*cluster_handle_ack(void);
/* Of the sockets that it has sent none is open here. */
struct message	*cluster_no_sockets(const struct cluster_in *);

/*
 * The value is an object that Node takes for one of its own: its "cmd"
 * begins with NODE_.  Nothing of the user's may be that.
 */
#define CLUSTER_CMD_PREFIX "NODE_"
bool	cluster_is_own_cmd(const char *cmd);
#endif
