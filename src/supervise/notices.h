#ifndef SUPERVISE_NOTICES_H
#define SUPERVISE_NOTICES_H
#include <ev.h>
#include "base/limit.h"
#include "os/datagram.h"
struct common;
struct err;

/*
 * The socket of NOTIFY_SOCKET, one for all workers: each datagram goes to
 * the worker whose process, or a process of whose session, has sent it.
 * It is opened when the first worker needs it.
 */
struct notices {
	struct common	*common;
	int		 fd;		/* -1: nobody has needed it */
	char		 address[DATAGRAM_ADDRESS_SIZE];
	ev_io		 io;
	struct limit	 strangers;
};

void	notices_init(struct notices *, struct common *);
void	notices_fini(struct notices *);
/* Its address, or NULL with *e set. */
const char *notices_address(struct notices *, struct err *e);
/* Hear all that has been sent so far. */
void	notices_drain(struct notices *);
#endif
