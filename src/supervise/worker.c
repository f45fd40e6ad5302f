#include "config.h"
#include "supervise/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "config/conf.h"
#include "ipc/dialect.h"
#include "ipc/message.h"
#include "ipc/proto.h"
#include "os/loop.h"
#include "os/reaper.h"
#include "os/tree.h"
#include "supervise/common.h"
#include "supervise/dispatch.h"
#include "supervise/generation.h"
#include "supervise/launch.h"
#include "supervise/nodelink.h"
#include "supervise/nodequeue.h"
#include "supervise/seat.h"

/* How often SIGKILL is repeated to a process that does not die of it. */
#define KILL_AGAIN_MS	5000
#define EMPTY_LOOK_SECONDS 0.01
#define EMPTY_MOST_MS	1000	/* then others get what is left */
#define HUNG_MOST_MS	2000	/* it stops, and is emptied, within */
#define EVENT_SHOWN	200

#define WORKER_NAME "%s[%u] pid %ld"
#define WORKER_ARGS(w) (w)->job.pool, (w)->job.slot, (long)(w)->pid

static void	worker_handle(struct worker *, enum worker_event);
static void	worker_emptying(struct ev_loop *, ev_timer *, int);

struct about
worker_about(const struct worker *w)
{
	struct about	 a = { w->job.pool, (int)w->job.slot, w->pid,
			    w->gen->number };

	return a;
}

void
worker_complain(struct worker *w, const char *what, const char *detail)
{
	unsigned int	 more;

	if (!limit_pass(&w->complaints, clock_ms(), &more))
		return;
	worker_post(w, LOG_WARN, EV_TROUBLE, "%s: %s; the line is dropped",
	    what, detail);
	if (more > 0)
		worker_post(w, LOG_WARN, EV_TROUBLE, "%u more bad lines were "
		    "dropped", more);
}

/* What it wants to be known, for the log. */
static void
worker_say(struct worker *w, const char *kind, const char *text, size_t len)
{
	unsigned int	 more;

	if (!limit_pass(&w->events, clock_ms(), &more))
		return;
	log_info(WORKER_NAME ": %s: %.*s%s", WORKER_ARGS(w), kind,
	    (int)(len > EVENT_SHOWN ? EVENT_SHOWN : len), text,
	    len > EVENT_SHOWN ? "..." : "");
	if (more > 0)
		log_info(WORKER_NAME ": %u more were not logged",
		    WORKER_ARGS(w), more);
}

/* And for who watches, as it is. */
static void
worker_remember(struct worker *w, enum event_kind kind, const char *json,
    size_t len)
{
	const struct about	 a = worker_about(w);

	journal_message(&w->job.common->journal, kind, &a, json, len);
}

void
worker_set_status(struct worker *w, const char *text)
{
	char	*copy = strdup(text);

	worker_say(w, "status", text, strlen(text));
	if (copy == NULL)
		return;
	free(w->text);
	w->text = copy;
}

static void
worker_says_ready(struct worker *w)
{
	enum conf_ready	 when = w->gen->conf->ready.when;

	w->said_ready = true;
	if (when == CONF_READY_MESSAGE || when == CONF_READY_LISTENING)
		worker_is_up(w);
}

void
worker_heard(struct worker *w, const char *line, size_t len)
{
	struct proto_in	 in;

	if (w->gen->dialect->parse == NULL ||
	    (w->link != NULL && nodelink_line(w->link, line, len)))
		return;

	w->gen->dialect->parse(line, len, &in);
	switch (in.kind) {
	case PROTO_BAD:
		worker_complain(w, "bad message", in.text);
		break;
	case PROTO_UNKNOWN:
		worker_complain(w, "unknown kind of message", in.text);
		break;
	case PROTO_READY:
		worker_says_ready(w);
		break;
	case PROTO_STATUS:
		worker_set_status(w, in.text);
		worker_remember(w, EV_STATUS, line, len);
		break;
	case PROTO_PUBLISH:
		worker_remember(w, EV_PUBLISH, in.data->data, in.data->len);
		w->job.ops->publish(w->job.arg, w, in.data);
		message_unref(in.data);
		break;
	case PROTO_EVENT:
		worker_say(w, "message", line, len);
		worker_remember(w, EV_MESSAGE, line, len);
		if (in.says_ready)
			worker_says_ready(w);
		break;
	case PROTO_PONG:
		break;
	}
}

