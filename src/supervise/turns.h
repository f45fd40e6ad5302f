#ifndef SUPERVISE_TURNS_H
#define SUPERVISE_TURNS_H
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "os/chooser.h"
struct buckets;
struct err;
struct listener;
struct reuseport;

/*
 * A listening socket of one slot and generation, at the address of a
 * listener of ours.
 */
struct place {
	struct list	 node;		/* in turns->places */
	struct listener	*listener;	/* counted; NULL: not opened */
	unsigned int	 slot;
	int		 fd;
	unsigned int	 number;	/* in the group */
	uint32_t	 last_given;	/* as the kernel counts */
	uint64_t	 given;
	bool		 up;
	bool		 broken;	/* it cannot be made to listen again */
	ev_io		 shut;		/* a worker has shut it down */
	ev_io		 late;		/* of what nobody takes from it */
	ev_io		 stir;		/* something waits, for its worker */
	void		(*stirred)(void *arg);
	void		*stirred_arg;
};

/*
 * Balance by the kernel, at one listener: whose turn it is, of the places
 * that are up.  Slots that are up and take from the listener itself (by
 * hand-over, or since they share it) have their turns there; while nobody is
 * up, connections wait there.
 */
struct turns {
	struct listener		*listener;
	struct reuseport	*group;
	struct list		 places;	/* that are open */
	size_t			 count;		/* of them */
	struct place		**up;		/* by slot */
	size_t			 up_count, up_size;
	struct buckets		*buckets;	/* of clients; NULL: turns */
	ev_io			 late;		/* what nobody takes now */
};

/* From now on it can have places; once is enough.  0, or -1 with *e set. */
int	turns_begin(struct listener *, struct err *e);
void	turns_free(struct turns *);
/* The listener is claimed, or not any more: take, or refuse. */
void	turns_update(struct turns *);
/* The listener itself, of which there are places, has been shut down. */
int	turns_mend(struct turns *, struct err *e);
/* Carry backlog and defer_accept over to the places. */
void	turns_tune(struct turns *, uint64_t backlog, bool defer_accept);

/* 0, or -1 with *e set. */
int	place_open(struct place *, struct listener *, unsigned int slot,
	    bool defer_accept, struct err *e);
/* Nobody takes from it any more; what is left moves to others. */
void	place_close(struct place *);
/* Its turns begin, in this way. */
void	place_up(struct place *, enum chooser_mode);
/* It gets no more of them; a worker takes what is there already. */
void	place_down(struct place *);
/* Nor does a worker: what is there, or still comes, moves to others. */
void	place_leave(struct place *);
/* See seat_await; while it is down nothing comes. */
void	place_await(struct place *, void (*)(void *arg), void *arg);
/* Connections that it has been given. */
uint64_t place_given(struct place *);
#endif
