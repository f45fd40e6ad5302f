#include "config.h"
#include "supervise/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "config/conf.h"
#include "ipc/dialect.h"
#include "os/errout.h"
#include "os/loop.h"
#include "os/reaper.h"
#include "os/spawn.h"
#include "os/tree.h"
#include "supervise/capacity.h"
#include "supervise/pool.h"

/* The last words may take this long to get through a slow pipe. */
#define LAST_WORDS_MS	1000
/* And those whom we have sent SIGKILL this long to be reaped. */
#define LAST_REAP_MS	2000

struct supervisor {
	const struct conf	*conf;
	struct ev_loop		*loop;
	struct reaper		*reaper;
	struct pool		**pools;
	int			 signal_fd;
	ev_io			 signals;
	bool			 has_terminal;
	bool			 stopping;
	bool			 reloading;	/* pool number reload_next-1 */
	size_t			 reload_next;
	bool			 reload_again;	/* one request waits */
};

static void	supervisor_signalled(struct ev_loop *, ev_io *, int);
static void	supervisor_pool_ended(void *, struct pool *);
static void	supervisor_reloaded(void *, struct pool *, bool);

static const struct pool_ops pool_ops = {
	.ended = supervisor_pool_ended,
	.reloaded = supervisor_reloaded,
};

/* Those that the loop answers to. */
static const int handled[] = {
	SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD,
};

void
supervisor_block_signals(void)
{
	sigset_t	 set;
	size_t		 i;

	(void)sigemptyset(&set);
	for (i = 0; i < ARRAY_LEN(handled); i++)
		(void)sigaddset(&set, handled[i]);
	/* A write to a closed pipe, or from the background of a terminal. */
	(void)sigaddset(&set, SIGPIPE);
	(void)sigaddset(&set, SIGTTOU);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

/*
 * What nohup(1) or a shell that runs us in the background has silenced
 * stays silent; the others would never be queued if they were ignored.
 */
static bool
keeps_ignored(int sig)
{
	struct sigaction	 sa;

	return (sig == SIGHUP || sig == SIGINT) &&
	    sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN;
}

static int
supervisor_watch_signals(struct supervisor *s, struct err *e)
{
	sigset_t	 set;
	size_t		 i;
	AUTO_FD		 tty = open("/dev/tty", O_RDONLY | O_NOCTTY |
			    O_CLOEXEC | O_NONBLOCK);

	s->has_terminal = tty != -1;
	(void)sigemptyset(&set);
	for (i = 0; i < ARRAY_LEN(handled); i++)
		if (!keeps_ignored(handled[i])) {
			(void)sigaddset(&set, handled[i]);
			(void)signal(handled[i], SIG_DFL);
		}
	s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->signal_fd == -1)
		return err_set(e, errno, "signalfd");
	ev_io_init(&s->signals, supervisor_signalled, s->signal_fd, EV_READ);
	s->signals.data = s;
	ev_io_start(s->loop, &s->signals);
	return 0;
}

static int
supervisor_init(struct supervisor *s, struct err *e)
{
	s->signal_fd = -1;
	/* For the jitter: others started like us must not keep step. */
	srand48((long)(clock_ns() ^ (uint64_t)getpid() << 32));
	if (spawn_init(e) == -1 || (s->loop = loop_new(e)) == NULL ||
	    (s->reaper = reaper_new(e)) == NULL ||
	    supervisor_watch_signals(s, e) == -1 ||
	    tree_adopt_orphans(e) == -1 || capacity_check(s->conf, e) == -1)
		return -1;
	s->pools = calloc(s->conf->pool_count, sizeof(*s->pools));
	if (s->pools == NULL)
		return err_set(e, ENOMEM, "pools");
	return errout_start(s->loop, e);
}

/* Nobody of ours is left alive: not even who has lost its worker. */
static void
supervisor_reap_rest(struct supervisor *s)
{
	struct timespec	 t = { .tv_nsec = 10000000 };
	sigset_t	 chld;
	uint64_t	 until = clock_ms() + LAST_REAP_MS;

	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	reaper_collect(s->reaper);
	while (tree_kill_all() > 0 && clock_ms() < until) {
		(void)sigtimedwait(&chld, NULL, &t);
		reaper_collect(s->reaper);
	}
}

static void
supervisor_fini(struct supervisor *s)
{
	size_t	 i;

	for (i = 0; s->pools != NULL && i < s->conf->pool_count; i++)
		pool_free(s->pools[i]);
	free(s->pools);
	if (s->reaper != NULL)
		supervisor_reap_rest(s);
	errout_stop(LAST_WORDS_MS);
	reaper_free(s->reaper);
	if (s->signal_fd != -1)
		ev_io_stop(s->loop, &s->signals);
	fd_close(&s->signal_fd);
	loop_free(s->loop);
	spawn_fini();
}

/* The first line of the log: who, from what, and where to. */
static void
supervisor_introduce(const struct supervisor *s)
{
	char	 where[1024] = "";
	size_t	 i, k, n = 0;

	for (i = 0; i < s->conf->pool_count; i++)
		for (k = 0; k < s->conf->pools[i].listen_count &&
		    n < sizeof(where); k++)
			n += (size_t)snprintf(where + n, sizeof(where) - n,
			    "%s%s %s", n > 0 ? ", " : "",
			    s->conf->pools[i].name,
			    s->pools[i]->addresses[k]);
	log_info("pid %ld, config %s, %s%s", (long)getpid(), s->conf->path,
	    n > 0 ? "listening: " : "no listeners", where);
}

