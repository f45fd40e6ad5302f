#ifndef OS_HEADROOM_H
#define OS_HEADROOM_H
#include <stdint.h>

/*
 * How many processes more the kernel lets us have, and the limit that says
 * so, as words for people.  UINT64_MAX: none that is known.  Others start
 * processes, too, so that it is an estimate.
 */
struct headroom {
	uint64_t	 processes;
	char		 limit[256];
};

void	headroom_look(struct headroom *);
#endif
