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
#include "config/cpus.h"
#include "ipc/dialect.h"
#include "os/census.h"
#include "os/classic.h"
#include "os/errout.h"
#include "os/inherit.h"
#include "os/loop.h"
#include "os/reaper.h"
#include "os/reuseport.h"
#include "os/spawn.h"
#include "os/tree.h"
#include "supervise/capacity.h"
#include "supervise/changes.h"
#include "supervise/generation.h"
#include "supervise/pool.h"

/* The last words may take this long to get through a slow pipe. */
#define LAST_WORDS_MS	1000
/* And those whom we have sent SIGKILL this long to be reaped. */
#define LAST_REAP_MS	2000

static void	supervisor_signalled(struct ev_loop *, ev_io *, int);
static void	supervisor_tidy(struct ev_loop *, ev_timer *, int);
static void	supervisor_pool_changed(void *, struct pool *);
static void	supervisor_pool_ended(void *, struct pool *);
static void	supervisor_progress(void *, struct pool *, unsigned int,
		    const char *);
static void	supervisor_reloaded(void *, struct pool *,
		    const struct reload_result *);

static const struct pool_ops pool_ops = {
	.changed = supervisor_pool_changed,
	.ended = supervisor_pool_ended,
	.progress = supervisor_progress,
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
	ev_io_start(s->common.loop, &s->signals);
	return 0;
}

/* What the dead have said last. */
static void
supervisor_hear(void *notices)
{
	notices_drain(notices);
}

static bool
mechanism_is(const char *word)
{
	const char	*wanted = getenv("ROTA_MECHANISM");

	return wanted != NULL && strcmp(wanted, word) == 0;
}

/*
 * Can the kernel take turns here, or else choose by chance?  Found out by
 * doing it; the environment may say that it is not to, to see what happens
 * elsewhere.
 */
static void
supervisor_try_kernel(struct supervisor *s)
{
	struct listeners	*ls = &s->common.listeners;
	static struct err	 e, e2;

	if (mechanism_is("hand-over")) {
		err_set(&e, 0, "ROTA_MECHANISM is hand-over");
		ls->no_classic = e.msg;
	} else if (mechanism_is("classic")) {
		err_set(&e, 0, "ROTA_MECHANISM is classic");
	} else if (reuseport_probe(&e) == 0 &&
	    (ls->census = census_new(&e)) != NULL) {
		return;
	}
	ls->no_kernel = e.msg;
	if (ls->no_classic == NULL && classic_probe(&e2) == -1)
		ls->no_classic = e2.msg;
}

static int
supervisor_init(struct supervisor *s, struct err *e)
{
	/* For the jitter: others started like us must not keep step. */
	srand48((long)(clock_ns() ^ (uint64_t)getpid() << 32));
	if (spawn_init(e) == -1 || (s->common.loop = loop_new(e)) == NULL ||
	    (s->common.reaper = reaper_new(e)) == NULL ||
	    supervisor_watch_signals(s, e) == -1 ||
	    tree_adopt_orphans(e) == -1)
		return -1;
	capacity_look(&s->room, 0);
	if (capacity_check(s->conf, &s->room, e) == -1)
		return -1;
	listeners_init(&s->common.listeners, s->common.loop,
	    &s->common.journal);
	supervisor_try_kernel(s);
	notices_init(&s->common.notices, &s->common);
	reaper_before(s->common.reaper, supervisor_hear, &s->common.notices);
	acks_init(&s->common.acks, &s->common);
	leftovers_init(&s->common.leftovers, &s->common);
	manager_init(&s->manager, s);
	s->common.cpus = cpus_usable();
	return errout_start(s->common.loop, e);
}

struct supervisor *
supervisor_new(struct conf *conf)
{
	struct supervisor	*s = calloc(1, sizeof(*s));
	struct err		 e;

	log_set_format(conf->log_format);
	if (s == NULL) {
		log_err("out of memory");
		return NULL;
	}
	s->conf = conf_ref(conf);
	s->signal_fd = -1;
	s->began_ms = clock_ms();
	list_init(&s->waiting);
	list_init(&s->ops);
	journal_init(&s->common.journal);
	ev_timer_init(&s->tidy, supervisor_tidy, 0., 0.);
	s->tidy.data = s;
	(void)stat(conf->path, &s->file);
	if (supervisor_init(s, &e) == 0)
		return s;
	log_err("%s", e.msg);
	supervisor_free(s);
	return NULL;
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
	reaper_collect(s->common.reaper);
	while (tree_kill_all() > 0 && clock_ms() < until) {
		(void)sigtimedwait(&chld, NULL, &t);
		reaper_collect(s->common.reaper);
	}
}

