#ifndef SUPERVISE_CHANGE_H
#define SUPERVISE_CHANGE_H
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include "base/buf.h"
#include "base/list.h"
#include "config/conf.h"
#include "supervise/plan.h"
#include "supervise/settle.h"
struct change;
struct generation;
struct pool;
struct reload_result;
struct supervisor;

/*
 * Something that is done to several pools as a whole: a rolling restart, or
 * another config.  Its steps are those of a plan.  When one fails, those
 * before it are undone in reverse; only when all have succeeded comes what
 * cannot fail.
 */
enum change_kind { CHANGE_RELOAD, CHANGE_APPLY };

enum change_end {
	CHANGE_DONE,
	CHANGE_BAD_CONFIG,	/* the file is wrong; nothing was done */
	CHANGE_REFUSED,		/* it cannot be done here; nothing was */
	CHANGE_ROLLED_BACK,
	CHANGE_INCOMPLETE,	/* and rolling back has failed, too */
	CHANGE_ABORTED,		/* by command; all is as it was */
	CHANGE_STOPPING		/* the supervisor stops */
};

/* A slot before it was started. */
struct slot_was {
	bool	down, stopped, ended, ended_badly;
};

struct change_step {
	enum plan_kind		 kind;
	struct pool		*pool;
	const struct conf_pool	*to;
	const char		*text;		/* the plan's; NULL: a reload */
	struct conf		*old_owner;	/* what it was before */
	const struct conf_pool	*old_conf;
	struct generation	*old_gen;
	size_t			 old_count;
	struct slot_was		*was;		/* START: each old slot */
	bool			 was_closed;
	bool			 with_ended;	/* START: those, too */
	unsigned int		 generation;	/* that came, 0: none */
	size_t			 slots;
	uint64_t		 ms;
};

struct change_progress {
	const char	*pool;
	unsigned int	 generation, slot;
	size_t		 replaced, slots;
	const char	*text;
};

/* Who waits for the end of a change. */
struct change_watch {
	struct list	 node;
	void		(*progress)(void *arg, const struct change_progress *);
	/* The change is valid during the call; the watch is out of it. */
	void		(*done)(void *arg, const struct change *);
	void		*arg;
};

struct change {
	struct list		 node;		/* while it waits */
	struct supervisor	*supervisor;
	enum change_kind	 kind;
	struct list		 watches;
	char			**names;	/* of pools; NULL: all */
	char			*path;		/* of the new config */
	struct conf		*conf;
	struct stat		 file;		/* as it was read */
	struct conf_problems	 problems;
	struct plan		 plan;
	struct change_step	*steps;
	size_t			 count, at;
	bool			 back;
	bool			 soaking, aborted, incomplete;
	struct settle		 settle;
	ev_timer		 go, soak;
	uint64_t		 restarts;	/* when settling began */
	/* How it has ended. */
	enum change_end		 end;
	char			 error[800];
	char			 bad_pool[80];	/* its name */
	unsigned int		 bad_generation;
	char			 bad_why[640];
	struct buf		 bad_lines;	/* NUL after each */
};

/*
 * names: NULL-terminated, copied; NULL: every pool.  NULL: out of memory.
 */
struct change	*change_reload(struct supervisor *, char *const *names);
struct change	*change_apply(struct supervisor *, const char *path);
void		 change_free(struct change *);
/* Of other pools, too, before it has begun.  -1: out of memory. */
int		 change_join(struct change *, char *const *names);
void		 change_watch(struct change *, struct change_watch *);
void		 change_unwatch(struct change_watch *);

/* The first step, later; supervisor_changed follows, later still. */
void		 change_begin(struct change *);
/* Go back; false: it does so already. */
bool		 change_abort(struct change *);
/* The supervisor stops: it is over, and nothing is undone. */
void		 change_cancel(struct change *);
/* It has something to do with this pool. */
bool		 change_concerns(const struct change *, const struct pool *);

/* News of the pools. */
void		 change_progressed(struct change *, struct pool *,
		    unsigned int slot, const char *text);
void		 change_reloaded(struct change *, struct pool *,
		    const struct reload_result *);

/* "rolled-back": the word for it. */
const char	*change_end_name(enum change_end);
/* Whose turn it is in what goes on; NULL: nobody's. */
const char	*change_pool_name(const struct change *);
/* What goes on: "rolling out generation 4: 3 of 8, waiting for ..." */
void		 change_describe(const struct change *, char *buf,
		    size_t size);
#endif
