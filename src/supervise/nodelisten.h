#ifndef SUPERVISE_NODELISTEN_H
#define SUPERVISE_NODELISTEN_H
#include <stddef.h>
struct cluster_query;
struct conf_pool;
struct err;
struct listener_set;
struct listeners;

/*
 * Which of a set's listeners a worker of Node's means: its number, or -1
 * with *e set, whose code is the errno that the worker is told.  What the
 * config does not name is opened if the pool has listen_any; what is opened
 * is in the set from then on.  A program that listens on all addresses gets
 * what the config has for its port; one that names an address gets just
 * that.
 */
int	nodelisten_find(struct listener_set *, struct listeners *,
	    const struct conf_pool *, const struct cluster_query *,
	    struct err *e);
#endif
