#ifndef SUPERVISE_LEFTOVERS_H
#define SUPERVISE_LEFTOVERS_H
#include <ev.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/list.h"
#include "supervise/journal.h"
struct common;
struct slot;

/*
 * What the dead have left behind is killed.  To find it all children of the
 * supervisor have to be looked at; where these are so many that it takes
 * time, one look is for all who have died since the last, and looking takes
 * no more than a tenth of the time.  While some child cannot be told, it is
 * looked again, for two seconds.
 */
struct leftovers {
	struct common	*common;
	struct list	 dead;
	ev_timer	 look;
	uint64_t	 next_ns;	/* not before this */
	uint64_t	 look_ns;	/* but then, if the timer runs */
};

void	leftovers_init(struct leftovers *, struct common *);
void	leftovers_fini(struct leftovers *);

/* A worker of this slot is dead and reaped; about: who it was. */
void	leftovers_of_worker(struct leftovers *, pid_t leader, struct slot *,
	    const struct about *);
/* So is a command, which had this for ROTA_SLOT. */
void	leftovers_of_command(struct leftovers *, pid_t leader,
	    const char *pool, const char *tag);
/* All who have died, now: their slots may be gone soon. */
void	leftovers_settle(struct leftovers *);
#endif
