#ifndef HTTP_CONN_H
#define HTTP_CONN_H
#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"

struct MHD_Connection;

/* What is to be known of a connection beside what libmicrohttpd does. */
struct conn {
	struct list		 node;		/* of fresh, or of others */
	struct list		 waiting;	/* of delayed answers */
	struct MHD_Connection	*http;		/* NULL while it is fresh */
	int			 fd;		/* not ours once it is not */
	uint64_t		 quiet_since_ms;	/* born or answered */
	uint64_t		 due_ms;	/* of a delayed answer */
	uint64_t		 ended_ms;	/* when it was half-closed */
	uint64_t		 used_bytes;	/* of what was received */
	bool			 inexact;	/* there may be more of these */
	bool			 busy;		/* within a request */
	bool			 delayed;	/* this request was, already */
	bool			 ended;
};

/* An idle connection is ended after so long while draining. */
#define CONN_IDLE_MS	2000
/* And cut when its client has not closed it so long after that. */
#define CONN_LINGER_MS	2000

/*
 * While draining: end it, cut it, or leave it alone.  Returns when to look
 * again.
 */
uint64_t	conn_sweep(struct conn *, uint64_t now_ms);
#endif
