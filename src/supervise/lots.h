#ifndef SUPERVISE_LOTS_H
#define SUPERVISE_LOTS_H
#include <stdbool.h>
#include <stdint.h>
struct err;
struct place;
struct turns;

/*
 * What turns.c does where the kernel has a listener for each slot, and no
 * program of ours that could remember whose turn it is: each connection goes
 * to one by chance.  Nothing that waits in a place can be moved to another.
 */

/* 0, or -1 with *e set. */
int	 lots_begin(struct turns *, struct err *e);
void	 lots_free(struct turns *);
/* Something has changed that they depend on. */
void	 lots_draw(struct turns *);
/* A worker has shut one of them down; of several all are mended. */
void	 lots_mend(struct turns *);

/* What there is of a slot, or NULL. */
struct place	*lots_find(const struct turns *, unsigned int slot);
/* A socket for the place; 0, or -1 with *e set. */
int	 lot_open(struct place *, struct turns *, bool defer_accept,
	    struct err *e);
/* It is forgotten already. */
void	 lot_close(struct place *, struct turns *);
#endif