static void
worker_line(void *arg, const char *line, size_t len)
{
	worker_heard(arg, line, len);
}

/* No more messages from there; the worker itself goes on. */
static void
worker_channel_closed(void *arg, const char *why)
{
	struct worker	*w = arg;

	if (why != NULL)
		worker_post(w, LOG_WARN, EV_TROUBLE, "its channel is closed: "
		    "%s; it gets no more messages", why);
	else
		worker_post(w, LOG_DEBUG, EV_STATUS, "closed its channel");
	if (w->link != NULL)
		nodelink_close(w->link);
	/* It was told to leave by a message that it will never read. */
	if (w->state == WS_DRAINING && w->channel.unsent && !w->reaped)
		worker_signal_group(w, w->gen->conf->stop.signal);
}

/* There is room in its channel again. */
static void
worker_channel_room(void *arg)
{
	struct worker	*w = arg;

	nodequeue_room(w->link);
}

static const struct channel_ops channel_ops = {
	.line = worker_line,
	.closed = worker_channel_closed,
	.room = worker_channel_room,
};

/* Said once it is known: the pid, which rota-ipc(7) promises. */
static void
worker_hello(struct worker *w)
{
	struct proto_listener	 l[CONF_LISTEN_MAX];
	const struct conf_pool	*c = w->gen->conf;
	struct proto_hello	 h = {
		.pool = w->job.pool,
		.slot = w->job.slot,
		.count = w->job.count,
		.generation = w->gen->number,
		.pid = w->pid,
		.listeners = l,
		.listener_count = w->gen->set->count,
		.stop_timeout_ms = c->stop.timeout_ms,
		.on_supervisor_exit =
		    c->on_supervisor_exit == CONF_ORPHAN_STOP ?
		    "stop" : "continue",
	};
	struct message		*m;
	size_t			 i;

	for (i = 0; i < h.listener_count && i < c->listen_count; i++) {
		l[i].name = c->listen[i].name;
		l[i].address = w->gen->set->list[i]->address;
		l[i].fd = queue_is_fed(w->queue) ? -1 :
		    LAUNCH_FIRST_FD + (int)i;
	}
	m = w->gen->dialect->hello(&h);
	if (m == NULL) {
		worker_post(w, LOG_WARN, EV_TROUBLE,
		    "out of memory; it gets no hello");
		return;
	}
	(void)channel_send(&w->channel, m, CHANNEL_PROTOCOL);
	message_unref(m);
}

/* Ask it to leave: in words if it understands them, else by its signal. */
static void
worker_leave(struct worker *w)
{
	struct message	*m;
	int		 r = -1;

	if (w->said_ready && w->gen->dialect->disconnect != NULL) {
		m = w->gen->dialect->disconnect(
		    w->gen->conf->stop.timeout_ms);
		if (m != NULL)
			r = channel_send(&w->channel, m, CHANNEL_PROTOCOL);
		message_unref(m);
	}
	if (r == -1)
		worker_signal_group(w, w->gen->conf->stop.signal);
	if (w->queue != NULL && w->queue->seat != NULL)
		queue_leave(w->queue);
}

/* What it has not done that would have made it ready, or NULL. */
static const char *
worker_missing(const struct worker *w)
{
	if (w->gen->conf->ready.when != CONF_READY_MESSAGE)
		return w->readiness.kind->missing;
	if (w->gen->dialect->acks)
		return "it has not acknowledged its start (worker:ack, see "
		    "rota-ipc(7); a program that does not needs 'ready: "
		    "{when: delay}')";
	return "it has not said {\"rota\":\"ready\"} (see rota-ipc(7); a "
	    "program that cannot needs 'dialect: plain')";
}

