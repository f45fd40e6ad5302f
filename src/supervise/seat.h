#ifndef SUPERVISE_SEAT_H
#define SUPERVISE_SEAT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "os/chooser.h"
#include "supervise/listeners.h"
#include "supervise/turns.h"
struct dispatch;
struct err;
struct queue;

/*
 * What the queue of a slot and generation has where the kernel takes turns or
 * draws lots: a place at each listener, which its worker has as its own.
 * A worker that asks for what it listens on has its turns only at those that
 * it has taken.
 */
struct seat {
	unsigned int		 slot;
	enum chooser_mode	 mode;
	bool			 defer_accept;
	bool			 is_up;		/* the slot has its turns */
	uint64_t		 takes;		/* where: one bit each */
	void			 (*stirred)(void *);	/* see seat_await */
	void			*stirred_arg;
	struct place		*places[LISTENER_SET_MAX];	/* in the
						   order of its set; NULL: none
						   there */
};

/*
 * With places at the first listeners of a set; asks: it takes from none of
 * them yet.  NULL with *e set.
 */
struct seat	*seat_new(const struct listener_set *, size_t first,
		    unsigned int slot, enum chooser_mode, bool defer_accept,
		    bool asks, struct err *e);
void		 seat_free(struct seat *);
/* A queue by which nothing is handed over; NULL with *e set. */
struct queue	*seat_queue(struct dispatch *, struct listener_set *,
		    struct err *e);

/*
 * A place at a listener, of which this is the number in the set; what there
 * is already will do.  0, or -1 with *e set.
 */
int		 seat_open(struct seat *, struct listener *, size_t index,
		    struct err *e);
/* The descriptor of that, or -1. */
int		 seat_fd(const struct seat *, size_t index);
/* Its worker takes from there from now on, or not any more. */
void		 seat_take(struct seat *, size_t index, bool on);
/* Nor from anywhere. */
void		 seat_lose(struct seat *);
/* Carry these over to the places, of which a worker may have changed them. */
void		 seat_tune(struct seat *, uint64_t backlog,
		    bool defer_accept);

void		 seat_up(struct seat *);
void		 seat_down(struct seat *);
/* Nobody takes from it, for now or for ever, unless it is up. */
void		 seat_leave(struct seat *);
/* See place_hush. */
void		 seat_hush(struct seat *, bool on);
/* See place_is_still. */
bool		 seat_is_still(const struct seat *);
/* Connections come to it now. */
bool		 seat_gets(const struct seat *);
/* What waits in it. */
size_t		 seat_waiting(const struct seat *);
/* Connections given to it; false: they are not counted. */
bool		 seat_counts(const struct seat *);
uint64_t	 seat_given(struct seat *);
/* Call back once something comes to wait in it; NULL: do not (any more). */
void		 seat_await(struct seat *, void (*)(void *arg), void *arg);
#endif
