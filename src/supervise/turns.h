#ifndef SUPERVISE_TURNS_H
#define SUPERVISE_TURNS_H
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "os/chooser.h"
#include "os/classic.h"
struct buckets;
struct classic;
struct err;
struct listener;
struct reuseport;

/*
 * A listening socket of one slot, at the address of a listener of ours.
 * Where the kernel takes turns it is of one generation; where it draws lots
 * all generations have the same, since what waits in it cannot be moved.
 */
struct place {
	struct list	 node;		/* in turns->places */
	struct listener	*listener;	/* counted; NULL: closed */
	unsigned int	 slot;
	int		 fd;
	unsigned int	 seats;		/* that have it */
	unsigned int	 ups;		/* of these that are up */
	bool		 up;
	bool		 broken;	/* it cannot be made to listen again */
	ev_io		 shut;		/* a worker has shut it down */
	ev_io		 stir;		/* something waits, for its worker */
	void		(*stirred)(void *arg);
	void		*stirred_arg;

	/* Of turns. */
	unsigned int	 number;	/* in the group */
	uint32_t	 last_given;	/* as the kernel counts */
	uint64_t	 given;
	ev_io		 late;		/* of what nobody takes from it */

	/* Of lots. */
	struct classic_socket	 own, *socket;	/* that, or the anchor's */
	unsigned int	 hushes;	/* see place_hush */
	ev_timer	 rest;		/* after the last of them */
	uint64_t	 down_ms;	/* since when it is down */
};

/*
 * Balance by the kernel, at one listener: whose turn it is, of the places
 * that are up.  Slots that are up and take from the listener itself (by
 * hand-over, or since they share it) have their turns there; while nobody is
 * up, connections wait there.
 *
 * Or lots are drawn, see lots.h: then it is the place of slot 0, too, and
 * connections wait in the place that was up last.
 */
struct turns {
	struct listener		*listener;
	struct list		 places;	/* that are open */
	size_t			 count;		/* of them */

	struct reuseport	*group;		/* NULL: lots are drawn */
	struct place		**up;		/* by slot */
	size_t			 up_count, up_size;
	struct buckets		*buckets;	/* of clients; NULL: turns */
	ev_io			 late;		/* what nobody takes now */

	struct classic		*lots;		/* NULL: turns are taken */
	struct place		*waits;		/* was up last, or NULL */
	ev_timer		 end;		/* nobody claims it */
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

/* One more seat has it.  NULL with *e set. */
struct place *place_open(struct listener *, unsigned int slot,
	    bool defer_accept, struct err *e);
/*
 * One seat less has it.  After the last nobody takes from it any more, and
 * what is left moves to others, where it can.
 */
void	place_close(struct place *);
/* Its turns begin, in this way, or one more seat is up. */
void	place_up(struct place *, enum chooser_mode);
/* It gets no more of them; a worker takes what is there already. */
void	place_down(struct place *);
/* Nor does a worker: what is there, or still comes, moves to others. */
void	place_leave(struct place *);
/*
 * A worker is to take what is there before it is told to leave.  Others that
 * have the place may be up: it gets nothing until that is over.
 */
void	place_hush(struct place *, bool on);
/* Nothing is on its way there that nobody else would take. */
bool	place_is_still(const struct place *);
/* Connections come there now. */
bool	place_gets(const struct place *);
/* See seat_await; while it is down nothing comes. */
void	place_await(struct place *, void (*)(void *arg), void *arg);
/* Connections that it has been given; of lots nobody knows. */
bool	place_counts(const struct place *);
uint64_t place_given(struct place *);

/* --- for lots.c ----------------------------------------------------------- */
/* It is not there any more; its listener has a reference less. */
void	place_forget(struct place *);
#endif
