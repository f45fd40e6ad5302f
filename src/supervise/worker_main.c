#include "config.h"
#include "supervise/worker.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "os/loop.h"
#include "os/pidfd.h"
#include "os/proc.h"
#include "os/reaper.h"
#include "os/tree.h"
#include "supervise/common.h"

/*
 * Which process is the worker: the one that was started, until one of its
 * session takes its place by MAINPID.  The session stays what the worker's
 * processes are known by, and its number is nobody else's while one of them
 * lives, also when its leader is gone.
 */

/* So long its parent may live on, which alone is told how it has ended. */
#define LOST_S	1.

/* It is the worker's no more: reaped as a stray, if by us. */
static void
main_forget(struct worker *w, pid_t pid)
{
	if (pid != 0 && pid != w->pid && pid != w->main.leader)
		reaper_forget(w->job.common->reaper, pid);
}

static void
main_lost(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct worker	*w = t->data;

	(void)loop;
	(void)revents;
	w->job.ops->ailing(w->job.arg, w, "has lost its main process");
}

/* If it is no child of ours nobody tells us how: its parent is to end too. */
static void
main_ended(struct ev_loop *loop, ev_io *io, int revents)
{
	struct worker		*w = io->data;
	struct worker_main	*m = &w->main;
	pid_t			 ended = w->pid;

	(void)revents;
	ev_io_stop(loop, io);
	if (pidfd_is_child(m->fd))
		return;			/* the reaper comes to it */
	worker_post(w, LOG_WARN, EV_TROUBLE, "its main process has ended; "
	    "the process that had started that one, %ld, is to follow",
	    (long)m->before);
	w->pid = m->before;
	m->before = 0;
	main_forget(w, ended);
	fd_close(&m->fd);
	ev_timer_start(loop, &m->lost);
}

void
worker_main_init(struct worker *w)
{
	w->main.fd = -1;
	ev_timer_init(&w->main.lost, main_lost, LOST_S, 0.);
	ev_io_init(&w->main.io, main_ended, -1, EV_READ);
	w->main.lost.data = w->main.io.data = w;
}

void
worker_main_begin(struct worker *w, pid_t pid)
{
	w->pid = w->main.leader = pid;
}

static void
main_close(struct worker *w)
{
	ev_timer_stop(w->job.common->loop, &w->main.lost);
	ev_io_stop(w->job.common->loop, &w->main.io);
	fd_close(&w->main.fd);
}

/* Only of a child of ours can what it leaves behind come to us. */
static bool
main_is_ours(const struct worker *w)
{
	return w->main.fd == -1 || pidfd_is_child(w->main.fd);
}

/*
 * What speaks against it, or NULL.  That it is there is asked last, so that
 * all before was asked about the process of this descriptor.
 */
static const char *
main_objection(const struct worker *w, pid_t pid, int fd)
{
	struct proc_stat	 st;

	if (fd == -1)
		return strerror(errno);
	if (getsid(pid) != w->main.leader)
		return "it is not in the session of the worker";
	if (proc_stat(pid, &st) == -1 || st.is_dead)
		return "it has ended";
	if (st.ppid != getpid() && (st.ppid != w->pid || !main_is_ours(w)))
		return "the main process has not started it";
	return pidfd_signal(fd, 0) == -1 ? strerror(errno) : NULL;
}

static void
main_refuse(struct worker *w, pid_t pid, const char *why)
{
	if (w->refused_main)
		return;
	w->refused_main = true;
	worker_post(w, LOG_WARN, EV_TROUBLE, "says that its main process is "
	    "%ld (MAINPID), which is not believed: %s", (long)pid, why);
}

/* One process more by which the worker is found. */
static int
main_watch(struct worker *w, pid_t pid, struct err *e)
{
	if (reaper_arg(w->job.common->reaper, pid, worker_exited) == w)
		return 0;
	return reaper_watch(w->job.common->reaper, pid, worker_exited, w, e);
}

/* Takes the descriptor. */
static void
main_become(struct worker *w, pid_t pid, int fd)
{
	struct worker_main	*m = &w->main;
	pid_t			 before = m->before;

	main_close(w);
	if (m->start_ticks == 0)
		m->start_ticks = tree_start_ticks(m->leader);
	m->before = w->pid;
	w->pid = pid;
	if (before != m->before)
		main_forget(w, before);
	w->output.to.pid = pid;
	m->fd = fd;
	ev_io_set(&m->io, fd, EV_READ);
	ev_io_start(w->job.common->loop, &m->io);
}

void
worker_follow(struct worker *w, pid_t pid)
{
	AUTO_FD		 fd = -1;
	unsigned int	 more;
	const char	*why;
	struct err	 e;

	if (pid == w->pid)
		return;
	fd = pidfd_of(pid);
	why = main_objection(w, pid, fd);
	if (why == NULL && main_watch(w, pid, &e) == -1)
		why = e.msg;
	if (why != NULL) {
		main_refuse(w, pid, why);
		return;
	}
	if (limit_pass(&w->events, clock_ms(), &more))
		worker_post(w, LOG_INFO, EV_STATUS, "its main process is %ld "
		    "from now on (MAINPID)", (long)pid);
	main_become(w, pid, fd_take(&fd));
}

bool
worker_main_goes_on(struct worker *w, pid_t pid)
{
	struct worker_main	*m = &w->main;
	struct err		 e;

	/* What its child was is ours now, or is reaped by it already. */
	if (pid == w->pid || (pid == m->before && !main_is_ours(w)))
		return false;
	if (pid == m->before)
		m->before = 0;
	if (pid != m->leader)
		return true;
	m->leader_gone = true;
	if (main_watch(w, pid, &e) == -1)	/* its number is still taken */
		worker_complain(w, "its session", e.msg);
	worker_post(w, LOG_DEBUG, EV_STATUS, "the process that was started, "
	    "%ld, has ended; the main process goes on", (long)pid);
	return true;
}

void
worker_main_over(struct worker *w, pid_t pid)
{
	struct worker_main	*m = &w->main;
	pid_t			 main_pid = w->pid;

	main_close(w);
	w->pid = pid;
	main_forget(w, main_pid);
	if (pid != m->leader && !m->leader_gone)
		tree_kill(m->leader);		/* reaped as a stray */
	else
		tree_signal_group(m->leader, SIGKILL);
	main_forget(w, m->before);
	if (pid != m->leader)
		reaper_forget(w->job.common->reaper, m->leader);
	m->before = 0;
	m->leader_gone = true;
}

/* Who has come to us before is found when the worker is dead. */
void
worker_main_kill(const struct worker *w)
{
	if (w->main.fd == -1 && w->pid == w->main.leader)
		tree_kill_below(w->main.leader);
	else
		tree_kill(w->main.leader);
}

void
worker_main_fini(struct worker *w)
{
	main_close(w);
}

bool
worker_signal(const struct worker *w, int sig)
{
	if (w->reaped)
		return false;
	return (w->main.fd != -1 ? pidfd_signal(w->main.fd, sig) :
	    kill(w->pid, sig)) == 0;
}

void
worker_signal_group(const struct worker *w, int sig)
{
	tree_signal_group(w->main.leader, sig);
	if (w->main.fd != -1 && getpgid(w->pid) != w->main.leader)
		(void)pidfd_signal(w->main.fd, sig);
}

unsigned long long
worker_start_ticks(const struct worker *w)
{
	return w->main.start_ticks != 0 ? w->main.start_ticks :
	    tree_start_ticks(w->main.leader);
}
