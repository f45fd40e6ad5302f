#ifndef SUPERVISE_ACKS_H
#define SUPERVISE_ACKS_H
#include <ev.h>
#include <stddef.h>
#include "base/limit.h"
#include "base/list.h"
struct common;
struct err;

/*
 * The socket of EINHORN_SOCK_PATH, one for all workers: a worker connects,
 * says one line and is hung up on.  It is opened when the first worker
 * needs it; without a path there is none.
 */
#define ACKS_PATH_SIZE 108

struct acks {
	struct common	*common;
	char		 path[ACKS_PATH_SIZE];	/* "": no place for it */
	int		 fd;			/* -1: not open */
	ev_io		 io;
	struct list	 clients;
	size_t		 count;
	struct limit	 limit;
};

void	acks_init(struct acks *, struct common *);
void	acks_fini(struct acks *);
/* *ret is NULL if there is no place for one.  0, or -1 with *e set. */
int	acks_path(struct acks *, const char **ret, struct err *e);
#endif
