#ifndef SUPERVISE_SETTLE_H
#define SUPERVISE_SETTLE_H
#include <stdbool.h>
#include <stddef.h>
#include "base/list.h"
struct pool;

/*
 * Somebody waits until slots are as he has wished them to be: each has a
 * ready worker (or has ended well), or nothing is left in it.
 */
struct settle {
	struct list	 node;
	struct pool	*pool;
	size_t		 next, last;	/* next: not yet as it should be */
	bool		 up;		/* what is wished */
	/* Of the slots in between; NULL: all. */
	bool		(*concerns)(void *arg, size_t slot);
	void		*concerns_arg;
	/* why: NULL, or what went wrong with which slot. */
	void		(*done)(void *arg, const char *why);
	void		*arg;
};

/* The callback comes later, never at once. */
void	settle_begin(struct settle *, struct pool *, size_t first,
	    size_t last, bool up);
void	settle_cancel(struct settle *);
/* A fact of the pool has changed. */
void	settle_look(struct pool *);
/* The pool goes: nobody can wait for it any more. */
void	settle_fail_all(struct pool *, const char *why);
#endif
