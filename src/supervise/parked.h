#ifndef SUPERVISE_PARKED_H
#define SUPERVISE_PARKED_H
#include "base/list.h"
struct listener;

/* A connection that waits for somebody to take from its listener. */
struct parked {
	struct list	 node;
	struct listener	*from;		/* counted */
	int		 conn;
};

/*
 * Put it aside, so that those of other listeners need not wait behind it;
 * the descriptor is taken.
 */
void	parked_add(struct list *, struct listener *from, int conn);
/* And closed, if it is still there. */
void	parked_free(struct parked *);
#endif