/* A worker has overstepped the limit of its state. */
static void
worker_say_late(struct worker *w)
{
	const struct conf_pool	*c = w->gen->conf;
	const char		*missing = worker_missing(w);

	if (w->state == WS_STARTING)
		worker_post(w, LOG_WARN, EV_LATE, "not ready after %llu ms%s"
		    "%s; killing it", (unsigned long long)c->ready.timeout_ms,
		    missing != NULL ? ": " : "", missing != NULL ? missing :
		    "");
	else if (w->state == WS_DRAINING)
		worker_post(w, LOG_WARN, EV_LATE, "still there %llu ms after "
		    "it was told to leave; killing it and all its children",
		    (unsigned long long)c->stop.timeout_ms);
	else if (w->state == WS_HUNG)
		worker_post(w, LOG_WARN, EV_LATE, "does not stop within %d "
		    "ms, what it has accepted is lost; killing it",
		    HUNG_MOST_MS);
	else
		worker_post(w, LOG_WARN, EV_LATE,
		    "does not die of SIGKILL; trying again");
}

/* The time that a state may last; 0: for ever. */
static uint64_t
worker_state_limit(const struct worker *w)
{
	switch (w->state) {
	case WS_STARTING:
		return w->gen->conf->ready.timeout_ms;
	case WS_EMPTYING:
		return EMPTY_MOST_MS;
	case WS_DRAINING:
		return w->gen->conf->stop.timeout_ms;
	case WS_HUNG:
		return HUNG_MOST_MS;
	case WS_KILLED:
		return KILL_AGAIN_MS;
	case WS_READY:
	case WS_GONE:
	case WS__COUNT:
		break;
	}
	return 0;
}

/* Arm the timer for the state that has just been entered. */
static void
worker_set_limit(struct worker *w)
{
	uint64_t	 ms = worker_state_limit(w);

	ev_timer_stop(w->job.common->loop, &w->limit);
	if (ms == 0 && w->state != WS_DRAINING)
		return;
	ev_timer_set(&w->limit, loop_seconds(ms), 0.);
	ev_timer_start(w->job.common->loop, &w->limit);
}

void
worker_extend(struct worker *w, uint64_t ms)
{
	if (!ev_is_active(&w->limit) || w->state == WS_KILLED ||
	    worker_time_left(w) >= ms)
		return;
	ev_timer_stop(w->job.common->loop, &w->limit);
	ev_timer_set(&w->limit, loop_seconds(ms), 0.);
	ev_timer_start(w->job.common->loop, &w->limit);
}

/*
 * What waits in listeners of its own it takes before it is told to leave,
 * since many that are told so close what they have accepted and not yet
 * read.  Nothing twice in a row: what it took last it has begun.
 */
static void
worker_look_empty(struct worker *w)
{
	struct ev_loop	*loop = w->job.common->loop;

	if (w->queue == NULL || w->queue->seat == NULL) {
		worker_handle(w, WE_EMPTY);
		return;
	}
	w->was_empty = false;
	ev_timer_set(&w->emptying, EMPTY_LOOK_SECONDS, EMPTY_LOOK_SECONDS);
	ev_timer_start(loop, &w->emptying);
}

/* What others have, too, is not to fill it again meanwhile. */
static void
worker_hush(struct worker *w, bool on)
{
	if (w->hushes == on || w->queue == NULL || w->queue->seat == NULL)
		return;
	w->hushes = on;
	seat_hush(w->queue->seat, on);
}

static void
worker_emptying(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct worker	*w = t->data;
	struct seat	*seat = w->queue->seat;
	bool		 is_empty = seat_waiting(seat) == 0 &&
			    seat_is_still(seat);

	(void)revents;
	if (w->state != WS_EMPTYING) {
		ev_timer_stop(loop, t);
	} else if (is_empty && w->was_empty) {
		worker_handle(w, WE_EMPTY);
	} else {
		w->was_empty = is_empty;
	}
}

/* It is not to run on while others get what it has. */
static void
worker_freeze(struct worker *w)
{
	w->ending.hung = true;
	worker_signal_group(w, SIGSTOP);
	rescue_begin(&w->rescue);
}

