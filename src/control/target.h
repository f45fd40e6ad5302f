#ifndef CONTROL_TARGET_H
#define CONTROL_TARGET_H
#include <stdbool.h>
#include <stddef.h>
struct err;
struct pool;
struct supervisor;

/* "POOL" or "POOL:SLOT": the slots first to last-1 of a pool. */
struct target {
	struct pool	*pool;		/* NULL: everything */
	size_t		 first, last;
	bool		 is_slot;
};

/*
 * NULL as the text is everything.  0, or -1 with *e set to a message that
 * names what comes nearest.
 */
int	target_find(const struct supervisor *, const char *text,
	    struct target *, struct err *e);
/* The pool alone; NULL with *e set. */
struct pool *target_pool(const struct supervisor *, const char *name,
	    struct err *e);
/* An event or line of this pool and slot (-1: none) is meant. */
bool	target_has(const struct target *, const char *pool, int slot);
#endif
