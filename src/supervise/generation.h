#ifndef SUPERVISE_GENERATION_H
#define SUPERVISE_GENERATION_H
#include <stdbool.h>
#include <sys/stat.h>
#include "base/env.h"
#include "ipc/dialect.h"
#include "os/chooser.h"
#include "policy/mechanism.h"
struct conf;
struct conf_pool;
struct err;
struct journal;
struct listener_set;
struct listeners;

/*
 * What a pool's workers of one rollout are started from, pinned when the
 * generation begins: the directory held open, the executable held by a
 * descriptor, the words, the environment and the config kept, and its
 * listeners claimed.  Counted by the slots and workers that have it.
 */
struct generation {
	unsigned int		 refs;
	unsigned int		 number;	/* 1.. */
	struct conf		*owner;		/* of conf, counted */
	const struct conf_pool	*conf;
	struct dialect_mix	 mix;		/* as its config has them */
	const struct dialect	*dialect;	/* as one */
	enum mechanism		 mechanism;
	char			 why[160];	/* it is no better */
	enum chooser_mode	 mode;		/* of the kernel's turns */
	struct listener_set	*set;
	struct journal		*journal;
	struct env		 env;
	int			 dir_fd;
	int			 exec_fd;
	char			*path;		/* seen from dir_fd */
	char			*real_path;	/* links resolved; NULL */
	struct stat		 st;		/* of the executable */
	bool			 is_script;
	bool			 told;		/* that it is not what it was */
};

/*
 * With one reference; the config's listeners are taken over from old (or
 * NULL) and opened.  NULL with *e set, and nothing changed.
 */
struct generation	*generation_new(unsigned int number, struct conf *,
			    const struct conf_pool *, struct listeners *,
			    const struct generation *old, struct err *e);
struct generation	*generation_ref(struct generation *);
void			 generation_unref(struct generation *);
/* Another config that calls for no other workers. */
void			 generation_adopt(struct generation *, struct conf *,
			    const struct conf_pool *);
/* Connections may be handed over to its workers. */
bool			 generation_is_offered(const struct generation *);
/* Nobody is started from it any more: its listeners are not claimed. */
void			 generation_close(struct generation *);
/*
 * Whether a worker of this config would have another environment now.  0
 * or 1, -1 with *e set.
 */
int			 generation_env_differs(const struct generation *,
			    const struct conf_pool *, struct err *e);

/*
 * What to execute now: the path while it still names the pinned file, or
 * *ret_exec_fd where only the descriptor does.  Says once in the log when
 * the pinned program cannot be had any more.
 */
const char		*generation_program(struct generation *,
			    int *ret_exec_fd);
#endif
