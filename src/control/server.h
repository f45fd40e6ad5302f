#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H
#include <ev.h>
#include <stddef.h>
#include <stdint.h>
struct control_access;
struct control_server;
struct control_socket;
struct err;
struct request;

/* The server's side of rota-control(7): clients, lines, requests. */
#define CONTROL_VERSION 1

/*
 * Every request ends in request_done or request_fail, inside the callback
 * or at any time later; see request.h.
 */
struct control_ops {
	void	(*request)(void *arg, struct request *);
};

struct control_limits {
	size_t		 clients;	/* at once */
	size_t		 requests;	/* under way, of each client */
	size_t		 line_bytes;	/* of a client; of data to it */
	size_t		 held_bytes;	/* lines of all that is under way */
	size_t		 data_bytes;	/* waiting: no data is added */
	size_t		 out_bytes;	/* waiting: the client is dropped */
	uint64_t	 idle_ms;	/* without a request under way */
	uint64_t	 stall_ms;	/* output waits, nothing is taken */
	uint64_t	 probe_ms;	/* looking after half-closed ones */
	uint64_t	 pause_ms;	/* no descriptor for a new client */
};
extern const struct control_limits	control_limits;

/*
 * Takes the socket; on failure (NULL with *e set) it is closed.  ops and
 * arg are borrowed, and access is copied.
 */
struct control_server *control_server_new(struct ev_loop *,
	    struct control_socket *, const struct control_access *,
	    const struct control_ops *, void *arg, struct err *e);
/* For tests; borrowed.  For what begins from now on. */
void	 control_server_set_limits(struct control_server *,
	    const struct control_limits *);
size_t	 control_server_clients(const struct control_server *);

/*
 * Takes another socket in place of the one there is, which goes.  Those
 * who are connected stay, whatever access says.
 */
void	 control_server_listen(struct control_server *,
	    struct control_socket *, const struct control_access *);
/* No new clients: the socket goes.  Those who are there stay. */
void	 control_server_close(struct control_server *);
/*
 * What waits is sent for at most so long, and this blocks: it is for the
 * end of the process.  Requests still under way are gone.  NULL is fine.
 * Not from within a callback of the server's.
 */
void	 control_server_free(struct control_server *, uint64_t flush_ms);
#endif
