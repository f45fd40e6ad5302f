#include "config.h"
#include "supervise/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/env.h"
#include "base/err.h"
#include "base/fd.h"
#include "config/conf.h"
#include "config/expand.h"
#include "config/words.h"
#include "ipc/dialect.h"
#include "os/spawn.h"
#include "supervise/common.h"
#include "supervise/dispatch.h"
#include "supervise/generation.h"
#include "supervise/listeners.h"
#include "supervise/seat.h"
#include "supervise/worker.h"

/* The worker's ends, closed once it has them. */
struct ends {
	int	 out[2];	/* pipe: ours, the worker's */
	int	 ipc[2];	/* pair: ours, the worker's */
	int	 ready[2];	/* pipe: ours, the worker's */
};

static void
ends_close(struct ends *s)
{
	fd_close(&s->out[0]);
	fd_close(&s->out[1]);
	fd_close(&s->ipc[0]);
	fd_close(&s->ipc[1]);
	fd_close(&s->ready[0]);
	fd_close(&s->ready[1]);
}

static int
ends_open(struct ends *s, const struct generation *g, struct err *e)
{
	if (pipe2(s->out, O_CLOEXEC) == -1)
		return err_set(e, errno, "pipe");
	if (g->dialect->channel && socketpair(AF_UNIX,
	    SOCK_STREAM | SOCK_CLOEXEC, 0, s->ipc) == -1)
		return err_set(e, errno, "socketpair");
	if (g->conf->ready.when == CONF_READY_FD &&
	    pipe2(s->ready, O_CLOEXEC) == -1)
		return err_set(e, errno, "pipe");
	return 0;
}

/* The slot's own, or the one that it shares. */
static int
launch_listener(const struct worker_job *j, size_t i)
{
	return j->queue != NULL ? seat_fd(j->queue->seat, i) :
	    j->gen->set->list[i]->fd;
}

/* The listeners that it gets, where connections are not handed over. */
static void
launch_listeners(const struct worker_job *j, int *fds,
    struct dialect_listener *l, struct dialect_facts *f)
{
	const struct listener_set	*set = j->gen->set;
	size_t				 i;

	f->listeners = l;
	f->listener_count = queue_is_fed(j->queue) ||
	    j->gen->dialect->asks ? 0 : set->count;
	for (i = 0; i < f->listener_count; i++) {
		fds[i] = launch_listener(j, i);
		l[i].name = j->gen->conf->listen[i].name;
		l[i].address = set->list[i]->address;
		l[i].family = set->list[i]->asked.ss_family;
		l[i].dual_stack = set->list[i]->dual_stack;
		l[i].fd = LAUNCH_FIRST_FD + (int)i;
	}
}

/* The descriptors after those, and what they are told as. */
static size_t
launch_fds(const struct worker_job *j, const struct ends *s, int *fds,
    struct dialect_facts *f)
{
	size_t	 n = f->listener_count;

	if (s->ipc[1] != -1) {
		f->ipc_fd = LAUNCH_FIRST_FD + (int)n;
		fds[n++] = s->ipc[1];
	}
	if (s->ready[1] != -1) {
		f->ready_fd = LAUNCH_FIRST_FD + (int)n;
		fds[n++] = s->ready[1];
	}
	if (queue_is_fed(j->queue) && j->queue->link == NULL) {
		f->conn_fd = LAUNCH_FIRST_FD + (int)n;
		fds[n++] = j->queue->handover.take;
		handover_reset(&j->queue->handover);
	}
	return n;
}

/*
 * Who has no channel to see the supervisor's end by is told by the kernel.
 */
static int
launch_death_signal(const struct worker_job *j)
{
	const struct conf_pool	*c = j->gen->conf;

	if (c->on_supervisor_exit == CONF_ORPHAN_CONTINUE ||
	    j->gen->dialect->disconnect != NULL)
		return 0;
	return c->stop.signal;
}

/* Where the process finds its own pid once it is there. */
static void
launch_pid_places(const struct env *env, struct spawn_req *rq)
{
	static const char *const	 names[SPAWN_PID_PLACES] = {
		"LISTEN_PID", "WATCHDOG_PID",
	};
	char				*place;
	size_t				 i;

	for (i = 0; i < SPAWN_PID_PLACES; i++) {
		place = env_value(env, names[i]);
		if (place != NULL && strcmp(place, DIALECT_PID) == 0)
			rq->pid_places[i] = place;
	}
}

/* Where it says what it has to say, if anywhere; 0, or -1 with *e set. */
static int
launch_sockets(const struct worker_job *j, struct dialect_facts *f,
    struct err *e)
{
	const struct conf_pool	*c = j->gen->conf;

	f->heartbeat_ms = c->heartbeat_ms;
	if (j->gen->dialect->acks &&
	    acks_path(&j->common->acks, &f->ack_path, e) == -1)
		return -1;
	if (!j->gen->dialect->notifies &&
	    c->ready.when != CONF_READY_NOTIFY)
		return 0;
	f->notify = notices_address(&j->common->notices, e);
	return f->notify != NULL ? 0 : -1;
}

uint16_t
launch_port(const struct worker_job *j)
{
	const struct conf_pool	*c = j->gen->conf;

	return c->first_port != 0 ? (uint16_t)(c->first_port + j->slot) :
	    listener_set_port(j->gen->set);
}

