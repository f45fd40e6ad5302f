#include "config.h"
#include "os/tree.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "os/proc.h"
#include "os/reaper.h"

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
		struct tree_dead	*of;		/* or NULL */
	}	*list;
	size_t	 count, size;
	bool	 scan;			/* no children files: scan /proc */
	pid_t	 self;
	/* Who of our own children belongs here. */
	pid_t			 leader;	/* whose session or group */
	const struct reaper	*reaper;	/* of those whom it does not
						   know, who is one of these */
	struct tree_dead	*dead;
	size_t			 dead_count;
	size_t			 unsure;	/* whose they are */
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
tree_now_ticks(void)
{
	struct timespec	 now = { 0 };
	long		 hz = sysconf(_SC_CLK_TCK);

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (unsigned long long)now.tv_sec * (unsigned long long)hz +
	    (unsigned long long)now.tv_nsec * (unsigned long long)hz /
	    1000000000u;
}

unsigned long long
tree_start_ticks(pid_t pid)
{
	struct proc_stat	 st;

	return pid > 0 && proc_stat(pid, &st) == 0 ? st.start_ticks : 0;
}

static struct member *
tree_find(const struct tree *t, pid_t pid)
{
	size_t	 i;

	for (i = 0; i < t->count; i++)
		if (t->list[i].pid == pid)
			return &t->list[i];
	return NULL;
}

/* Without memory the tree stays as it is, and is killed as far as known. */
static void
tree_add(struct tree *t, pid_t pid, struct tree_dead *of)
{
	struct proc_stat	 st;
	struct member		*list;
	size_t			 size;

	if (!is_fair_game(pid) || tree_find(t, pid) != NULL ||
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
		.pid = pid, .start_ticks = st.start_ticks, .of = of
	};
}

static void
add_if_below(void *arg, pid_t pid, pid_t ppid)
{
	struct tree	*t = arg;
	struct member	*m = tree_find(t, ppid);

	if (m != NULL)
		tree_add(t, pid, m->of);
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
			proc_children(t->list[i].pid, add_if_below, t);
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
	struct member	*m;
	size_t		 killed = 0;

	for (m = t->list; m < t->list + t->count; m++)
		if (tree_start_ticks(m->pid) == m->start_ticks &&
		    kill(m->pid, SIGKILL) == 0) {
			killed++;
			if (m->of != NULL)
				m->of->killed++;
		}
	free(t->list);
	return killed;
}

static void
tree_add_own(struct tree *t, proc_cb *cb)
{
	if (t->scan)
		proc_all(cb, t);
	else
		proc_children(t->self, cb, t);
}

/* --- who is alive, and to be killed with all below it ------------------- */

static void
add_of_session(void *arg, pid_t pid, pid_t ppid)
{
	struct tree	*t = arg;

	if (ppid == t->self &&
	    (getsid(pid) == t->leader || getpgid(pid) == t->leader))
		tree_add(t, pid, NULL);
}

static void
tree_kill_leader(pid_t leader, bool whole_session)
{
	struct tree	 t = {
		.scan = !proc_has_children_files(),
		.self = getpid(),
		.leader = leader,
	};

	if (!is_fair_game(leader))
		return;
	tree_signal_group(leader, SIGSTOP);
	tree_add(&t, leader, NULL);
	if (whole_session)
		tree_add_own(&t, add_of_session);
	tree_grow(&t);
	tree_signal_group(leader, SIGKILL);
	(void)tree_execute(&t);
	(void)kill(leader, SIGKILL);
}

void
tree_kill(pid_t leader)
{
	tree_kill_leader(leader, true);
}

void
tree_kill_below(pid_t leader)
{
	tree_kill_leader(leader, false);
}

/* --- what the dead have left behind --------------------------------------- */

/* A child of ours of which nobody has told us. */
struct stray {
	pid_t			 session, group;
	unsigned long long	 start_ticks;
	struct proc_var		 vars[2];
};

/* While a group lives, no process is given its number. */
static bool
is_in_session(const struct stray *s, const struct tree_dead *d)
{
	return is_fair_game(d->leader) &&
	    (s->session == d->leader || s->group == d->leader) &&
	    kill(d->leader, 0) == -1 && errno == ESRCH;
}

/* Started by somebody of this slot, and before any that is alive now. */
static bool
is_of_slot(const struct stray *s, const struct tree_dead *d)
{
	return s->start_ticks != 0 && (d->not_after_ticks == 0 ||
	    s->start_ticks < d->not_after_ticks) &&
	    s->vars[0].found && strcmp(s->vars[0].value, d->pool) == 0 &&
	    s->vars[1].found && strcmp(s->vars[1].value, d->slot) == 0;
}

static void
add_if_left(void *arg, pid_t pid, pid_t ppid)
{
	struct tree		*t = arg;
	struct stray		 s = {
		.vars = { { .name = "ROTA_POOL" }, { .name = "ROTA_SLOT" } },
	};
	struct tree_dead	*d;
	bool			 knows_env;

	if (ppid != t->self || reaper_knows(t->reaper, pid))
		return;
	s.session = getsid(pid);
	s.group = getpgid(pid);
	s.start_ticks = tree_start_ticks(pid);
	knows_env = proc_env(pid, s.vars, ARRAY_LEN(s.vars));
	for (d = t->dead; d < t->dead + t->dead_count; d++)
		if (is_in_session(&s, d) || is_of_slot(&s, d)) {
			tree_add(t, pid, d);
			return;
		}
	if (!knows_env)
		t->unsure++;
}

size_t
tree_kill_left(const struct reaper *r, struct tree_dead *dead, size_t count)
{
	struct tree	 t = {
		.scan = !proc_has_children_files(),
		.self = getpid(),
		.reaper = r,
		.dead = dead,
		.dead_count = count,
	};
	size_t		 i;

	for (i = 0; i < count; i++)
		dead[i].killed = 0;
	tree_add_own(&t, add_if_left);
	tree_grow(&t);
	(void)tree_execute(&t);
	for (i = 0; i < count; i++)
		if (is_fair_game(dead[i].leader) &&
		    kill(dead[i].leader, 0) == -1 && errno == ESRCH)
			tree_signal_group(dead[i].leader, SIGKILL);
	return t.unsure;
}

static void
add_if_ours(void *arg, pid_t pid, pid_t ppid)
{
	struct tree	*t = arg;

	if (ppid == t->self)
		tree_add(t, pid, NULL);
}

size_t
tree_kill_all(void)
{
	struct tree	 t = {
		.scan = !proc_has_children_files(),
		.self = getpid(),
	};

	tree_add_own(&t, add_if_ours);
	tree_grow(&t);
	return tree_execute(&t);
}