/* What is not as the config would have it, and goes on regardless. */
static void
supervisor_warn_balance(const struct pool *p)
{
	const struct conf_pool	*c = p->conf;

	if (c->listen_count > 0 && c->balance == CONF_ROUND_ROBIN &&
	    !p->handover)
		log_warn("%s: dialect %s cannot take connections one by one: "
		    "its workers share the listener, turns are not exact "
		    "(balance: shared)", c->name, p->dialect->name);
}

static int
supervisor_start(struct supervisor *s, struct err *e)
{
	const struct conf	*c = s->conf;
	size_t			 i;

	for (i = 0; i < c->pool_count; i++) {
		s->pools[i] = pool_new(&c->pools[i],
		    capacity_processes(c, &c->pools[i]), s->loop, s->reaper,
		    &pool_ops, s, e);
		if (s->pools[i] == NULL)
			return -1;
	}
	supervisor_introduce(s);
	for (i = 0; i < c->pool_count; i++) {
		supervisor_warn_balance(s->pools[i]);
		if (pool_start(s->pools[i], e) == -1)
			return -1;
	}
	return 0;
}

static bool
supervisor_is_over(const struct supervisor *s)
{
	size_t	 i;

	for (i = 0; i < s->conf->pool_count; i++)
		if (s->pools[i] != NULL && !pool_is_over(s->pools[i]))
			return false;
	return true;
}

static void
supervisor_pool_ended(void *arg, struct pool *p)
{
	struct supervisor	*s = arg;

	(void)p;
	if (supervisor_is_over(s))
		ev_break(s->loop, EVBREAK_ALL);
}

/* Stop all pools; what stops already is stopped harder. */
static void
supervisor_stop(struct supervisor *s, bool at_once)
{
	size_t	 i;

	s->stopping = true;
	s->reload_again = false;
	s->reloading = false;
	for (i = 0; i < s->conf->pool_count; i++)
		if (s->pools[i] != NULL)
			pool_stop(s->pools[i], at_once);
	if (supervisor_is_over(s))
		ev_break(s->loop, EVBREAK_ALL);
}

/* Begin with the next pool that can be rolled out. */
static void
supervisor_reload_next(struct supervisor *s)
{
	struct pool	*p;
	struct err	 e;

	while (s->reload_next < s->conf->pool_count) {
		p = s->pools[s->reload_next++];
		if (pool_is_over(p))
			continue;
		if (pool_reload(p, &e) == 0)
			return;
		log_err("%s: rollout refused, nothing is changed: %s",
		    p->conf->name, e.msg);
	}
	s->reloading = false;
	if (!s->reload_again)
		return;
	s->reload_again = false;
	s->reloading = true;
	s->reload_next = 0;
	supervisor_reload_next(s);
}

static void
supervisor_reloaded(void *arg, struct pool *p, bool ok)
{
	struct supervisor	*s = arg;

	(void)p;
	(void)ok;
	if (s->reloading)
		supervisor_reload_next(s);
}

static void
supervisor_reload(struct supervisor *s)
{
	if (s->stopping) {
		log_info("stopping: no rollout");
		return;
	}
	if (s->reloading) {
		log_info("%s", s->reload_again ?
		    "a rollout waits already" :
		    "a rollout is under way: one more follows it");
		s->reload_again = true;
		return;
	}
	s->reloading = true;
	s->reload_next = 0;
	supervisor_reload_next(s);
}

static void
supervisor_signal(struct supervisor *s, const struct signalfd_siginfo *si)
{
	int	 sig = (int)si->ssi_signo;
	/* A terminal that is closed may send HUP more than once. */
	bool	 at_once = s->stopping && sig != SIGHUP;

	if (sig == SIGCHLD)
		return;			/* the reaper looks for itself */
	log_info("signal %s from pid %ld", sigabbrev_np(sig),
	    (long)si->ssi_pid);
	if (sig == SIGTERM || sig == SIGINT ||
	    (sig == SIGHUP && s->has_terminal)) {
		log_info("%s", at_once ? "stopping at once" :
		    "stopping; TERM or INT once more to stop at once");
		supervisor_stop(s, at_once);
	} else if (sig == SIGUSR2) {
		supervisor_reload(s);
	} else {
		log_info("signal %s does nothing in this version",
		    sigabbrev_np(sig));
	}
}

static void
supervisor_signalled(struct ev_loop *loop, ev_io *w, int revents)
{
	struct supervisor	*s = w->data;
	struct signalfd_siginfo	 si;

	(void)loop;
	(void)revents;
	while (read(s->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		supervisor_signal(s, &si);
	reaper_collect(s->reaper);
}

static int
supervisor_status(const struct supervisor *s)
{
	size_t	 i;

	for (i = 0; i < s->conf->pool_count; i++)
		if (pool_has_failed(s->pools[i]))
			return EXIT_FAILURE;
	return EXIT_SUCCESS;
}

/* Started in part: whoever runs already goes at once. */
static void
supervisor_undo(struct supervisor *s)
{
	supervisor_stop(s, true);
	if (!supervisor_is_over(s))
		(void)ev_run(s->loop, 0);
}

int
supervisor_run(const struct conf *conf)
{
	struct supervisor	 s = { .conf = conf };
	struct err		 e;
	int			 status = EXIT_FAILURE;

	log_set_format(conf->log_format);
	if (supervisor_init(&s, &e) == -1) {
		log_err("%s", e.msg);
	} else if (supervisor_start(&s, &e) == -1) {
		log_err("%s", e.msg);
		supervisor_undo(&s);
	} else {
		if (!supervisor_is_over(&s))
			(void)ev_run(s.loop, 0);
		status = supervisor_status(&s);
		log_info("ended, exit status %d", status);
	}
	supervisor_fini(&s);
	return status;
}