void
worker_is_rescued(struct worker *w)
{
	worker_handle(w, WE_EMPTY);
}

/* The only place where a worker's state changes. */
static void
worker_handle(struct worker *w, enum worker_event ev)
{
	struct worker_step	 st = worker_step(w->state, ev);
	enum worker_state	 old = w->state;

	if (st.acts & WA_BUG)
		log_err(WORKER_NAME ": bug: event %s in state %s",
		    WORKER_ARGS(w), worker_event_name(ev),
		    worker_state_name(w->state));
	if (st.acts & WA_LATE) {
		worker_say_late(w);
		w->overdue = w->overdue || old == WS_DRAINING;
	}
	if (ev == WE_STOP || ev == WE_KILL || ev == WE_HANG)
		w->ending.asked = true;
	w->state = st.next;
	if (st.next != old || (st.acts & WA_KILL)) {
		log_debug(WORKER_NAME ": %s -> %s", WORKER_ARGS(w),
		    worker_state_name(old), worker_state_name(w->state));
		if (w->state != WS_STARTING)
			ready_end(&w->readiness);
		rescue_end(&w->rescue);
		worker_hush(w, w->state == WS_EMPTYING);
		worker_set_limit(w);
		worker_heartbeat(w);
	}
	if (st.acts & WA_FREEZE)
		worker_freeze(w);
	if (st.acts & WA_EMPTY)
		worker_look_empty(w);
	if (st.acts & WA_LEAVE) {
		ev_timer_stop(w->job.common->loop, &w->emptying);
		worker_leave(w);
	}
	if (st.acts & WA_KILL)
		worker_main_kill(w);
	if (st.acts & WA_SERVE) {
		w->was_ready = true;
		w->ready_ms = clock_ms();
		w->job.ops->ready(w->job.arg, w);
	}
	if (st.acts & WA_OBITUARY)
		w->job.ops->gone(w->job.arg, w);	/* frees it */
}

void
worker_is_up(struct worker *w)
{
	if (!w->reaped)
		worker_handle(w, WE_READY);
}

static void
worker_limit_over(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	worker_handle(t->data, WE_LIMIT);
}

/* Reaped: hear its last words, then let the pool know. */
void
worker_exited(void *arg, pid_t pid, int status)
{
	struct worker	*w = arg;

	if (worker_main_goes_on(w, pid))
		return;
	w->reaped = true;
	w->ended_ms = clock_ms();
	w->ending.signaled = WIFSIGNALED(status);
	w->ending.code = WIFSIGNALED(status) ? WTERMSIG(status) :
	    WEXITSTATUS(status);
	worker_main_over(w, pid);
	channel_drain(&w->channel);
	channel_close(&w->channel);
	w->ending.rude = !w->ending.asked && nodelink_was_rude(w->link);
	nodelink_end(w->link);
	output_drain(&w->output);
	output_close(&w->output);
	worker_handle(w, WE_EXIT);
}

struct worker *
worker_find(const struct reaper *r, pid_t pid)
{
	struct worker	*w = reaper_arg(r, pid, worker_exited);

	return w != NULL || pid <= 0 ? w :
	    reaper_arg(r, getsid(pid), worker_exited);
}

/* Everything that runs only when the process does. */
static void
worker_begin(struct worker *w, const struct launched *l)
{
	const struct conf_pool	*c = w->gen->conf;
	const struct output_to	 to = {
		.journal = &w->job.common->journal,
		.history = w->job.history,
		.format = c->log_format,
		.pool = w->job.pool,
		.slot = (int)w->job.slot,
		.pid = l->pid,
	};

	worker_main_begin(w, l->pid);
	w->state = WS_STARTING;
	output_init(&w->output, w->job.common->loop, l->out_fd, &to);
	if (l->ipc_fd != -1) {
		channel_init(&w->channel, w->job.common->loop, l->ipc_fd,
		    &channel_ops, w);
		if (w->link != NULL)
			nodelink_begin(w->link, w);
		if (w->gen->dialect->hello != NULL)
			worker_hello(w);
	}
	worker_set_limit(w);
	ready_begin(&w->readiness, l->ready_fd);
}

