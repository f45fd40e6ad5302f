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
 * reaped.  The second one leaves alone who is of its session and has come to
 * us: for callers that call tree_kill_left once the leader is dead.
 */
void	tree_kill(pid_t leader);
void	tree_kill_below(pid_t leader);

/* Somebody who is dead and reaped. */
struct tree_dead {
	pid_t			 leader;	/* of session and group */
	/* What is his carries these as ROTA_POOL and ROTA_SLOT. */
	const char		*pool, *slot;
	/* But not who was started then or later; 0: whenever.  In clock ticks,
	   see below: the start of the oldest live worker of that slot. */
	unsigned long long	 not_after_ticks;
	size_t			 killed;	/* for the caller to read */
};

/*
 * SIGKILL to what is left of their groups and sessions, and to every adopted
 * child, with its descendants, that has their variables in the environment
 * that it was started with.  Processes that the reaper knows are left alone.
 * All of our children are looked at, once, however many are dead.  Returns
 * how many of them cannot be told yet, as they are amid an exec.
 */
size_t	tree_kill_left(const struct reaper *, struct tree_dead *,
	    size_t count);

/* Start of a process in clock ticks since boot, 0 if it is not there. */
unsigned long long tree_start_ticks(pid_t);
/* Of one that would be started now. */
unsigned long long tree_now_ticks(void);

/* Every child that is left, with its descendants: at the very end. */
size_t	tree_kill_all(void);
#endif
