#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "http/options.h"

struct MHD_Daemon;
struct err;

/* The HTTP side: connections that are given to it, answered, and ended. */
struct server;

/*
 * Borrowed are the options, the header's value (or NULL), and the epoll set
 * in which fresh connections wait for their first byte, under a pointer
 * that is for server_readable.
 */
struct server	*server_new(const struct options *, const char *identity,
		    int epoll, struct err *e);
void		 server_free(struct server *);

/* Readable when server_run has work. */
int		 server_fd(const struct server *);
/* Do what is to be done now, without waiting. */
void		 server_run(struct server *, uint64_t now_ms);
/* Until server_run has to be called at the latest, or -1: no such time. */
int64_t		 server_timeout_ms(struct server *, uint64_t now_ms);

/* Takes the connection. */
void		 server_adopt(struct server *, int fd, uint64_t now_ms);
/* The first byte is there, or the end.  The pointer is used up. */
void		 server_readable(struct server *, void *);
size_t		 server_connections(const struct server *);

/* Takes the text that is shown as the cached value. */
void		 server_set_value(struct server *, char *value);
/* From now on answers close, and so do connections that are idle. */
void		 server_drain(struct server *);
#endif