void
supervisor_free(struct supervisor *s)
{
	size_t	 i;

	if (s == NULL)
		return;
	for (i = 0; i < s->pool_count; i++)
		pool_free(s->pools[i]);
	free(s->pools);
	if (s->common.reaper != NULL)
		supervisor_reap_rest(s);
	if (s->common.notices.common != NULL) {
		notices_fini(&s->common.notices);
		acks_fini(&s->common.acks);
		leftovers_fini(&s->common.leftovers);
		manager_fini(&s->manager);
	}
	errout_stop(LAST_WORDS_MS);
	reaper_free(s->common.reaper);
	if (s->common.loop != NULL)
		ev_timer_stop(s->common.loop, &s->tidy);
	if (s->signal_fd != -1)
		ev_io_stop(s->common.loop, &s->signals);
	fd_close(&s->signal_fd);
	listeners_fini(&s->common.listeners);
	loop_free(s->common.loop);
	spawn_fini();
	journal_fini(&s->common.journal);
	conf_unref(s->conf);
	free(s);
}

/* The first line of the log: who, from what, and where to. */
static void
supervisor_introduce(struct supervisor *s)
{
	const struct listener_set	*set;
	char				 where[1024] = "";
	size_t				 i, k, n = 0;

	for (i = 0; i < s->pool_count; i++) {
		set = s->pools[i]->gen->set;
		for (k = 0; k < set->count && n < sizeof(where); k++)
			n += (size_t)snprintf(where + n, sizeof(where) - n,
			    "%s%s %s", n > 0 ? ", " : "", s->pools[i]->name,
			    set->list[k]->address);
	}
	journal_post(&s->common.journal, LOG_INFO, EV_CONFIG, NULL,
	    "pid %ld, config %s, %s%s", (long)getpid(), s->conf->path,
	    n > 0 ? "listening: " : "no listeners", where);
	n = inherit_close_rest();
	if (n > 0)
		log_warn("%zu inherited listeners are at no address of the "
		    "config; they are closed", n);
}

/* What is not as the config would have it, and goes on regardless. */
static void
supervisor_warn_balance(const struct pool *p)
{
	const struct generation	*g = p->gen;

	if (g->mechanism == MECHANISM_SHARED && g->why[0] != '\0')
		pool_post(p, LOG_WARN, EV_POOL, "its workers share the "
		    "listener, and turns are not exact (balance: shared): %s",
		    g->why);
	else if (g->mechanism == MECHANISM_CLASSIC)
		pool_post(p, LOG_WARN, EV_POOL, "the kernel chooses a worker "
		    "for each connection by chance (classic BPF), and turns "
		    "are not exact: %s", g->why);
	else if (g->mechanism == MECHANISM_HANDOVER && g->why[0] != '\0')
		pool_post(p, LOG_INFO, EV_POOL, "connections are handed over "
		    "one by one; the kernel does not take turns: %s", g->why);
}

struct pool *
supervisor_add_pool(struct supervisor *s, struct conf *c, size_t index,
    struct err *e)
{
	struct pool	**pools, *p;

	pools = realloc(s->pools, (s->pool_count + 1) * sizeof(struct pool *));
	if (pools == NULL) {
		err_set(e, ENOMEM, "pools");
		return NULL;
	}
	s->pools = pools;
	p = pool_new(c, &c->pools[index],
	    capacity_processes(c, &c->pools[index], &s->room), &s->common,
	    &pool_ops, s, e);
	if (p == NULL)
		return NULL;
	if (s->running)
		supervisor_warn_balance(p);
	return pools[s->pool_count++] = p;
}

void
supervisor_remove_pool(struct supervisor *s, struct pool *p)
{
	(void)s;
	p->removed = true;
	pool_stop(p, false);
}

static int
supervisor_start(struct supervisor *s, struct err *e)
{
	size_t	 i;

	for (i = 0; i < s->conf->pool_count; i++)
		if (supervisor_add_pool(s, s->conf, i, e) == NULL)
			return -1;
	supervisor_introduce(s);
	for (i = 0; i < s->pool_count; i++)
		supervisor_warn_balance(s->pools[i]);
	for (i = 0; i < s->pool_count; i++)
		if (pool_start(s->pools[i], e) == -1)
			return -1;
	s->running = true;
	manager_look(&s->manager);
	return 0;
}

struct pool *
supervisor_find(const struct supervisor *s, const char *name)
{
	size_t	 i;

	for (i = 0; i < s->pool_count; i++)
		if (!s->pools[i]->removed &&
		    strcmp(s->pools[i]->name, name) == 0)
			return s->pools[i];
	return NULL;
}

bool
supervisor_is_leaving(const struct supervisor *s, const char *name)
{
	size_t	 i;

	for (i = 0; i < s->pool_count; i++)
		if (s->pools[i]->removed &&
		    strcmp(s->pools[i]->name, name) == 0)
			return true;
	return false;
}

