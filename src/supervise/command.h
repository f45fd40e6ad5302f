#ifndef SUPERVISE_COMMAND_H
#define SUPERVISE_COMMAND_H
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/buf.h"
#include "supervise/output.h"
struct command;
struct common;
struct env;
struct err;
struct generation;

/* Most of what a command's standard output is used for. */
#define COMMAND_OUTPUT_MAX (1u << 20)

/*
 * It has ended.  why is NULL if it exited with status 0 in time; out is
 * what it printed, not NUL-terminated.
 */
typedef void command_cb(void *arg, const char *why, const char *out,
	    size_t len);

/*
 * A command that is run now and then, one at a time, without waiting for
 * it: its output is collected, its standard error goes to the log.
 */
struct command {
	struct common	*common;
	command_cb	*done;
	void		*arg;
	const char	*pool;
	const char	*tag;		/* ROTA_SLOT, its children's too */
	const struct env *extra;	/* more of its environment, or NULL */
	pid_t		 pid;		/* -1: not running */
	int		 fd;		/* its standard output, or -1 */
	ev_io		 io;
	ev_timer	 limit;
	uint64_t	 timeout_ms;
	struct buf	 out;
	struct output	 errors;
	bool		 too_long, too_late;
};

/* common, pool and tag are borrowed. */
void	command_init(struct command *, struct common *, const char *pool,
	    const char *tag, command_cb *, void *arg);
/* Kills it if it runs; the callback is not called any more. */
void	command_cancel(struct command *);
bool	command_is_running(const struct command *);
/*
 * Start it in the directory and the environment of a generation.  0, or
 * -1 with *e set.
 */
int	command_start(struct command *, char *const *argv,
	    const struct generation *, uint64_t timeout_ms, struct err *e);
#endif
