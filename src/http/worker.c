#include "config.h"
#include "http/worker.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "http/faults.h"
#include "http/intake.h"
#include "http/server.h"
#include "http/value.h"
#include "librota/rota.h"

#define EVENTS_MAX	128
#define EXIT_USAGE	2
#define IDENTITY_SIZE	256

/* Our own descriptors in the set; all else there is the server's. */
enum tag { TAG_HTTP, TAG_INTAKE, TAG_LINK, TAG_SIGNAL, TAG__COUNT };

struct worker {
	const struct options	*opt;
	struct rota		*rota;		/* NULL: running alone */
	struct server		*server;
	struct intake		 intake;
	int			 epoll, signals;
	int			 link_fd;	/* in the set, or -1 */
	short			 link_events;
	uint64_t		 now_ms;
	uint64_t		 ready_ms;	/* when to be; 0: done */
	uint64_t		 die_ms;	/* 0: not so */
	bool			 draining;
	char			 identity[IDENTITY_SIZE];
};

static int
complain(const struct err *e)
{
	(void)fprintf(stderr, "rota-http: %s\n", e->msg);
	return EXIT_FAILURE;
}

static int
watch(struct worker *w, int fd, enum tag tag, struct err *e)
{
	struct epoll_event	 ev = { .events = EPOLLIN, .data.u64 = tag };

	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev) == -1)
		return err_set(e, errno, "epoll: %s", strerror(errno));
	return 0;
}

/* --- the supervisor's side ------------------------------------------------ */

/* Poll the link as it wants to be polled now. */
static void
link_watch(struct worker *w)
{
	struct epoll_event	 ev = { .data.u64 = TAG_LINK };
	int			 fd = rota_fd(w->rota);
	short			 events = rota_fd_events(w->rota);

	if (fd == w->link_fd && events == w->link_events)
		return;
	if (w->link_fd != -1)
		(void)epoll_ctl(w->epoll, EPOLL_CTL_DEL, w->link_fd, NULL);
	ev.events = (events & POLLOUT) != 0 ? EPOLLIN | EPOLLOUT : EPOLLIN;
	if (fd != -1)
		(void)epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev);
	w->link_fd = fd;
	w->link_events = events;
}

static void
worker_drain(struct worker *w)
{
	if (w->draining || w->opt->faults.ignore_term)
		return;
	w->draining = true;
	server_drain(w->server);
	intake_drain(&w->intake, w->now_ms);
}

static void
link_event(struct worker *w, const struct rota_event *ev)
{
	char	*value;

	switch (ev->type) {
	case ROTA_MESSAGE:
		value = value_of(ev->json);
		if (value != NULL)
			server_set_value(w->server, value);
		break;
	case ROTA_DISCONNECT:
	case ROTA_GONE:
		worker_drain(w);
		break;
	case ROTA_HELLO:
	case ROTA_CLOSED:
	case ROTA_CONNECTION:
		break;
	}
	intake_watch(&w->intake);
}

static void
link_run(struct worker *w)
{
	struct rota_event	 ev;

	while (rota_next(w->rota, &ev, 0) == 1)
		link_event(w, &ev);
	link_watch(w);
}

/* --- time ----------------------------------------------------------------- */

/* Begin to serve, and say so. */
static int
worker_ready(struct worker *w, struct err *e)
{
	const struct faults	*f = &w->opt->faults;

	w->ready_ms = 0;
	if (intake_start(&w->intake, w->opt, e) == -1)
		return -1;
	if (w->rota != NULL) {
		(void)rota_ready(w->rota);
		link_watch(w);
	}
	if (f->die_after)
		w->die_ms = w->now_ms + f->die_after_ms + 1;
	return 0;
}

static int
worker_timers(struct worker *w, struct err *e)
{
	if (w->die_ms != 0 && w->now_ms >= w->die_ms)
		faults_die(&w->opt->faults.death);
	if (w->ready_ms != 0 && w->now_ms >= w->ready_ms && !w->draining &&
	    worker_ready(w, e) == -1)
		return -1;
	intake_retry(&w->intake, w->now_ms);
	return 0;
}

static int64_t
sooner(int64_t known, uint64_t at_ms, uint64_t now_ms)
{
	int64_t	 left = at_ms > now_ms ? (int64_t)(at_ms - now_ms) : 0;

	return known == -1 || left < known ? left : known;
}

static int
worker_timeout(struct worker *w)
{
	int64_t	 t = server_timeout_ms(w->server, w->now_ms);

	if (intake_is_ending(&w->intake))
		return 0;
	if (w->ready_ms != 0)
		t = sooner(t, w->ready_ms, w->now_ms);
	if (w->die_ms != 0)
		t = sooner(t, w->die_ms, w->now_ms);
	if (w->intake.blocked)
		t = sooner(t, w->intake.retry_ms, w->now_ms);
	return t > INT_MAX ? INT_MAX : (int)t;
}

