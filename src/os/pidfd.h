#ifndef OS_PIDFD_H
#define OS_PIDFD_H
#include <stdbool.h>
#include <sys/types.h>

/* A process that cannot be mistaken for a later one of the same number. */

/* Readable once it has ended; close-on-exec.  -1 with errno. */
int	pidfd_of(pid_t);
/* 0, or -1 with errno.  sig 0: is it still there? */
int	pidfd_signal(int fd, int sig);
/* A copy of one of its descriptors, close-on-exec; -1 with errno. */
int	pidfd_copy(int fd, int number);
/* A child of ours, dead or alive, that has not been reaped. */
bool	pidfd_is_child(int fd);
#endif