static bool
supervisor_is_over(const struct supervisor *s)
{
	size_t	 i;

	for (i = 0; i < s->pool_count; i++)
		if (!pool_is_over(s->pools[i]))
			return false;
	return true;
}

/* While a config is being applied, a pool may be over and still come back. */
void
supervisor_look_over(struct supervisor *s)
{
	if (supervisor_is_over(s) && (s->now == NULL || s->stopping))
		ev_break(s->common.loop, EVBREAK_ALL);
}

/* Pools that were removed, and whose last process is gone, are forgotten. */
static void
supervisor_tidy(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct supervisor	*s = t->data;
	size_t			 i, n = 0;

	(void)loop;
	(void)revents;
	for (i = 0; i < s->pool_count; i++) {
		if (!s->pools[i]->removed || !pool_is_over(s->pools[i])) {
			s->pools[n++] = s->pools[i];
			continue;
		}
		journal_post(&s->common.journal, LOG_INFO, EV_POOL, NULL,
		    "pool %s is gone", s->pools[i]->name);
		pool_free(s->pools[i]);
	}
	s->pool_count = n;
}

static void
supervisor_pool_changed(void *arg, struct pool *p)
{
	struct supervisor	*s = arg;

	(void)p;
	manager_look(&s->manager);
}

static void
supervisor_pool_ended(void *arg, struct pool *p)
{
	struct supervisor	*s = arg;

	if (p->removed) {
		ev_timer_set(&s->tidy, 0., 0.);
		ev_timer_start(s->common.loop, &s->tidy);
	}
	supervisor_look_over(s);
}

static void
supervisor_progress(void *arg, struct pool *p, unsigned int slot,
    const char *text)
{
	struct supervisor	*s = arg;

	if (s->now != NULL)
		change_progressed(s->now, p, slot, text);
}

static void
supervisor_reloaded(void *arg, struct pool *p,
    const struct reload_result *res)
{
	struct supervisor	*s = arg;

	if (s->now != NULL)
		change_reloaded(s->now, p, res);
}

/* Stop all pools; what stops already is stopped harder. */
void
supervisor_stop(struct supervisor *s, bool at_once)
{
	size_t	 i;

	if (!s->stopping)
		manager_stopping(&s->manager);
	s->stopping = true;
	supervisor_cancel_changes(s);
	for (i = 0; i < s->pool_count; i++)
		pool_stop(s->pools[i], at_once);
	supervisor_look_over(s);
}

/* A change that a signal asks for. */
static void
supervisor_wish(struct supervisor *s, bool apply)
{
	struct err	 e;

	if ((apply ? supervisor_apply(s, s->conf->path, &e) :
	    supervisor_reload(s, NULL, &e)) != NULL)
		return;
	log_info("%s", e.msg);
	manager_reloading(&s->manager);	/* it waits for the end of it */
	manager_reloaded(&s->manager);
}

static void
supervisor_signal(struct supervisor *s, const struct signalfd_siginfo *si)
{
	int	 sig = (int)si->ssi_signo;
	/* A terminal that is closed may send HUP more than once. */
	bool	 at_once = s->stopping && sig != SIGHUP;

	if (sig == SIGCHLD)
		return;			/* the reaper looks for itself */
	journal_post(&s->common.journal, LOG_INFO, EV_COMMAND, NULL,
	    "signal %s from pid %ld", sigabbrev_np(sig), (long)si->ssi_pid);
	if (sig == SIGTERM || sig == SIGINT ||
	    (sig == SIGHUP && s->has_terminal)) {
		log_info("%s", at_once ? "stopping at once" :
		    "stopping; TERM or INT once more to stop at once");
		supervisor_stop(s, at_once);
	} else if (sig == SIGUSR2 || sig == SIGHUP) {
		supervisor_wish(s, sig == SIGHUP);
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
	reaper_collect(s->common.reaper);
}

static int
supervisor_status(const struct supervisor *s)
{
	size_t	 i;

	for (i = 0; i < s->pool_count; i++)
		if (pool_has_failed(s->pools[i]))
			return EXIT_FAILURE;
	return EXIT_SUCCESS;
}

/* Whoever comes in with the last news may have begun something new. */
static void
supervisor_loop(struct supervisor *s)
{
	while (!supervisor_is_over(s) || s->now != NULL)
		(void)ev_run(s->common.loop, 0);
}

/* Started in part: whoever runs already goes at once. */
static void
supervisor_undo(struct supervisor *s)
{
	supervisor_stop(s, true);
	supervisor_loop(s);
}

int
supervisor_run(struct supervisor *s)
{
	struct err	 e;
	int		 status = EXIT_FAILURE;

	if (supervisor_start(s, &e) == -1) {
		log_err("%s", e.msg);
		supervisor_undo(s);
		return status;
	}
	supervisor_loop(s);
	status = supervisor_status(s);
	log_info("ended, exit status %d", status);
	return status;
}
