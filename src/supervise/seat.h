#ifndef SUPERVISE_SEAT_H
#define SUPERVISE_SEAT_H
#include <stddef.h>
#include <stdint.h>
#include "os/chooser.h"
#include "supervise/turns.h"
struct dispatch;
struct err;
struct listener_set;
struct queue;

/*
 * The queue of a slot and generation for which the kernel takes turns: a
 * listener of its own at each address, which its worker has as its own.
 */
struct seat {
	enum chooser_mode	 mode;
	size_t			 count;
	struct place		 places[];	/* in the order of its set */
};

/* With one reference; NULL with *e set. */
struct queue	*seat_queue(struct dispatch *, struct listener_set *,
		    unsigned int slot, enum chooser_mode, bool defer_accept,
		    struct err *e);
void		 seat_up(struct seat *);
void		 seat_down(struct seat *);
/* Nobody takes from it, for now or for ever, unless it is up. */
void		 seat_leave(struct seat *);
/* What waits in it. */
size_t		 seat_waiting(const struct seat *);
uint64_t	 seat_given(struct seat *);
#endif
