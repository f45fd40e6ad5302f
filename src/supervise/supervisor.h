#ifndef SUPERVISE_SUPERVISOR_H
#define SUPERVISE_SUPERVISOR_H
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include "base/list.h"
#include "os/headroom.h"
#include "supervise/change.h"
#include "supervise/common.h"
#include "supervise/manager.h"
struct conf;
struct conf_problems;
struct err;
struct pool;

/* All that there is; changed by the functions of this folder only. */
struct supervisor {
	struct conf		*conf;		/* counted */
	struct stat		 file;		/* as it was read */
	struct stat		 seen;		/* as it was seen last, */
	bool			 differs;	/* and what was found then */
	struct headroom		 room;		/* for processes, in all */
	struct common		 common;
	struct manager		 manager;	/* above us, if any */
	struct pool		**pools;
	size_t			 pool_count;
	int			 signal_fd;
	ev_io			 signals;
	ev_timer		 tidy;		/* due at once: pools go */
	bool			 has_terminal;
	bool			 running;	/* every pool was started */
	bool			 stopping;
	uint64_t		 began_ms;
	struct change		*now;		/* under way, or NULL */
	struct list		 waiting;	/* changes, one a kind */
	struct list		 ops;		/* commands, each op.h's */
};

/*
 * Signals are blocked from here on, to be read by the loop; while a config
 * is being read they still do what they always do.
 */
void	supervisor_block_signals(void);

/* A holder of the config; nothing runs yet.  NULL, which has been logged. */
struct supervisor *supervisor_new(struct conf *);
/*
 * Run the pools until every slot has ended for good or somebody says so.
 * Returns the exit status that rota(1) promises; what goes wrong has been
 * logged.
 */
int	supervisor_run(struct supervisor *);
void	supervisor_free(struct supervisor *);

/* Stop all pools, gracefully or at once. */
void	supervisor_stop(struct supervisor *, bool at_once);

/*
 * A change begins, or waits for the one under way; one that waits already
 * is joined.  NULL with *e set.
 */
struct change	*supervisor_reload(struct supervisor *, char *const *names,
		    struct err *e);
struct change	*supervisor_apply(struct supervisor *, const char *path,
		    struct err *e);
/* If every pool is over, the supervisor is. */
void	supervisor_look_over(struct supervisor *);
/* The change under way is over; it is freed. */
void		 supervisor_changed(struct supervisor *, struct change *);

/*
 * Read a config that could be applied, and what tells its file from a later
 * one: NULL with what is wrong in problems or, if that is empty, in *e.
 */
struct conf	*supervisor_read(const struct supervisor *, const char *path,
		    struct stat *ret_file, struct conf_problems *,
		    struct err *e);
/* The config is another one from here on. */
void		 supervisor_adopt(struct supervisor *, struct conf *,
		    const struct stat *file);
/* The config file is not what was read, as far as it can be seen. */
bool		 supervisor_file_differs(struct supervisor *);

/* A pool by its name, if it is not one that was removed; or NULL. */
struct pool	*supervisor_find(const struct supervisor *, const char *name);
/* Processes of a removed pool of this name are still there. */
bool		 supervisor_is_leaving(const struct supervisor *,
		    const char *name);
/* NULL with *e set.  It is not started. */
struct pool	*supervisor_add_pool(struct supervisor *, struct conf *,
		    size_t index, struct err *e);
/* It drains, and is forgotten when it is empty. */
void		 supervisor_remove_pool(struct supervisor *, struct pool *);
#endif