/* --- the loop ------------------------------------------------------------- */

static void
worker_signal(struct worker *w)
{
	struct signalfd_siginfo	 si;

	while (read(w->signals, &si, sizeof(si)) == (ssize_t)sizeof(si))
		worker_drain(w);
}

static void
worker_event(struct worker *w, const struct epoll_event *ev)
{
	if (ev->data.u64 >= TAG__COUNT) {
		server_readable(w->server, ev->data.ptr);
		return;
	}
	switch ((enum tag)ev->data.u64) {
	case TAG_INTAKE:
		(void)intake_take(&w->intake, w->now_ms);
		break;
	case TAG_LINK:
		link_run(w);
		break;
	case TAG_SIGNAL:
		worker_signal(w);
		break;
	case TAG_HTTP:
	case TAG__COUNT:
		break;
	}
}

static int
worker_turn(struct worker *w, struct err *e)
{
	struct epoll_event	 ev[EVENTS_MAX];
	int			 i, n;

	n = epoll_wait(w->epoll, ev, EVENTS_MAX, worker_timeout(w));
	if (n == -1 && errno != EINTR)
		return err_set(e, errno, "epoll: %s", strerror(errno));
	w->now_ms = clock_ms();
	for (i = 0; i < n; i++)
		worker_event(w, &ev[i]);
	if (intake_is_ending(&w->intake))
		(void)intake_take(&w->intake, w->now_ms);
	server_run(w->server, w->now_ms);
	return worker_timers(w, e);
}

static bool
worker_is_done(const struct worker *w)
{
	return w->draining && !w->intake.open &&
	    server_connections(w->server) == 0;
}

/* --- beginning and end ---------------------------------------------------- */

/* SIGPIPE for stdout too: the log's reader may go before us. */
static int
worker_signals(struct worker *w, struct err *e)
{
	sigset_t	 set;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		return err_set(e, errno, "sigprocmask: %s", strerror(errno));
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->signals == -1)
		return err_set(e, errno, "signalfd: %s", strerror(errno));
	return watch(w, w->signals, TAG_SIGNAL, e);
}

/* As many connections as we may have; epoll does not mind large numbers. */
static void
worker_raise_limit(void)
{
	struct rlimit	 rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return;
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
}

static const char *
worker_identity(struct worker *w)
{
	if (w->opt->id == NULL)
		return NULL;
	if (w->rota == NULL)
		(void)snprintf(w->identity, sizeof(w->identity), "%s",
		    w->opt->id);
	else
		(void)snprintf(w->identity, sizeof(w->identity),
		    "%s slot=%u generation=%u", w->opt->id,
		    rota_slot(w->rota), rota_generation(w->rota));
	return w->identity;
}

static int
worker_init(struct worker *w, struct err *e)
{
	const struct faults	*f = &w->opt->faults;

	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll == -1)
		return err_set(e, errno, "epoll: %s", strerror(errno));
	if (worker_signals(w, e) == -1 ||
	    intake_init(&w->intake, w->opt, e) == -1)
		return -1;
	worker_raise_limit();
	w->server = server_new(w->opt, worker_identity(w), w->epoll, e);
	if (w->server == NULL)
		return -1;
	w->intake.rota = w->rota;
	w->intake.server = w->server;
	w->intake.epoll = w->epoll;
	w->intake.tag = TAG_INTAKE;
	if (w->rota != NULL)
		link_watch(w);
	w->now_ms = clock_ms();
	w->ready_ms = f->never_ready ? 0 : w->now_ms + f->start_delay_ms;
	return watch(w, server_fd(w->server), TAG_HTTP, e);
}

static void
worker_fini(struct worker *w)
{
	intake_close(&w->intake);
	server_free(w->server);
	rota_close(w->rota);
	fd_close(&w->signals);
	fd_close(&w->epoll);
}

static int
worker_connect(struct worker *w)
{
	w->rota = rota_connect();
	if (w->rota != NULL)
		return 0;
	if (errno != ENOENT) {
		(void)fprintf(stderr, "rota-http: the environment's ROTA_IPC_FD"
		    " or ROTA_CONN_FD: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	if (w->opt->listen_count == 0 && w->opt->listen_fd == -1) {
		(void)fprintf(stderr, "rota-http: not started by rota run: "
		    "needs --port or --listen\n");
		return EXIT_USAGE;
	}
	return 0;
}

int
worker_main(const struct options *o)
{
	struct worker	 w = { .opt = o, .epoll = -1, .signals = -1,
	    .link_fd = -1, .intake.journal = -1 };
	struct err	 e;
	int		 status = worker_connect(&w);

	if (status != 0)
		return status;
	if (worker_init(&w, &e) == -1 || worker_timers(&w, &e) == -1)
		status = complain(&e);
	while (status == 0 && !worker_is_done(&w))
		if (worker_turn(&w, &e) == -1)
			status = complain(&e);
	worker_fini(&w);
	return status;
}
