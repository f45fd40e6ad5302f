#include "config.h"
#include "supervise/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "base/err.h"
#include "base/fd.h"
#include "config/conf.h"
#include "config/find.h"
#include "os/loop.h"
#include "os/reaper.h"
#include "os/spawn.h"
#include "os/tree.h"
#include "supervise/common.h"
#include "supervise/generation.h"

#define READ_SIZE	16384

static void	command_readable(struct ev_loop *, ev_io *, int);
static void	command_late(struct ev_loop *, ev_timer *, int);

void
command_init(struct command *c, struct common *common, const char *pool,
    const char *tag, command_cb *done, void *arg)
{
	memset(c, 0, sizeof(*c));
	c->common = common;
	c->pool = pool;
	c->tag = tag;
	c->done = done;
	c->arg = arg;
	c->pid = -1;
	c->fd = c->errors.fd = -1;
	buf_init(&c->out, COMMAND_OUTPUT_MAX);
	ev_timer_init(&c->limit, command_late, 0., 0.);
	c->limit.data = c;
}

bool
command_is_running(const struct command *c)
{
	return c->pid != -1;
}

static void
command_close(struct command *c)
{
	if (c->fd != -1)
		ev_io_stop(c->common->loop, &c->io);
	fd_close(&c->fd);
	output_close(&c->errors);
	ev_timer_stop(c->common->loop, &c->limit);
}

void
command_cancel(struct command *c)
{
	if (c->pid != -1) {
		tree_kill(c->pid);
		reaper_forget(c->common->reaper, c->pid);
		c->pid = -1;
	}
	command_close(c);
	buf_free(&c->out);
}

/* One read; false when there is nothing more to be had now. */
static bool
command_read(struct command *c)
{
	static char	 data[READ_SIZE];
	ssize_t		 n = read(c->fd, data, sizeof(data));

	if (n > 0) {
		if (buf_append(&c->out, data, (size_t)n) == -1)
			c->too_long = true;
		return true;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	ev_io_stop(c->common->loop, &c->io);
	fd_close(&c->fd);
	return false;
}

static void
command_readable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct command	*c = w->data;

	(void)loop;
	(void)revents;
	(void)command_read(c);
	if (c->too_long)
		tree_kill_below(c->pid);
}

static void
command_late(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct command	*c = t->data;

	(void)loop;
	(void)revents;
	c->too_late = true;
	tree_kill_below(c->pid);
}

/* What to say of its end; NULL: nothing is wrong. */
static const char *
command_verdict(const struct command *c, int status, char *buf, size_t size)
{
	if (c->too_late)
		(void)snprintf(buf, size, "it took longer than %llu ms and "
		    "was killed", (unsigned long long)c->timeout_ms);
	else if (c->too_long)
		(void)snprintf(buf, size, "it printed more than %u bytes and "
		    "was killed", COMMAND_OUTPUT_MAX);
	else if (WIFSIGNALED(status))
		(void)snprintf(buf, size, "it was killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		(void)snprintf(buf, size, "exit status %d",
		    WEXITSTATUS(status));
	else
		return NULL;
	return buf;
}

static void
command_exited(void *arg, pid_t pid, int status)
{
	struct command	*c = arg;
	char		 buf[96];
	const char	*why;

	tree_signal_group(pid, SIGKILL);
	leftovers_of_command(&c->common->leftovers, pid, c->pool, c->tag);
	c->pid = -1;
	while (c->fd != -1 && !c->too_long && command_read(c))
		continue;
	output_drain(&c->errors);
	why = command_verdict(c, status, buf, sizeof(buf));
	command_close(c);
	c->done(c->arg, why, buf_head(&c->out), buf_len(&c->out));
	buf_free(&c->out);
}

static pid_t
command_spawn(const struct command *c, char *const *argv,
    const struct generation *g, int out, int err, struct err *e)
{
	struct env		 own = { 0 };
	struct spawn_req	 rq = {
		.exec_fd = -1,
		.argv = argv,
		.dir_fd = g->dir_fd,
		.in_fd = -1,
		.out_fd = out,
		.err_fd = err,
		.death_signal = SIGKILL,
	};
	char			*path, **vars = NULL;
	pid_t			 pid = -1;

	if (conf_find_command(argv[0], env_get(&g->env, "PATH"), g->conf->cwd,
	    &path, e) == -1)
		return -1;
	if (env_set(&own, "ROTA_POOL", "%s", g->conf->name) == -1 ||
	    env_set(&own, "ROTA_SLOT", "%s", c->tag) == -1 ||
	    (c->extra != NULL && env_put_all(&own, c->extra->vars) == -1) ||
	    (vars = env_over(&own, &g->env)) == NULL) {
		err_set(e, ENOMEM, "environment");
	} else {
		rq.path = path;
		rq.envp = vars;
		pid = spawn(&rq, e);
	}
	free(vars);
	env_free(&own);
	free(path);
	return pid;
}

/* The supervisor's ends are watched from here on. */
static void
command_begin(struct command *c, pid_t pid, int out, int err,
    const struct generation *g, uint64_t timeout_ms)
{
	const struct output_to	 to = {
		.journal = &c->common->journal,
		.format = g->conf->log_format,
		.pool = c->pool,
		.slot = -1,
		.pid = pid,
	};

	c->pid = pid;
	c->fd = out;
	c->timeout_ms = timeout_ms;
	c->too_long = c->too_late = false;
	(void)fd_set_nonblock(out, true);
	ev_io_init(&c->io, command_readable, out, EV_READ);
	c->io.data = c;
	ev_io_start(c->common->loop, &c->io);
	output_init(&c->errors, c->common->loop, err, &to);
	ev_now_update(c->common->loop);
	ev_timer_set(&c->limit, loop_seconds(timeout_ms), 0.);
	ev_timer_start(c->common->loop, &c->limit);
}

int
command_start(struct command *c, char *const *argv,
    const struct generation *g, uint64_t timeout_ms, struct err *e)
{
	int	 out[2], err[2];
	AUTO_FD	 out_r = -1;
	AUTO_FD	 out_w = -1;
	AUTO_FD	 err_r = -1;
	AUTO_FD	 err_w = -1;
	pid_t	 pid;

	if (pipe2(out, O_CLOEXEC) == -1)
		return err_set(e, errno, "pipe");
	out_r = out[0];
	out_w = out[1];
	if (pipe2(err, O_CLOEXEC) == -1)
		return err_set(e, errno, "pipe");
	err_r = err[0];
	err_w = err[1];
	pid = command_spawn(c, argv, g, out_w, err_w, e);
	if (pid == -1)
		return -1;
	if (reaper_watch(c->common->reaper, pid, command_exited, c, e) == -1) {
		tree_kill(pid);
		return -1;
	}
	command_begin(c, pid, fd_take(&out_r), fd_take(&err_r), g, timeout_ms);
	return 0;
}
