#ifndef OS_TREE_H
#define OS_TREE_H
#include <sys/types.h>
struct err;
struct reaper;

/*
 * The processes below a worker, which leads a session of its own.  The
 * supervisor is their subreaper: whoever loses its parent becomes ours.
 */
int	tree_adopt_orphans(struct err *e);

/* Signal the leader's group: a polite signal, or one for a live tree. */
void	tree_signal_group(pid_t leader, int sig);

/*
 * SIGKILL to the leader, its group, its session and all descendants, also
 * those that have a session of their own.  The leader must not have been
 * reaped.
 */
void	tree_kill(pid_t leader);

/*
 * The leader is dead and reaped: SIGKILL to what is left of its group and
 * session, and to every adopted child with its descendants that carries
 * the variable "ROTA_POOL=pool" and "ROTA_SLOT=slot" in the environment
 * that it was started with, unless the process was started at or after
 * not_after_ticks (start of the oldest live worker of that slot in the
 * clock ticks of proc(5), 0: no live worker).  Processes that the reaper
 * knows are left alone.  Returns how many were killed.
 */
size_t	tree_kill_left(const struct reaper *, pid_t leader,
	    const char *pool, const char *slot,
	    unsigned long long not_after_ticks);

/* Start of a process in clock ticks since boot, 0 if it is not there. */
unsigned long long tree_start_ticks(pid_t);

/* Every child that is left, with its descendants: at the very end. */
size_t	tree_kill_all(void);
#endif
