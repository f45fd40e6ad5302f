#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H
#include <stdbool.h>
#include <sys/types.h>
#include "base/list.h"
#include "control/path.h"
struct conf;
struct control_server;
struct err;
struct supervisor;

/* The supervisor's side: what clients ask for is done here. */
struct control {
	struct supervisor	*supervisor;	/* borrowed */
	struct control_server	*server;	/* NULL: without one */
	char			 path[CONTROL_PATH_SIZE];
	struct list		 shutdowns;	/* requests; wait for the end */
	struct list		 followers;	/* and those that follow */
};

/* A supervisor that has the control socket of this config already, or 0. */
pid_t		 control_find_other(const struct conf *);
/*
 * Listen.  Without a path in the config it is only a warning if there is
 * no place for the socket.  NULL with *e set.
 */
struct control	*control_open(struct supervisor *, struct err *e);
/* No new clients; who waits for the end hears of it.  NULL is fine. */
void		 control_close(struct control *, int status);
#endif
