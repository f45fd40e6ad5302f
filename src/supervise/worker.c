#include "config.h"
#include "supervise/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "config/conf.h"
#include "ipc/message.h"
#include "ipc/proto.h"
#include "os/loop.h"
#include "os/reaper.h"
#include "os/tree.h"
#include "supervise/generation.h"
#include "supervise/launch.h"
#include "supervise/dispatch.h"

/* How often SIGKILL is repeated to a process that does not die of it. */
#define KILL_AGAIN_MS	5000
#define EVENT_SHOWN	200

static void	worker_handle(struct worker *, enum worker_event);

#define WORKER_NAME "%s[%u] pid %ld"
#define WORKER_ARGS(w) (w)->job.conf->name, (w)->job.slot, (long)(w)->pid

/* Something bad that this worker does, at a limited rate. */
static void
worker_complain(struct worker *w, const char *what, const char *detail)
{
	unsigned int	 more;

	if (!limit_pass(&w->complaints, clock_ms(), &more))
		return;
	log_warn(WORKER_NAME ": %s: %s; the line is dropped", WORKER_ARGS(w),
	    what, detail);
	if (more > 0)
		log_warn(WORKER_NAME ": %u more bad lines were dropped",
		    WORKER_ARGS(w), more);
}

/* What it wants to be known: an event, for the log. */
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

/* Whether {"rota":"ready"} counts as the sign of readiness. */
static bool
worker_awaits_message(const struct worker *w)
{
	return w->job.conf->ready.when == CONF_READY_MESSAGE;
}

static void
worker_line(void *arg, const char *line, size_t len)
{
	struct worker	*w = arg;
	struct proto_in	 in;

	proto_parse(line, len, &in);
	switch (in.kind) {
	case PROTO_BAD:
		worker_complain(w, "bad message", in.text);
		break;
	case PROTO_UNKNOWN:
		worker_complain(w, "unknown kind of message", in.text);
		break;
	case PROTO_READY:
		w->said_ready = true;
		if (worker_awaits_message(w) && !w->reaped)
			worker_handle(w, WE_READY);
		break;
	case PROTO_STATUS:
		worker_say(w, "status", in.text, strlen(in.text));
		break;
	case PROTO_PUBLISH:
		w->job.ops->publish(w->job.arg, w, in.data);
		message_unref(in.data);
		break;
	case PROTO_EVENT:
		worker_say(w, "message", line, len);
		break;
	case PROTO_PONG:
		break;
	}
}

/* No more messages from there; the worker itself goes on. */
static void
worker_channel_closed(void *arg, const char *why)
{
	struct worker	*w = arg;

	if (why != NULL)
		log_warn(WORKER_NAME ": its channel is closed: %s; it gets "
		    "no more messages", WORKER_ARGS(w), why);
	else
		log_debug(WORKER_NAME ": closed its channel", WORKER_ARGS(w));
	/* It was told to leave by a message that it will never read. */
	if (w->state == WS_DRAINING && w->channel.unsent && !w->reaped)
		tree_signal_group(w->pid, w->job.conf->stop.signal);
}

static const struct channel_ops channel_ops = {
	.line = worker_line,
	.closed = worker_channel_closed,
};