/* Where it speaks Node's protocol; 0, or -1 with *e set. */
static int
worker_open_link(struct worker *w, struct err *e)
{
	if (!w->job.gen->dialect->asks)
		return 0;
	w->link = nodelink_open(w->job.queue, e);
	return w->link != NULL ? 0 : -1;
}

static void
worker_not_started(struct worker *w)
{
	nodelink_unref(w->link);
	ready_fini(&w->readiness);
	free(w);
}

struct worker *
worker_start(const struct worker_job *job, struct err *e)
{
	struct worker	*w = calloc(1, sizeof(*w));
	struct launched	 l;

	if (w == NULL) {
		err_set(e, ENOMEM, "worker");
		return NULL;
	}
	list_init(&w->node);
	w->job = *job;
	w->channel.fd = w->output.fd = -1;
	ev_timer_init(&w->limit, worker_limit_over, 0., 0.);
	ev_timer_init(&w->emptying, worker_emptying, 0., 0.);
	w->emptying.data = w;
	w->limit.data = w;
	ready_init(&w->readiness, w);
	rescue_init(&w->rescue, w);
	worker_main_init(w);
	worker_heartbeat_init(w);
	if (ready_prepare(&w->readiness, job->gen->conf->ready.when,
	    e) == -1 || worker_open_link(w, e) == -1 ||
	    launch(job, &l, e) == -1) {
		worker_not_started(w);
		return NULL;
	}
	if (reaper_watch(job->common->reaper, l.pid, worker_exited, w,
	    e) == -1) {
		tree_kill(l.pid);	/* reaped as a stray */
		launched_close(&l);
		worker_not_started(w);
		return NULL;
	}
	w->gen = generation_ref(job->gen);
	if (job->queue != NULL)
		w->queue = queue_ref(job->queue);
	ev_now_update(job->common->loop);
	w->started_ms = clock_ms();
	worker_begin(w, &l);
	return w;
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	ev_timer_stop(w->job.common->loop, &w->limit);
	ev_timer_stop(w->job.common->loop, &w->emptying);
	ready_fini(&w->readiness);
	rescue_end(&w->rescue);
	worker_main_fini(w);
	ev_timer_stop(w->job.common->loop, &w->heartbeat);
	channel_close(&w->channel);
	output_close(&w->output);
	nodelink_end(w->link);
	nodelink_unref(w->link);
	queue_unref(w->queue);
	generation_unref(w->gen);
	free(w->text);
	free(w);
}

void
worker_stop(struct worker *w)
{
	worker_handle(w, WE_STOP);
}

void
worker_kill(struct worker *w)
{
	worker_handle(w, WE_KILL);
}

void
worker_hang(struct worker *w)
{
	worker_handle(w, WE_HANG);
}

bool
worker_is_ready(const struct worker *w)
{
	return w->state == WS_READY;
}

bool
worker_send(struct worker *w, struct message *m, int how)
{
	return worker_is_ready(w) && channel_send(&w->channel, m, how) == 0;
}

void
ending_describe(const struct ending *e, char *buf, size_t size)
{
	if (e->signaled)
		(void)snprintf(buf, size, "signal %d (%s)%s", e->code,
		    strsignal(e->code), e->hung ? ", hung" :
		    e->asked ? ", ours" : "");
	else
		(void)snprintf(buf, size, "exit status %d", e->code);
}

void
worker_describe_end(const struct worker *w, char *buf, size_t size)
{
	ending_describe(&w->ending, buf, size);
}

uint64_t
worker_time_left(struct worker *w)
{
	ev_tstamp	 left = 0.;

	if (ev_is_active(&w->limit))
		left = ev_timer_remaining(w->job.common->loop, &w->limit);
	return left > 0. ? (uint64_t)(left * 1000.) : 0;
}

uint64_t
worker_ready_time(const struct worker *w)
{
	uint64_t	 until = w->ended_ms ? w->ended_ms : clock_ms();

	return w->was_ready ? until - w->ready_ms : 0;
}
