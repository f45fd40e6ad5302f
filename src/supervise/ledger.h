#ifndef SUPERVISE_LEDGER_H
#define SUPERVISE_LEDGER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "os/diag.h"
struct err;

/*
 * Which connections a worker may have open, of those that were handed to
 * it.  It does not say when one ends, so the kernel is asked, and only when
 * there is no room for another: a few at a time, the longest not looked at
 * first; the less it helps the rarer.
 */
struct ledger_entry {
	struct diag_name	 name;
	uint64_t		 number;	/* of what was handed over */
};

struct ledger {
	struct diag		*diag;		/* borrowed */
	uint64_t		 given;		/* so far */
	size_t			 most;
	size_t			 count;
	size_t			 first;		/* to be looked at next */
	size_t			 in_vain;	/* looks since one was closed */
	uint64_t		 pause_ms;
	uint64_t		 look_ms;	/* if it is full: not before */
	struct ledger_entry	*entries;	/* a ring of most */
};

/* NULL with *e set. */
struct ledger	*ledger_new(struct diag *, size_t most, struct err *e);
void		 ledger_free(struct ledger *);
/* If not, it makes sense to ask again at look_ms. */
bool		 ledger_has_room(struct ledger *, uint64_t now_ms);
/*
 * One more is handed over, for which there has to be room; NULL: it was over
 * before, and takes none.
 */
void		 ledger_enter(struct ledger *, const struct diag_name *);
/* This one was taken back. */
void		 ledger_drop(struct ledger *, const struct diag_name *);
/*
 * From now on for another worker, who gets what is still in the queue: so
 * many of those that were handed over last.
 */
void		 ledger_renew(struct ledger *, size_t waiting);
#endif
