#ifndef SUPERVISE_INTAKES_H
#define SUPERVISE_INTAKES_H
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
struct intakes;
struct listener;
struct listener_set;

/* Where connections come from, while some slot that is up takes them. */
struct intake {
	struct list	 node;
	struct intakes	*all;
	struct listener	*listener;
	size_t		 up;		/* slots that are up and take these */
	int		 held;		/* taken, and no room for it; or -1:
					   until then no more are */
	ev_io		 io;
};

/* One for each listener in use. */
struct intakes {
	struct ev_loop	*loop;
	const char	*pool;		/* borrowed */
	struct list	 list;
	bool		 listening;
	/* Connections wait in one of them; not in the middle of the rest. */
	void		(*come)(void *arg, struct intake *);
	void		*arg;
};

/* Allocates nothing.  It accepts nothing yet. */
void	intakes_init(struct intakes *, struct ev_loop *, const char *pool,
	    void (*come)(void *, struct intake *), void *arg);
void	intakes_fini(struct intakes *);
/* Accept, or let connections wait where they are. */
void	intakes_listen(struct intakes *, bool on);
/* Of this listener, open or closed; or NULL. */
struct intake *intakes_find(const struct intakes *, const struct listener *);
/* Some slot that is up takes what comes from this listener. */
bool	intakes_have_taker(const struct intakes *, const struct listener *);
/*
 * A slot that takes from this listener is up, or is no more; or from those
 * of a set of which takes has the bits.
 */
void	intakes_count_one(struct intakes *, struct listener *, bool up);
void	intakes_count(struct intakes *, const struct listener_set *,
	    uint64_t takes, bool up);
/* The next of this listener need not wait for one that is held. */
bool	intakes_have_room(const struct intakes *, const struct listener *);
/* Those that are held are closed. */
void	intakes_drop(struct intakes *);
/* Keep one that nobody has room for; the descriptor is taken. */
void	intakes_hold(struct intakes *, const struct listener *, int conn);
/*
 * Forget listeners that nobody takes from, and of which none is held: not in
 * the middle of accepting.
 */
void	intakes_sweep(struct intakes *);
#endif