static struct expand_facts
launch_expand_facts(const struct worker_job *j, int ready_fd)
{
	struct expand_facts	 f = {
		.slot = j->slot,
		.port = launch_port(j),
		.ready_fd = ready_fd,
		.first_fd = queue_is_fed(j->queue) ? -1 : LAUNCH_FIRST_FD,
		.listen = j->gen->conf->listen,
		.listen_count = j->gen->conf->listen_count,
	};

	return f;
}

char **
launch_words(const struct worker_job *j, char *const *words, int ready_fd,
    struct err *e)
{
	struct expand_facts	 f = launch_expand_facts(j, ready_fd);
	char			**done;
	size_t			 i, n = 0;

	while (words[n] != NULL)
		n++;
	done = calloc(n + 1, sizeof(*done));
	if (done == NULL) {
		err_set(e, ENOMEM, "command");
		return NULL;
	}
	for (i = 0; i < n; i++)
		if ((done[i] = expand(words[i], &f, e)) == NULL) {
			words_free(done);
			return NULL;
		}
	return done;
}

/* Those variables of the config that differ from worker to worker. */
static int
launch_variables(const struct worker_job *j, int ready_fd, struct env *env,
    struct err *e)
{
	struct expand_facts	 f = launch_expand_facts(j, ready_fd);
	char			**v = j->gen->conf->env, *done;
	int			 r = 0;

	for (; r == 0 && v != NULL && *v != NULL; v++) {
		if (!expand_needed(strchr(*v, '=')))
			continue;
		done = expand(*v, &f, e);
		if (done == NULL)
			return -1;
		r = env_put(env, done);
		free(done);
	}
	return r == 0 ? 0 : err_set(e, ENOMEM, "environment");
}

/* What it is told, on top of what the generation has. */
static char **
launch_env(const struct worker_job *j, const struct dialect_facts *f,
    struct env *env, struct err *e)
{
	char	**vars = NULL;

	if (launch_variables(j, f->ready_fd, env, e) == -1)
		return NULL;
	if (dialect_set_env(j->gen->dialect, env, f) == -1 ||
	    (vars = env_over(env, &j->gen->env)) == NULL)
		err_set(e, ENOMEM, "environment");
	return vars;
}

/*
 * The listener that becomes descriptor 0, or -1.  FastCGI programs accept
 * from it without asking first, and give up if there is nothing; the
 * flag belongs to the socket, so that it is set for each worker anew.  Where
 * we accept from it ourselves it must not stay blocking.
 */
static int
launch_stdin(const struct worker_job *j)
{
	bool			 wanted = j->gen->conf->in ==
				    CONF_STDIN_LISTENER;
	struct listener		*l;
	int			 fd;

	if (j->gen->set->count == 0)
		return -1;
	wanted = wanted && !queue_is_fed(j->queue);
	l = j->gen->set->list[0];
	fd = queue_is_fed(j->queue) ? l->fd : launch_listener(j, 0);
	if (wanted || fd != l->fd || l->is_blocking)
		(void)fd_set_nonblock(fd, !wanted);
	if (fd == l->fd)
		l->is_blocking = wanted;
	return wanted ? fd : -1;
}

static pid_t
launch_spawn(const struct worker_job *j, const struct ends *s, struct env *env,
    struct err *e)
{
	int			 fds[SPAWN_FD_MAX];
	struct dialect_listener	 l[CONF_LISTEN_MAX];
	struct dialect_facts	 f = {
		.pool = j->pool,
		.slot = j->slot,
		.count = j->count,
		.generation = j->gen->number,
		.port = launch_port(j),
		.ipc_fd = -1,
		.conn_fd = -1,
		.ready_fd = -1,
		.serial = ++j->common->serial,
	};
	struct spawn_req	 rq = {
		.dir_fd = j->gen->dir_fd,
		.in_fd = launch_stdin(j),
		.out_fd = s->out[1],
		.err_fd = s->out[1],
		.fds = fds,
		.death_signal = launch_death_signal(j),
	};
	char			**words, **vars = NULL;
	pid_t			 pid = -1;

	if (launch_sockets(j, &f, e) == -1)
		return -1;
	launch_listeners(j, fds, l, &f);
	rq.fd_count = launch_fds(j, s, fds, &f);
	rq.path = generation_program(j->gen, &rq.exec_fd);
	words = launch_words(j, j->gen->conf->argv, f.ready_fd, e);
	if (words != NULL && (vars = launch_env(j, &f, env, e)) != NULL) {
		rq.argv = words;
		rq.envp = vars;
		launch_pid_places(env, &rq);
		pid = spawn(&rq, e);
	}
	free(vars);
	words_free(words);
	return pid;
}

int
launch(const struct worker_job *j, struct launched *l, struct err *e)
{
	struct ends	 s = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
	struct env	 env = { 0 };

	l->pid = -1;
	if (ends_open(&s, j->gen, e) == 0)
		l->pid = launch_spawn(j, &s, &env, e);
	if (l->pid != -1) {
		l->out_fd = fd_take(&s.out[0]);
		l->ipc_fd = fd_take(&s.ipc[0]);
		l->ready_fd = fd_take(&s.ready[0]);
	}
	env_free(&env);
	ends_close(&s);
	return l->pid == -1 ? -1 : 0;
}

void
launched_close(struct launched *l)
{
	fd_close(&l->out_fd);
	fd_close(&l->ipc_fd);
	fd_close(&l->ready_fd);
}
