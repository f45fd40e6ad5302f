#ifndef OS_SPAWN_H
#define OS_SPAWN_H
#include <stddef.h>
#include <sys/types.h>
struct err;

/* Most descriptors that a process gets from 3 on. */
#define SPAWN_FD_MAX 40

/* Places for the pid of a process that is not known yet. */
#define SPAWN_PID_PLACES 2
#define SPAWN_PID_SIZE	12	/* with its NUL */

/* Everything is borrowed. */
struct spawn_req {
	const char	*path;		/* executed as it is, no PATH search;
					   relative: seen from dir_fd */
	int		 exec_fd;	/* executed instead of path, or -1 */
	char *const	*argv;
	char *const	*envp;
	int		 dir_fd;	/* working directory, -1: as it is */
	int		 in_fd;		/* becomes 0; -1: /dev/null */
	int		 out_fd;	/* becomes 1 */
	int		 err_fd;	/* becomes 2; may be out_fd */
	const int	*fds;		/* become 3, 4, ...; blocking or not
					   as they are */
	size_t		 fd_count;
	int		 death_signal;	/* when the supervisor dies; 0: none */
	/*
	 * Places in the strings of envp that get the pid of the new process,
	 * in decimal; each has room for SPAWN_PID_SIZE bytes.  NULL: none.
	 */
	char		*pid_places[SPAWN_PID_PLACES];
};

/*
 * Once, before any other descriptor is opened: everything inherited above
 * 2 is marked close-on-exec, the low numbers are reserved for the moment
 * of spawning, the soft limits on descriptors and on processes of this user
 * are raised to the hard ones and the old ones kept for the processes to come.
 */
int	spawn_init(struct err *e);
/* Give the reserved numbers and the stack back: nobody is spawned then. */
void	spawn_fini(void);
/* How many descriptors the supervisor may have in all. */
size_t	spawn_fd_limit(void);

/*
 * Start a process in a session of its own, with nothing but the named
 * descriptors, default signals, an empty mask, the original limits and no
 * ambient capabilities.
 * Its cost does not grow with the memory or the descriptors in use.
 * Returns the pid once exec has happened; -1 with *e set when anything
 * failed, exec included: then there is no child left to reap.
 */
pid_t	spawn(const struct spawn_req *, struct err *e);
#endif
