#ifndef OS_GRAB_H
#define OS_GRAB_H
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
struct err;

/*
 * Copies of the sockets that another process has open, one after the other.
 * The kernel allows it to who may trace that process.
 */
struct grab {
	DIR		*dir;		/* of its descriptors */
	int		 pidfd;
};
#define GRAB_NONE { NULL, -1 }

/*
 * All threads of the process stand still, by SIGSTOP; what it has open stays
 * as it is.
 */
bool	grab_is_still(pid_t);
/* 0, or -1 with *e set. */
int	grab_begin(struct grab *, pid_t, struct err *e);
/* May be repeated. */
void	grab_end(struct grab *);
/*
 * Looks at so many descriptors at most, and counts them down.  The next
 * socket, close-on-exec; -1: none within these, or none any more, and
 * *ret_over; or it cannot be had: *ret_over, with *e set and its code not 0.
 */
int	grab_next(struct grab *, unsigned int *budget, bool *ret_over,
	    struct err *e);
#endif
