#ifndef CLIENT_LOAD_H
#define CLIENT_LOAD_H
#include <sys/socket.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/list.h"
#include "tally.h"

/* The longest answer, head included, and the longest request. */
#define CONN_IN_MAX 4096
#define REQUEST_MAX 1024

struct options {
	struct sockaddr_storage	 addr;
	socklen_t		 addr_len;
	uint64_t		 port;		/* 0: a unix socket */
	uint64_t		 requests;	/* in all, 0: no limit */
	uint64_t		 at_least;	/* before it may stop */
	uint64_t		 duration_ms;	/* 0: no limit */
	uint64_t		 concurrency;
	uint64_t		 timeout_ms;	/* of one request */
	uint64_t		 rate;		/* requests a second, 0: any */
	uint64_t		 think_ms;	/* between two on one */
	uint64_t		 per_connection;	/* 0: any */
	uint64_t		 max_failures;	/* then the run ends */
	bool			 keep;
	uint64_t		 sources;	/* 0: the kernel's choice */
	uint64_t		 every;		/* the n-th asks for other */
	const char		*host, *path, *other;
	const char		*stop_file;	/* NULL: none */
};

enum conn_state {
	CONN_FREE,		/* no request; no connection, or a kept one */
	CONN_SENDING,		/* the request is not wholly written */
	CONN_READING,		/* for the answer */
	CONN_ENDING		/* answered; the server has to close */
};

struct conn {
	struct list	 node;		/* in one of the lists of load */
	enum conn_state	 state;
	int		 fd;		/* -1: not connected */
	uint16_t	 port;		/* local, 0: unknown */
	uint64_t	 answered;	/* requests on this connection */
	uint64_t	 begun_ns;	/* this request */
	uint64_t	 due_ns;	/* CONN_FREE: not before */
	uint64_t	 latency_ns;	/* CONN_ENDING: of the answer held */
	long		 pid;		/* the same */
	const char	*request;	/* what is being sent */
	size_t		 request_len, sent, in_len;
	uint32_t	 watched;	/* events in the epoll set, 0: none */
	char		 value[64];
	char		 in[CONN_IN_MAX];
};

/* One run.  Every connection is in exactly one of the lists. */
struct load {
	struct options	 opt;
	struct tally	*tally;
	FILE		*failures, *answers;	/* NULL: not written */
	struct conn	*conns;
	struct list	 active;	/* a request under way, oldest first */
	struct list	 thinking;	/* by due_ns */
	struct list	 idle;		/* may begin the next request */
	char		 other_request[REQUEST_MAX];
	char		 keep_request[REQUEST_MAX];
	char		 last_request[REQUEST_MAX];	/* says close */
	int		 epoll_fd;
	uint64_t	 started;	/* requests */
	uint64_t	 opened;	/* connections */
	uint64_t	 begun_ns;	/* the run */
};

/* Begin the next request; the connection is free. */
void	conn_begin(struct load *, struct conn *);
/* The epoll set says that something has happened to it. */
void	conn_event(struct load *, struct conn *);
/* Its request has taken too long. */
void	conn_expire(struct load *, struct conn *);
void	conn_close(struct conn *);

/* Fills opt, failures and answers; -1: has said what is wrong. */
int	options_read(struct load *, int argc, char **argv);
#endif
