#include "config.h"
#include "supervise/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/env.h"
#include "base/err.h"
#include "base/fd.h"
#include "config/conf.h"
#include "ipc/dialect.h"
#include "os/spawn.h"
#include "supervise/dispatch.h"
#include "supervise/generation.h"
#include "supervise/listeners.h"
#include "supervise/worker.h"

/* The worker's ends, closed once it has them. */
struct ends {
	int	 out[2];	/* pipe: ours, the worker's */
	int	 ipc[2];	/* pair: ours, the worker's */
};

static void
ends_close(struct ends *s)
{
	fd_close(&s->out[0]);
	fd_close(&s->out[1]);
	fd_close(&s->ipc[0]);
	fd_close(&s->ipc[1]);
}

static int
ends_open(struct ends *s, bool with_channel, struct err *e)
{
	if (pipe2(s->out, O_CLOEXEC) == -1)
		return err_set(e, errno, "pipe");
	if (with_channel && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    s->ipc) == -1)
		return err_set(e, errno, "socketpair");
	return 0;
}

/* The descriptors from LAUNCH_FIRST_FD on, and what they are told as. */
static size_t
launch_fds(const struct worker_job *j, const struct ends *s, int *fds,
    struct dialect_facts *f)
{
	size_t	 i, n = 0;

	if (j->queue == NULL)
		for (i = 0; i < j->gen->set->count; i++)
			fds[n++] = j->gen->set->list[i]->fd;
	if (s->ipc[1] != -1) {
		f->ipc_fd = LAUNCH_FIRST_FD + (int)n;
		fds[n++] = s->ipc[1];
	}
	if (j->queue != NULL) {
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
	    j->gen->dialect->channel)
		return 0;
	return c->stop.signal;
}

static pid_t
launch_spawn(const struct worker_job *j, const struct ends *s, struct env *env,
    struct err *e)
{
	int			 fds[SPAWN_FD_MAX];
	struct dialect_facts	 f = {
		.pool = j->pool,
		.slot = j->slot,
		.count = j->count,
		.generation = j->gen->number,
		.port = listener_set_port(j->gen->set),
		.ipc_fd = -1,
		.conn_fd = -1,
	};
	struct spawn_req	 rq = {
		.argv = j->gen->conf->argv,
		.dir_fd = j->gen->dir_fd,
		.in_fd = -1,
		.out_fd = s->out[1],
		.err_fd = s->out[1],
		.fds = fds,
		.death_signal = launch_death_signal(j),
	};

	char			**vars;
	pid_t			 pid;

	rq.fd_count = launch_fds(j, s, fds, &f);
	rq.path = generation_program(j->gen, &rq.exec_fd);
	if (dialect_set_env(j->gen->dialect, env, &f) == -1 ||
	    (vars = env_over(env, &j->gen->env)) == NULL)
		return err_set(e, ENOMEM, "environment");
	rq.envp = vars;
	pid = spawn(&rq, e);
	free(vars);
	return pid;
}

int
launch(const struct worker_job *j, struct launched *l, struct err *e)
{
	struct ends	 s = { { -1, -1 }, { -1, -1 } };
	struct env	 env = { 0 };

	l->pid = -1;
	if (ends_open(&s, j->gen->dialect->channel, e) == 0)
		l->pid = launch_spawn(j, &s, &env, e);
	if (l->pid != -1) {
		l->out_fd = fd_take(&s.out[0]);
		l->ipc_fd = fd_take(&s.ipc[0]);
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
}