/* Said once it is known: the pid, which rota-ipc(7) promises. */
static void
worker_hello(struct worker *w)
{
	struct proto_listener	 l[CONF_LISTEN_MAX];
	const struct conf_pool	*c = w->job.conf;
	struct proto_hello	 h = {
		.pool = c->name,
		.slot = w->job.slot,
		.count = (unsigned int)c->count,
		.generation = w->gen->number,
		.pid = w->pid,
		.listeners = l,
		.listener_count = w->job.listener_count,
		.stop_timeout_ms = c->stop.timeout_ms,
		.on_supervisor_exit =
		    c->on_supervisor_exit == CONF_ORPHAN_STOP ?
		    "stop" : "continue",
	};
	struct message		*m;
	size_t			 i;

	for (i = 0; i < h.listener_count; i++) {
		l[i].name = c->listen[i].name;
		l[i].address = w->job.addresses[i];
		l[i].fd = w->queue != NULL ? -1 : LAUNCH_FIRST_FD + (int)i;
	}
	m = proto_hello(&h);
	if (m == NULL) {
		log_warn(WORKER_NAME ": out of memory; it gets no hello",
		    WORKER_ARGS(w));
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

	if (w->said_ready) {
		m = proto_disconnect(w->job.conf->stop.timeout_ms);
		if (m != NULL)
			r = channel_send(&w->channel, m, CHANNEL_PROTOCOL);
		message_unref(m);
	}
	if (r == -1)
		tree_signal_group(w->pid, w->job.conf->stop.signal);
}

/* A worker has overstepped the limit of its state. */
static void
worker_say_late(struct worker *w)
{
	const struct conf_pool	*c = w->job.conf;

	if (w->state == WS_STARTING && worker_awaits_message(w))
		log_warn(WORKER_NAME ": not ready after %llu ms: it has not "
		    "said {\"rota\":\"ready\"} (see rota-ipc(7); a program "
		    "that cannot needs 'dialect: plain'); killing it",
		    WORKER_ARGS(w), (unsigned long long)c->ready.timeout_ms);
	else if (w->state == WS_STARTING)
		log_warn(WORKER_NAME ": not ready after %llu ms; killing it",
		    WORKER_ARGS(w), (unsigned long long)c->ready.timeout_ms);
	else if (w->state == WS_DRAINING)
		log_warn(WORKER_NAME ": still there %llu ms after it was told "
		    "to leave; killing it and all its children",
		    WORKER_ARGS(w), (unsigned long long)c->stop.timeout_ms);
	else
		log_warn(WORKER_NAME ": does not die of SIGKILL; trying "
		    "again", WORKER_ARGS(w));
}

/* The time that a state may last; 0: for ever. */
static uint64_t
worker_state_limit(const struct worker *w)
{
	switch (w->state) {
	case WS_STARTING:
		return w->job.conf->ready.timeout_ms;
	case WS_DRAINING:
		return w->job.conf->stop.timeout_ms;
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

	ev_timer_stop(w->job.loop, &w->limit);
	if (ms == 0 && w->state != WS_DRAINING)
		return;
	ev_timer_set(&w->limit, loop_seconds(ms), 0.);
	ev_timer_start(w->job.loop, &w->limit);
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
	if (ev == WE_STOP || ev == WE_KILL)
		w->ending.asked = true;
	w->state = st.next;
	if (st.next != old || (st.acts & WA_KILL)) {
		log_debug(WORKER_NAME ": %s -> %s", WORKER_ARGS(w),
		    worker_state_name(old), worker_state_name(w->state));
		ev_timer_stop(w->job.loop, &w->delay);
		worker_set_limit(w);
	}
	if (st.acts & WA_LEAVE)
		worker_leave(w);
	if (st.acts & WA_KILL)
		tree_kill(w->pid);
	if (st.acts & WA_SERVE) {
		w->was_ready = true;
		w->ready_ms = clock_ms();
		w->job.ops->ready(w->job.arg, w);
	}
	if (st.acts & WA_OBITUARY)
		w->job.ops->gone(w->job.arg, w);	/* frees it */
}

static void
worker_limit_over(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	worker_handle(t->data, WE_LIMIT);
}

static void
worker_delay_over(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	worker_handle(t->data, WE_READY);
}

/* Reaped: hear its last words, then let the pool know. */
static void
worker_exited(void *arg, pid_t pid, int status)
{
	struct worker	*w = arg;

	(void)pid;
	w->reaped = true;
	w->ended_ms = clock_ms();
	w->ending.signaled = WIFSIGNALED(status);
	w->ending.code = WIFSIGNALED(status) ? WTERMSIG(status) :
	    WEXITSTATUS(status);
	tree_signal_group(w->pid, SIGKILL);	/* what it leaves behind */
	channel_drain(&w->channel);
	channel_close(&w->channel);
	output_drain(&w->output);
	output_close(&w->output);
	worker_handle(w, WE_EXIT);
}

/* Everything that runs only when the process does. */
static void
worker_begin(struct worker *w, const struct launched *l)
{
	const struct conf_pool	*c = w->job.conf;

	w->pid = l->pid;
	w->state = WS_STARTING;
	output_init(&w->output, w->job.loop, l->out_fd, c->log_format,
	    c->name, (int)w->job.slot, w->pid);
	if (l->ipc_fd != -1) {
		channel_init(&w->channel, w->job.loop, l->ipc_fd,
		    &channel_ops, w);
		worker_hello(w);
	}
	worker_set_limit(w);
	if (!worker_awaits_message(w)) {
		ev_timer_set(&w->delay, loop_seconds(c->ready.delay_ms), 0.);
		ev_timer_start(w->job.loop, &w->delay);
	}
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
	ev_timer_init(&w->delay, worker_delay_over, 0., 0.);
	w->limit.data = w->delay.data = w;
	if (launch(job, &l, e) == -1) {
		free(w);
		return NULL;
	}
	if (reaper_watch(job->reaper, l.pid, worker_exited, w, e) == -1) {
		tree_kill(l.pid);	/* reaped as a stray */
		launched_close(&l);
		free(w);
		return NULL;
	}
	w->gen = generation_ref(job->gen);
	if (job->queue != NULL)
		w->queue = queue_ref(job->queue);
	ev_now_update(job->loop);
	w->started_ms = clock_ms();
	worker_begin(w, &l);
	return w;
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	ev_timer_stop(w->job.loop, &w->limit);
	ev_timer_stop(w->job.loop, &w->delay);
	channel_close(&w->channel);
	output_close(&w->output);
	buf_free(&w->output.tail);
	queue_unref(w->queue);
	generation_unref(w->gen);
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

bool
worker_is_ready(const struct worker *w)
{
	return w->state == WS_READY;
}

void
worker_send(struct worker *w, struct message *m, int how)
{
	if (worker_is_ready(w))
		(void)channel_send(&w->channel, m, how);
}

void
worker_describe_end(const struct worker *w, char *buf, size_t size)
{
	const struct ending	*e = &w->ending;

	if (e->signaled)
		(void)snprintf(buf, size, "signal %d (%s)%s", e->code,
		    strsignal(e->code), e->asked ? ", ours" : "");
	else
		(void)snprintf(buf, size, "exit status %d", e->code);
}

uint64_t
worker_ready_time(const struct worker *w)
{
	uint64_t	 until = w->ended_ms ? w->ended_ms : clock_ms();

	return w->was_ready ? until - w->ready_ms : 0;
}
