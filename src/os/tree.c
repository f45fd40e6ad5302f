#include "config.h"
#include "os/tree.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/err.h"
#include "os/proc.h"
#include "os/reaper.h"

#define ENV_SIZE	512
#define PASSES_MAX	100	/* then it is killed as far as known */

/*
 * Processes that are going to be killed.  Each is stopped as soon as it is
 * found: it can then not start another one behind our back, and keeps its
 * children, which would come to us, unrecognised, if it ended first.
 */
struct tree {
	struct member {
		pid_t			 pid;
		unsigned long long	 start_ticks;
		bool			 is_settled;	/* has no more */
	}	*list;
	size_t	 count, size;
	bool	 scan;			/* no children files: scan /proc */
	/* Who of our own children belongs here; see tree_want. */
	const struct reaper	*reaper;
	pid_t			 leader;	/* session and group, or -1 */
	const char		*vars[2];
	unsigned long long	 not_after_ticks;
};

int
tree_adopt_orphans(struct err *e)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == -1)
		return err_set(e, errno, "become a subreaper");
	return 0;
}

/* A pid that may be signalled: never init, all, our group or ourselves. */
static bool
is_fair_game(pid_t pid)
{
	return pid > 1 && pid != getpid();
}

void
tree_signal_group(pid_t leader, int sig)
{
	if (is_fair_game(leader) && leader != getpgrp())
		(void)kill(-leader, sig);
}

unsigned long long
tree_start_ticks(pid_t pid)
{
	struct proc_stat	 st;

	return pid > 0 && proc_stat(pid, &st) == 0 ? st.start_ticks : 0;
}

static bool
tree_has(const struct tree *t, pid_t pid)
{
	size_t	 i;

	for (i = 0; i < t->count; i++)
		if (t->list[i].pid == pid)
			return true;
	return false;
}

/* Without memory the tree stays as it is, and is killed as far as known. */
static void
tree_add(struct tree *t, pid_t pid)
{
	struct proc_stat	 st;
	struct member		*list;
	size_t			 size;

	if (!is_fair_game(pid) || tree_has(t, pid) ||
	    proc_stat(pid, &st) == -1 || st.is_dead)
		return;
	if (t->count == t->size) {
		size = t->size == 0 ? 16 : t->size * 2;
		list = realloc(t->list, size * sizeof(*list));
		if (list == NULL)
			return;
		t->list = list;
		t->size = size;
	}
	(void)kill(pid, SIGSTOP);
	t->list[t->count++] = (struct member){
		.pid = pid, .start_ticks = st.start_ticks
	};
}

static void
add_child(void *arg, pid_t pid, pid_t ppid)
{
	(void)ppid;
	tree_add(arg, pid);
}

static void
add_if_below(void *arg, pid_t pid, pid_t ppid)
{
	struct tree	*t = arg;

	if (tree_has(t, ppid))
		tree_add(t, pid);
}

/*
 * Whether all children of a member that there will ever be can be seen: a
 * stop takes effect only once it has left the kernel, and fork with it.
 */
static bool
tree_settle(struct member *m)
{
	struct proc_stat	 st;

	m->is_settled = proc_stat(m->pid, &st) == -1 || st.is_dead ||
	    st.is_stopped;
	return m->is_settled;
}

/* Add children of those that have not settled; true: nothing is to come. */
static bool
tree_pass(struct tree *t)
{
	size_t	 before = t->count, i;
	bool	 all_settled = true;

	for (i = 0; i < t->count; i++) {
		if (t->list[i].is_settled)
			continue;
		if (!tree_settle(&t->list[i]))
			all_settled = false;
		if (!t->scan)
			proc_children(t->list[i].pid, add_child, t);
	}
	if (t->scan)
		proc_all(add_if_below, t);
	return all_settled && t->count == before;
}

/* Add all descendants. */
static void
tree_grow(struct tree *t)
{
	int	 pass;

	for (pass = 0; pass < PASSES_MAX && !tree_pass(t); pass++)
		(void)sched_yield();
}

/* A pid that was given to another process meanwhile is spared. */
static size_t
tree_execute(struct tree *t)
{
	size_t	 killed = 0, i;

	for (i = 0; i < t->count; i++)
		if (tree_start_ticks(t->list[i].pid) ==
		    t->list[i].start_ticks &&
		    kill(t->list[i].pid, SIGKILL) == 0)
			killed++;
	free(t->list);
	return killed;
}

/* Started by a worker of this slot, and before any that is alive now. */
static bool
tree_owns(const struct tree *t, pid_t pid)
{
	unsigned long long	 start = tree_start_ticks(pid);

	return start != 0 &&
	    (t->not_after_ticks == 0 || start < t->not_after_ticks) &&
	    proc_has_env(pid, t->vars, 2);
}

static bool
tree_wants(const struct tree *t, pid_t pid)
{
	if (t->reaper != NULL && reaper_knows(t->reaper, pid))
		return false;
	if (t->leader != -1 &&
	    (getsid(pid) == t->leader || getpgid(pid) == t->leader))
		return true;
	return t->vars[0] != NULL && tree_owns(t, pid);
}

static void
add_if_wanted(void *arg, pid_t pid, pid_t ppid)
{
	struct tree	*t = arg;

	if (ppid == getpid() && tree_wants(t, pid))
		tree_add(t, pid);
}

static void
add_if_ours(void *arg, pid_t pid, pid_t ppid)
{
	if (ppid == getpid())
		tree_add(arg, pid);
}

static void
tree_add_own(struct tree *t, proc_cb *cb)
{
	if (t->scan)
		proc_all(cb, t);
	else
		proc_children(getpid(), cb, t);
}

void
tree_kill(pid_t leader)
{
	struct tree	 t = {
		.scan = !proc_has_children_files(),
		.leader = leader,
	};

	if (!is_fair_game(leader))
		return;
	tree_signal_group(leader, SIGSTOP);
	tree_add(&t, leader);
	tree_add_own(&t, add_if_wanted);
	tree_grow(&t);
	tree_signal_group(leader, SIGKILL);
	(void)tree_execute(&t);
	(void)kill(leader, SIGKILL);
}

size_t
tree_kill_left(const struct reaper *r, pid_t leader, const char *pool,
    const char *slot, unsigned long long not_after_ticks)
{
	char		 pool_var[ENV_SIZE], slot_var[ENV_SIZE];
	struct tree	 t = {
		.scan = !proc_has_children_files(),
		.reaper = r,
		.leader = -1,
		.vars = { pool_var, slot_var },
		.not_after_ticks = not_after_ticks,
	};
	size_t		 killed;

	(void)snprintf(pool_var, sizeof(pool_var), "ROTA_POOL=%s", pool);
	(void)snprintf(slot_var, sizeof(slot_var), "ROTA_SLOT=%s", slot);
	/* While a group lives, no process is given its number. */
	if (is_fair_game(leader) && kill(leader, 0) == -1 && errno == ESRCH)
		t.leader = leader;
	tree_add_own(&t, add_if_wanted);
	tree_grow(&t);
	killed = tree_execute(&t);
	if (t.leader != -1)
		tree_signal_group(leader, SIGKILL);
	return killed;
}

size_t
tree_kill_all(void)
{
	struct tree	 t = { .scan = !proc_has_children_files() };

	tree_add_own(&t, add_if_ours);
	tree_grow(&t);
	return tree_execute(&t);
}
