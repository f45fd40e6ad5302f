/*
 * rota-load: asks an HTTP server many times and accounts for every request:
 * exactly one whole and right answer, and nothing after it.  Prints what it
 * has counted as key=value; exits with 0 only if nothing has failed.
 */
#include "config.h"
#include "load.h"

#include <sys/epoll.h>
#include <sys/resource.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define EXIT_USAGE 2
#define EVENTS_MAX 256
#define STOP_FILE_MS 50

static volatile sig_atomic_t	 is_stopped;

static _Noreturn void
die(const char *what)
{
	(void)fprintf(stderr, "rota-load: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void
on_signal(int sig)
{
	(void)sig;
	is_stopped = 1;
}

static void
write_requests(struct load *l)
{
	static const char	 form[] = "GET %s HTTP/1.1\r\n"
				    "Host: localhost\r\n%s\r\n";

	(void)snprintf(l->keep_request, sizeof(l->keep_request), form,
	    l->opt.path, "");
	if (l->opt.other != NULL)
		(void)snprintf(l->other_request, sizeof(l->other_request),
		    form, l->opt.other, l->opt.keep ? "" :
		    "Connection: close\r\n");
	(void)snprintf(l->last_request, sizeof(l->last_request), form,
	    l->opt.path, "Connection: close\r\n");
}

static void
open_load(struct load *l)
{
	struct rlimit	 rl;
	size_t		 i;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd == -1)
		die("epoll_create1");
	l->tally = tally_new();
	l->conns = calloc(l->opt.concurrency, sizeof(l->conns[0]));
	if (l->tally == NULL || l->conns == NULL)
		die("memory");
	list_init(&l->active);
	list_init(&l->thinking);
	list_init(&l->idle);
	for (i = 0; i < l->opt.concurrency; i++) {
		l->conns[i].fd = -1;
		list_append(&l->idle, &l->conns[i].node);
	}
	write_requests(l);
	l->begun_ns = clock_ns();
}

static void
close_load(struct load *l)
{
	size_t	 i;

	for (i = 0; i < l->opt.concurrency; i++)
		conn_close(&l->conns[i]);
	free(l->conns);
	tally_free(l->tally);
	(void)close(l->epoll_fd);
	if (l->failures != NULL && fclose(l->failures) != 0)
		die("writing the failures");
	if (l->answers != NULL && fclose(l->answers) != 0)
		die("writing the answers");
}

static struct conn *
first_of(struct list *l)
{
	return list_empty(l) ? NULL : LIST_ENTRY(l->next, struct conn, node);
}

/* No further request shall begin. */
static bool
is_over(struct load *l, uint64_t now)
{
	const struct options	*o = &l->opt;

	if (!is_stopped && o->stop_file != NULL &&
	    l->started >= o->at_least && access(o->stop_file, F_OK) == 0)
		is_stopped = 1;
	return is_stopped ||
	    (o->requests > 0 && l->started >= o->requests) ||
	    (o->duration_ms > 0 &&
	    now - l->begun_ns >= o->duration_ms * 1000000u) ||
	    tally_failures(l->tally) >= o->max_failures;
}

/* When the next request may begin at the given rate. */
static uint64_t
next_start(const struct load *l)
{
	if (l->opt.rate == 0)
		return 0;
	return l->begun_ns + l->started * (1000000000u / l->opt.rate);
}

/* Each idle connection once: those that fail come again on the next turn. */
static void
begin_idle(struct load *l, uint64_t now)
{
	uint64_t	 left = l->opt.concurrency;
	struct conn	*c;

	while ((c = first_of(&l->thinking)) != NULL && c->due_ns <= now) {
		list_remove(&c->node);
		list_append(&l->idle, &c->node);
	}
	while (left-- > 0 && (c = first_of(&l->idle)) != NULL &&
	    next_start(l) <= now &&
	    (l->opt.requests == 0 || l->started < l->opt.requests))
		conn_begin(l, c);
}

/* Who has no more to ask takes no server's place from who has. */
static void
close_all(struct list *list)
{
	struct list	*n;

	for (n = list->next; n != list; n = n->next)
		conn_close(LIST_ENTRY(n, struct conn, node));
}

static void
expire_active(struct load *l, uint64_t now)
{
	struct conn	*c;

	while ((c = first_of(&l->active)) != NULL &&
	    c->begun_ns + l->opt.timeout_ms * 1000000u <= now)
		conn_expire(l, c);
}

static void
sooner(uint64_t *when, uint64_t other)
{
	if (other < *when)
		*when = other;
}

/* Milliseconds until something is due. */
static int
time_to_wait(struct load *l, uint64_t now, bool over)
{
	uint64_t	 when = now + 3600000000000u;
	struct conn	*c;

	if ((c = first_of(&l->active)) != NULL)
		sooner(&when, c->begun_ns + l->opt.timeout_ms * 1000000u);
	if (!over && (c = first_of(&l->thinking)) != NULL)
		sooner(&when, c->due_ns);
	if (!over && !list_empty(&l->idle))
		sooner(&when, next_start(l));
	if (!over && l->opt.duration_ms > 0)
		sooner(&when, l->begun_ns + l->opt.duration_ms * 1000000u);
	if (!over && l->opt.stop_file != NULL)
		sooner(&when, now + STOP_FILE_MS * 1000000u);
	if (when <= now)
		return 0;
	return (int)((when - now + 999999u) / 1000000u);
}

static void
run(struct load *l, const sigset_t *unblocked)
{
	struct epoll_event	 events[EVENTS_MAX];
	uint64_t		 now;
	bool			 over;
	int			 i, n;

	for (;;) {
		now = clock_ns();
		expire_active(l, now);
		over = is_over(l, now);
		if (!over)
			begin_idle(l, now);
		else if (list_empty(&l->active))
			return;
		if (over) {
			close_all(&l->idle);
			close_all(&l->thinking);
		}
		n = epoll_pwait(l->epoll_fd, events, EVENTS_MAX,
		    time_to_wait(l, now, over), unblocked);
		if (n == -1 && errno != EINTR)
			die("epoll_pwait");
		for (i = 0; i < n; i++)
			conn_event(l, events[i].data.ptr);
	}
}

/* A stop request is only seen while the client waits. */
static void
catch_signals(sigset_t *ret_unblocked)
{
	struct sigaction	 sa = { .sa_handler = on_signal };
	sigset_t		 stops;

	(void)sigemptyset(&stops);
	(void)sigaddset(&stops, SIGTERM);
	(void)sigaddset(&stops, SIGINT);
	if (sigprocmask(SIG_BLOCK, &stops, ret_unblocked) == -1 ||
	    sigaction(SIGTERM, &sa, NULL) == -1 ||
	    sigaction(SIGINT, &sa, NULL) == -1)
		die("signals");
	(void)sigdelset(ret_unblocked, SIGTERM);
	(void)sigdelset(ret_unblocked, SIGINT);
}

int
main(int argc, char **argv)
{
	static struct load	 l = { .opt = {
		.concurrency = 1, .timeout_ms = 30000, .path = "/",
		.host = "127.0.0.1", .max_failures = 10000
	} };
	sigset_t		 unblocked;
	uint64_t		 failed;

	catch_signals(&unblocked);
	if (options_read(&l, argc, argv) == -1)
		return EXIT_USAGE;
	open_load(&l);
	run(&l, &unblocked);
	tally_print(l.tally, stdout, (double)(clock_ns() - l.begun_ns) / 1e9);
	failed = tally_failures(l.tally);
	close_load(&l);
	if (fflush(stdout) == EOF)
		die("stdout");
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
